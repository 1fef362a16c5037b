//! What the segment engine promises beyond the contract, checked on real files: torn, flipped,
//! cut, rolled back and full.

mod condense;
mod failures;
mod resume;
mod torn;

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    sync::Arc,
};

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    OpenError, Recovery, Segments, Settings,
    format::{SEGMENT_HEADER_BYTES, SegmentHeader, VERSION, frame_bytes},
    scan, segment_path,
};
use crate::journal::{
    Batch, Journal, JournalError, JournalId,
    conformance::{self, Fresh, all, batch, frames, grow},
};

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

fn write_to_first_segment(dir: &TempDir, bytes: &[u8], offset: u64) {
    let path = segment_path(dir.path(), 0);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, offset).unwrap();
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
        let stored = fs::metadata(segment_path(dir.path(), first)).unwrap().len();
        let entries: usize = large(10, first).frames.iter().map(frame_bytes).sum();
        assert!(stored * 10 <= entries as u64 * 11, "{stored} bytes stored for {entries}");
        // Zeros up to the segment's size at most, and then the batches.
        let written = SETTINGS.segment_bytes + stored;
        assert!(written * 10 <= entries as u64 * 26, "{written} bytes written for {entries}");
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

/// The same crash on the very first start: there is no journal yet, so it is made, not opened.
#[test]
fn a_journal_that_was_never_finished_is_made_again() {
    let header = SegmentHeader { journal: JOURNAL, first_index: 0, version: VERSION }.encode();
    for (length, filled) in [(0, 0), (0, 5000), (20, 20), (20, 5000), (30, HEADER)] {
        let dir = TempDir::fresh();
        let mut husk = header[..length].to_vec();
        husk.resize(filled, 0);
        fs::write(segment_path(dir.path(), 0), husk).unwrap();
        assert!(matches!(Segments::journal_id_of(dir.path()), Err(OpenError::Missing { .. })));
        let journal = Segments::create(dir.path(), &SETTINGS).unwrap();
        grow_large(&journal, 1);
        drop(journal);
        assert_eq!(open(&dir, 1).unwrap().0.head().size, 1);
    }
    let dir = TempDir::fresh();
    let held = [&header[..20], &[0; 100], &[1]].concat();
    fs::write(segment_path(dir.path(), 0), held).unwrap();
    let refused = Segments::create(dir.path(), &SETTINGS).unwrap_err();
    assert!(matches!(refused, OpenError::Damaged { index: 0, .. }), "{refused}");
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

#[test]
fn damage_after_opening_is_noticed_when_read() {
    let dir = TempDir::fresh();
    let (journal, _) = open(&dir, 0).unwrap();
    grow(&journal, &[3]);
    let body = fs::read(segment_path(dir.path(), 0)).unwrap();
    let record = body.windows(8).position(|window| window == b"record 1").unwrap();
    write_to_first_segment(&dir, b"R", record as u64);
    assert_eq!(journal.read(0..1, 100).unwrap(), frames(1, 0));
    let error = journal.read(0..3, 10_000).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { index: 1, what: "record" }), "{error}");
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
