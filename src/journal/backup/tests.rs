//! Copies under a writer, an eraser and damage; and what is put back.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use super::*;
use crate::domain::Timestamp;
use crate::journal::{
    Batch, Frame, Journal, JournalId, KeyError, Keys, MasterKey, Segments, Settings, SlotSet,
    conformance::{frames, grow},
};

const JOURNAL: JournalId = JournalId::from_bytes([6; 16]);
const SETTINGS: Settings = Settings { journal_id: JOURNAL, segment_bytes: 1 << 20 };

fn manifest(kind: BackupKind, copied: Copied) -> BackupManifest {
    BackupManifest {
        kind,
        journal: JOURNAL,
        origin: "example.org/portway/log".to_owned(),
        size: copied.head.size,
        at: Timestamp::from_ms(1_000),
        files: copied.files,
        checkpoint: copied.head.checkpoint,
    }
}

/// Backs a journal up, and returns the batches that the copy holds.
fn back_up(from: &Path, to: &Path) -> (Copied, Vec<Batch>) {
    let mut dir = BackupDir::open(to, BackupKind::Journal, JOURNAL).unwrap();
    let copied = dir.copy_segments(from, JOURNAL).unwrap();
    dir.finish(manifest(BackupKind::Journal, copied.clone())).unwrap();
    let (read, _) = BackupDir::read(to, BackupKind::Journal).unwrap();
    read.check_files().unwrap();
    let mut batches = Vec::new();
    read.read_batches(&mut |batch| batches.push(batch)).unwrap();
    (copied, batches)
}

/// How much a writer writes beside the copies: some ten segments.
const BATCHES_MAX: usize = 1200;

#[test]
fn a_copy_beside_a_writer_is_whole_and_ends_where_a_batch_does() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("journal"), dir.path().join("backup"));
    let journal = Segments::create(&from, &SETTINGS).unwrap();
    grow(&journal, &[3]);
    let stops = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Bounded: every copy reads all of it again, and a writer that is alone outgrows them.
            for _ in 0..BATCHES_MAX {
                if stops.load(Ordering::Relaxed) {
                    break;
                }
                grow(&journal, &[40]);
            }
        });
        for _ in 0..15 {
            let before = journal.head().size;
            let (copied, batches) = back_up(&from, &to);
            assert!(before <= copied.head.size && copied.head.size <= journal.head().size);
            let held: Vec<_> = batches.iter().flat_map(|it| it.frames.clone()).collect();
            assert_eq!(held, frames(copied.head.size, 0));
            assert_eq!(copied.head.checkpoint, batches.last().unwrap().checkpoint);
        }
        stops.store(true, Ordering::Relaxed);
    });
    // A torn end is not copied, and not mended either.
    let last = segments_of(&from).pop().unwrap();
    let size = journal.head().size;
    drop(journal);
    let mut torn = fs::read(&last).unwrap();
    let end = torn.iter().rposition(|&byte| byte != 0).unwrap() + 1;
    torn[end..end + 8].copy_from_slice(b"PWBATCH1");
    fs::write(&last, &torn).unwrap();
    assert_eq!(back_up(&from, &to).0.head.size, size);
    assert_eq!(fs::read(&last).unwrap(), torn);
    // What is damaged is no end.
    torn[200] ^= 1;
    fs::write(&last, &torn).unwrap();
    let dir = BackupDir::open(&to, BackupKind::Journal, JOURNAL).unwrap();
    let refused = dir.copy_segments(&from, JOURNAL).unwrap_err();
    assert!(refused.to_string().contains("damaged"), "{refused}");
}

fn segments_of(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|it| it.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    paths.sort();
    paths
}

#[test]
fn whole_segments_are_written_once_and_mended_where_they_were_harmed() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("journal"), dir.path().join("backup"));
    let journal = Segments::create(&from, &SETTINGS).unwrap();
    while segments_of(&from).len() < 4 {
        grow(&journal, &[500]);
    }
    let (first, _) = back_up(&from, &to);
    let (second, _) = back_up(&from, &to);
    assert!(first.bytes > 3 << 20 && second.bytes < 1 << 20, "{} {}", first.bytes, second.bytes);
    // What harmed a file of the backup is found, and the segment copied again.
    let path = to.join(first.files[1].path());
    let mut harmed = fs::read(&path).unwrap();
    harmed[1000] ^= 1;
    fs::write(&path, harmed).unwrap();
    let (third, _) = back_up(&from, &to);
    assert!(third.bytes > 1 << 20);
    // Nothing is left behind of what was replaced.
    assert_eq!(fs::read_dir(to.join("files")).unwrap().count(), third.files.len());
}

struct House {
    dir: tempfile::TempDir,
    master: MasterKey,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&dir.path().join(MasterKey::FILE)).unwrap();
        fs::create_dir(dir.path().join("put")).unwrap();
        Self { dir, master }
    }

    fn keys(&self) -> Keys {
        let dir = self.dir.path().join("keys");
        let keys = Keys::create(&dir, JOURNAL, &self.master).unwrap();
        keys.reserve(2000).unwrap();
        keys
    }

    fn back_up(&self) -> BackupDir {
        let (from, to) = (self.dir.path().join("keys"), self.dir.path().join("backup"));
        let mut dir = BackupDir::open(&to, BackupKind::Keys, JOURNAL).unwrap();
        let copied = dir.copy_keys(&from, JOURNAL).unwrap();
        dir.finish(manifest(BackupKind::Keys, copied)).unwrap();
        drop(dir);
        BackupDir::read(&to, BackupKind::Keys).unwrap().0
    }

    fn put(&self, backup: &BackupDir, erased: &SlotSet) -> Keys {
        let put = self.dir.path().join("put");
        let [journal, keys] = ["journal", "keys"].map(|it| put.join(it));
        let target = Target::begin(&journal, &keys, &keys.join("master.key")).unwrap();
        assert!(Target::is_unfinished(&journal));
        target.put_keys(backup, erased).unwrap();
        assert!(Keys::open(&keys, JOURNAL, &self.master).is_err(), "no keys before their id");
        target.put_id(JOURNAL).unwrap();
        target.finish().unwrap();
        assert!(!Target::is_unfinished(&journal));
        Keys::open(&keys, JOURNAL, &self.master).unwrap()
    }
}

/// P5: whatever an old backup of the keys holds, what was erased since is not put back, in no file.
#[test]
fn an_erased_key_is_not_put_back() {
    let house = House::new();
    let keys = house.keys();
    let backup = house.back_up();
    let path = house.dir.path().join("keys/slots/00000001.keys");
    let sealed = fs::read(path).unwrap()[64 * 5..64 * 6].to_vec();
    let known = keys.slot(1029).unwrap();
    let erased: SlotSet = [1029, 7, 9_000].into_iter().collect();

    let put = house.put(&backup, &erased);

    for slot in [7, 1029] {
        assert!(matches!(put.slot(slot), Err(KeyError::Erased { .. })));
    }
    assert!(
        put.slot(1030).unwrap() == keys.slot(1030).unwrap() && known != keys.slot(1030).unwrap()
    );
    for chunk in ["00000000.keys", "00000001.keys"] {
        let content = fs::read(house.dir.path().join("put/keys/slots").join(chunk)).unwrap();
        assert!(!content.windows(64).any(|it| it == sealed));
    }
}

/// P5: the next backup of the keys to the same place takes the erased ones away there too.
#[test]
fn an_erased_key_goes_from_the_backup_with_the_next_one() {
    let house = House::new();
    let keys = house.keys();
    house.back_up();
    let sealed = fs::read(house.dir.path().join("keys/slots/00000000.keys")).unwrap();
    keys.erase(&[3]).unwrap();
    house.back_up();
    for entry in fs::read_dir(house.dir.path().join("backup/files")).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap();
        assert!(!content.windows(64).any(|it| it == &sealed[64 * 3..64 * 4]));
    }
}

/// A slot is overwritten while it is copied: it is copied whole or erased, never as half of either.
#[test]
fn a_copy_beside_an_eraser_holds_keys_or_nothing() {
    let house = House::new();
    let keys = house.keys();
    thread::scope(|scope| {
        scope.spawn(|| (0..1000).for_each(|slot| keys.erase(&[slot]).unwrap()));
        for _ in 0..5 {
            house.back_up().check_files().unwrap();
        }
    });
    let backup = house.back_up();
    backup.check_master(&house.master).unwrap();
    let put = house.put(&backup, &SlotSet::default());
    assert!((0..1000).all(|slot| matches!(put.slot(slot), Err(KeyError::Erased { .. }))));
    assert!((1000..2000).all(|slot| put.slot(slot).is_ok()));
}

#[test]
fn a_manifest_reads_back_and_every_flipped_bit_is_refused() {
    let file = |name: &str| BackupFile { name: name.to_owned(), bytes: 5, digest: [0xab; 32] };
    let copied = Copied {
        files: vec![file("check.sealed"), file("slots/00000000.keys")],
        head: crate::journal::Head { size: 9, checkpoint: "o\n9\nr\n\n\u{2014} o s\n".to_owned() },
        bytes: 0,
    };
    let manifest = manifest(BackupKind::Keys, copied);
    let text = manifest.encode();
    assert_eq!(BackupManifest::decode(&text), Ok(manifest.clone()));
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = String::from_utf8(bytes).map(|text| BackupManifest::decode(&text));
        assert!(read.is_err() || read.is_ok_and(|it| it.is_err()), "bit {bit}");
    }
    // Nothing is put anywhere but where it was copied from.
    for name in
        ["../id", "id", "slots/../../x.keys", "master.key", "slots/0000000a.keys", "A.sealed"]
    {
        let strange = BackupManifest { files: vec![file(name)], ..manifest.clone() };
        assert!(BackupManifest::decode(&strange.encode()).is_err(), "{name}");
    }
}

/// A segment that is written anew takes the place of its copy, and nothing of what it lost stays in the backup.
#[test]
fn a_condensed_segment_replaces_its_copy() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("journal"), dir.path().join("backup"));
    let journal = Segments::create(&from, &SETTINGS).unwrap();
    for _ in 0..2 {
        grow(&journal, &[20; 5]);
        journal.close();
    }
    grow(&journal, &[3]);
    back_up(&from, &to);
    let files = || fs::read_dir(to.join("files")).unwrap().count();
    assert_eq!(files(), 3);
    let mut erase = |_, _: &Frame| Ok(Some(bytes::Bytes::from_static(b"stub")));
    journal.condense(0, &mut erase).unwrap();
    let (copied, batches) = back_up(&from, &to);
    let held: Vec<_> = batches.iter().flat_map(|it| it.frames.clone()).collect();
    assert_eq!(copied.head.size, 203);
    assert_eq!(held.len(), 203);
    for (index, (frame, was)) in held.iter().zip(frames(203, 0)).enumerate() {
        assert_eq!(frame.leaf, was.leaf);
        assert_eq!((frame.is_erased(), *frame == was), (index < 100, index >= 100));
    }
    assert_eq!(files(), 3, "the old copy is gone");
}
