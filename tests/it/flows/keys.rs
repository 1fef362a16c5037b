//! The log's key is rotated on a live broker: clients follow, streams go on, exports verify from any key, and a
//! key that was replaced is of no use to whoever has it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use portway::{
    client::{
        Connection, Error, FollowOptions, Identity, Incoming,
        export::{self, Export},
        verify::{self, Trust},
    },
    domain::{Name, QueryPurpose},
    merkle::{Chain, Verifier},
    record::Event,
};

use crate::stage::{Cli, PURPOSE, Role, SUBSCRIPTION, Stage, copy_dir, draft, events, now};

fn vkey(path: &Path) -> Verifier {
    fs::read_to_string(path).unwrap().trim_end().parse().unwrap()
}

async fn rotate(stage: &Stage) -> u64 {
    stage.connect("", Role::Operator).await.rotate_log_key().await.unwrap()
}

fn chain(connection: &Connection) -> Vec<(Verifier, Option<u64>)> {
    let chain: std::sync::Arc<Chain> = connection.identity().memory().chain();
    chain.spans().map(|span| (span.key.clone(), span.last)).collect()
}

/// The secret keys of the log that are on the disk.
fn secrets(stage: &Stage) -> Vec<String> {
    let entries = fs::read_dir(stage.path("broker/keys")).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("log-signing"))
        .inspect(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "for its owner alone");
        })
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_follow_the_key_and_streams_go_on() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let enrolled = vkey(&stage.path("broker/keys/log.vkey"));
    let police = stage.connect("police", Role::Service).await;
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let options = FollowOptions { credit: 8, ..FollowOptions::default() };
    let mut stream = council.follow(&name, PURPOSE, options).await.unwrap();
    let mut next = async || loop {
        if let Incoming::Delivery(delivered) = stream.next().await.unwrap().unwrap() {
            return delivered.number;
        }
    };
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next().await, 1);

    let index = rotate(&stage).await;

    // Neither connection knew of it; both find out by what they get next.
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(next().await, 2);
    let keys = chain(&police);
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], (enrolled.clone(), Some(index + 1)));
    assert_eq!(chain(&council), keys);
    let officer = stage.connect("police", Role::Officer).await;
    let recorded = events(&officer).await;
    let (_, event) = recorded.iter().find(|(at, _)| *at == index).unwrap();
    let Event::KeyRotated { by, old, new } = event else { panic!("{event:?}") };
    assert_eq!(by.seat.to_string(), "operator/ops-1");
    assert_eq!((old, new), (&enrolled.to_string(), &keys[1].0.to_string()));

    // A start on it, from everything and after a crash, signs with the new key.
    stage.kill();
    stage.serve_again_with(&["--check", "full"]);
    assert_eq!(vkey(&stage.path("broker/keys/log.vkey")), keys[1].0);
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(chain(&police), keys);
    // The anchor knows that tree now: nobody needs the old key any more.
    stage.terminate();
    assert_eq!(secrets(&stage).len(), 1);
}

/// The fire service's system was away over two rotations, a crash between them.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_over_several_rotations_catches_up() {
    let mut stage = Stage::start();
    stage.connect("fire", Role::Service).await.checkpoint().await.unwrap();
    let first = rotate(&stage).await;
    stage.kill();
    stage.serve_again();
    let second = rotate(&stage).await;
    let third = rotate(&stage).await;
    assert_eq!(third, second + 1);

    let fire = stage.connect("fire", Role::Service).await;
    fire.checkpoint().await.unwrap();

    let ends: Vec<_> = chain(&fire).into_iter().map(|(_, last)| last).collect();
    assert_eq!(ends, [Some(first + 1), Some(second + 1), Some(third + 1), None]);
    // Another process of the same identity reads it from the file.
    let again = stage.connect("fire", Role::Service).await;
    assert_eq!(chain(&again), chain(&fire));
    // And one that was enrolled with the newest key, and shown everything.
    let (newest, _) = chain(&fire).pop().unwrap();
    fs::write(stage.home("fire", Role::Officer).join("log.vkey"), format!("{newest}\n")).unwrap();
    let enrolled = stage.connect("fire", Role::Officer).await;
    enrolled.checkpoint().await.unwrap();
    assert_eq!(chain(&enrolled).len(), 1);
    assert!(enrolled.follow_keys().await.unwrap());
    assert_eq!(chain(&enrolled), chain(&fire));
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_verify_from_any_key_and_with_old_checkpoints() {
    let stage = Stage::start();
    stage.agree().await;
    let officer = stage.connect("police", Role::Officer).await;
    let before = officer.checkpoint().await.unwrap().note.clone();
    let oldest = vkey(&stage.path("broker/keys/log.vkey"));
    rotate(&stage).await;
    stage.connect("police", Role::Service).await.publish(draft(now()), None).await.unwrap();
    rotate(&stage).await;

    let purpose = QueryPurpose::Lawfulness;
    let export = Export::gather(&officer, purpose).await.unwrap();
    let dir = stage.path("export");
    export::write(&dir, &export, async |size, manifest| {
        Ok(officer.seal_export(size, manifest, purpose).await?.note)
    })
    .await
    .unwrap();

    let keys: Vec<Verifier> = chain(&officer).into_iter().map(|(key, _)| key).collect();
    assert_eq!((keys.len(), &keys[0]), (3, &oldest));
    for key in keys {
        let verified = verify::verify(&dir, &Trust::key(key), Some(&before)).unwrap();
        assert_eq!(verified.size, export.seen.size());
    }
    let listed = fs::read_to_string(dir.join("log.vkeys")).unwrap();
    assert_eq!(listed.lines().count(), 3);
    assert!(listed.starts_with(&format!("{oldest} 1 ")), "{listed}");
    // The same by hand, and the receipts of a time before and after.
    let said = Cli::of(&stage, "police", Role::Officer).run([
        "audit".as_ref(),
        "verify".as_ref(),
        dir.as_os_str(),
    ]);
    assert!(said.done().starts_with("verified: "));
    // What covers a tree of the key before is not sealed any more.
    rotate(&stage).await;
    let late = officer.seal_export(export.seen.size(), [1; 32], purpose).await;
    let Err(Error::Refused { reason, at, decision, .. }) = late else { panic!("{late:?}") };
    assert_eq!((reason.as_str(), at.as_str(), decision.is_some()), ("KEY_ROTATED", "size", true));
}

/// Whoever has an old copy of everything has the old key. What it signs now is believed by nobody who has seen
/// the new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_replaced_is_of_no_use() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.terminate();
    for part in ["journal", "keys", "anchor", "views"] {
        copy_dir(&stage.path("broker").join(part), &stage.path("stolen").join(part));
    }
    stage.serve_again();
    let rotated = rotate(&stage).await;
    let police = stage.connect("police", Role::Service).await;
    police.checkpoint().await.unwrap();
    stage.terminate();
    for part in ["journal", "keys", "anchor", "views"] {
        fs::remove_dir_all(stage.path("broker").join(part)).unwrap();
        copy_dir(&stage.path("stolen").join(part), &stage.path("broker").join(part));
    }
    stage.serve_again();
    // It outgrows the tree that handed over, under the old key.
    let fire = stage.connect("fire", Role::Service).await;
    while fire.checkpoint().await.unwrap().size() < rotated + 8 {
        stage
            .connect("fire", Role::Officer)
            .await
            .show_record(0, QueryPurpose::Lawfulness)
            .await
            .unwrap();
    }

    let police = stage.connect("police", Role::Service).await;
    let error = police.checkpoint().await.expect_err("a key that was replaced");

    assert!(matches!(error, Error::Verification { .. }), "{error:?}");
}

/// What an identity remembers of the keys is verified again each time, and without the enrolled key there is nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_without_its_key_or_with_others_is_not_used() {
    let stage = Stage::start();
    rotate(&stage).await;
    let home = stage.home("fire", Role::Service);
    stage.connect_as(&home).await.checkpoint().await.unwrap();
    stage.connect_as(&home).await.follow_keys().await.unwrap();
    let lines = fs::read_to_string(home.join("log.rotations")).unwrap();
    for (name, content) in [
        ("log.rotations", lines.replacen("\"index\":\"", "\"index\":\"1", 1)),
        ("log.rotations", "{}\n".to_owned()),
    ] {
        fs::write(home.join(name), content).unwrap();
        let error = Identity::load(&home).err();
        assert!(matches!(&error, Some(Error::Configuration(text)) if text.contains(name)));
    }
    fs::write(home.join("log.rotations"), lines).unwrap();
    assert!(Identity::load(&home).is_ok());
    fs::remove_file(home.join("log.vkey")).unwrap();
    let said = Cli::of(&stage, "fire", Role::Service).run(["status"]);
    assert!(said.failed(2).contains("log.vkey"));
}
