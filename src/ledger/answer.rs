//! What is known once a batch is durable: the commit, and the receipts for what stands in it.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::merkle::Hash;
use crate::record::commitment::Key;

/// A durable batch: the tree after it, and the signature on that.
#[derive(Debug, Eq, PartialEq)]
pub struct Commit {
    /// Entries in the tree.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// That an entry is durable: P2, made by the writer after the commit and nowhere else.
#[derive(Clone, Debug)]
pub struct Receipt {
    index: u64,
    commit: Arc<Commit>,
}

impl Receipt {
    pub(super) const fn new(index: u64, commit: Arc<Commit>) -> Self {
        Self { index, commit }
    }

    /// Returns the entry's index.
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Returns the commit that covers it.
    pub const fn commit(&self) -> &Arc<Commit> {
        &self.commit
    }
}

/// The answer to a publish.
#[derive(Clone)]
pub struct PublishAnswer {
    /// That the alert's record is durable.
    pub receipt: Receipt,
    /// The entry's commitment.
    pub leaf: [u8; 32],
    /// The record as stored.
    pub record: Bytes,
    /// Salt of the commitment.
    pub salt: Key,
    /// Key of the content commitment.
    pub content_key: Key,
    /// The request id was known.
    pub repeated: bool,
}

/// The content's key opens what was committed to: it stands in no log line.
impl fmt::Debug for PublishAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishAnswer")
            .field("index", &self.receipt.index())
            .field("repeated", &self.repeated)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        let commit =
            Commit { size: 1, root: crate::merkle::empty_root(), checkpoint: String::new() };
        let answer = PublishAnswer {
            receipt: Receipt::new(0, Arc::new(commit)),
            leaf: [1; 32],
            record: Bytes::new(),
            salt: [2; 32],
            content_key: [77; 32],
            repeated: false,
        };
        let shown = format!("{answer:?}");
        assert_eq!(shown, "PublishAnswer { index: 0, repeated: false, .. }");
    }
}
