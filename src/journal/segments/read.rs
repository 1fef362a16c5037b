//! Reads committed entries back, from the nearest mark on.
//!
//! Never looks behind the committed end, and hands out nothing whose checksum does not match.

use std::{
    cmp::Ordering,
    fs::File,
    io,
    ops::Range,
    sync::{Arc, PoisonError},
};

use super::{
    Segments,
    bearings::Bearings,
    marks::{Mark, Marks},
    scan::Extent,
    segment_path,
    walk::{Flaw, Walk},
};
use crate::journal::contract::{Failure, Frame, Head, JournalError};

/// Bounds of what is read at a time. What is read shares the window's memory, so a small read
/// takes a small window.
const WINDOW_BYTES_MIN: usize = 4 * 1024;
const WINDOW_BYTES_MAX: usize = 256 * 1024;
/// What a frame takes, about: few frames are read through a small window, whatever the reader would take.
const FRAME_BYTES_LIKELY: usize = 512;

/// What readers may see; it moves only after a batch is durable.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) head: Head,
    pub(super) marks: Marks,
    pub(super) segments: Vec<Extent>,
    /// The last segment, kept open.
    pub(super) last: Arc<File>,
    /// How many segments were written anew: whoever takes marks in parts starts again where that has moved.
    pub(super) condensed: u64,
    pub(super) failure: Option<Failure>,
}

/// Where a reader begins: a segment, and a mark in it.
struct Start {
    file: Arc<File>,
    used: u64,
    mark: Mark,
}

/// Bearings of which not all marks are taken yet.
#[derive(Debug)]
pub(super) struct Part {
    condensed: u64,
    batch: u64,
    marks: Vec<Mark>,
}

/// What came of taking more of them.
#[derive(Debug)]
pub(super) enum More {
    /// There may be more marks.
    Marks,
    /// That is all.
    Done(Bearings),
    /// A segment was written anew: all of it has to be taken again.
    Moved,
}

/// What is left to read.
struct Ask {
    range: Range<u64>,
    bytes_left: usize,
}

impl Segments {
    pub(super) fn read_frames(
        &self,
        range: Range<u64>,
        bytes_max: usize,
    ) -> Result<Vec<Frame>, JournalError> {
        let mut ask = Ask { range, bytes_left: bytes_max.max(1) };
        let mut frames = Vec::new();
        while !ask.range.is_empty() && ask.bytes_left > 0 {
            let index = ask.range.start;
            let start = match self.start(index) {
                Err(JournalError::Beyond { .. }) => break,
                start => start?,
            };
            self.read_segment(&start, &mut ask, &mut frames)
                .map_err(|flaw| unreadable(flaw, ask.range.start))?;
            if ask.range.start == index {
                return Err(JournalError::Damaged { index, what: "no frame where one stood" });
            }
        }
        Ok(frames)
    }

    /// Reads what is asked for until the segment ends.
    fn read_segment(
        &self,
        start: &Start,
        ask: &mut Ask,
        frames: &mut Vec<Frame>,
    ) -> Result<(), Flaw> {
        let likely = |frames: u64| {
            usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(FRAME_BYTES_LIKELY)
        };
        let skipped = likely(ask.range.start.saturating_sub(start.mark.index));
        let asked = likely(ask.range.end - ask.range.start).min(ask.bytes_left);
        let window = skipped.saturating_add(asked).clamp(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX);
        let mut walk = Walk::new(&start.file, self.journal, start.used, window);
        let mut batch_end = {
            let batch = u64::from(start.mark.batch);
            batch + walk.batch_header(batch)?.batch_bytes()
        };
        let (mut index, mut offset) = (start.mark.index, u64::from(start.mark.frame));
        while index < ask.range.end && ask.bytes_left > 0 {
            if offset == batch_end {
                if offset == start.used {
                    break;
                }
                let header = walk.batch_header(offset)?;
                batch_end = offset + header.batch_bytes();
                offset += header.frames_start();
            }
            let header = walk.frame_header(offset, index)?;
            if index >= ask.range.start {
                frames.push(walk.frame(offset, &header)?);
                let bytes = usize::try_from(header.frame_bytes()).unwrap_or(usize::MAX);
                ask.bytes_left = ask.bytes_left.saturating_sub(bytes);
                ask.range.start = index + 1;
            }
            offset += header.frame_bytes();
            index += 1;
        }
        Ok(())
    }

    pub(super) fn read_checkpoint(&self, index: u64) -> Result<Head, JournalError> {
        let start = self.start(index)?;
        let mut walk = Walk::new(&start.file, self.journal, start.used, WINDOW_BYTES_MIN);
        let mut find = || {
            let mut offset = u64::from(start.mark.batch);
            loop {
                let header = walk.batch_header(offset)?;
                let size = header.first_index + u64::from(header.frame_count);
                if index < size {
                    return Ok(Head { size, checkpoint: walk.checkpoint(offset, &header)? });
                }
                offset += header.batch_bytes();
            }
        };
        find().map_err(|flaw| unreadable(flaw, index))
    }

    /// Tells how the journal stood when it held `size` entries.
    pub(super) fn read_bearings(&self, size: u64) -> Result<Bearings, JournalError> {
        let index = size.checked_sub(1).ok_or(JournalError::Beyond { index: 0, size: 0 })?;
        loop {
            let mut part = self.part_of_bearings(size, index)?;
            loop {
                match self.more_of_bearings(size, &mut part) {
                    More::Marks => {}
                    More::Done(bearings) => return Ok(bearings),
                    More::Moved => break,
                }
            }
        }
    }

    /// Begins with the place of the last batch.
    pub(super) fn part_of_bearings(&self, size: u64, index: u64) -> Result<Part, JournalError> {
        let condensed = self.committed.read().unwrap_or_else(PoisonError::into_inner).condensed;
        let batch = self.batch_ending_at(size, index)?;
        Ok(Part { condensed, batch, marks: Vec::new() })
    }

    /// Takes some more marks. A segment that is written anew meanwhile has others: they would lead astray.
    pub(super) fn more_of_bearings(&self, size: u64, part: &mut Part) -> More {
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        if committed.condensed != part.condensed {
            return More::Moved;
        }
        let more = committed.marks.some_before(size, part.marks.len());
        if more.is_empty() {
            let segments = committed.segments.iter().take_while(|it| it.first_index < size);
            let (segments, marks) = (segments.copied().collect(), std::mem::take(&mut part.marks));
            return More::Done(Bearings { segments, batch: part.batch, marks: Marks::of(marks) });
        }
        part.marks.extend_from_slice(more);
        More::Marks
    }

    /// Finds the offset of the batch that holds `index` and ends at `size`.
    fn batch_ending_at(&self, size: u64, index: u64) -> Result<u64, JournalError> {
        let start = self.start(index)?;
        let mut walk = Walk::new(&start.file, self.journal, start.used, WINDOW_BYTES_MIN);
        let mut batch = u64::from(start.mark.batch);
        loop {
            let header = walk.batch_header(batch).map_err(|flaw| unreadable(flaw, index))?;
            match (header.first_index + u64::from(header.frame_count)).cmp(&size) {
                Ordering::Less => batch += header.batch_bytes(),
                Ordering::Equal => return Ok(batch),
                Ordering::Greater => {
                    return Err(JournalError::Damaged { index, what: "no batch ends there" });
                }
            }
        }
    }

    /// Finds the segment of an entry and the mark before it.
    fn start(&self, index: u64) -> Result<Start, JournalError> {
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &committed.failure {
            return Err(JournalError::Fatal(failure.clone()));
        }
        let size = committed.head.size;
        if index >= size {
            return Err(JournalError::Beyond { index, size });
        }
        let damaged = || JournalError::Damaged { index, what: "no mark before it" };
        let mark = committed.marks.before(index).ok_or_else(damaged)?;
        let position = usize::try_from(mark.segment).map_err(|_| damaged())?;
        let extent = *committed.segments.get(position).ok_or_else(damaged)?;
        let is_last = position + 1 == committed.segments.len();
        let last = is_last.then(|| Arc::clone(&committed.last));
        let file = match last {
            Some(file) => file,
            // One open file for each segment would soon be too many. Under the lock, because a segment may be
            // condensed, and the mark is one of this file.
            None => File::open(segment_path(&self.dir, extent.first_index)).map_err(io)?.into(),
        };
        drop(committed);
        Ok(Start { file, used: extent.used, mark })
    }
}

fn io(error: io::Error) -> JournalError {
    JournalError::Io(error.into())
}

fn unreadable(flaw: Flaw, index: u64) -> JournalError {
    match flaw {
        Flaw::Bad(what) => JournalError::Damaged { index, what },
        Flaw::Io(error) => io(error),
    }
}
