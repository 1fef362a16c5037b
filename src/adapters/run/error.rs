//! Why a run cannot begin or go on.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a run cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file of the run is not what it should be.
    #[error("{}: line {line}: {fault}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A file of the run cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Another run holds the receipts.
    #[error("{}: another run is using it", path.display())]
    Locked {
        /// The receipts.
        path: PathBuf,
    },
}

impl RunError {
    pub(super) fn file(path: &Path, error: io::Error) -> Self {
        Self::File { path: path.to_owned(), error }
    }
}
