//! What names a key: a name, and the id that ties the name to one key and one algorithm.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::merkle::hash::digest;

/// The algorithm byte of Ed25519 (C2SP signed-note, "Signature types").
pub(super) const ED25519: u8 = 0x01;

/// The algorithm byte of timestamped Ed25519 cosignatures (C2SP tlog-cosignature).
pub(super) const COSIGNATURE: u8 = 0x04;

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

    /// Derives the id of a key of an algorithm.
    pub(super) fn of(name: &str, algorithm: u8, public_key: &[u8; PUBLIC_KEY_LEN]) -> Self {
        let hash = digest(&[name.as_bytes(), b"\n", &[algorithm], public_key]);
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
    /// The algorithm is not the one that the key is for.
    #[error("key is of another algorithm")]
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

/// A public key with its name, whatever it is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) name: KeyName,
    pub(super) key_id: KeyId,
    pub(super) public_key: [u8; PUBLIC_KEY_LEN],
}

impl Named {
    pub(super) fn new(
        name: &str,
        algorithm: u8,
        public_key: [u8; PUBLIC_KEY_LEN],
    ) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name);
        }
        let key_id = KeyId::of(name, algorithm, &public_key);
        Ok(Self { name: name.into(), key_id, public_key })
    }

    /// Writes the vkey line, without a newline.
    pub(super) fn vkey(&self, algorithm: u8) -> String {
        let key = STANDARD.encode([[algorithm].as_slice(), &self.public_key].concat());
        format!("{}+{}+{key}", self.name, self.key_id)
    }

    /// Reads a vkey line. Any doubt about what was meant is an error: the id has to fit, and the line has to be the
    /// one that this key writes.
    pub(super) fn from_vkey(vkey: &str, algorithm: u8) -> Result<Self, KeyError> {
        // Base64 may hold a plus, a name may not: the first two part the fields.
        let (name, rest) = vkey.split_once('+').ok_or(KeyError::Encoding)?;
        let (key_id, encoded) = rest.split_once('+').ok_or(KeyError::Encoding)?;
        let decoded = STANDARD.decode(encoded).map_err(|_| KeyError::Encoding)?;
        let (given, public_key) = decoded.split_first().ok_or(KeyError::Encoding)?;
        if *given != algorithm {
            return Err(KeyError::Algorithm);
        }
        let public_key = public_key.try_into().map_err(|_| KeyError::Encoding)?;
        let named = Self::new(name, algorithm, public_key)?;
        if key_id == named.key_id.to_string() { Ok(named) } else { Err(KeyError::KeyId) }
    }
}
