//! The file that the receipts of `--file` are kept in.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use crate::cli::output::Failure;

/// An open file of receipts.
pub(super) struct Kept<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Kept<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, Failure> {
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|error| Failure::usage(named(path, &error)))?;
        Ok(Self { path, file })
    }

    pub(super) fn add(&mut self, receipt: &serde_json::Value) -> Result<(), Failure> {
        writeln!(self.file, "{receipt}").map_err(|error| Failure::failed(named(self.path, &error)))
    }

    pub(super) fn close(self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| Failure::failed(named(self.path, &error)))
    }
}

/// Says which file it is about.
pub(super) fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
