//! The arithmetic of the log: RFC 6962 hashing, proofs, signed checkpoints and tiles, both made
//! and verified.
//!
//! Everything here is a function of its arguments. It reads no file, no clock and no network,
//! and knows nothing of what an entry says.

mod chain;
mod checkpoint;
mod frontier;
mod hash;
mod nodes;
mod note;
mod proof;
#[cfg(test)]
mod tests;
pub mod tiles;
mod verify;

pub use chain::{Chain, ChainError, Span};
pub use checkpoint::{Checkpoint, CheckpointError, decimal, generation_of, next_origin};
pub use frontier::{Frontier, PeaksError};
pub use hash::{Hash, HashLength, empty_root, leaf_hash, node_hash};
pub use nodes::{MemoryTree, Missing, Nodes};
pub use note::{
    Cosigner, KeyError, KeyId, Note, NoteError, Signature, Signer, Verifier, WitnessKey,
};
pub use proof::{ProofError, consistency, inclusion, peaks, root};
pub use verify::{verify_consistency, verify_inclusion};
