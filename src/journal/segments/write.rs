//! Writes batches: space filled in advance, then one write and one sync for each batch.
//!
//! Never retries a failed write or sync of a batch, and never reads.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    disk::SegmentFile,
    format::{SEGMENT_HEADER_BYTES, SegmentHeader, VERSION, encode_batch},
    segment_path,
};
use crate::journal::{
    contract::{Batch, CommitError, Failure},
    files,
    id::JournalId,
};

/// How much is filled at a time: a new journal shall not begin with 64 MiB of zeros.
const FILL_BYTES: u64 = 4 * 1024 * 1024;
/// How much memory the buffer may keep between batches.
const BUFFER_BYTES_KEPT: usize = 4 * 1024 * 1024;

/// The one writer of a journal, at the end of its last segment.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) journal: JournalId,
    pub(super) segment_bytes: u64,
    pub(super) file: SegmentFile,
    /// The end of the last batch.
    pub(super) used: u64,
    /// The end of the file, all of it zeros behind `used`.
    pub(super) filled: u64,
    pub(super) buffer: Vec<u8>,
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
        Ok(Appended { opened, offset })
    }

    /// Makes sure that the buffer fits into filled space, in a new segment if need be.
    fn make_room(&mut self, first_index: u64) -> Result<bool, AppendError> {
        let bytes = self.buffer.len() as u64;
        let opens =
            self.used > SEGMENT_HEADER_BYTES as u64 && self.used + bytes > self.segment_bytes;
        if opens {
            self.close_segment()?;
            self.open_segment(first_index)?;
        }
        let end = self.used + bytes;
        if end > self.filled {
            let filled = fill_end(end, self.segment_bytes);
            self.file
                .fill(self.filled, filled)
                .and_then(|()| self.file.sync_fill())
                .map_err(|error| full_or_fatal("space could not be filled", &error))?;
            self.filled = filled;
        }
        Ok(opens)
    }

    /// Gives the unused end of the segment back. It is shorter for good before the next one
    /// exists, so whatever is wrong with it afterwards is damage, never a torn end.
    fn close_segment(&mut self) -> Result<(), AppendError> {
        let file = &self.file.file;
        file.set_len(self.used)
            .and_then(|()| self.file.sync_fill())
            .map_err(|error| fatal("a segment could not be closed", &error))?;
        self.filled = self.used;
        Ok(())
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
                self.filled = end;
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

/// Makes a segment in `dir`, filled and durable, and returns it with its size.
pub(super) fn create_segment(
    dir: &Path,
    header: &SegmentHeader,
    segment_bytes: u64,
) -> io::Result<(SegmentFile, u64)> {
    let file = SegmentFile::create(&segment_path(dir, header.first_index))?;
    let end = fill_end(SEGMENT_HEADER_BYTES as u64, segment_bytes);
    begin(&file, header, end)?;
    files::sync_dir(dir)?;
    Ok((file, end))
}

fn begin(file: &SegmentFile, header: &SegmentHeader, end: u64) -> io::Result<()> {
    file.append(&header.encode(), 0)?;
    file.fill(SEGMENT_HEADER_BYTES as u64, end)?;
    file.sync_fill()
}

/// Returns how far to fill so that `end` fits: whole steps, the segment's size at most, unless a
/// single batch is larger than that.
fn fill_end(end: u64, segment_bytes: u64) -> u64 {
    end.next_multiple_of(FILL_BYTES).min(segment_bytes.max(end))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_goes_in_steps_up_to_the_segments_size() {
        let mib = 1 << 20;
        assert_eq!(fill_end(64, 64 * mib), 4 * mib);
        assert_eq!(fill_end(4 * mib + 1, 64 * mib), 8 * mib);
        assert_eq!(fill_end(64, mib), mib);
        assert_eq!(fill_end(5 * mib, 6 * mib), 6 * mib);
        assert_eq!(fill_end(7 * mib + 9, mib), 7 * mib + 9);
    }
}
