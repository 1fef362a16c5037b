//! What names a key: a name, and the id that ties the name to one key and one algorithm.

use std::{fmt, sync::Arc};

use crate::merkle::hash::digest;

/// The algorithm byte of Ed25519 (C2SP signed-note, "Signature types").
pub(super) const ED25519: u8 = 0x01;

/// The length of an Ed25519 public key in bytes.
pub(super) const PUBLIC_KEY_LEN: usize = 32;

/// A name that [`is_key_name`] has passed.
pub(super) type KeyName = Arc<str>;

/// The short id of a key: the first four bytes of
/// `SHA-256(name || "\n" || algorithm || public key)`. An identifier, not a fingerprint.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct KeyId([u8; 4]);

impl KeyId {
    /// Wraps the four bytes of an id.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Returns the four bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    /// Derives the id of an Ed25519 key.
    pub(super) fn of(name: &str, public_key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        let hash = digest(&[name.as_bytes(), b"\n", &[ED25519], public_key]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self([a, b, c, d])
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// Why something is not a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// The algorithm is not Ed25519.
    #[error("key is not ed25519")]
    Algorithm,
    /// Not of the form the key should have.
    #[error("malformed key")]
    Encoding,
    /// The id is not that of this name and key.
    #[error("key id does not fit the name and the key")]
    KeyId,
    /// The name is empty, or holds a space, a plus or a control character.
    #[error("key name is empty or holds a space, a plus or a control character")]
    Name,
}

/// Says whether `name` can name a key: not empty, no Unicode space, no plus, and nothing a note
/// may not hold.
pub(super) fn is_key_name(name: &str) -> bool {
    let is_allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    !name.is_empty() && name.chars().all(is_allowed)
}
