//! Where entries stand: a sparse index in memory, about one mark for 64 entries or 64 KiB.
//!
//! A mark is a shortcut, never the truth: a reader walks from it through checked headers.

use std::ops::Range;

use super::format::{BATCH_HEADER_BYTES, frame_bytes};
use crate::journal::contract::Batch;

/// How many entries may lie between two marks.
const ENTRIES_BETWEEN: u64 = 64;
/// How many bytes may lie between two marks.
const BYTES_BETWEEN: u32 = 64 * 1024;
/// How many marks are copied at a time: whoever holds them up meanwhile is not held up long.
const COPIED_MAX: usize = 65_536;

/// The place of one entry: 24 bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mark {
    pub(super) index: u64,
    /// Counts segments from 0.
    pub(super) segment: u32,
    /// The offset of the entry's batch in the segment.
    pub(super) batch: u32,
    /// The offset of the entry's frame in the segment.
    pub(super) frame: u32,
}

/// The marks, in the order of their entries.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Mark>);

/// The place of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchPlace {
    pub(super) segment: usize,
    pub(super) offset: u64,
}

impl Marks {
    /// Takes up marks again, in the order of their entries.
    pub(super) fn of(marks: Vec<Mark>) -> Self {
        Self(marks)
    }

    /// Shows them in order.
    pub(super) fn as_slice(&self) -> &[Mark] {
        &self.0
    }

    /// Returns some of the marks before entry `size`, from the mark at `start` on.
    pub(super) fn some_before(&self, size: u64, start: usize) -> &[Mark] {
        let end = self.0.partition_point(|mark| mark.index < size).min(start + COPIED_MAX);
        self.0.get(start..end).unwrap_or_default()
    }

    /// Marks the entry when the last mark is far enough behind. A place that 32 bits cannot hold
    /// gets no mark, and the reader a longer walk.
    pub(super) fn pass(&mut self, index: u64, batch: BatchPlace, frame: u64) {
        let (Ok(segment), Ok(batch), Ok(frame)) =
            (batch.segment.try_into(), batch.offset.try_into(), frame.try_into())
        else {
            return;
        };
        let mark = Mark { index, segment, batch, frame };
        if self.0.last().is_none_or(|last| is_due(last, &mark)) {
            self.0.push(mark);
        }
    }

    /// Passes the entries of a batch that stands at `place`.
    pub(super) fn pass_batch(&mut self, place: BatchPlace, batch: &Batch, first_index: u64) {
        let header = (BATCH_HEADER_BYTES + batch.checkpoint.len()) as u64;
        let mut start = place.offset + header;
        for (index, frame) in (first_index..).zip(&batch.frames) {
            self.pass(index, place, start);
            start += frame_bytes(frame) as u64;
        }
    }

    /// Takes other marks for the entries of a segment that was written anew.
    pub(super) fn replace(&mut self, entries: Range<u64>, marks: Self) {
        let start = self.0.partition_point(|mark| mark.index < entries.start);
        let end = self.0.partition_point(|mark| mark.index < entries.end);
        self.0.splice(start..end, marks.0);
    }

    /// Returns the last mark at or before the entry.
    pub(super) fn before(&self, index: u64) -> Option<Mark> {
        let behind = self.0.partition_point(|mark| mark.index <= index);
        self.0.get(behind.checked_sub(1)?).copied()
    }

    /// Forgets the marks of entry `size` and later ones.
    pub(super) fn forget_from(&mut self, size: u64) {
        self.0.truncate(self.0.partition_point(|mark| mark.index < size));
    }
}

fn is_due(last: &Mark, mark: &Mark) -> bool {
    mark.segment != last.segment
        || mark.index.saturating_sub(last.index) >= ENTRIES_BETWEEN
        || mark.frame.saturating_sub(last.frame) >= BYTES_BETWEEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_sparse_and_found_again() {
        let mut marks = Marks::default();
        for index in 0..1000 {
            let segment = usize::from(index >= 500);
            let offset = if index < 500 { 64 + index * 500 } else { 64 + (index - 500) * 40_000 };
            marks.pass(index, BatchPlace { segment, offset }, offset + 40);
        }
        assert_eq!(size_of::<Mark>(), 24);
        assert_eq!(marks.before(63).map(|mark| mark.index), Some(0));
        assert_eq!(marks.before(64).map(|mark| mark.index), Some(64));
        let first = Mark { index: 500, segment: 1, batch: 64, frame: 104 };
        assert_eq!(marks.before(501), Some(first));
        assert_eq!(marks.before(999).map(|mark| mark.index), Some(998));
        marks.forget_from(500);
        assert_eq!(marks.before(999).map(|mark| mark.index), Some(448));
        assert_eq!(Marks::default().before(0), None);
    }
}
