//! The file that holds the newest checkpoint, and the lock that keeps two processes from moving it back.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Seen;
use crate::{
    client::{Error, identity::wrong},
    merkle::Verifier,
};

/// The memory's file while no other process may touch it. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Locked {
    dir: PathBuf,
    _lock: File,
}

impl Locked {
    /// Waits until no other process holds the lock. It is only ever held for a read and a rename.
    pub(super) fn lock(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.and_then(|file| file.lock().map(|()| file));
        Ok(Self { dir: dir.to_owned(), _lock: lock.map_err(|error| wrong(&path, error))? })
    }

    /// Reads the checkpoint; none where none was written yet.
    pub(super) fn read(&self, log: &Verifier) -> Result<Option<Seen>, Error> {
        let path = self.path();
        match fs::read_to_string(&path) {
            // A power cut may leave a file without content behind: as good as none.
            Ok(note) if note.is_empty() => Ok(None),
            Ok(note) => Seen::open(&note, log).map(Some).map_err(|fault| wrong(&path, fault)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(wrong(&path, error)),
        }
    }

    /// Replaces the checkpoint as a whole. Not synced: a power cut may bring an older one back, which
    /// remembers less and is never wrong.
    pub(super) fn write(&self, seen: &Seen) -> Result<(), Error> {
        let path = self.path();
        let write = || {
            let mut file = NamedTempFile::new_in(&self.dir)?;
            file.write_all(seen.note.as_bytes())?;
            file.persist(&path)?;
            Ok::<(), io::Error>(())
        };
        write().map_err(|error| wrong(&path, error))
    }

    fn path(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }
}
