//! A broker that asks witnesses: it goes on whatever they do, says how they stand, and hides no conflict.

use std::fs;

use portway::client::{Connection, Error};

use crate::stage::{Role, Stage, copy_dir, draft, now, size};

async fn publish(connection: &Connection, count: usize) {
    for _ in 0..count {
        connection.publish(draft(now()), None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_is_down_stops_nothing_and_is_told_of_once() {
    let (stage, [mut witness]) = Stage::start_witnessed(["observer"]);
    stage.agree().await;
    stage.is_cosigned().await;
    let before = stage.witnesses().await.remove(0);
    assert_eq!((before.name.as_str(), before.fault.as_str()), ("observer.portway.test", ""));
    assert!(before.cosigned_at.is_some());
    witness.kill();
    let police = stage.connect("police", Role::Service).await;
    publish(&police, 3).await;
    stage.has_fault("UNREACHABLE").await;
    publish(&police, 3).await;
    let down = stage.witnesses().await.remove(0);
    assert_eq!(down.size, before.size);
    assert!(down.behind_since.is_some());
    // Others than operators are not told.
    assert!(police.status().await.unwrap().witnesses.is_empty());

    witness.restart();
    stage.has_fault("").await;
    stage.is_cosigned().await;

    assert_eq!(stage.witnesses().await[0].size, size(&police).await);
    let log = stage.log_lines();
    assert_eq!(log.matches("a witness does not cosign").count(), 1, "{log}");
    assert_eq!(log.matches("a witness cosigns again").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_knows_what_was_cosigned() {
    let (mut stage, [mut witness]) = Stage::start_witnessed(["observer"]);
    stage.agree().await;
    stage.is_cosigned().await;
    let before = stage.witnesses().await[0].size;
    let trusted = [witness.key()];
    witness.kill();
    stage.kill();
    stage.serve_again();
    let officer = stage.connect("police", Role::Officer).await;
    assert_eq!(officer.witnessed(&trusted).await.unwrap().seen.size(), before);

    // What is kept of another log is passed over, and costs nothing but the next question.
    stage.terminate();
    let kept = fs::read_dir(stage.path("broker/anchor")).unwrap().map(|it| it.unwrap().path());
    let kept = kept.filter(|it| it.file_name().unwrap().to_string_lossy().starts_with("cosigned-"));
    let [kept] = kept.collect::<Vec<_>>().try_into().unwrap();
    let note = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, note.replacen('\n', "\n1", 1)).unwrap();
    stage.serve_again();
    let officer = stage.connect("police", Role::Officer).await;
    let error = officer.witnessed(&trusted).await.expect_err("nothing is cosigned");
    assert!(matches!(error, Error::Verification { .. }), "{error:?}");
    witness.restart();
    stage.is_cosigned().await;
    assert!(officer.witnessed(&trusted).await.unwrap().seen.size() > before);
}

/// The same broker twice, from a copy of its directory: each goes on by itself, and the witness stays with the one.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_histories_a_witness_cosigns_one() {
    let (mut stage, [witness]) = Stage::start_witnessed(["observer"]);
    stage.agree().await;
    stage.is_cosigned().await;
    stage.terminate();
    copy_dir(&stage.path("broker"), &stage.path("fork"));
    stage.serve_again();
    stage.is_cosigned().await;
    let ours = stage.witnesses().await[0].size;

    let fork = stage.serve_beside("fork");
    // Its first record is another: the same size, another root.
    let lines = || fs::read_to_string(stage.path("fork/stderr.jsonl")).unwrap();
    while !lines().contains("one of both was rolled back or forked") {}
    drop(fork);

    assert!(stage.path("observer/home/forks/1").is_file(), "proof of the fork");
    assert!(witness.log_lines().contains("the log forked"));
    publish(&stage.connect("police", Role::Service).await, 2).await;
    stage.is_cosigned().await;
    let standing = stage.witnesses().await.remove(0);
    assert_eq!((standing.size, standing.fault.as_str()), (ours + 2, ""));
}

/// A log that was put back to an older copy: the witness remembers more.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_is_cosigned_no_more() {
    let (mut stage, [witness]) = Stage::start_witnessed(["observer"]);
    stage.agree().await;
    stage.terminate();
    copy_dir(&stage.path("broker"), &stage.path("older"));
    stage.serve_again();
    publish(&stage.connect("police", Role::Service).await, 5).await;
    stage.is_cosigned().await;
    stage.terminate();

    let older = stage.serve_beside("older");
    let lines = || fs::read_to_string(stage.path("older/stderr.jsonl")).unwrap();
    while !lines().contains("one of both was rolled back or forked") {}
    drop(older);
    assert_eq!(lines().matches("one of both was rolled back or forked").count(), 1);
    assert!(!stage.path("observer/home/forks").exists(), "there are no two trees of one size");
    assert_eq!(witness.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_follows_the_key_once_it_is_shown_how() {
    let (stage, [witness]) = Stage::start_witnessed(["observer"]);
    stage.agree().await;
    stage.is_cosigned().await;
    stage.connect("", Role::Operator).await.rotate_log_key().await.unwrap();
    let police = stage.connect("police", Role::Service).await;
    publish(&police, 1).await;
    stage.has_fault("UNKNOWN_KEY").await;
    // What the client of the same agency keeps is what the witness wants.
    police.follow_keys().await.unwrap();
    let kept = stage.home("police", Role::Service).join("log.rotations");
    fs::copy(kept, stage.path("observer/log.rotations")).unwrap();
    stage.has_fault("").await;
    stage.is_cosigned().await;
    let seen = police.witnessed(&[witness.key()]).await.unwrap().seen;
    assert_eq!(seen.size(), size(&police).await);
}
