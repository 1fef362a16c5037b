//! What the keys directory promises, checked on real files.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use super::{KeyError, Keys, MasterKey, directory::ID};
use crate::journal::{JournalId, files};

const JOURNAL: JournalId = JournalId::from_bytes([9; 16]);

fn create(dir: &Path) -> (Keys, MasterKey) {
    let master = MasterKey::create(&dir.join(MasterKey::FILE)).unwrap();
    (Keys::create(dir, JOURNAL, &master).unwrap(), master)
}

fn reopen(dir: &Path) -> Keys {
    let master = MasterKey::load(&dir.join(MasterKey::FILE)).unwrap();
    Keys::open(dir, JOURNAL, &master).unwrap()
}

#[test]
fn secrets_read_back_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    keys.seal_secret("log-signing", b"first").unwrap();
    keys.seal_secret("log-signing", b"second").unwrap();
    keys.seal_secret("links", &[]).unwrap();
    let keys = reopen(dir.path());
    assert_eq!(keys.open_secret("log-signing").unwrap().as_slice(), b"second");
    assert_eq!(keys.open_secret("links").unwrap().as_slice(), b"");
    assert!(matches!(keys.open_secret("other"), Err(KeyError::Missing { .. })));
    for name in ["", "Upper", "../id", "a.b", &"a".repeat(65)] {
        assert!(matches!(keys.seal_secret(name, b""), Err(KeyError::InvalidName)), "{name}");
    }
}

#[test]
fn a_secret_opens_only_whole_and_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    keys.seal_secret("one", b"secret").unwrap();
    let path = |name: &str| dir.path().join(format!("{name}.sealed"));
    let sound = fs::read(path("one")).unwrap();
    assert!(!sound.windows(6).any(|window| window == b"secret"));
    fs::write(path("two"), &sound).unwrap();
    assert!(matches!(keys.open_secret("two"), Err(KeyError::Unopened { .. })));
    for bit in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path("one"), bytes).unwrap();
        assert!(keys.open_secret("one").is_err(), "bit {bit}");
    }
    for length in 0..sound.len() {
        fs::write(path("one"), &sound[..length]).unwrap();
        assert!(keys.open_secret("one").is_err(), "length {length}");
    }
}

#[test]
fn keys_directory_journal_and_master_belong_together() {
    let dir = tempfile::tempdir().unwrap();
    let missing =
        Keys::open(dir.path(), JOURNAL, &MasterKey::create(&dir.path().join("m")).unwrap());
    assert!(matches!(missing, Err(KeyError::Missing { .. })));
    let (_, master) = create(dir.path());
    assert_eq!(Keys::journal_id_of(dir.path()).unwrap(), JOURNAL);
    let again = Keys::create(dir.path(), JOURNAL, &master);
    assert!(matches!(again, Err(KeyError::AlreadyExists { .. })));
    let other = Keys::open(dir.path(), JournalId::from_bytes([8; 16]), &master);
    assert!(matches!(other, Err(KeyError::OfAnotherJournal { .. })));
    let wrong = MasterKey::create(&dir.path().join("wrong")).unwrap();
    let refused = Keys::open(dir.path(), JOURNAL, &wrong).unwrap_err();
    assert!(matches!(refused, KeyError::WrongMaster), "{refused}");
}

#[test]
fn a_creation_that_was_cut_off_can_be_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, master) = create(dir.path());
    drop(keys);
    fs::remove_file(dir.path().join(ID)).unwrap();
    Keys::create(dir.path(), JOURNAL, &master).unwrap();
    assert_eq!(reopen(dir.path()).reserved(), 0);
}

#[test]
fn a_master_key_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(MasterKey::FILE);
    drop(MasterKey::create(&path).unwrap());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(MasterKey::create(&path), Err(KeyError::AlreadyExists { .. })));
    for mode in [0o640, 0o604, 0o620, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let refused = MasterKey::load(&path).unwrap_err();
        assert!(matches!(refused, KeyError::Exposed { .. }));
        assert!(refused.to_string().contains(path.to_str().unwrap()), "{refused}");
    }
}

#[test]
fn a_master_key_is_64_digits_and_a_line_break() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(MasterKey::FILE);
    drop(MasterKey::create(&path).unwrap());
    let sound = fs::read_to_string(&path).unwrap();
    let short = sound.replacen(|_: char| true, "", 1);
    let (spaced, upper) = (format!(" {sound}"), "A".repeat(64) + "\n");
    for text in [short.as_str(), &spaced, &upper, sound.trim(), ""] {
        fs::write(&path, text).unwrap();
        assert!(matches!(MasterKey::load(&path), Err(KeyError::Damaged { .. })), "{text:?}");
    }
    assert!(matches!(MasterKey::load(&dir.path().join("none")), Err(KeyError::Missing { .. })));
}

#[test]
fn a_slot_keeps_its_key_and_shares_it_with_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    assert!(matches!(keys.slot(0), Err(KeyError::NotReserved { slot: 0, reserved: 0 })));
    keys.reserve(1).unwrap();
    assert_eq!(keys.reserved(), 1024);
    keys.reserve(1025).unwrap();
    keys.reserve(5).unwrap();
    assert_eq!(keys.reserved(), 2048);
    let mut all: Vec<_> = (0..2048).map(|slot| *keys.slot(slot).unwrap().as_bytes()).collect();
    let again = reopen(dir.path());
    assert!(
        (0..2048).all(
            |slot| *again.slot(slot).unwrap().as_bytes() == all[usize::try_from(slot).unwrap()]
        )
    );
    assert!(matches!(again.slot(2048), Err(KeyError::NotReserved { .. })));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2048);
}

/// P5: keys are in memory, wrapped, as long as they are in the file, whoever reads beside the erasure.
#[test]
fn a_key_is_given_to_nobody_once_it_is_erased() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    keys.reserve(1024).unwrap();
    let erased = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            let (keys, erased) = (&keys, &erased);
            scope.spawn(move || {
                loop {
                    let before = erased.load(Ordering::Acquire);
                    if let Some(last) = before.checked_sub(1) {
                        let gone = keys.slot(last).map(|_| ());
                        assert!(matches!(gone, Err(KeyError::Erased { .. })), "{last}: {gone:?}");
                    }
                    if before == 1000 {
                        break;
                    }
                    keys.slot(1023).unwrap();
                }
            });
        }
        for slot in 0..1000 {
            keys.erase(&[slot]).unwrap();
            erased.store(slot + 1, Ordering::Release);
        }
    });
}

#[test]
fn an_erased_key_is_gone_and_its_neighbours_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    keys.reserve(1500).unwrap();
    let path = dir.path().join("slots/00000001.keys");
    let wrapped = fs::read(&path).unwrap()[..64].to_vec();
    let neighbour = keys.slot(1025).unwrap();
    keys.erase(&[1024, 7]).unwrap();
    keys.erase(&[1024]).unwrap();
    for keys in [keys, reopen(dir.path())] {
        assert!(matches!(keys.slot(1024), Err(KeyError::Erased { slot: 1024 })));
        assert!(matches!(keys.slot(7), Err(KeyError::Erased { slot: 7 })));
        assert_eq!(keys.slot(1025).unwrap(), neighbour);
        assert!(matches!(keys.erase(&[2048]), Err(KeyError::NotReserved { .. })));
    }
    let content = fs::read(&path).unwrap();
    assert_eq!(content.len(), 65536);
    assert!(!content.windows(16).any(|window| window == &wrapped[12..28]));
}

#[test]
fn a_slot_that_was_damaged_or_moved_gives_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    keys.reserve(2).unwrap();
    let path = dir.path().join("slots/00000000.keys");
    let sound = fs::read(&path).unwrap();
    for bit in 0..64 * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(reopen(dir.path()).slot(0), Err(KeyError::Damaged { .. })), "bit {bit}");
    }
    let mut moved = sound.clone();
    moved.copy_within(64..128, 0);
    fs::write(&path, moved).unwrap();
    assert!(matches!(reopen(dir.path()).slot(0), Err(KeyError::Unopened { .. })));
}

#[test]
fn chunks_must_be_whole_and_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, master) = create(dir.path());
    keys.reserve(3000).unwrap();
    let chunk = |number: u64| dir.path().join(format!("slots/{number:08}.keys"));
    fs::write(dir.path().join("slots/00000003.keys.tmp"), "cut off while it was made").unwrap();
    assert_eq!(reopen(dir.path()).reserved(), 3072);
    let last = fs::read(chunk(2)).unwrap();
    fs::write(chunk(2), &last[1..]).unwrap();
    let short = Keys::open(dir.path(), JOURNAL, &master);
    assert!(matches!(short, Err(KeyError::Damaged { .. })));
    fs::write(chunk(2), &last).unwrap();
    fs::remove_file(chunk(1)).unwrap();
    let gap = Keys::open(dir.path(), JOURNAL, &master);
    assert!(matches!(gap, Err(KeyError::Missing { .. })));
}

#[test]
fn everything_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("keys");
    files::create_dir(&dir).unwrap();
    let (keys, _) = create(&dir);
    keys.reserve(1).unwrap();
    keys.seal_secret("links", b"x").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join("slots"))), (0o700, 0o700));
    for file in ["id", "master.key", "check.sealed", "links.sealed", "slots/00000000.keys"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
}

#[test]
fn slots_are_read_while_others_are_made_and_erased() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, _) = create(dir.path());
    keys.reserve(1).unwrap();
    let first = keys.slot(0).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| keys.reserve(4096).unwrap());
        scope.spawn(|| (1..100).for_each(|slot| keys.erase(&[slot]).unwrap()));
        for _ in 0..500 {
            assert_eq!(keys.slot(0).unwrap(), first);
        }
    });
    assert!((1..100).all(|slot| matches!(keys.slot(slot), Err(KeyError::Erased { .. }))));
}

#[test]
fn no_key_is_ever_printed() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, master) = create(dir.path());
    keys.reserve(1).unwrap();
    let printed = format!("{keys:?} {master:?} {:?}", keys.slot(0).unwrap());
    assert!(printed.ends_with("MasterKey SlotKey"), "{printed}");
}
