//! What a verification can find, and where.

use crate::{
    client::Fault,
    merkle::{
        CheckpointError,
        tiles::{BundleError, TileError},
    },
    record::RotationError,
};

/// The first fault that was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{at}: {what}")]
pub struct Finding {
    /// The file, and the line or document in it.
    pub at: String,
    /// What is wrong there.
    pub what: What,
}

/// What is wrong.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum What {
    /// The file is missing.
    #[error("is missing")]
    Absent,
    /// The entries of a bundle are not the tree's.
    #[error("{0}")]
    Bundle(BundleError),
    /// The checkpoint is not the log's.
    #[error("{0}")]
    Checkpoint(CheckpointError),
    /// The file is not the one that the manifest names.
    #[error("is not the file that the manifest names")]
    Digest,
    /// The file does not belong there.
    #[error("does not belong to an export of this size")]
    Extra,
    /// A receipt or a shown record does not prove what it claims.
    #[error("{0}")]
    Fault(Fault),
    /// The file or line does not have its form.
    #[error("is malformed: {0}")]
    Form(&'static str),
    /// The record is not what the log committed to at this index.
    #[error("record {index} is not the entry of the log at that index")]
    Leaf {
        /// The index that the line names.
        index: u64,
    },
    /// The older checkpoint is of entries that were lost.
    #[error(
        "the log was restored from a backup of its first {restored} entries and goes on under another origin: of the {since} \
         that were signed before, those behind them are lost"
    )]
    Lost {
        /// How many entries were restored.
        restored: u64,
        /// The size of the older checkpoint.
        since: u64,
    },
    /// There is nothing to verify with: neither a key that was given nor one in what is verified.
    #[error("no verifier key was given")]
    NoKey,
    /// A witness that is demanded has not cosigned it.
    #[error("is not cosigned by {witness}")]
    NotCosigned {
        /// Its name.
        witness: String,
    },
    /// A record that is linked to an agency of the export is missing.
    #[error("record {index} is missing")]
    Omitted {
        /// Its index.
        index: u64,
    },
    /// A record came twice, or out of order.
    #[error("record {index} is out of order")]
    Order {
        /// The index that the line names.
        index: u64,
    },
    /// The log is smaller than it was.
    #[error("the log was rolled back: size {size}, where {since} was signed before")]
    RolledBack {
        /// The size now.
        size: u64,
        /// The size before.
        since: u64,
    },
    /// The log's key is said to have handed over to another, and it is not shown.
    #[error("{0}")]
    Rotation(RotationError),
    /// The seal is not one of this manifest.
    #[error("the seal is not the log's seal over this list")]
    Seal,
    /// The tiles are not those of the checkpoint's tree.
    #[error("{0}")]
    Tile(TileError),
    /// The key is another than the one that is trusted.
    #[error("names another key, or other sizes, than the checkpoint has")]
    UntrustedKey,
    /// A record concerns agencies, and none that the export was made for.
    #[error("record {index} is linked to no agency of the export")]
    Unlinked {
        /// The index that the line names.
        index: u64,
    },
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The log does not extend the older checkpoint.
    #[error("the log was rewritten: its first {since} entries are not those signed before")]
    Rewritten {
        /// The size of the older checkpoint.
        since: u64,
    },
}

impl Finding {
    /// Says what is wrong where.
    pub(super) fn new(at: impl Into<String>, what: What) -> Self {
        Self { at: at.into(), what }
    }
}
