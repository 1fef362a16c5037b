//! The directory of a witness: its key, what it has cosigned, and the lock that keeps a second process out of it.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use ring::{rand::SystemRandom, signature::Ed25519KeyPair};

use super::memory::{Memory, MemoryError};
use crate::{identity::read_private, journal::files, merkle::Cosigner};

/// The file of the key, for its owner alone: PKCS#8, DER.
pub const KEY_FILE: &str = "witness.key";
/// The file of its public side, for whoever is to believe the witness.
pub const VKEY_FILE: &str = "witness.vkey";

/// The directory of a witness, and nobody else's for as long as this lives.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) cosigner: Cosigner,
    pub(super) memory: Memory,
    pub(super) lock: File,
}

impl Home {
    /// Opens the directory, which is made at the first start, with a key of its own. A key whose memory is gone is
    /// not used any more: it would cosign what it has refused.
    pub(super) fn open(dir: &Path, name: &str) -> Result<Self, HomeError> {
        files::create_dir(dir).map_err(|error| HomeError::file(dir, error))?;
        let lock = lock(&dir.join("lock"))?;
        let path = dir.join(KEY_FILE);
        let has_key = path.try_exists().map_err(|error| HomeError::file(&path, error))?;
        let memory = match Memory::open(dir) {
            Err(MemoryError::Missing { .. }) if !has_key => Memory::create(dir)?,
            memory => memory?,
        };
        if !has_key {
            // Behind the memory: a crash between both leaves a directory that begins again.
            let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            let pkcs8 = pkcs8.map_err(|_| HomeError::Key { path: path.clone() })?;
            let made = files::create(&path, pkcs8.as_ref());
            made.map_err(|error| HomeError::file(&path, error))?;
        }
        let pkcs8 = read_private(&path).map_err(|_| HomeError::Key { path: path.clone() })?;
        let cosigner = Cosigner::from_pkcs8(name, &pkcs8).map_err(|_| HomeError::Key { path })?;
        let path = dir.join(VKEY_FILE);
        files::replace(&path, format!("{}\n", cosigner.key()).as_bytes())
            .map_err(|error| HomeError::file(&path, error))?;
        Ok(Self { cosigner, memory, lock })
    }
}

fn lock(path: &Path) -> Result<File, HomeError> {
    let failed = |error| HomeError::file(path, error);
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(HomeError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Why a witness's directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// The system refused access.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key cannot be made or read, is no Ed25519 key, or others than its owner can read it; or the witness's name
    /// cannot stand in a note.
    #[error(
        "{path}: not a private Ed25519 key for its owner alone, or the witness's name is no name of a key"
    )]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Another process uses the directory.
    #[error("{path}: another witness runs on this directory")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// What was cosigned cannot be read.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl HomeError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}
