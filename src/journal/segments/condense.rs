//! Writes a closed segment anew, with less in it: entries keep their places and leaves, and what is erased of
//! them is gone with the old file. The new file takes its name at once and whole.

use std::{fs, io, ops::Range, path::Path, sync::PoisonError};

use super::{
    Segments,
    disk::SegmentFile,
    format::{
        BATCH_HEADER_BYTES, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION, encode_batch, frame_bytes,
    },
    marks::{BatchPlace, Marks},
    scan::Extent,
    segment_path,
    walked::walk,
};
use crate::journal::{
    contract::{Batch, Condense, Frame, JournalError},
    files,
};

/// About how large batches become by being put together.
const BATCH_BYTES: usize = 1 << 20;

/// How the name of a new file ends, until it takes that of the old one.
const TEMPORARY: &str = ".seg.tmp";

/// The new file of a segment while it is written.
struct Written<'a> {
    journal: &'a Segments,
    file: SegmentFile,
    /// Which segment it is, counted from 0.
    segment: usize,
    /// The end of its last batch.
    used: u64,
    marks: Marks,
    /// Entries that were shown and are not written yet: their first index, and the batch.
    open: (u64, Batch),
    /// About how many bytes they take.
    open_bytes: usize,
}

impl Segments {
    #[cfg(test)]
    fn faults(&self) -> super::disk::Faults {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).file.faults.clone()
    }

    /// Lists the entries of each segment but the last.
    pub(super) fn closed_segments(&self) -> Vec<Range<u64>> {
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        let firsts = committed.segments.iter().map(|extent| extent.first_index);
        let nexts = committed.segments.iter().skip(1).map(|extent| extent.first_index);
        firsts.zip(nexts).map(|(first, next)| first..next).collect()
    }

    /// Writes the closed segment that begins with entry `first` anew.
    pub(super) fn condense_segment(
        &self,
        first: u64,
        condense: &mut Condense<'_>,
    ) -> Result<(), JournalError> {
        let closed = self.closed_segments();
        let size = closed.last().map_or(0, |range| range.end);
        let beyond = JournalError::Beyond { index: first, size };
        let segment = closed.iter().position(|range| range.start == first).ok_or(beyond)?;
        let end = closed.get(segment).map_or(first, |range| range.end);
        let path = segment_path(&self.dir, first);
        let temporary = self.dir.join(format!("{first:020}{TEMPORARY}"));
        let replaced = self.write_anew((&path, &temporary), (first..end, segment), condense);
        if replaced.is_err() {
            // Whatever there is of it stands in the way of what is published, where the disk is full.
            drop(fs::remove_file(&temporary));
        }
        replaced?;
        files::sync_dir(&self.dir).map_err(io)
    }

    /// Writes the new file of a segment and has it take the name of the old one.
    fn write_anew(
        &self,
        (path, temporary): (&Path, &Path),
        (entries, segment): (Range<u64>, usize),
        condense: &mut Condense<'_>,
    ) -> Result<(), JournalError> {
        let first = entries.start;
        let mut written = Written::begin(self, temporary, (first, segment)).map_err(io)?;
        let mut failed = None;
        let walked = walk(path, (self.journal, first), &mut |batch| {
            if failed.is_none() {
                failed = written.take(batch, condense).err();
            }
        });
        let walked = walked.map_err(|error| JournalError::Io(io::Error::other(error).into()))?;
        if let Some(error) = failed {
            return Err(error);
        }
        let is_short = walked.head.size != entries.end;
        if let Some(what) = walked.flaw.or(is_short.then_some("its segment")) {
            return Err(JournalError::Damaged { index: walked.head.size, what });
        }
        let (used, marks) = written.finish()?;
        // Readers open their file and look at its marks under the same lock: of one file, both.
        let mut committed = self.committed.write().unwrap_or_else(PoisonError::into_inner);
        fs::rename(temporary, path).map_err(io)?;
        committed.condensed += 1;
        committed.marks.replace(entries, marks);
        if let Some(extent) = committed.segments.get_mut(segment) {
            *extent = Extent { first_index: first, used };
        }
        Ok(())
    }
}

impl<'a> Written<'a> {
    fn begin(
        journal: &'a Segments,
        temporary: &Path,
        (first, segment): (u64, usize),
    ) -> io::Result<Self> {
        remove_leftover(temporary)?;
        let file = SegmentFile::create(temporary)?;
        #[cfg(test)]
        let file = SegmentFile { faults: journal.faults(), ..file };
        let header =
            SegmentHeader { journal: journal.journal, first_index: first, version: VERSION };
        file.append(&header.encode(), 0)?;
        Ok(Self {
            journal,
            file,
            segment,
            used: SEGMENT_HEADER_BYTES as u64,
            marks: Marks::default(),
            open: (first, Batch { frames: Vec::new(), checkpoint: String::new() }),
            open_bytes: 0,
        })
    }

    /// Takes the next batch. Only what was erased as a whole on both sides of a checkpoint loses it: whatever
    /// is kept may be what that checkpoint was signed for.
    fn take(&mut self, batch: Batch, condense: &mut Condense<'_>) -> Result<(), JournalError> {
        let Batch { frames, checkpoint } = batch;
        for (position, frame) in frames.into_iter().enumerate() {
            let index = self.open.0 + self.open.1.frames.len() as u64;
            let frame = match condense(index, &frame)? {
                Some(stub) => Frame::erased(frame.leaf, stub),
                None => frame,
            };
            let before = self.open.1.frames.last();
            let joins = before.is_none_or(Frame::is_erased) && frame.is_erased();
            let is_full = self.open_bytes >= BATCH_BYTES;
            if position == 0 && before.is_some() && (!joins || is_full) {
                self.write()?;
            }
            self.open_bytes += frame_bytes(&frame);
            self.open.1.frames.push(frame);
        }
        self.open.1.checkpoint = checkpoint;
        Ok(())
    }

    fn write(&mut self) -> Result<(), JournalError> {
        let (first, batch) = &mut self.open;
        let first_index = *first;
        let mut bytes = Vec::with_capacity(self.open_bytes + BATCH_HEADER_BYTES);
        encode_batch(batch, first_index, &self.journal.journal, &mut bytes)
            .map_err(|what| JournalError::Damaged { index: first_index, what })?;
        self.file.append(&bytes, self.used).map_err(io)?;
        let place = BatchPlace { segment: self.segment, offset: self.used };
        self.marks.pass_batch(place, batch, first_index);
        self.used += bytes.len() as u64;
        *first += batch.frames.len() as u64;
        batch.frames.clear();
        self.open_bytes = 0;
        Ok(())
    }

    fn finish(mut self) -> Result<(u64, Marks), JournalError> {
        self.write()?;
        self.file.sync_fill().map_err(io)?;
        Ok((self.used, self.marks))
    }
}

/// Removes what a crash has left of new files: they hold records that may be erased since.
pub(super) fn remove_leftovers(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.to_str().is_some_and(|path| path.ends_with(TEMPORARY)) {
            remove_leftover(&path)?;
        }
    }
    Ok(())
}

fn remove_leftover(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn io(error: io::Error) -> JournalError {
    JournalError::Io(error.into())
}
