//! Writes files so that a key is never readable by others, not for a moment, and nothing that exists
//! is ever overwritten.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use super::PkiError;

/// Makes a directory that only its owner may enter; one that exists stays as it is.
///
/// # Errors
///
/// `File` names the directory.
pub fn create_directory(path: &Path) -> Result<(), PkiError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(in_file(path))
}

/// Writes a new file that only its owner may read.
///
/// # Errors
///
/// `File` where it exists or cannot be written.
pub fn write_private(path: &Path, text: &str) -> Result<(), PkiError> {
    write_new(path, text, 0o600)
}

/// Writes a new file that everybody may read.
///
/// # Errors
///
/// `File` where it exists or cannot be written.
pub fn write_public(path: &Path, text: &str) -> Result<(), PkiError> {
    write_new(path, text, 0o644)
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(in_file(path))
}

pub(super) fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(in_file(path))
}

fn in_file(path: &Path) -> impl Fn(io::Error) -> PkiError + '_ {
    |error| PkiError::File { path: path.to_owned(), error }
}
