//! P5: what was erased after a backup stays erased after it is restored.

use std::{fs, path::Path};

use portway::{
    journal::{AnchorFile, KeyError, Keys, MasterKey},
    record::Event,
};

use super::{backup, house, restore};
use crate::stage::{Role, Stage, draft, events, now};

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
