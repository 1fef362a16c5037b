//! Writes a closed segment anew, with less in it: entries keep their places and leaves, and what is erased of
//! them is gone with the old file. The new file takes its name at once and whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    ops::Range,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::PoisonError,
};

use super::{
    Segments,
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

/// The new file of a segment while it is written.
struct Written<'a> {
    journal: &'a Segments,
    file: BufWriter<File>,
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
        let beyond = JournalError::Beyond { index: first, size: self.first_of_last() };
        let segment = closed.iter().position(|range| range.start == first).ok_or(beyond)?;
        let end = closed.get(segment).map_or(first, |range| range.end);
        let path = segment_path(&self.dir, first);
        let temporary = path.with_extension("seg.tmp");
        let mut written = Written::begin(self, &temporary, (first, segment)).map_err(io)?;
        let mut failed = None;
        let walked = walk(&path, (self.journal, first), &mut |batch| {
            if failed.is_none() {
                failed = written.take(batch, condense).err();
            }
        });
        let walked = walked.map_err(|error| JournalError::Io(io::Error::other(error).into()))?;
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(what) = walked.flaw.or((walked.head.size != end).then_some("its segment")) {
            return Err(JournalError::Damaged { index: walked.head.size, what });
        }
        let (used, marks) = written.finish()?;
        {
            // Readers open their file and look at its marks under the same lock: of one file, both.
            let mut committed = self.committed.write().unwrap_or_else(PoisonError::into_inner);
            fs::rename(&temporary, &path).map_err(io)?;
            committed.marks.replace(first..end, marks);
            if let Some(extent) = committed.segments.get_mut(segment) {
                *extent = Extent { first_index: first, used };
            }
        }
        files::sync_dir(&self.dir).map_err(io)
    }

    fn first_of_last(&self) -> u64 {
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        committed.segments.last().map_or(0, |extent| extent.first_index)
    }
}

impl<'a> Written<'a> {
    fn begin(
        journal: &'a Segments,
        temporary: &Path,
        (first, segment): (u64, usize),
    ) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = BufWriter::new(options.open(temporary)?);
        let header =
            SegmentHeader { journal: journal.journal, first_index: first, version: VERSION };
        file.write_all(&header.encode())?;
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
        self.file.write_all(&bytes).map_err(io)?;
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
        let file = self.file.into_inner().map_err(|error| io(error.into_error()))?;
        file.sync_all().map_err(io)?;
        Ok((self.used, self.marks))
    }
}

fn io(error: io::Error) -> JournalError {
    JournalError::Io(error.into())
}
