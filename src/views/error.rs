//! What can be wrong with the views. Damage is never an error to a caller: it is set aside and rebuilt.

use std::{io, path::PathBuf};

use crate::ledger::LedgerError;

/// Why views cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// They do not fit the log, or their files are damaged.
    #[error("the views are damaged, and the next start makes them anew: {0}")]
    Damaged(String),
    /// Another process has them open.
    #[error("{path}: the views are in use, by a broker that runs or by a rebuild")]
    InUse {
        /// The lock.
        path: PathBuf,
    },
    /// A file or directory of the views.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The log.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no entry yet, and so nothing to tell this log from others by.
    #[error("the log is empty: there is nothing to index")]
    NoLog,
    /// The system has no randomness to give.
    #[error("no randomness for a key")]
    Random,
    /// A new index could not be made or kept, whatever the reason.
    #[error("the index could not be made: {0}")]
    Unusable(String),
}

impl ViewsError {
    /// Names the path that an operation failed on.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// Why an index cannot be believed: it is set aside, and made anew.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Damage {
    /// The engine found its own files wrong, or could not read or write them.
    #[error("the engine: {0}")]
    Engine(String),
    /// The engine panicked over its own files.
    #[error("the engine gave up on its files")]
    Panicked,
    /// It is sound, but not of this log, or ahead of it.
    #[error("it does not belong to this log: {0}")]
    Foreign(&'static str),
    /// What it says and what the log says differ.
    #[error("it contradicts the log: {0}")]
    Contradicts(&'static str),
}
