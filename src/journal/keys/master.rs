//! The master key, from a file, and the keys derived from it.
//!
//! It wraps other keys and opens nothing itself. Wiped from memory when dropped.

use std::{
    fmt,
    fs::File,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::{Zeroize, Zeroizing};

use super::error::KeyError;
use crate::journal::{files, id::JournalId};

/// The key under which a journal's keys are wrapped: 32 random bytes.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// The file's usual name, in the keys directory.
    pub const FILE: &str = "master.key";

    /// Draws a master key and writes it to a new file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`KeyError::AlreadyExists`] when there is a file: a master key is never made over.
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new().fill(&mut *key).map_err(|_| KeyError::Random)?;
        let mut text = Zeroizing::new(files::hex(&*key));
        text.push('\n');
        files::create(path, text.as_bytes()).map_err(KeyError::io(path))?;
        Ok(Self(key))
    }

    /// Reads a master key: 64 lower-case hexadecimal digits and a line break.
    ///
    /// # Errors
    ///
    /// [`KeyError::Exposed`] when its group or others may read, write or run it,
    /// [`KeyError::Damaged`] when it holds anything else.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let mut file = File::open(path).map_err(KeyError::io(path))?;
        // Asked of the open file, so that no other can be put in its place in between.
        let metadata = file.metadata().map_err(KeyError::io(path))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Exposed { path: path.into() });
        }
        let mut text = Zeroizing::new([0; 65]);
        let damaged = || KeyError::Damaged { path: PathBuf::from(path) };
        if metadata.len() != text.len() as u64 {
            return Err(damaged());
        }
        file.read_exact(&mut *text).map_err(KeyError::io(path))?;
        let digits = str::from_utf8(&*text).ok().and_then(|text| text.strip_suffix('\n'));
        let key = digits.and_then(files::unhex).ok_or_else(damaged)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Derives the key for one use in one journal (HKDF-SHA-256, RFC 5869; the salt is the id).
    pub(super) fn derive(&self, journal: JournalId, label: &str) -> Result<Wrap, KeyError> {
        let secret = Salt::new(HKDF_SHA256, journal.as_bytes()).extract(&*self.0);
        let labels = [label.as_bytes()];
        let key = secret.expand(&labels, &CHACHA20_POLY1305).map_err(|_| KeyError::Random)?;
        Ok(Wrap { key: LessSafeKey::new(UnboundKey::from(key)), random: SystemRandom::new() })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey")
    }
}

/// A derived key that wraps others (ChaCha20-Poly1305, RFC 8439) under random nonces.
///
/// 96 random bits repeat with a probability below 2^-32 over the first 2^32 wrappings.
pub(super) struct Wrap {
    key: LessSafeKey,
    random: SystemRandom,
}

/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = NONCE_LEN;
/// Bytes that wrapping adds: nonce before, tag behind.
pub(super) const WRAPPING_BYTES: usize = NONCE_BYTES + TAG_BYTES;
const TAG_BYTES: usize = 16;

impl Wrap {
    /// Wraps `secret` for `place`: nonce, ciphertext, tag.
    pub(super) fn seal(&self, place: &[u8], secret: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut nonce = [0; NONCE_BYTES];
        self.draw(&mut nonce)?;
        self.seal_under(nonce, place, secret)
    }

    /// Wraps likewise under a nonce that was [drawn](Self::draw) for this and is used for nothing else.
    pub(super) fn seal_under(
        &self,
        nonce: [u8; NONCE_BYTES],
        place: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        // Room for all of it at once: growing would leave a copy of the secret behind.
        let mut sealed = Vec::with_capacity(secret.len() + WRAPPING_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(secret);
        let secret = sealed.get_mut(NONCE_LEN..).unwrap_or_default();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag: Tag = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(place), secret)
            .map_err(|_| KeyError::Random)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Unwraps what was wrapped for `place`; `None` when it was not, or has changed.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let length = self.key.open_in_place(nonce, Aad::from(place), &mut bytes).ok()?.len();
        if let Some(rest) = bytes.get_mut(length..) {
            rest.zeroize();
        }
        bytes.truncate(length);
        Some(bytes)
    }

    /// Fills `bytes` at random.
    pub(super) fn draw(&self, bytes: &mut [u8]) -> Result<(), KeyError> {
        self.random.fill(bytes).map_err(|_| KeyError::Random)
    }
}
