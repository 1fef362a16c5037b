//! What failing writes and syncs leave behind, and how a commit is written at all.

use std::{io, thread};

use tempfile::TempDir;

use super::{grow_large, large, open, segment_names};
use crate::journal::{
    Batch, CommitError, Head, Journal, JournalError,
    conformance::{Fresh, all, batch, frames, grow},
    segments::{Segments, disk::Operation},
};

/// Makes the next operation of one kind fail, commits, and returns the answer.
fn commit_failing(
    journal: &Segments,
    (operation, kind): (Operation, io::ErrorKind),
    batch: Batch,
) -> Result<Head, CommitError> {
    journal.writer.lock().unwrap().file.faults.on_next(operation, kind);
    journal.turn(0).unwrap().commit(batch)
}

#[test]
fn a_commit_is_one_write_and_one_sync() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    let faults = journal.writer.lock().unwrap().file.faults.clone();
    for count in [1, 500, 2] {
        grow(&journal, &[count]);
        assert_eq!(faults.done(), [Operation::Append, Operation::SyncAppend]);
    }
}

#[test]
fn without_space_nothing_is_written_and_a_later_try_does() {
    let full = io::ErrorKind::StorageFull;
    for operation in [Operation::Append, Operation::Fill] {
        let dir = TempDir::fresh();
        let (journal, _) = open(&dir, 0).unwrap();
        grow_large(&journal, 10);
        // The next batch needs a new segment; its header cannot be written, or not be filled.
        let answer = commit_failing(&journal, (operation, full), large(1, 10));
        assert!(matches!(answer, Err(CommitError::Full)), "{operation:?}: {answer:?}");
        assert_eq!((journal.head().size, segment_names(&dir)), (10, vec![0]));
        grow_large(&journal, 2);
        drop(journal);
        assert_eq!(open(&dir, 12).unwrap().0.head().size, 12);
    }
    for operation in [Operation::Fill, Operation::SyncFill] {
        let dir = TempDir::fresh();
        let (journal, _) = open(&dir, 0).unwrap();
        // The first batch outgrows its segment, which has to be filled further.
        let answer = commit_failing(&journal, (operation, full), large(12, 0));
        assert!(matches!(answer, Err(CommitError::Full)), "{operation:?}: {answer:?}");
        assert_eq!(journal.head().size, 0);
        journal.turn(0).unwrap().commit(large(12, 0)).unwrap();
        drop(journal);
        assert_eq!(all(&open(&dir, 12).unwrap().0), large(12, 0).frames);
    }
}

#[test]
fn without_space_a_smaller_batch_may_still_do() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, 10);
    let failing = (Operation::Fill, io::ErrorKind::StorageFull);
    assert!(matches!(commit_failing(&journal, failing, large(1, 10)), Err(CommitError::Full)));
    journal.turn(10).unwrap().commit(batch(1, 10)).unwrap();
    drop(journal);
    assert_eq!(segment_names(&dir), [0]);
    let (journal, recovery) = open(&dir, 11).unwrap();
    assert_eq!((journal.head().size, recovery.cut), (11, None));
}

#[test]
fn after_a_failure_everything_is_refused_until_reopened() {
    let eio = io::ErrorKind::Other;
    for (operation, kind) in [
        (Operation::Append, eio),
        (Operation::Append, io::ErrorKind::StorageFull),
        (Operation::SyncAppend, eio),
        (Operation::SyncAppend, io::ErrorKind::StorageFull),
    ] {
        let dir = TempDir::fresh();
        let (journal, _) = open(&dir, 0).unwrap();
        grow(&journal, &[3]);
        let error = commit_failing(&journal, (operation, kind), batch(2, 3)).unwrap_err();
        match operation {
            Operation::Append => assert!(matches!(error, CommitError::Unknown), "{error}"),
            Operation::SyncAppend | Operation::Fill | Operation::SyncFill => {
                assert!(matches!(error, CommitError::Fatal(_)), "{error}");
            }
        }
        assert!(matches!(journal.turn(0), Err(JournalError::Fatal(_))));
        assert!(matches!(journal.read(0..3, 100), Err(JournalError::Fatal(_))));
        assert!(matches!(journal.checkpoint_covering(0), Err(JournalError::Fatal(_))));
        assert_eq!(journal.head().size, 3, "what is not known to be durable is not shown");
        drop(journal);
        let (journal, recovery) = open(&dir, 3).unwrap();
        // The failed sync had everything written before it: it may be there, whole.
        let size = if operation == Operation::Append { 3 } else { 5 };
        assert_eq!((journal.head().size, recovery.cut.is_some()), (size, size == 3));
        assert_eq!(all(&journal), frames(size, 0));
    }
}

#[test]
fn a_failure_while_filling_is_fatal_unless_it_is_want_of_space() {
    for operation in [Operation::Fill, Operation::SyncFill] {
        let dir = TempDir::fresh();
        let (journal, _) = open(&dir, 0).unwrap();
        let failing = (operation, io::ErrorKind::Other);
        let error = commit_failing(&journal, failing, large(12, 0)).unwrap_err();
        assert!(matches!(error, CommitError::Fatal(_)), "{error}");
        assert!(matches!(journal.turn(0), Err(JournalError::Fatal(_))));
        drop(journal);
        grow(&open(&dir, 0).unwrap().0, &[1]);
    }
}

#[test]
fn a_writer_that_panicked_stops_the_journal() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let _turn = journal.turn(0).unwrap();
            panic!("as if while writing");
        });
        assert!(writer.join().is_err());
    });
    assert!(matches!(journal.turn(0), Err(JournalError::Fatal(_))));
}
