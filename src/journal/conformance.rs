//! What every engine must pass: one test for each line of the journal's contract.
//!
//! Speaks to an engine only through the contract, and "crashes" it by dropping and reopening.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use bytes::Bytes;

use super::contract::{Batch, CommitError, Frame, Head, Journal, JournalError};

/// A place where an engine keeps one journal, empty at first.
pub(crate) trait Fresh {
    /// Makes a place with an empty journal.
    fn fresh() -> Self;

    /// Opens the journal anew. The one opened before has been dropped.
    fn reopen(&self) -> Arc<dyn Journal>;
}

/// Makes one test of each promise for the engine behind `$place`.
macro_rules! suite {
    ($place:ty) => {
        $crate::journal::conformance::suite!(
            $place: an_empty_journal_says_so, atomic, durable, fenced_by_turns, fenced_by_size,
            honest_about_what_it_cannot_store, reads_stop_where_they_are_told,
            a_dropped_turn_writes_nothing, checkpoints_cover_their_batches,
            news_is_what_was_not_seen, readers_see_only_whole_batches, bearings_are_of_batches,
            what_is_condensed_keeps_places_and_leaves, nothing_is_condensed_in_part
        );
    };
    ($place:ty: $($promise:ident),+) => {
        $(
            #[test]
            fn $promise() {
                $crate::journal::conformance::$promise::<$place>();
            }
        )+
    };
}
pub(crate) use suite;

/// Returns `count` entries that differ from each other and from those of another `first`.
pub(crate) fn frames(count: u64, first: u64) -> Vec<Frame> {
    (first..first + count)
        .map(|index| {
            let byte = u8::try_from(index % 251).unwrap();
            let length = usize::try_from(index * 37 % 400).unwrap();
            Frame {
                leaf: [byte; 32],
                salt: [byte + 1; 32],
                record: Bytes::from(format!("record {index}")),
                body: Bytes::from(vec![byte; if index.is_multiple_of(3) { 0 } else { length }]),
            }
        })
        .collect()
}

/// Returns a batch of `count` entries to stand behind `first` others.
pub(crate) fn batch(count: u64, first: u64) -> Batch {
    Batch { frames: frames(count, first), checkpoint: format!("tree of {}\n", first + count) }
}

/// Commits batches of these sizes behind the head.
pub(crate) fn grow(journal: &dyn Journal, counts: &[u64]) -> Head {
    for &count in counts {
        let size = journal.head().size;
        let head = journal.turn(size).unwrap().commit(batch(count, size)).unwrap();
        assert_eq!(head, Head { size: size + count, checkpoint: batch(count, size).checkpoint });
    }
    journal.head()
}

/// Reads every entry, a few at a time.
pub(crate) fn all(journal: &dyn Journal) -> Vec<Frame> {
    let (mut found, size) = (Vec::new(), journal.head().size);
    while (found.len() as u64) < size {
        let more = journal.read(found.len() as u64..u64::MAX, 1500).unwrap();
        assert!(!more.is_empty(), "at least one frame is read");
        found.extend(more);
    }
    found
}

pub(crate) fn an_empty_journal_says_so<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    assert_eq!(journal.head(), Head::default());
    assert_eq!(journal.read(0..10, 1000).unwrap(), []);
    assert!(matches!(
        journal.checkpoint_covering(0),
        Err(JournalError::Beyond { index: 0, size: 0 })
    ));
    assert_eq!(journal.turn(0).unwrap().news(), 0..0);
}

pub(crate) fn atomic<F: Fresh>() {
    let place = F::fresh();
    grow(&*place.reopen(), &[1, 5, 200]);
    let journal = place.reopen();
    assert_eq!(journal.head(), Head { size: 206, checkpoint: "tree of 206\n".into() });
    assert_eq!(all(&*journal), frames(206, 0));
}

pub(crate) fn durable<F: Fresh>() {
    let place = F::fresh();
    for round in 0..5 {
        let journal = place.reopen();
        assert_eq!(journal.head().size, round * 3);
        assert_eq!(all(&*journal), frames(round * 3, 0));
        grow(&*journal, &[1, 2]);
    }
}

/// Many writers, each with its own idea of the head: every batch lands whole, at its place.
pub(crate) fn fenced_by_turns<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut seen = 0;
                for _ in 0..10 {
                    let turn = journal.turn(seen).unwrap();
                    assert_eq!(turn.news(), seen..turn.head().size);
                    let size = turn.head().size;
                    seen = turn.commit(batch(3, size)).unwrap().size;
                    assert_eq!(seen, size + 3);
                }
            });
        }
    });
    assert_eq!(all(&*journal), frames(120, 0));
}

pub(crate) fn fenced_by_size<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    grow(&*journal, &[2]);
    let refused = journal.turn(3).err().unwrap();
    assert!(matches!(refused, JournalError::Ahead { seen: 3, size: 2 }));
    grow(&*journal, &[1]);
}

pub(crate) fn honest_about_what_it_cannot_store<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    let empty = Batch { frames: Vec::new(), checkpoint: "tree of 0\n".into() };
    assert!(matches!(journal.turn(0).unwrap().commit(empty), Err(CommitError::Unfit(_))));
    assert_eq!(journal.head(), Head::default());
    grow(&*journal, &[1]);
}

pub(crate) fn reads_stop_where_they_are_told<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    grow(&*journal, &[90, 1, 1, 70]);
    let expected = frames(162, 0);
    assert_eq!(journal.read(7..11, usize::MAX).unwrap(), expected[7..11]);
    assert_eq!(journal.read(88..94, usize::MAX).unwrap(), expected[88..94]);
    assert_eq!(journal.read(160..u64::MAX, usize::MAX).unwrap(), expected[160..]);
    assert_eq!(journal.read(5..100, 0).unwrap(), expected[5..6]);
    assert_eq!(journal.read(162..170, 1000).unwrap(), []);
    assert_eq!(journal.read(9..9, 1000).unwrap(), []);
    let some = journal.read(0..162, 5000).unwrap();
    assert!(some.len() > 3 && some.len() < 80, "about 5000 bytes, got {} frames", some.len());
    for index in 0..162 {
        let found = journal.read(index..index + 1, 100).unwrap();
        assert_eq!(found, expected[usize::try_from(index).unwrap()..][..1]);
    }
}

pub(crate) fn a_dropped_turn_writes_nothing<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    drop(journal.turn(0).unwrap());
    assert_eq!(journal.head().size, 0);
    grow(&*journal, &[1]);
}

pub(crate) fn checkpoints_cover_their_batches<F: Fresh>() {
    let place = F::fresh();
    grow(&*place.reopen(), &[1, 150, 1, 1, 4]);
    let journal = place.reopen();
    let ends = [1, 151, 152, 153, 157];
    for index in 0..157 {
        let size = *ends.iter().find(|&&end| index < end).unwrap();
        let expected = Head { size, checkpoint: format!("tree of {size}\n") };
        assert_eq!(journal.checkpoint_covering(index).unwrap(), expected);
    }
    assert!(matches!(
        journal.checkpoint_covering(157),
        Err(JournalError::Beyond { index: 157, size: 157 })
    ));
}

/// What they say is the engine's own affair; that there are some for every end of a batch is not.
pub(crate) fn bearings_are_of_batches<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    assert!(matches!(journal.bearings(1), Err(JournalError::Beyond { .. })));
    grow(&*journal, &[1, 150, 2]);
    for size in [1, 151, 153] {
        journal.bearings(size).unwrap();
    }
    for size in [0, 154] {
        assert!(matches!(journal.bearings(size), Err(JournalError::Beyond { .. })), "{size}");
    }
}

/// Returns what is left of an entry where it is one of those that [`condensed`] erases.
fn stub(index: u64) -> Option<Bytes> {
    (!index.is_multiple_of(50)).then(|| Bytes::from(format!("stub {index}")))
}

/// The first `end` entries of `size`, all but some, with their records erased.
fn condensed(size: u64, end: u64) -> Vec<Frame> {
    let mut found = frames(size, 0);
    for (index, frame) in (0..end).zip(&mut found) {
        if let Some(stub) = stub(index) {
            *frame = Frame::erased(frame.leaf, stub);
        }
    }
    found
}

pub(crate) fn what_is_condensed_keeps_places_and_leaves<F: Fresh>() {
    let place = F::fresh();
    let mut journal = place.reopen();
    grow(&*journal, &[20, 20, 60, 1]);
    assert_eq!(journal.closed(), [], "what grows is not condensed");
    journal.close();
    grow(&*journal, &[3]);
    journal.close();
    grow(&*journal, &[2, 2]);
    assert_eq!(journal.closed(), [0..101, 101..104]);
    let beyond = journal.condense(104, &mut |_, _| Ok(None));
    assert!(matches!(beyond, Err(JournalError::Beyond { .. })), "{beyond:?}");
    for _ in 0..3 {
        let mut shown = Vec::new();
        let mut erase = |index, frame: &Frame| {
            shown.push((index, frame.leaf));
            Ok(stub(index))
        };
        journal.condense(0, &mut erase).unwrap();
        let all_of_it: Vec<_> = (0..).zip(frames(101, 0).iter().map(|it| it.leaf)).collect();
        assert_eq!(shown, all_of_it);
        assert_eq!(all(&*journal), condensed(108, 101));
        // An entry that is kept keeps the checkpoint of its batch, and so does the one before it.
        for (index, size) in [(99, 100), (100, 101), (101, 104), (107, 108)] {
            assert_eq!(journal.checkpoint_covering(index).unwrap().size, size, "{index}");
        }
        drop(journal);
        journal = place.reopen();
        assert_eq!(all(&*journal), condensed(108, 101));
        let part = journal.read(70..103, usize::MAX).unwrap();
        assert_eq!(part, condensed(108, 101)[70..103]);
    }
    grow(&*journal, &[1]);
}

pub(crate) fn nothing_is_condensed_in_part<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    grow(&*journal, &[20, 20]);
    journal.close();
    grow(&*journal, &[1]);
    let damaged = || JournalError::Damaged { index: 30, what: "it is one that fails" };
    let mut fails = |index, _: &Frame| if index < 30 { Ok(stub(index)) } else { Err(damaged()) };
    let failed = journal.condense(0, &mut fails);
    assert!(matches!(failed, Err(JournalError::Damaged { index: 30, .. })), "{failed:?}");
    assert_eq!(all(&*journal), frames(41, 0));
    drop(journal);
    assert_eq!(all(&*place.reopen()), frames(41, 0));
}

pub(crate) fn news_is_what_was_not_seen<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    grow(&*journal, &[4]);
    let turn = journal.turn(1).unwrap();
    assert_eq!(turn.news(), 1..4);
    // The holder of a turn reads its news before it decides.
    assert_eq!(journal.read(turn.news(), usize::MAX).unwrap(), frames(3, 1));
    assert_eq!(turn.commit(batch(1, 4)).unwrap().size, 5);
}

pub(crate) fn readers_see_only_whole_batches<F: Fresh>() {
    let place = F::fresh();
    let journal = place.reopen();
    let rounds = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            grow(&*journal, &[7; 60]);
            rounds.store(60, Ordering::Release);
        });
        while rounds.load(Ordering::Acquire) < 60 {
            let head = journal.head();
            assert_eq!(head.size % 7, 0);
            if head.size > 0 {
                assert_eq!(head.checkpoint, format!("tree of {}\n", head.size));
                let last = journal.read(head.size - 7..head.size, usize::MAX).unwrap();
                assert_eq!(last, frames(7, head.size - 7));
            }
        }
    });
}
