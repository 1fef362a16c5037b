//! Why a backup cannot be made, read or put back: each names the file.

use std::{io, path::PathBuf};

use crate::journal::{keys::KeyError, segments::OpenError};

/// Why a backup cannot be made, read or put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file is not as it was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not match.
        what: &'static str,
    },
    /// Another backup is being made to the same directory.
    #[error("{path} is in use by another process")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The system refused access.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key of what is copied.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no backup in the directory.
    #[error("{path} does not exist: there is no whole backup in this directory")]
    Missing {
        /// The manifest.
        path: PathBuf,
    },
    /// There is something in the directory that no backup has put there.
    #[error(
        "{path} is no part of a backup: give a directory that is empty or holds a backup of this journal"
    )]
    Occupied {
        /// What there is.
        path: PathBuf,
    },
    /// The backup is of another journal.
    #[error("{path} is a backup of another journal")]
    OfAnotherJournal {
        /// The manifest.
        path: PathBuf,
    },
    /// The directory holds the other part of a backup.
    #[error("{path} is a backup of {is}: its {due} are wanted here")]
    OfOtherKind {
        /// The manifest.
        path: PathBuf,
        /// What it is of.
        is: &'static str,
        /// What it should be of.
        due: &'static str,
    },
    /// A segment of what is copied.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A directory to restore into is not empty.
    #[error("{path} is there already: a restore only goes into empty directories")]
    TargetOccupied {
        /// What there is.
        path: PathBuf,
    },
    /// What is copied changes faster than it can be copied.
    #[error("{path} changes while it is copied: try again")]
    Unsteady {
        /// The directory.
        path: PathBuf,
    },
}

impl BackupError {
    /// Returns what makes an error of the system one that names `path`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
