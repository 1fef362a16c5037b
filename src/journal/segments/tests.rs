//! What the segment engine promises beyond the contract, checked on real files: torn, flipped,
//! cut, rolled back and full.

use std::{fs, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    disk::Operation,
    format::{BATCH_HEADER_BYTES, encode_batch},
    *,
};
use crate::journal::conformance::{self, Fresh, all, batch, frames, grow};

const JOURNAL: JournalId = JournalId::from_bytes([5; 16]);
const SETTINGS: Settings = Settings { journal_id: JOURNAL, segment_bytes: 1 << 20 };
const HEADER: usize = SEGMENT_HEADER_BYTES;

impl Fresh for TempDir {
    fn fresh() -> Self {
        let dir = tempfile::tempdir().unwrap();
        drop(Segments::create(dir.path(), &SETTINGS).unwrap());
        dir
    }

    fn reopen(&self) -> Arc<dyn Journal> {
        Arc::new(open(self, 0).unwrap().0)
    }
}

conformance::suite!(TempDir);

fn open(dir: &TempDir, anchored: u64) -> Result<(Segments, Recovery), OpenError> {
    Segments::open(dir.path(), &SETTINGS, anchored)
}

/// A journal of one segment without spare room, as bytes, and the end of each of its batches.
struct Sample {
    dir: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    sizes: Vec<u64>,
}

impl Sample {
    fn of(counts: &[u64]) -> Self {
        let dir = TempDir::fresh();
        grow(&*dir.reopen(), counts);
        let path = segment_path(dir.path(), 0);
        let (mut ends, mut sizes, mut size) = (vec![HEADER], vec![0], 0);
        for &count in counts {
            let mut bytes = Vec::new();
            encode_batch(&batch(count, size), size, &JOURNAL, &mut bytes).unwrap();
            size += count;
            ends.push(ends.last().unwrap() + bytes.len());
            sizes.push(size);
        }
        let mut bytes = fs::read(&path).unwrap();
        let spare = bytes.split_off(*ends.last().unwrap());
        assert!(spare.iter().all(|&byte| byte == 0) && !spare.is_empty());
        fs::write(&path, &bytes).unwrap();
        Self { dir, path, bytes, ends, sizes }
    }

    /// Opens the journal with other bytes in its segment.
    fn open_as(&self, bytes: &[u8], anchored: u64) -> Result<(Segments, Recovery), OpenError> {
        fs::write(&self.path, bytes).unwrap();
        open(&self.dir, anchored)
    }

    /// Opens it and expects exactly the first `size` entries, and that it goes on from there.
    fn keeps(&self, bytes: &[u8], anchored: u64, size: u64) -> Recovery {
        let (journal, recovery) = self.open_as(bytes, anchored).unwrap();
        assert_eq!(journal.head().size, size);
        assert_eq!(all(&journal), frames(size, 0));
        grow(&journal, &[2]);
        drop(journal);
        let (journal, again) = open(&self.dir, size + 2).unwrap();
        assert_eq!(all(&journal), frames(size + 2, 0));
        assert_eq!(again.cut, None);
        recovery
    }
}

#[test]
fn every_flipped_byte_within_the_anchor_is_damage() {
    let sample = Sample::of(&[1, 3, 2]);
    for at in 0..sample.bytes.len() {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let refused = sample.open_as(&bytes, 6).unwrap_err();
        let batch = sample.ends[1..].iter().position(|&end| at < end).unwrap();
        let first = if at < HEADER { 0 } else { sample.sizes[batch] };
        assert!(
            matches!(&refused, OpenError::Damaged { index, segment, .. }
                if *index == first && *segment == sample.path),
            "byte {at}: {refused}"
        );
        assert_eq!(fs::read(&sample.path).unwrap(), bytes, "nothing was written");
    }
}

/// Beyond the anchor too, a flaw with a later batch behind it cannot be a torn end.
#[test]
fn every_flipped_byte_that_is_followed_by_a_batch_is_damage() {
    let sample = Sample::of(&[1, 3, 2]);
    for at in 0..sample.ends[2] {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= 0x80;
        let refused = sample.open_as(&bytes, 0).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "byte {at}: {refused}");
    }
}

#[test]
fn every_flipped_byte_of_a_last_batch_beyond_the_anchor_is_cut() {
    let sample = Sample::of(&[1, 3, 2]);
    for at in sample.ends[2]..sample.ends[3] {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= 0x04;
        let recovery = sample.keeps(&bytes, 4, 4);
        let cut = recovery.cut.unwrap();
        assert_eq!(cut.size, 4, "byte {at}");
        assert!(cut.bytes > 0 && cut.bytes <= (sample.ends[3] - sample.ends[2]) as u64);
    }
}

#[test]
fn cut_at_any_byte_the_whole_batches_before_it_are_kept() {
    let sample = Sample::of(&[2, 1, 3]);
    for length in 0..=sample.bytes.len() {
        let whole = sample.ends.iter().rposition(|&end| end <= length).unwrap_or(0);
        let recovery = sample.keeps(&sample.bytes[..length], 0, sample.sizes[whole]);
        let is_clean = length <= HEADER || sample.ends.contains(&length);
        assert_eq!(recovery.cut.is_none(), is_clean, "length {length}");
    }
}

#[test]
fn a_journal_that_ends_before_its_anchor_is_refused() {
    let sample = Sample::of(&[2, 1, 3]);
    for (end, have) in [(HEADER, 0), (sample.ends[1], 2), (sample.ends[2], 3)] {
        let refused = sample.open_as(&sample.bytes[..end], 6).unwrap_err();
        let expected = have;
        assert!(
            matches!(refused, OpenError::OlderThanAnchor { have, anchored: 6 } if have == expected),
            "{refused}"
        );
    }
    for length in sample.ends[2] + 1..sample.bytes.len() {
        let refused = sample.open_as(&sample.bytes[..length], 4).unwrap_err();
        assert!(
            matches!(
                refused,
                OpenError::Damaged { index: 3, .. } | OpenError::OlderThanAnchor { have: 3, .. }
            ),
            "length {length}: {refused}"
        );
    }
}

/// A write that reached the disk only up to some byte, over the zeros that were there.
#[test]
fn a_crash_at_any_byte_of_a_commit_keeps_what_was_acknowledged() {
    let sample = Sample::of(&[2, 1, 3]);
    let start = sample.ends[2];
    for written in 0..sample.bytes.len() - start {
        let mut bytes = sample.bytes.clone();
        bytes[start + written..].fill(0);
        bytes.resize(bytes.len() + 5000, 0);
        // A body may end in zeros of its own: then the last of them need not have arrived.
        let is_whole = bytes[..sample.bytes.len()] == sample.bytes;
        sample.keeps(&bytes, 3, if is_whole { 6 } else { 3 });
    }
}

/// Sectors reach the disk in any order; each is the old one or the new one.
#[test]
fn a_crash_between_any_sectors_of_a_commit_keeps_what_was_acknowledged() {
    let sample = Sample::of(&[2, 14]);
    let start = sample.ends[1];
    let sectors: Vec<_> = (start / 512..sample.bytes.len().div_ceil(512)).collect();
    assert!((7..=10).contains(&sectors.len()), "{} sectors", sectors.len());
    for arrived in 0..1_usize << sectors.len() {
        let mut bytes = sample.bytes.clone();
        for (position, sector) in sectors.iter().enumerate() {
            if arrived & 1 << position == 0 {
                let end = bytes.len().min((sector + 1) * 512);
                bytes[start.max(sector * 512)..end].fill(0);
            }
        }
        let is_whole = bytes == sample.bytes;
        bytes.resize(bytes.len() + 1000, 0);
        let (journal, recovery) = sample.open_as(&bytes, 2).unwrap();
        assert_eq!(all(&journal), frames(if is_whole { 16 } else { 2 }, 0));
        assert_eq!(recovery.cut.is_none(), is_whole || arrived == 0, "sectors {arrived:b}");
    }
}

#[test]
fn a_cut_that_was_itself_cut_off_is_finished() {
    let sample = Sample::of(&[2, 3]);
    let (start, end) = (sample.ends[1], sample.ends[2]);
    let mut torn = sample.bytes.clone();
    torn[end - 1] ^= 1;
    for zeroed in start..end {
        let mut bytes = torn.clone();
        bytes[start..zeroed].fill(0);
        assert!(sample.keeps(&bytes, 2, 2).cut.is_some());
    }
}

/// What looks like a batch inside a record does not turn a torn end into damage, unless its
/// maker knows the journal's id.
#[test]
fn a_batch_inside_a_torn_record_is_no_later_batch() {
    let forged = |journal: &JournalId| {
        let mut inner = Vec::new();
        encode_batch(&batch(1, 700), 700, journal, &mut inner).unwrap();
        let mut outer = batch(1, 0);
        outer.frames[0].record = Bytes::from(inner);
        let dir = TempDir::fresh();
        let (journal, _) = open(&dir, 0).unwrap();
        journal.turn(0).unwrap().commit(outer).unwrap();
        drop(journal);
        let file = SegmentFileOf(&dir).open();
        file.write_all_at(&[0; BATCH_HEADER_BYTES], HEADER as u64).unwrap();
        open(&dir, 0).map(|(_, recovery)| recovery.cut.is_some())
    };
    assert!(matches!(forged(&JournalId::from_bytes([1; 16])), Ok(true)));
    assert!(matches!(forged(&JOURNAL), Err(OpenError::Damaged { index: 0, .. })));
}

struct SegmentFileOf<'a>(&'a TempDir);

impl SegmentFileOf<'_> {
    fn open(&self) -> File {
        OpenOptions::new().write(true).open(segment_path(self.0.path(), 0)).unwrap()
    }
}

/// Batches of about 100 KiB: ten to a segment.
fn large(count: u64, first: u64) -> Batch {
    let mut batch = batch(count, first);
    for frame in &mut batch.frames {
        frame.body = Bytes::from(vec![7; 100_000]);
    }
    batch
}

fn grow_large(journal: &dyn Journal, batches: u64) {
    for _ in 0..batches {
        let size = journal.head().size;
        journal.turn(size).unwrap().commit(large(1, size)).unwrap();
    }
}

fn segment_names(dir: &TempDir) -> Vec<u64> {
    scan::segments(dir.path()).unwrap()
}

#[test]
fn segments_follow_each_other_and_closed_ones_are_full() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, 25);
    drop(journal);
    assert_eq!(segment_names(&dir), [0, 10, 20]);
    for first in [0, 10] {
        let size = fs::metadata(segment_path(dir.path(), first)).unwrap().len();
        assert!(size <= SETTINGS.segment_bytes && size > 1_000_000, "{size}");
    }
    let (journal, recovery) = open(&dir, 25).unwrap();
    assert_eq!(recovery.cut, None);
    let expected: Vec<_> = (0..25).flat_map(|first| large(1, first).frames).collect();
    assert_eq!(all(&journal), expected);
    assert_eq!(journal.read(9..21, usize::MAX).unwrap(), expected[9..21]);
    assert_eq!(journal.checkpoint_covering(9).unwrap().size, 10);
    assert_eq!(journal.checkpoint_covering(10).unwrap().size, 11);
}

#[test]
fn a_batch_larger_than_a_segment_gets_one_of_its_own() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow(&journal, &[1]);
    journal.turn(1).unwrap().commit(large(30, 1)).unwrap();
    grow(&journal, &[1]);
    drop(journal);
    assert_eq!(segment_names(&dir), [0, 1, 31]);
    let (journal, _) = open(&dir, 32).unwrap();
    assert_eq!(journal.read(1..31, usize::MAX).unwrap(), large(30, 1).frames);
}

#[test]
fn a_flaw_in_a_closed_segment_is_damage_whatever_the_anchor_says() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, 12);
    drop(journal);
    let path = segment_path(dir.path(), 0);
    let sound = fs::read(&path).unwrap();
    let mut bytes = sound.clone();
    *bytes.last_mut().unwrap() ^= 1;
    for changed in [&bytes[..], &sound[..sound.len() - 1], &sound[..HEADER], &[]] {
        fs::write(&path, changed).unwrap();
        let refused = open(&dir, 0).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(&dir, 0), Err(OpenError::Damaged { index: 0, .. })));
}

#[test]
fn a_missing_segment_is_noticed() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, 25);
    drop(journal);
    fs::remove_file(segment_path(dir.path(), 20)).unwrap();
    let refused = open(&dir, 25).unwrap_err();
    assert!(matches!(refused, OpenError::OlderThanAnchor { have: 20, anchored: 25 }));
    fs::rename(segment_path(dir.path(), 10), segment_path(dir.path(), 11)).unwrap();
    assert!(matches!(open(&dir, 0), Err(OpenError::Damaged { index: 10, .. })));
}

/// A crash while a segment is made leaves a name with little or nothing behind it.
#[test]
fn a_segment_that_was_never_finished_is_made_again() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow_large(&journal, 10);
    drop(journal);
    let path = segment_path(dir.path(), 10);
    let header = SegmentHeader { journal: JOURNAL, first_index: 10, version: VERSION }.encode();
    for length in 0..=HEADER {
        for filled in [length, 5000] {
            let mut husk = header[..length].to_vec();
            husk.resize(filled, 0);
            fs::write(&path, husk).unwrap();
            let (journal, recovery) = open(&dir, 10).unwrap();
            assert_eq!((journal.head().size, recovery.cut), (10, None));
            if length == 20 {
                grow_large(&journal, 1);
                drop(journal);
                assert_eq!(open(&dir, 11).unwrap().0.head().size, 11);
                fs::remove_file(&path).unwrap();
            }
        }
    }
    fs::write(&path, [&header[..20], &[0; 100], &[1]].concat()).unwrap();
    assert!(matches!(open(&dir, 10), Err(OpenError::Damaged { index: 10, .. })));
}

#[test]
fn what_stands_in_the_way_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let says = |error: OpenError, what: &str| {
        let text = error.to_string();
        assert!(text.contains(path.to_str().unwrap()) && text.contains(what), "{text}");
    };
    says(Segments::open(&path, &SETTINGS, 0).unwrap_err(), "holds no journal");
    fs::write(&path, "a file").unwrap();
    says(Segments::open(&path, &SETTINGS, 0).unwrap_err(), "directory");
    says(Segments::create(&path, &SETTINGS).unwrap_err(), "exists");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    says(Segments::open(&path, &SETTINGS, 0).unwrap_err(), "holds no journal");
    assert!(matches!(Segments::journal_id_of(&path), Err(OpenError::Missing { .. })));
    let journal = Segments::create(&path, &SETTINGS).unwrap();
    assert_eq!(Segments::journal_id_of(&path).unwrap(), JOURNAL);
    says(Segments::open(&path, &SETTINGS, 0).unwrap_err(), "in use");
    drop(journal);
    says(Segments::create(&path, &SETTINGS).unwrap_err(), "already");
    let other = Settings { journal_id: JournalId::from_bytes([6; 16]), ..SETTINGS };
    says(Segments::open(&path, &other, 0).unwrap_err(), "another journal");
    let newer = SegmentHeader { journal: JOURNAL, first_index: 0, version: 2 };
    fs::write(segment_path(&path, 0), newer.encode()).unwrap();
    says(Segments::open(&path, &SETTINGS, 0).unwrap_err(), "version 2");
    for segment_bytes in [0, (1 << 20) - 1, (1 << 30) + 1] {
        let refused = Segments::open(&path, &Settings { segment_bytes, ..SETTINGS }, 0);
        assert!(matches!(refused, Err(OpenError::SegmentBytes)));
    }
}

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

/// Filling in advance writes each byte twice, and a closed segment keeps no unused room.
#[test]
fn closed_segments_are_written_twice_at_most() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    let faults = journal.writer.lock().unwrap().file.faults.clone();
    grow_large(&journal, 20);
    faults.done();
    grow_large(&journal, 10);
    let fills = faults.done().iter().filter(|&&done| done == Operation::Fill).count();
    let stored: usize = large(1, 0).frames.iter().map(format::frame_bytes).sum::<usize>() * 10;
    let written = fills * disk::ZEROS.len() + stored;
    assert!(written * 10 < stored * 26, "{written} bytes written for {stored}");
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
fn damage_after_opening_is_noticed_when_read() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow(&journal, &[3]);
    let file = SegmentFileOf(&dir).open();
    let body = fs::read(segment_path(dir.path(), 0)).unwrap();
    let record = body.windows(8).position(|window| window == b"record 1").unwrap();
    file.write_all_at(b"R", record as u64).unwrap();
    assert_eq!(journal.read(0..1, 100).unwrap(), frames(1, 0));
    let error = journal.read(0..3, 10_000).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { index: 1, what: "record" }), "{error}");
}

#[test]
fn a_writer_that_panicked_stops_the_journal() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let _turn = journal.turn(0).unwrap();
            panic!("as if while writing");
        });
        assert!(writer.join().is_err());
    });
    assert!(matches!(journal.turn(0), Err(JournalError::Fatal(_))));
}

/// What an operation of the property test does to the journal.
#[derive(Clone, Debug)]
enum Step {
    Commit(u64),
    Large(u64),
    Reopen,
    /// Cuts the last segment this many bytes before the end of its last batch, and reopens.
    Tear(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..90).prop_map(Step::Commit),
        1 => (1_u64..8).prop_map(Step::Large),
        1 => Just(Step::Reopen),
        2 => (1_usize..60_000).prop_map(Step::Tear),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is committed, torn and reopened: exactly the batches before the tear are there.
    #[test]
    fn a_journal_is_always_a_whole_number_of_batches(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let dir = TempDir::fresh();
        let mut journal = open(&dir, 0).unwrap().0;
        // Each batch as committed, with the segment and the offset of its end.
        let mut model: Vec<(Batch, u64, u64)> = Vec::new();
        for step in steps {
            let size = journal.head().size;
            match step {
                Step::Commit(count) | Step::Large(count) => {
                    let is_large = matches!(step, Step::Large(_));
                    let batch = if is_large { large(count, size) } else { batch(count, size) };
                    journal.turn(size).unwrap().commit(batch.clone()).unwrap();
                    let last = *journal.committed.read().unwrap().segments.last().unwrap();
                    model.push((batch, last.first_index, last.used));
                }
                Step::Reopen => {
                    drop(journal);
                    journal = open(&dir, size).unwrap().0;
                }
                Step::Tear(bytes) => {
                    let last = *journal.committed.read().unwrap().segments.last().unwrap();
                    drop(journal);
                    let length = last.used.saturating_sub(bytes as u64).max(HEADER as u64);
                    let path = segment_path(dir.path(), last.first_index);
                    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
                    model.retain(|(_, segment, end)| {
                        *segment < last.first_index || *end <= length
                    });
                    journal = open(&dir, 0).unwrap().0;
                }
            }
            let count: usize = model.iter().map(|(batch, ..)| batch.frames.len()).sum();
            prop_assert_eq!(journal.head().size, count as u64);
        }
        let expected: Vec<_> = model.iter().flat_map(|(batch, ..)| batch.frames.clone()).collect();
        prop_assert_eq!(all(&journal), expected);
        let note = model.last().map_or(String::new(), |(batch, ..)| batch.checkpoint.clone());
        prop_assert_eq!(journal.head().checkpoint, note);
    }
}
