//! One entry of the log as an answer carries it: record, salt and audit path, held against a checkpoint.

use bytes::Bytes;

use super::fault::Fault;
use crate::{
    merkle::{Checkpoint, Hash, leaf_hash, verify_inclusion},
    record::{self, Record, commitment},
};

/// An entry and its proof, not verified yet.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) index: u64,
    pub(super) record: &'a [u8],
    pub(super) salt: &'a [u8],
    /// The commitment as the answer states it; none where it states none.
    pub(super) leaf: Option<&'a [u8]>,
    pub(super) inclusion: &'a [Bytes],
}

impl Entry<'_> {
    /// Verifies that the record is what the log committed to at this index, and reads it.
    pub(super) fn open(&self, checkpoint: &Checkpoint) -> Result<Record, Fault> {
        let leaf = self.commitment()?;
        Self::verify_leaf(&leaf, self.index, &hashes(self.inclusion)?, checkpoint)?;
        self.decode()
    }

    /// Verifies that the tree of `checkpoint` holds a commitment at `index`.
    pub(super) fn verify_leaf(
        leaf: &[u8; 32],
        index: u64,
        proof: &[Hash],
        checkpoint: &Checkpoint,
    ) -> Result<(), Fault> {
        let (size, root) = (checkpoint.size, &checkpoint.root);
        verify_inclusion(&leaf_hash(leaf), index, size, proof, root)
            .map_err(|error| Fault::Inclusion { index, error })
    }

    /// Verifies that the stated leaf is the commitment to the record, and returns it.
    pub(super) fn commitment(&self) -> Result<[u8; 32], Fault> {
        let leaf = commitment::record(&key(self.salt)?, self.record);
        if self.leaf.is_none_or(|stated| stated == leaf) {
            Ok(leaf)
        } else {
            Err(Fault::Leaf { index: self.index })
        }
    }

    /// Reads the record.
    pub(super) fn decode(&self) -> Result<Record, Fault> {
        let malformed = Fault::Record { index: self.index, what: "it cannot be read" };
        record::decode(self.record).map_err(|_| malformed)
    }
}

/// Reads the hashes of a proof.
pub(super) fn hashes(proof: &[Bytes]) -> Result<Vec<Hash>, Fault> {
    proof.iter().map(|hash| Hash::try_from(hash.as_ref()).map_err(|_| Fault::Length)).collect()
}

/// Reads a salt or a key.
pub(super) fn key(bytes: &[u8]) -> Result<[u8; 32], Fault> {
    bytes.try_into().map_err(|_| Fault::Length)
}
