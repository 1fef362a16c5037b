//! The directory as a whole: made last to first, opened first to last.
//!
//! Tells apart the ways in which directory, journal and master key do not belong together.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    error::KeyError,
    master::MasterKey,
    sealed::Sealed,
    slots::{SlotKey, Slots},
};
use crate::journal::{files, id::JournalId, slot_set::SlotSet};

pub(in crate::journal) const ID: &str = "id";
/// A secret whose only use is to tell the right master key from a wrong one.
pub(in crate::journal) const CHECK: &str = "check";

/// The keys of one journal.
pub struct Keys {
    dir: PathBuf,
    sealed: Sealed,
    slots: Slots,
}

impl Keys {
    /// Makes the keys directory of a new journal; `dir` may be there, without keys.
    ///
    /// # Errors
    ///
    /// [`KeyError::AlreadyExists`] when it holds keys: they are never made over.
    pub fn create(dir: &Path, journal: JournalId, master: &MasterKey) -> Result<Self, KeyError> {
        let id = dir.join(ID);
        files::create_dir(dir).map_err(KeyError::io(dir))?;
        if id.try_exists().map_err(KeyError::io(&id))? {
            return Err(KeyError::AlreadyExists { path: id });
        }
        let sealed = Sealed::new(dir, journal, master)?;
        sealed.seal(CHECK, CHECK.as_bytes())?;
        let slots = Slots::create(dir, journal, master)?;
        // The id comes last: with it, the directory is whole.
        files::replace(&id, format!("{journal}\n").as_bytes()).map_err(KeyError::io(&id))?;
        Ok(Self { dir: dir.into(), sealed, slots })
    }

    /// Opens the keys of `journal`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`], [`KeyError::OfAnotherJournal`] and [`KeyError::WrongMaster`] tell
    /// the ways in which directory, journal and master key do not belong together.
    pub fn open(dir: &Path, journal: JournalId, master: &MasterKey) -> Result<Self, KeyError> {
        if Self::journal_id_of(dir)? != journal {
            return Err(KeyError::OfAnotherJournal { path: dir.into() });
        }
        let sealed = Sealed::new(dir, journal, master)?;
        match sealed.open(CHECK) {
            Ok(_) => {}
            Err(KeyError::Unopened { .. }) => return Err(KeyError::WrongMaster),
            Err(error) => return Err(error),
        }
        let slots = Slots::open(dir, journal, master)?;
        Ok(Self { dir: dir.into(), sealed, slots })
    }

    /// Returns the id of the journal whose keys stand in `dir`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when there are none, [`KeyError::Damaged`] when the id is unreadable.
    pub fn journal_id_of(dir: &Path) -> Result<JournalId, KeyError> {
        let path = dir.join(ID);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyError::Missing { path });
            }
            text => text.map_err(KeyError::io(&path))?,
        };
        let id = text.strip_suffix('\n').and_then(|text| text.parse().ok());
        id.ok_or(KeyError::Damaged { path })
    }

    /// Keeps a secret under `name`, in place of what stood there. Durable on return.
    ///
    /// # Errors
    ///
    /// [`KeyError::InvalidName`] for names other than 1 to 64 of `a-z`, `0-9` and `-`.
    pub fn seal_secret(&self, name: &str, secret: &[u8]) -> Result<(), KeyError> {
        self.sealed.seal(name, secret)
    }

    /// Returns the secret kept under `name`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when there is none; [`KeyError::Unopened`] when it was tampered with.
    pub fn open_secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.sealed.open(name)
    }

    /// Destroys the secret kept under `name`, durably: its bytes are overwritten before the file goes.
    ///
    /// # Errors
    ///
    /// [`KeyError::Missing`] when there is none.
    pub fn remove_secret(&self, name: &str) -> Result<(), KeyError> {
        self.sealed.remove(name)
    }

    /// Destroys what a crash has left of secrets whose names begin with `prefix`, and that never got a name. Only while
    /// nobody seals one.
    ///
    /// # Errors
    ///
    /// [`KeyError`] where a file cannot be removed.
    pub fn clear_unfinished(&self, prefix: &str) -> Result<(), KeyError> {
        self.sealed.clear_unfinished(prefix)
    }

    /// Lists the names of the secrets.
    ///
    /// # Errors
    ///
    /// [`KeyError`] where the directory cannot be read.
    pub fn secrets(&self) -> Result<Vec<String>, KeyError> {
        self.sealed.names()
    }

    /// Makes sure that every slot below `upto` holds a key, durably. Slots come 1,024 at a time:
    /// call it ahead of need, from any thread; readers of other slots do not wait.
    ///
    /// # Errors
    ///
    /// Nothing is lost by an error; a later try may do.
    pub fn reserve(&self, upto: u64) -> Result<(), KeyError> {
        self.slots.reserve(upto)
    }

    /// Returns how many slots hold, or have held, a key.
    pub fn reserved(&self) -> u64 {
        self.slots.reserved()
    }

    /// Returns the key of a slot.
    ///
    /// # Errors
    ///
    /// [`KeyError::Erased`] after [`erase`](Self::erase); [`KeyError::NotReserved`] beyond
    /// [`reserved`](Self::reserved).
    pub fn slot(&self, slot: u64) -> Result<SlotKey, KeyError> {
        self.slots.key(slot)
    }

    /// Destroys the keys of these slots, durably; those that are erased already stay so.
    ///
    /// # Errors
    ///
    /// After an error some may be erased and others not: repeat the call until it is well.
    pub fn erase(&self, slots: &[u64]) -> Result<(), KeyError> {
        self.slots.erase(slots)
    }

    /// Destroys what keys are left of slots that were erased before, durably; returns how many there were. One that
    /// is gone already is not written again.
    ///
    /// # Errors
    ///
    /// As [`erase`](Self::erase).
    pub fn erase_again(&self, slots: &SlotSet) -> Result<u64, KeyError> {
        self.slots.erase_again(slots)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("dir", &self.dir).finish_non_exhaustive()
    }
}
