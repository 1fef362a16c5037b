//! The four things a writer does to a segment file, and for tests the failure of each.
//!
//! Never retries: what a failure means is the writer's to say.

#[cfg(test)]
use std::sync::Mutex;
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    sync::Arc,
};

/// A stretch of zeros to fill files with and to compare with.
pub(super) static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// An open segment file. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct SegmentFile {
    pub(super) file: Arc<File>,
    #[cfg(test)]
    pub(super) faults: Faults,
}

impl SegmentFile {
    /// Opens a segment that exists, to read and to write.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(path).map(Self::of)
    }

    /// Makes a segment that must not exist yet, for its owner alone.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        options.open(path).map(Self::of)
    }

    fn of(file: File) -> Self {
        Self {
            file: file.into(),
            #[cfg(test)]
            faults: Faults::default(),
        }
    }

    /// Writes a batch over zeros that are there already.
    pub(super) fn append(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.strike(Operation::Append) {
            self.file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        self.file.write_all_at(bytes, offset)
    }

    /// Makes a batch durable; the file's size has not changed.
    pub(super) fn sync_append(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.strike(Operation::SyncAppend) {
            return Err(error);
        }
        self.file.sync_data()
    }

    /// Writes zeros from `start` to `end`.
    pub(super) fn fill(&self, start: u64, end: u64) -> io::Result<()> {
        let mut offset = start;
        while offset < end {
            #[cfg(test)]
            if let Some(error) = self.faults.strike(Operation::Fill) {
                return Err(error);
            }
            let length = usize::try_from(end - offset).unwrap_or(usize::MAX).min(ZEROS.len());
            self.file.write_all_at(ZEROS.get(..length).unwrap_or(&ZEROS), offset)?;
            offset += length as u64;
        }
        Ok(())
    }

    /// Makes the file and its size durable.
    pub(super) fn sync_fill(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(error) = self.faults.strike(Operation::SyncFill) {
            return Err(error);
        }
        self.file.sync_all()
    }
}

/// What can be made to fail.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operation {
    Append,
    Fill,
    SyncAppend,
    SyncFill,
}

/// What was done, and the failure to come, once.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    next: Arc<Mutex<Option<(Operation, io::ErrorKind)>>>,
    done: Arc<Mutex<Vec<Operation>>>,
}

#[cfg(test)]
impl Faults {
    pub(super) fn on_next(&self, operation: Operation, kind: io::ErrorKind) {
        *self.next.lock().unwrap() = Some((operation, kind));
    }

    /// Returns what was done since the last call.
    pub(super) fn done(&self) -> Vec<Operation> {
        std::mem::take(&mut *self.done.lock().unwrap())
    }

    fn strike(&self, operation: Operation) -> Option<io::Error> {
        self.done.lock().unwrap().push(operation);
        let mut next = self.next.lock().unwrap();
        let (_, kind) = next.take_if(|(due, _)| *due == operation)?;
        Some(kind.into())
    }
}
