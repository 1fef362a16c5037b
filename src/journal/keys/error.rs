//! Why a key is not to be had. No message holds any part of a key.

use std::{io, path::PathBuf};

use crate::journal::files;

/// Why a key cannot be made, read or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is there already, and keys are never made over.
    #[error("{path} exists already")]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// The file is not as it was written.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The key of the slot has been destroyed.
    #[error("the key of slot {slot} has been erased")]
    Erased {
        /// The slot.
        slot: u64,
    },
    /// Others than its owner may read the master key.
    #[error("{path} can be read by others than its owner; set its mode to 600")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A secret's name is not 1 to 64 of `a-z`, `0-9` and `-`.
    #[error("the name of a secret takes 1 to 64 of a-z, 0-9 and -")]
    InvalidName,
    /// The system refused access.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such file.
    #[error("{path} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// No key has been made for the slot.
    #[error("slot {slot} is beyond the {reserved} that hold keys")]
    NotReserved {
        /// The slot.
        slot: u64,
        /// How many there are.
        reserved: u64,
    },
    /// The keys belong to another journal.
    #[error("{path} holds the keys of another journal")]
    OfAnotherJournal {
        /// The directory.
        path: PathBuf,
    },
    /// The system has no randomness to give, or the cipher refused.
    #[error("no key could be drawn or sealed")]
    Random,
    /// The file is whole, but was not sealed under this master key for this use.
    #[error("{path} was not sealed under this master key for this use")]
    Unopened {
        /// The file.
        path: PathBuf,
    },
    /// The master key is not the one these keys were wrapped under.
    #[error("the master key is not the one that these keys were wrapped under")]
    WrongMaster,
}

impl KeyError {
    /// Tells whether there was no space, and a later try may do.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { source, .. } if files::is_full(source))
    }

    /// Returns what makes an error of the system one that names `path`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| {
            if source.kind() == io::ErrorKind::NotFound {
                Self::Missing { path }
            } else if source.kind() == io::ErrorKind::AlreadyExists {
                Self::AlreadyExists { path }
            } else {
                Self::Io { path, source }
            }
        }
    }
}
