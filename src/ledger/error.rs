//! What can go wrong in the ledger: towards a caller, and for the operator.

use std::time::Duration;

use crate::domain::Refusal;
use crate::journal::{AnchorError, BackupError, JournalError, KeyError, OpenError, SnapshotError};
use crate::merkle::ProofError;

/// Why a caller's command was not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// The caller's lane of the queue is full: try again shortly.
    #[error("the broker is busy")]
    Busy,
    /// The agency publishes faster than it may. Nothing is recorded: it is load, and no decision.
    #[error("the agency's rate is exceeded")]
    RateExceeded {
        /// When there is room again.
        after: Duration,
    },
    /// Policy said no.
    #[error("refused: {refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// Index of the refusal's record; none where it was counted into a later one.
        decision: Option<u64>,
    },
    /// The record could not be made durable, or the broker cannot write now: nothing is known to
    /// have been done. Repeat with the same request id.
    #[error("the broker cannot record now: {0}")]
    Unavailable(&'static str),
}

/// Why the ledger cannot start or go on. Each message says what to look at.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The anchor.
    #[error("the anchor: {0}")]
    Anchor(#[from] AnchorError),
    /// The anchor is missing, though there is a journal.
    #[error(
        "there is a journal but no anchor in {0}: without it a rolled-back journal cannot be told \
         from a whole one. If the anchor's disk is lost, start once with --accept-lost-anchor"
    )]
    AnchorLost(String),
    /// The journal does not extend what the anchor knows.
    #[error("the journal is not the one the anchor knows: {0}")]
    AnchorMismatch(&'static str),
    /// A backup is not what it should be, or cannot be made or put back where it is asked for.
    #[error("{0}")]
    Backup(String),
    /// A file of a backup.
    #[error(transparent)]
    BackupFile(#[from] BackupError),
    /// Stored entries are not what was written.
    #[error("entry {index} of the journal is damaged: {what}")]
    Damaged {
        /// Index of the entry.
        index: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// A client has shown a newer or another log under the same signature.
    #[error(
        "{0} holds a checkpoint that this log signed and lacks: the log was rolled back or forked. \
         Restore the log that it is of; remove the file only when you know what happened"
    )]
    Forked(String),
    /// The journal could not be opened.
    #[error("the journal: {0}")]
    Open(#[from] OpenError),
    /// The journal failed.
    #[error("the journal: {0}")]
    Journal(#[from] JournalError),
    /// The keys directory.
    #[error("the keys: {0}")]
    Key(#[from] KeyError),
    /// The keys are missing, though there is a journal.
    #[error("there is a journal but no keys in {0}: bodies cannot be read and nothing signed")]
    KeysLost(String),
    /// The origin in the log is another than the configured one.
    #[error("the log's origin is {stored}, but the configuration says {configured}")]
    OtherOrigin {
        /// As the log says.
        stored: String,
        /// As configured.
        configured: String,
    },
    /// A proof could not be made.
    #[error("{0}")]
    Proof(#[from] ProofError),
    /// The log's key cannot sign.
    #[error("the log's key: {0}")]
    Signing(&'static str),
    /// A restore was begun and not finished.
    #[error(
        "a restore into {0} was not finished: what is there is not whole. Empty the directories of journal and keys, \
         and restore again"
    )]
    Restoring(String),
    /// The journal was there, and nothing in it.
    #[error("the journal is empty, but the anchor knows {0} entries")]
    RolledBack(u64),
    /// A snapshot.
    #[error("a snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    /// A file.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The writer stopped.
    #[error("the writer stopped: {0}")]
    Stopped(String),
}

impl LedgerError {
    /// An entry that stands in the log is not found in the journal.
    pub const fn unreadable(index: u64) -> Self {
        Self::Damaged { index, what: "it cannot be read" }
    }
}
