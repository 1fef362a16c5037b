//! The file that deliveries are kept in: one `Delivery` a line, added to and never overwritten, for its owner alone. It
//! is on disk before anything of it is acknowledged.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::output::Failure;
use crate::client::{Delivered, json};

/// An open file of deliveries.
pub(super) struct Keeper {
    path: PathBuf,
    file: File,
}

impl Keeper {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::options().create(true).append(true).mode(0o600).open(path);
        let failed = |error| Failure::usage(format_args!("{}: {error}", path.display()));
        Ok(Self { path: path.to_owned(), file: file.map_err(failed)? })
    }

    /// Adds a delivery. In one piece, so that nothing but a crash leaves a part of it.
    pub(super) fn add(&mut self, delivered: &Delivered) -> Result<(), Failure> {
        let line = format!("{}\n", json::to_text(&delivered.proof)?);
        self.file.write_all(line.as_bytes()).map_err(|error| self.failed(&error))
    }

    /// Waits until all of it is on disk.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        self.file.sync_data().map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::failed(format_args!("{}: {error}", self.path.display()))
    }
}
