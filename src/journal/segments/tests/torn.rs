//! Journals that were torn, flipped, cut and rolled back: what is mended, and what is refused.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use tempfile::TempDir;

use super::{HEADER, JOURNAL, open, write_to_first_segment};
use crate::journal::{
    Journal, JournalId,
    conformance::{Fresh, all, batch, frames, grow},
    segments::{
        OpenError, Recovery, Segments,
        format::{BATCH_HEADER_BYTES, encode_batch},
        segment_path,
    },
};

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
        write_to_first_segment(&dir, &[0; BATCH_HEADER_BYTES], HEADER as u64);
        open(&dir, 0).map(|(_, recovery)| recovery.cut.is_some())
    };
    assert!(matches!(forged(&JournalId::from_bytes([1; 16])), Ok(true)));
    assert!(matches!(forged(&JOURNAL), Err(OpenError::Damaged { index: 0, .. })));
}
