//! What can be wrong with an answer, named precisely: a closed list, so that nothing is "somehow invalid".

use crate::{
    merkle::{CheckpointError, ProofError},
    record::RotationError,
};

/// What an answer fails to prove.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// An agreement does not hash to the version it is said to be.
    #[error("the agreement is not the version it is said to be")]
    AgreementVersion,
    /// The checkpoint is not signed by the log, or malformed.
    #[error("checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// A proof of completeness claims something else than it shows.
    #[error("the claim of completeness is not shown: {0}")]
    Claim(&'static str),
    /// The content commitment is not that of the alert that was published.
    #[error("the record commits to other content than was published")]
    Content,
    /// Two signed checkpoints of one size have different roots.
    #[error("the log has forked: two signed checkpoints of size {size} have different roots")]
    Fork {
        /// The size of both.
        size: u64,
    },
    /// The entries read do not make the tree of the checkpoint.
    #[error("the entries read are not those of the checkpoint of size {size}")]
    Entries {
        /// The size of the tree.
        size: u64,
    },
    /// A record linked to the agency is left out.
    #[error("the agency's record number {number} is missing")]
    Gap {
        /// Its running number among the agency's records.
        number: u64,
    },
    /// The record is not where it is said to be in the tree.
    #[error("inclusion of record {index}: {error}")]
    Inclusion {
        /// The index of the record.
        index: u64,
        /// What the proof lacks.
        error: ProofError,
    },
    /// The newer tree is not shown to begin with the older one.
    #[error("no proof that the log of size {to} extends that of size {from}: {error}")]
    Inconsistent {
        /// The older size.
        from: u64,
        /// The newer size.
        to: u64,
        /// What the proof lacks.
        error: ProofError,
    },
    /// Salt, leaf, key or hash is not 32 bytes long.
    #[error("a value of 32 bytes has another length")]
    Length,
    /// A record's own link, or the chain of them, does not fit.
    #[error("record {index} does not follow the record linked before it")]
    Link {
        /// The index of the record.
        index: u64,
    },
    /// The leaf is not the commitment to the record.
    #[error("the leaf does not commit to record {index}")]
    Leaf {
        /// The index of the record.
        index: u64,
    },
    /// No witness that is trusted has cosigned a checkpoint.
    #[error("no witness that is trusted has cosigned a checkpoint of this log")]
    NotWitnessed,
    /// The delivery has another number than the next one.
    #[error("number {number} was delivered where {expected} was due")]
    Number {
        /// The number due.
        expected: u64,
        /// The number delivered.
        number: u64,
    },
    /// The broker shows a smaller log than it did before.
    #[error("the broker shows an older log: size {size}, where {known} was known")]
    Older {
        /// The size shown.
        size: u64,
        /// The size known before the question.
        known: u64,
    },
    /// The answer lacks something that the protocol demands, or has it out of order.
    #[error("the answer lacks {0}")]
    Protocol(&'static str),
    /// The bytes are no record, or a record of something else than what was asked.
    #[error("record {index} does not say what was asked: {what}")]
    Record {
        /// The index of the record.
        index: u64,
        /// What is not as it was asked.
        what: &'static str,
    },
    /// Records came out of order, or one of them twice.
    #[error("record {index} came out of order")]
    RecordOrder {
        /// The index of the record that came too late.
        index: u64,
    },
    /// The log's key is said to have handed over to another, and it is not shown.
    #[error("rotation of the log's key: {0}")]
    Rotation(RotationError),
    /// The log goes on under another origin, and under a key that was not handed over at enrolment.
    #[error(
        "the log goes on under another origin, the {generation}. of its name: it says that it was restored from a backup. \
         Nothing of it is believed until the operators have handed over its new log.vkey, and it stands in the identity \
         directory"
    )]
    Restored {
        /// The number behind the origin.
        generation: u64,
    },
    /// The seal is not the log's, or seals something else.
    #[error("the seal is not one of this export")]
    Seal,
    /// The view is not the one that the record commits to, or says other things than the record.
    #[error("the view delivered is not the one recorded: {0}")]
    View(&'static str),
}

impl From<CheckpointError> for Fault {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error)
    }
}
