//! Bytes that outlive a crash: the journal, its engines, the keys that make bodies readable,
//! and the anchor that says how far the journal had come.
//!
//! Never knows what the bytes mean: records, checkpoints and secrets pass through as given.
//! Everything is synchronous and shared by `&self`; bytes on disk are in `docs/journal-format.md`.

mod anchor;
mod backup;
mod contract;
pub mod files;
mod id;
mod keys;
mod memory;
mod segments;
mod slot_set;
mod snapshots;

#[cfg(test)]
pub(crate) mod conformance;

pub use anchor::{Anchor, AnchorError, AnchorFile};
pub use backup::{BackupDir, BackupError, BackupFile, BackupKind, BackupManifest, Copied, Target};
pub use contract::{
    Batch, CommitError, Condense, Failure, Frame, Head, Journal, JournalError, Turn,
};
pub use id::{InvalidJournalId, JournalId};
pub use keys::{KeyError, Keys, MasterKey, SlotKey};
pub use memory::{Fault, Memory};
pub use segments::{OpenError, Recovery, Segments, Settings, TailCut};
pub use slot_set::SlotSet;
pub use snapshots::{Snapshot, SnapshotError, SnapshotFiles};
