//! What stands in a snapshot's file: the state, the tree, and how the journal stood.

use bytes::Bytes;
use prost::Message;

use crate::exchange;
use crate::merkle::Hash;

/// The parts of a snapshot.
#[derive(Clone, PartialEq, Message)]
pub(in crate::ledger) struct Parts {
    /// By which program it was written: another one may read the same records otherwise.
    #[prost(bytes = "bytes", tag = "1")]
    program: Bytes,
    /// Roots of the complete tiles over leaves, 32 bytes each.
    #[prost(bytes = "bytes", tag = "2")]
    tiles: Bytes,
    /// Hashes of the leaves behind them, 32 bytes each.
    #[prost(bytes = "bytes", tag = "3")]
    leaves: Bytes,
    /// What the journal wants to be told.
    #[prost(bytes = "bytes", tag = "4")]
    pub(in crate::ledger) bearings: Bytes,
    #[prost(bytes = "bytes", tag = "5")]
    pub(in crate::ledger) state: Bytes,
}

impl Parts {
    pub(super) fn new(tiles: &[Hash], leaves: &[Hash], bearings: Vec<u8>, state: Vec<u8>) -> Self {
        Self {
            program: program(),
            tiles: joined(tiles),
            leaves: joined(leaves),
            bearings: bearings.into(),
            state: state.into(),
        }
    }

    /// Reads the parts; none where they were written by another program.
    pub(in crate::ledger) fn from_bytes(bytes: Bytes) -> Option<Self> {
        Self::decode(bytes).ok().filter(|parts| parts.program == program())
    }

    /// Returns the roots of complete tiles, and the hashes of the leaves behind them.
    pub(in crate::ledger) fn tree(&self) -> Option<(Vec<Hash>, Vec<Hash>)> {
        Some((hashes(&self.tiles)?, hashes(&self.leaves)?))
    }
}

fn joined(hashes: &[Hash]) -> Bytes {
    hashes.iter().flat_map(Hash::as_bytes).copied().collect()
}

fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    bytes.chunks(32).map(|hash| Hash::try_from(hash).ok()).collect()
}

/// The version, and a hash of the source that makes a state from records.
fn program() -> Bytes {
    [env!("CARGO_PKG_VERSION").as_bytes(), &exchange::revision()].concat().into()
}
