//! The keys directory: what makes the journal's bodies readable, and its erasure real.
//!
//! Holds single secrets and slots of random keys, all wrapped under a master key that may stand
//! elsewhere. Never learns what a key opens. For its owner alone: 0700 and 0600.

mod directory;
mod error;
mod master;
mod sealed;
mod slots;

#[cfg(test)]
mod tests;

pub use self::{directory::Keys, error::KeyError, master::MasterKey, slots::SlotKey};
pub(in crate::journal) use self::{
    directory::{CHECK, ID},
    sealed::{SUFFIX, is_sealed_under},
    slots::{DIR as SLOTS, SLOT_BYTES, SLOTS_IN_CHUNK, chunk_name, count_chunks, is_sound},
};
