//! The file that holds the newest checkpoint, and the lock that keeps two processes from moving it back.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{Seen, origin_of};
use crate::{
    client::{Error, Fault, identity::wrong},
    merkle::{Verifier, generation_of},
    record::Rotation,
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

    /// Sets aside what is remembered of an origin that the log had before: a person has put the key of a later one there.
    /// What is remembered of the two is never mixed.
    pub(super) fn set_aside(&self, log: &Verifier) -> Result<(), Error> {
        let rotations = self.read_rotations()?;
        let notes =
            rotations.last().map(|it| it.checkpoint.clone()).into_iter().chain(self.read()?);
        let (base, generation) = generation_of(log.name());
        let older = notes.filter_map(|note| {
            let origin = origin_of(&note)?;
            let (known, before) = generation_of(&origin);
            (known == base && before < generation).then_some(before)
        });
        let Some(before) = older.max() else { return Ok(()) };
        // The checkpoint last: where a crash comes in between, it is still there to tell.
        for path in [self.dir.join(Rotation::FILE), self.path()] {
            let mut aside = path.as_os_str().to_owned();
            aside.push(format!(".origin-{before}"));
            match fs::rename(&path, PathBuf::from(aside)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(|error| wrong(&path, error))?,
            }
        }
        Ok(())
    }

    /// Reads the signed checkpoint; none where none was written yet.
    pub(super) fn read(&self) -> Result<Option<String>, Error> {
        let path = self.path();
        match fs::read_to_string(&path) {
            // A power cut may leave a file without content behind: as good as none.
            Ok(note) if note.is_empty() => Ok(None),
            Ok(note) => Ok(Some(note)),
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

    /// Reads the rotations of the log's key; none where none was ever followed.
    pub(super) fn read_rotations(&self) -> Result<Vec<Rotation>, Error> {
        let path = self.dir.join(Rotation::FILE);
        match fs::read_to_string(&path) {
            Ok(lines) => Rotation::from_lines(&lines).map_err(|error| wrong(&path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(wrong(&path, error)),
        }
    }

    /// Replaces the rotations as a whole, durably: without them, a checkpoint that is remembered could not be
    /// read any more.
    pub(super) fn write_rotations(&self, rotations: &[Rotation]) -> Result<(), Error> {
        let path = self.dir.join(Rotation::FILE);
        let write = || {
            let mut file = NamedTempFile::new_in(&self.dir)?;
            file.write_all(rotations.iter().map(Rotation::to_line).collect::<String>().as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(|error| wrong(&path, error))
    }

    /// Says that the checkpoint is not what it should be.
    pub(super) fn unfit(&self, fault: Fault) -> Error {
        wrong(&self.path(), fault)
    }

    fn path(&self) -> PathBuf {
        self.dir.join("checkpoint")
    }
}
