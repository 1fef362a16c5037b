//! Why a journal does not open: written for the operator who has to mend it.

use std::{io, path::PathBuf};

/// Why the segments of a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory holds a journal already.
    #[error("{path} holds a journal already")]
    AlreadyExists {
        /// The directory.
        path: PathBuf,
    },
    /// Entries that were acknowledged are not as they were written. Restore from a backup.
    #[error("the journal is damaged at entry {index}, in {segment}: {what}")]
    Damaged {
        /// The first entry that cannot be vouched for.
        index: u64,
        /// The file.
        segment: PathBuf,
        /// What does not match.
        what: &'static str,
    },
    /// Another process has the journal open.
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
    /// There is no journal in the directory.
    #[error("{path} holds no journal")]
    Missing {
        /// The directory.
        path: PathBuf,
    },
    /// The segments belong to another journal than keys and anchor.
    #[error("{path} belongs to another journal")]
    OfAnotherJournal {
        /// The first segment that does.
        path: PathBuf,
    },
    /// The journal ends before what it is known to have held: it was rolled back or cut.
    #[error("the journal ends at entry {have}, but its anchor says that it held {anchored}")]
    OlderThanAnchor {
        /// How many entries there are.
        have: u64,
        /// How many there were.
        anchored: u64,
    },
    /// The size of a segment is out of bounds.
    #[error("a segment takes 1 MiB to 1 GiB")]
    SegmentBytes,
    /// A newer program wrote the segment.
    #[error("{path} has the format version {version}, which this program does not know")]
    Version {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

impl OpenError {
    /// Returns what makes an error of the system one that names `path`.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
