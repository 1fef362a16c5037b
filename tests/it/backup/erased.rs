//! P5: what was erased after a backup stays erased after it is restored.

use std::{fs, path::Path};

use portway::{
    domain::{AlertId, ErasureReason},
    journal::{AnchorFile, KeyError, Keys, MasterKey},
    record::Event,
};

use super::{backup, house, restore};
use crate::stage::{Role, SUBSCRIPTION, Stage, draft, events, now, subscription};

fn holds(dir: &Path, needle: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        fs::read(&path).unwrap().windows(needle.len()).any(|it| it == needle)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_after_a_backup_stays_erased_when_it_is_restored() {
    let mut stage = Stage::start();
    stage.agree().await;
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..3 {
        police.publish(draft(now()), None).await.unwrap();
    }
    let officer = stage.connect("police", Role::Officer).await;
    let slots = events(&officer).await.into_iter().filter_map(|(_, event)| {
        if let Event::Published(published) = event { Some(published.slot) } else { None }
    });
    let slots: Vec<u64> = slots.collect();
    backup(&stage, "backup").json();
    stage.terminate();
    let keys_dir = stage.path("broker/keys");
    let chunk = fs::read(keys_dir.join("slots/00000000.keys")).unwrap();
    let at = usize::try_from(slots[1]).unwrap() * 64;
    let sealed = &chunk[at..at + 60];
    let master = MasterKey::load(&keys_dir.join("master.key")).unwrap();
    let journal = Keys::journal_id_of(&keys_dir).unwrap();
    Keys::open(&keys_dir, journal, &master).unwrap().erase(&[slots[1]]).unwrap();
    let anchor = AnchorFile::open(&stage.path("broker/anchor"), journal).unwrap();
    let mut known = anchor.read().unwrap();
    known.erased.insert(slots[1]);
    anchor.write(&known).unwrap();
    assert!(holds(&stage.path("backup"), sealed), "the backup still has it");

    house(&stage, "house");
    let restored = restore(&stage, ("backup", "house"), "broker/anchor", &[]).json();

    assert_eq!(restored["slots_erased"], 1, "{restored}");
    assert!(!holds(&stage.path("house"), sealed));
    let keys = Keys::open(&stage.path("house/keys"), journal, &master).unwrap();
    assert!(matches!(keys.slot(slots[1]), Err(KeyError::Erased { .. })));
    assert!(keys.slot(slots[0]).is_ok() && keys.slot(slots[2]).is_ok());
}

/// P3, P5: a log that goes on from a backup passes over the slots of what it lost: nobody is told that what was never
/// published is erased, and the broker does not stop.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_and_then_lost_is_in_nobodys_way() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    backup(&stage, "backup").json();
    let police = stage.connect("police", Role::Service).await;
    let mut lost: Vec<AlertId> = Vec::new();
    for _ in 0..3 {
        let receipt = police.publish(draft(now()), None).await.unwrap();
        lost.push(receipt.alert.parse().unwrap());
    }
    let officer = stage.connect("police", Role::Officer).await;
    let order = officer.order_erasure(&lost[..2], ErasureReason::Article17).await.unwrap();
    stage.connect("police", Role::Deputy).await.approve_erasure(order).await.unwrap();
    stage.terminate();

    house(&stage, "anew");
    let done = restore(&stage, ("backup", "anew"), "broker/anchor", &["--new-origin"]).json();
    assert_eq!(done["slots_erased"], 2, "{done}");
    // What is lost nobody can have erased any more: its keys are not put back, erased or not.
    let keys_dir = stage.path("anew/keys");
    let master = MasterKey::load(&keys_dir.join("master.key")).unwrap();
    let keys = Keys::open(&keys_dir, Keys::journal_id_of(&keys_dir).unwrap(), &master).unwrap();
    assert!((0..keys.reserved()).all(|it| matches!(keys.slot(it), Err(KeyError::Erased { .. }))));
    drop(keys);
    stage.serve_in("anew");
    for (agency, role) in
        [("police", Role::Service), ("police", Role::Officer), ("council", Role::Service)]
    {
        let to = stage.home(agency, role).join("log.vkey");
        fs::copy(stage.path("anew/keys/log.vkey"), to).unwrap();
    }
    let council = stage.connect("council", Role::Service).await;
    council.create_subscription(subscription("another", now())).await.unwrap();
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..3 {
        police.publish(draft(now()), None).await.unwrap();
    }

    // And they are whole, also after another start.
    stage.terminate();
    stage.serve_in("anew");
    let council = stage.connect("council", Role::Service).await;
    let options = portway::client::PullOptions::default();
    let pulled = council.pull(&SUBSCRIPTION.parse().unwrap(), crate::stage::PURPOSE, options).await;
    assert_eq!(pulled.unwrap().incoming.len(), 3);
    stage.terminate();
}

/// P4: what stands beside the anchor comes with it, also where the anchor is given as the file itself: a list of
/// revocations must not go back.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_of_revocations_comes_with_the_anchor_however_it_is_given() {
    let mut stage = Stage::start();
    backup(&stage, "backup").json();
    stage.terminate();
    fs::write(stage.path("broker/anchor/crl-numbers"), "remembered").unwrap();
    for (name, anchor) in [("directory", "broker/anchor"), ("file", "broker/anchor/anchor")] {
        house(&stage, name);
        restore(&stage, ("backup", name), anchor, &[]).json();
        let beside = fs::read_to_string(stage.path(name).join("anchor/crl-numbers"));
        assert_eq!(beside.ok().as_deref(), Some("remembered"), "{name}");
    }
}
