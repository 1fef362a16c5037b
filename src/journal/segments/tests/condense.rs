//! What a crash, a full disk and whoever reads meanwhile leave of a segment that is written anew.

use std::{
    fs, io,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use bytes::Bytes;
use tempfile::TempDir;

use super::{SETTINGS, grow_large, large, open};
use crate::journal::{
    Frame, Journal, JournalError,
    conformance::{Fresh, all, frames, grow},
    segments::{Segments, disk::Operation, read::More},
};

/// Two closed segments of 100 entries and one that grows.
fn closed(dir: &TempDir) -> Segments {
    let (journal, _) = open(dir, 0).unwrap();
    for _ in 0..2 {
        grow(&journal, &[20; 5]);
        journal.close();
    }
    grow(&journal, &[3]);
    journal
}

fn erase(journal: &Segments, first: u64) -> Result<(), JournalError> {
    journal.condense(first, &mut |_, _| Ok(Some(Bytes::from_static(b"stub"))))
}

/// What is there once the ranges that begin there are erased.
fn erased(firsts: &[u64]) -> Vec<Frame> {
    let is_erased = |index: u64| firsts.iter().any(|first| (*first..first + 100).contains(&index));
    let stub = |frame: Frame| Frame::erased(frame.leaf, Bytes::from_static(b"stub"));
    let all = (0..).zip(frames(203, 0));
    all.map(|(index, frame)| if is_erased(index) { stub(frame) } else { frame }).collect()
}

fn leftovers(dir: &TempDir) -> usize {
    let paths = fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().path());
    paths.filter(|it| it.extension().is_some_and(|it| it == "tmp")).count()
}

#[test]
fn a_new_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else() {
    for (operation, kind) in [
        (Operation::Append, io::ErrorKind::StorageFull),
        (Operation::Append, io::ErrorKind::Other),
        (Operation::SyncFill, io::ErrorKind::StorageFull),
        (Operation::SyncFill, io::ErrorKind::Other),
    ] {
        let dir = TempDir::fresh();
        let journal = closed(&dir);
        journal.writer.lock().unwrap().file.faults.on_next(operation, kind);
        let failed = erase(&journal, 0);
        assert!(matches!(failed, Err(JournalError::Io(_))), "{failed:?}");
        assert_eq!(leftovers(&dir), 0, "it would take space that publishers need");
        assert_eq!(all(&journal), frames(203, 0));
        // It is no failure of the journal: what is published goes on, and a later try does.
        grow(&journal, &[1]);
        erase(&journal, 0).unwrap();
        assert_eq!(all(&journal)[..203], erased(&[0]));
        drop(journal);
        assert_eq!(all(&open(&dir, 204).unwrap().0)[..203], erased(&[0]));
    }
}

#[test]
fn a_new_file_that_cannot_be_made_leaves_the_old_one() {
    let dir = TempDir::fresh();
    let journal = closed(&dir);
    let in_the_way = dir.path().join(format!("{:020}.seg.tmp", 0));
    fs::create_dir(&in_the_way).unwrap();
    assert!(matches!(erase(&journal, 0), Err(JournalError::Io(_))));
    assert_eq!(all(&journal), frames(203, 0));
    fs::remove_dir(&in_the_way).unwrap();
    erase(&journal, 0).unwrap();
    assert_eq!(all(&journal), erased(&[0]));
}

/// A crash leaves a new file that never took its name, whole or in part: it counts for nothing, and goes, because it
/// holds records whose time may be over by the next time anybody looks.
#[test]
fn what_a_crash_leaves_of_a_new_file_goes_with_the_next_start() {
    let dir = TempDir::fresh();
    let journal = closed(&dir);
    let old = fs::read(dir.path().join(format!("{:020}.seg", 100))).unwrap();
    drop(journal);
    for part in [0, 10, 64, old.len() / 2, old.len()] {
        fs::write(dir.path().join(format!("{:020}.seg.tmp", 100)), &old[..part]).unwrap();
        let as_is = Segments::open_as_is(dir.path(), &SETTINGS).unwrap();
        assert_eq!((all(&as_is), leftovers(&dir)), (frames(203, 0), 1), "it may only read");
        drop(as_is);
        let (journal, recovery) = open(&dir, 203).unwrap();
        assert_eq!((all(&journal), recovery.cut), (frames(203, 0), None));
        assert_eq!(leftovers(&dir), 0);
    }
    erase(&open(&dir, 203).unwrap().0, 100).unwrap();
    assert_eq!(all(&open(&dir, 203).unwrap().0), erased(&[100]));
}

/// Whoever reads beside it sees each entry whole, as it was or as it is now, and its own checkpoint or a later one.
#[test]
fn readers_see_the_one_file_or_the_other() {
    let dir = TempDir::fresh();
    let journal = closed(&dir);
    let (before, after) = (frames(203, 0), erased(&[0, 100]));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        for start in [0, 37, 99, 150] {
            let (journal, before, after, is_done) = (&journal, &before, &after, &is_done);
            scope.spawn(move || {
                let mut was_last = false;
                while !was_last {
                    was_last = is_done.load(Ordering::Acquire);
                    let found = journal.read(start..203, usize::MAX).unwrap();
                    assert_eq!(found.len() as u64, 203 - start);
                    for (index, frame) in (usize::try_from(start).unwrap()..).zip(&found) {
                        assert!(*frame == before[index] || *frame == after[index], "{index}");
                    }
                    let covering = journal.checkpoint_covering(start).unwrap();
                    assert!(covering.size > start);
                    journal.bearings(203).unwrap();
                }
            });
        }
        for _ in 0..20 {
            erase(&journal, 100).unwrap();
            erase(&journal, 0).unwrap();
        }
        is_done.store(true, Ordering::Release);
    });
    assert_eq!(all(&journal), after);
}

/// Marks are taken in parts, so that nobody is held up: those of a file that has gone meanwhile lead nowhere.
#[test]
fn bearings_are_of_one_state_of_the_files() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, 25);
    let mut part = journal.part_of_bearings(25, 24).unwrap();
    assert!(matches!(journal.more_of_bearings(25, &mut part), More::Marks));
    erase(&journal, 0).unwrap();
    let moved = journal.more_of_bearings(25, &mut part);
    assert!(matches!(moved, More::Moved), "{moved:?}");
    let bearings = journal.bearings(25).unwrap();
    let (found, size) = (all(&journal), journal.head().size);
    drop(journal);
    let again = Segments::open_at(dir.path(), &SETTINGS, 0, (size, &bearings)).unwrap();
    assert_eq!(all(&again.expect("it stands so").0), found);
    assert_eq!(found.last(), large(1, size - 1).frames.last());
}
