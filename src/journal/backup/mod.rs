//! Backups: copies of a journal's segments and of its wrapped keys, each in a directory of its own, under a manifest
//! that names every file by its digest and is written last.
//!
//! Knows that copies are whole and of one journal; whether the log in them is sound is for the ledger to say. Never
//! reads a master key, and never writes to what it copies.

mod copy;
mod error;
mod keys;
mod manifest;
mod put;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    copy::Copied,
    error::BackupError,
    manifest::{BackupFile, BackupKind, BackupManifest},
    put::Target,
    store::BackupDir,
};
