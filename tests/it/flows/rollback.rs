//! A broker that was put back to an older copy of everything: clients that remember more catch it, and it
//! signs nothing more once it was shown its own signature.

use std::process::Command;

use portway::{client::Error, pb::v1::subscribe_request::Message as Ask};
use tonic::Code;

use crate::stage::{Role, SUBSCRIPTION, Stage, copy_dir, draft, now, open, request, size};

#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_log_is_caught_by_those_who_remember_more() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    stage.terminate();
    let parts = ["journal", "keys", "anchor"];
    for part in parts {
        copy_dir(&stage.path("broker").join(part), &stage.path("older").join(part));
    }
    stage.serve_again();
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..5 {
        police.publish(draft(now()), None).await.unwrap();
    }
    let seen = stage.connect("council", Role::Service).await.checkpoint().await.unwrap();
    stage.terminate();
    for part in parts {
        std::fs::remove_dir_all(stage.path("broker").join(part)).unwrap();
        copy_dir(&stage.path("older").join(part), &stage.path("broker").join(part));
    }
    stage.serve_again();

    // The police's system remembers a larger log, and does not believe this one.
    let police = stage.connect("police", Role::Service).await;
    let error = police.status().await.expect_err("older");
    assert!(matches!(error, Error::Verification { .. }), "{error:?}");

    // The council's shows what it holds: the broker's own signature on a tree that it lacks.
    let council = stage.speak("council", Role::Service).await;
    let mut opening = open(SUBSCRIPTION);
    opening.checkpoint.clone_from(&seen.note);
    council.stream(Some(Ask::Open(opening))).await.expect_err("it lacks that tree");
    let housing = stage.speak("housing", Role::Service).await;
    let fire = stage.connect("fire", Role::Officer).await;
    let before = size(&fire).await;
    let police = stage.speak("police", Role::Service).await;
    let status = police.publish(request(draft(now()))).await.expect_err("it signs no more");
    assert_eq!(status.code(), Code::Unavailable);
    let status = housing.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.expect_err("no stream");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(size(&fire).await, before);
    assert!(stage.log_lines().contains("rolled back or forked"));

    // A restart does not forget it.
    stage.terminate();
    let config = stage.path("broker").join("portway.toml");
    let output = Command::new(env!("CARGO_BIN_EXE_portway"))
        .args(["serve", "--config"])
        .arg(config)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("forked holds a checkpoint that this log signed and lacks"), "{said}");
}

/// A larger tree under this log's name and another key is a stolen name, or a broker that has lost a rotation: it stops
/// nothing, and whoever watches is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_larger_tree_by_a_key_that_is_not_known_is_told() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let seen = stage.connect("council", Role::Service).await.checkpoint().await.unwrap();
    let origin = &seen.checkpoint.origin;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let strange = portway::merkle::Signer::new(origin, pair).unwrap();
    let larger = portway::merkle::Checkpoint { size: 1_000_000, ..seen.checkpoint.clone() };
    let council = stage.speak("council", Role::Service).await;
    let mut opening = open(SUBSCRIPTION);
    opening.checkpoint = larger.sign(&strange).unwrap();

    council.stream(Some(Ask::Open(opening))).await.expect_err("it is not the log's");

    let log = stage.log_lines();
    let line = log.lines().find(|line| line.contains("key that is not known"));
    assert!(line.is_some_and(|line| line.contains("ERROR") && line.contains("1000000")), "{log}");
    stage.connect("police", Role::Service).await.publish(draft(now()), None).await.unwrap();
}
