//! The contract between the journal's engines and the ledger: the narrow waist.
//!
//! Says what an engine promises; never how it keeps the promise.

use std::{fmt::Debug, io, ops::Range, sync::Arc};

use bytes::Bytes;

/// One entry as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// The commitment to the record. It is never erased.
    pub leaf: [u8; 32],
    /// The key of the commitment; zeros where the record was erased.
    pub salt: [u8; 32],
    /// The record, as first written; or what is left of it.
    pub record: Bytes,
    /// The sealed body; may be empty.
    pub body: Bytes,
}

/// What a record is condensed to: it is shown each entry with its index, and returns what is left of the record,
/// or nothing where all of it stays.
pub type Condense<'a> = dyn FnMut(u64, &Frame) -> Result<Option<Bytes>, JournalError> + 'a;

impl Frame {
    /// What is left of an entry whose record, salt and body are erased.
    pub const fn erased(leaf: [u8; 32], stub: Bytes) -> Self {
        Self { leaf, salt: [0; 32], record: stub, body: Bytes::new() }
    }

    /// Tells whether the record was erased, and `record` is what is left of it. No salt that was drawn is all zeros.
    pub fn is_erased(&self) -> bool {
        self.salt == [0; 32]
    }
}

/// Entries that become durable together, with the checkpoint that covers them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Batch {
    /// At least one entry, in order.
    pub frames: Vec<Frame>,
    /// The signed note for the tree after this batch.
    pub checkpoint: String,
}

/// Where the journal stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// The number of committed entries.
    pub size: u64,
    /// The checkpoint of the last committed batch; empty while there is none.
    pub checkpoint: String,
}

/// An ordered sequence of entries that outlives a crash: all that Portway asks of an engine.
///
/// # Contract
///
/// Each line has a test in `journal::conformance`; an engine that passes them may be used.
///
/// - **Atomic**: of a batch, every entry and the checkpoint is there or none is, after a crash too.
/// - **Durable**: `commit` answers `Ok` once the batch would outlive a loss of power.
/// - **Fenced**: one turn at a time; where others have written during it, nothing is
///   (`Conflict`). A caller that claims to have applied more than there is gets no turn.
/// - **Honest**: where the outcome cannot be told, the answer is `Unknown`, never `Ok`; after it,
///   or after `Fatal`, the caller assumes nothing and reloads. What is not committed is never read.
pub trait Journal: Debug + Send + Sync {
    /// Waits for the caller's turn to write; `seen` counts the entries the caller has applied.
    /// A thread that holds a turn may read, and must not ask for a second turn.
    ///
    /// # Errors
    ///
    /// [`JournalError::Ahead`] when `seen` lies beyond the head: the caller's state is not this
    /// journal's. [`JournalError::Fatal`] after a failure: restart.
    fn turn(&self, seen: u64) -> Result<Box<dyn Turn + '_>, JournalError>;

    /// Reads committed entries from `range.start`, in order, up to `range.end`, the head, or about
    /// `bytes_max` bytes, whichever comes first; at least one where there is one.
    ///
    /// # Errors
    ///
    /// [`JournalError::Damaged`] when a checksum does not match; other variants as for `turn`.
    fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Frame>, JournalError>;

    /// Returns where the journal stands: never beyond what is durable.
    fn head(&self) -> Head;

    /// Tells whether there is room for about `bytes` more. Asks the disk: for whoever was told `Full`, and not
    /// for every turn.
    fn has_room(&self, bytes: u64) -> bool;

    /// Returns the head as the batch that holds entry `index` left it: the smallest stored
    /// checkpoint that covers the entry.
    ///
    /// # Errors
    ///
    /// [`JournalError::Beyond`] when there is no such entry; other variants as for `read`.
    fn checkpoint_covering(&self, index: u64) -> Result<Head, JournalError>;

    /// Returns what the engine wants to be told at a later opening, so that it need not read what
    /// lies before entry `size`; empty where it needs nothing. A batch has to end there.
    ///
    /// # Errors
    ///
    /// [`JournalError::Beyond`] when there are not as many entries; other variants as for `read`.
    fn bearings(&self, size: u64) -> Result<Vec<u8>, JournalError>;

    /// Lists the ranges of entries that can be condensed, each as a whole, from the first entry on.
    fn closed(&self) -> Vec<Range<u64>>;

    /// Lets the range that grows end before the next batch, so that it can be condensed some day. A journal that
    /// is opened anew may have forgotten it.
    fn close(&self);

    /// Erases records of a range that [`closed`](Self::closed) lists, by its first entry: places and leaves stay,
    /// and so does every checkpoint beside an entry that is kept. After a crash all of the range is as it was, or
    /// all of it condensed; what readers have begun with, they read to its end.
    ///
    /// # Errors
    ///
    /// What `condense` returns; [`JournalError::Beyond`] where no closed range begins there; other variants as for
    /// `read`. Nothing is changed then.
    fn condense(&self, first: u64, condense: &mut Condense<'_>) -> Result<(), JournalError>;
}

/// The right to write one batch. Dropping it writes nothing.
pub trait Turn {
    /// Returns the entries the caller has yet to apply before it decides anything.
    fn news(&self) -> Range<u64>;

    /// Returns the head as it is for the length of this turn.
    fn head(&self) -> Head;

    /// Makes `batch` durable behind the head and returns the new head.
    ///
    /// # Errors
    ///
    /// A [`CommitError`]; only `Unknown` and `Fatal` leave open whether the batch was kept.
    fn commit(self: Box<Self>, batch: Batch) -> Result<Head, CommitError>;
}

/// Why a batch was not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Another writer came first; nothing was written.
    #[error("another writer came first")]
    Conflict,
    /// The journal failed while writing, or before; it refuses everything until it is reopened.
    #[error("{0}")]
    Fatal(Failure),
    /// There was no space for the batch; nothing was written, and a later try may do.
    #[error("no space left for the journal")]
    Full,
    /// The batch is empty or larger than the engine stores; nothing was written.
    #[error("the batch cannot be stored: {0}")]
    Unfit(&'static str),
    /// Whether the batch was kept cannot be told.
    #[error("the outcome of the commit is unknown")]
    Unknown,
}

/// Why a turn or a read was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The caller has applied entries that this journal does not hold.
    #[error("{seen} entries were applied, but the journal holds {size}")]
    Ahead {
        /// What the caller said.
        seen: u64,
        /// What there is.
        size: u64,
    },
    /// No such entry is committed.
    #[error("entry {index} asked for, but the journal holds {size}")]
    Beyond {
        /// What was asked for.
        index: u64,
        /// What there is.
        size: u64,
    },
    /// Stored bytes are not what was written.
    #[error("entry {index} is damaged: {what}")]
    Damaged {
        /// The entry, or the first entry of its batch.
        index: u64,
        /// What does not match.
        what: &'static str,
    },
    /// The journal failed before; it refuses everything until it is reopened.
    #[error("{0}")]
    Fatal(Failure),
    /// Stored bytes could not be read; a later try may do.
    #[error("the journal could not be read: {0}")]
    Io(Arc<io::Error>),
}

/// The first failure of a journal, repeated to everybody who asks afterwards.
///
/// A failed sync is never tried again: the kernel may have dropped what it could not write, and
/// a second sync would then answer well for bytes that are not there.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the journal has failed and must be reopened: {0}")]
pub struct Failure(Arc<str>);

impl Failure {
    /// Names the operation that failed and the system's reason.
    pub(in crate::journal) fn new(operation: &str, error: &io::Error) -> Self {
        Self(format!("{operation}: {error}").into())
    }
}
