//! Writes batches into space filled in advance: one write and one sync for each.
//!
//! Never retries a failed write or sync of a batch, and never reads.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Settings,
    disk::SegmentFile,
    format::{SEGMENT_HEADER_BYTES, SegmentHeader, VERSION, encode_batch},
    segment_path,
    space::{Space, fill_end},
};
use crate::journal::{
    contract::{Batch, CommitError, Failure},
    files,
    id::JournalId,
};

/// How much memory the buffer may keep between batches.
const BUFFER_BYTES_KEPT: usize = 4 * 1024 * 1024;

/// The one writer of a journal, at the end of its last segment.
#[derive(Debug)]
pub(super) struct Writer {
    dir: PathBuf,
    pub(super) journal: JournalId,
    segment_bytes: u64,
    pub(super) file: SegmentFile,
    /// The end of the last batch.
    pub(super) used: u64,
    /// What is filled with zeros behind `used`.
    space: Space,
    /// Whether the next batch opens a segment though it would fit into this one.
    pub(super) closes: bool,
    buffer: Vec<u8>,
}

/// The last segment, as it was found or made.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) file: SegmentFile,
    pub(super) first_index: u64,
    /// The end of its last batch.
    pub(super) used: u64,
    /// The end of the file, all of it zeros behind `used`.
    pub(super) filled: u64,
}

/// Where a batch has gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appended {
    /// Whether it opened a new segment.
    pub(super) opened: bool,
    /// The offset of its start in the segment.
    pub(super) offset: u64,
}

/// Why a batch was not written, and whether the journal has failed with it.
#[derive(Debug)]
pub(super) enum AppendError {
    /// The journal has failed, and with it this commit.
    Failed(CommitError, Failure),
    /// Nothing was written; the journal is sound.
    Refused(CommitError),
}

impl Writer {
    /// Makes the writer of the journal whose last segment is `segment`.
    pub(super) fn new(settings: &Settings, dir: &Path, segment: Segment) -> Self {
        let space = Space::start();
        let path = segment_path(dir, segment.first_index);
        space.follow(&path, segment.filled, settings.segment_bytes);
        Self {
            dir: dir.into(),
            journal: settings.journal_id,
            segment_bytes: settings.segment_bytes,
            file: segment.file,
            used: segment.used,
            space,
            closes: false,
            buffer: Vec::new(),
        }
    }

    /// Makes `batch` durable; its first entry has the index `first_index`.
    pub(super) fn append(
        &mut self,
        batch: &Batch,
        first_index: u64,
    ) -> Result<Appended, AppendError> {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        encode_batch(batch, first_index, &self.journal, &mut self.buffer)
            .map_err(|reason| AppendError::Refused(CommitError::Unfit(reason)))?;
        let opened = self.make_room(first_index)?;
        let offset = self.used;
        self.file.append(&self.buffer, offset).map_err(|error| {
            let failure = Failure::new("a batch could not be written", &error);
            AppendError::Failed(CommitError::Unknown, failure)
        })?;
        self.file.sync_append().map_err(|error| fatal("a batch could not be synced", &error))?;
        self.used += self.buffer.len() as u64;
        self.space.advance(self.used);
        Ok(Appended { opened, offset })
    }

    /// Makes sure that the buffer fits into filled space, in a new segment if need be.
    fn make_room(&mut self, first_index: u64) -> Result<bool, AppendError> {
        let bytes = self.buffer.len() as u64;
        let opens = self.used > SEGMENT_HEADER_BYTES as u64
            && (self.closes || self.used + bytes > self.segment_bytes);
        if opens {
            self.close_segment()?;
            self.open_segment(first_index)?;
        }
        self.space
            .ensure(&self.file, self.used + bytes, self.segment_bytes)
            .map_err(|error| full_or_fatal("space could not be filled", &error))?;
        Ok(opens)
    }

    /// Gives the unused end of the segment back. It is shorter for good before the next one
    /// exists, so whatever is wrong with it afterwards is damage, never a torn end.
    fn close_segment(&mut self) -> Result<(), AppendError> {
        self.space.leave(self.used);
        let file = &self.file.file;
        file.set_len(self.used)
            .and_then(|()| self.file.sync_fill())
            .map_err(|error| fatal("a segment could not be closed", &error))
    }

    fn open_segment(&mut self, first_index: u64) -> Result<(), AppendError> {
        let path = segment_path(&self.dir, first_index);
        let end = fill_end((SEGMENT_HEADER_BYTES + self.buffer.len()) as u64, self.segment_bytes);
        let header = SegmentHeader { journal: self.journal, first_index, version: VERSION };
        let made = SegmentFile::create(&path).and_then(|file| {
            #[cfg(test)]
            let file = SegmentFile { faults: self.file.faults.clone(), ..file };
            begin(&file, &header, end)?;
            files::sync_dir(&self.dir)?;
            Ok(file)
        });
        match made {
            Ok(file) => {
                self.file = file;
                self.used = SEGMENT_HEADER_BYTES as u64;
                self.closes = false;
                self.space.follow(&path, end, self.segment_bytes);
                Ok(())
            }
            Err(error) if files::is_full(&error) => self.withdraw(&path),
            Err(error) => Err(fatal("a segment could not be made", &error)),
        }
    }

    /// Takes a segment back for which there was no space. One that stayed would stand in the way
    /// of the next, so the journal fails if it cannot be taken back.
    fn withdraw(&self, path: &Path) -> Result<(), AppendError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| files::sync_dir(&self.dir)),
        }
        .map_err(|error| fatal("a segment could not be withdrawn", &error))?;
        Err(AppendError::Refused(CommitError::Full))
    }
}

/// Makes the first segment of a journal in `dir`, durable and empty.
pub(super) fn create_first(dir: &Path, settings: &Settings) -> io::Result<Segment> {
    let header = SegmentHeader { journal: settings.journal_id, first_index: 0, version: VERSION };
    let file = SegmentFile::create(&segment_path(dir, header.first_index))?;
    let used = SEGMENT_HEADER_BYTES as u64;
    let filled = fill_end(used, settings.segment_bytes);
    begin(&file, &header, filled)?;
    files::sync_dir(dir)?;
    Ok(Segment { file, first_index: header.first_index, used, filled })
}

fn begin(file: &SegmentFile, header: &SegmentHeader, end: u64) -> io::Result<()> {
    file.append(&header.encode(), 0)?;
    file.fill(SEGMENT_HEADER_BYTES as u64, end)?;
    file.sync_fill()
}

fn full_or_fatal(operation: &str, error: &io::Error) -> AppendError {
    if files::is_full(error) {
        AppendError::Refused(CommitError::Full)
    } else {
        fatal(operation, error)
    }
}

fn fatal(operation: &str, error: &io::Error) -> AppendError {
    let failure = Failure::new(operation, error);
    AppendError::Failed(CommitError::Fatal(failure.clone()), failure)
}
