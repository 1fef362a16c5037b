//! The three ways RFC 6962 §2.1 hashes: the empty tree, a leaf, an inner node.

use std::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256 value: a leaf, an inner node or a root of the tree. Shown as lower-case hex.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Hash([u8; Self::LEN]);

impl Hash {
    /// The length of a hash in bytes.
    pub const LEN: usize = 32;

    /// Wraps 32 bytes that are a hash already.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashLength;

    fn try_from(bytes: &[u8]) -> Result<Self, HashLength> {
        bytes.try_into().map(Self).map_err(|_| HashLength)
    }
}

/// A hash was expected, and the bytes were not 32.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a hash has 32 bytes")]
pub struct HashLength;

/// Hashes one log entry into its leaf: `SHA-256(0x00 || entry)` (RFC 6962 §2.1).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    digest(&[&[0x00], entry])
}

/// Hashes two siblings into their parent: `SHA-256(0x01 || left || right)` (RFC 6962 §2.1).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    digest(&[&[0x01], &left.0, &right.0])
}

/// Returns the root of the tree without leaves: `SHA-256("")` (RFC 6962 §2.1).
pub fn empty_root() -> Hash {
    digest(&[])
}

/// Hashes the concatenation of `parts`.
pub(super) fn digest(parts: &[&[u8]]) -> Hash {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Hash(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_bytes_are_a_hash() {
        let bytes = [7; 33];

        assert_eq!(Hash::try_from(&bytes[..32]), Ok(Hash::from_bytes([7; 32])));
        assert_eq!(Hash::try_from(&bytes[..31]), Err(HashLength));
        assert_eq!(Hash::try_from(&bytes[..]), Err(HashLength));
    }

    #[test]
    fn a_hash_is_shown_as_hex() {
        let shown = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

        assert_eq!(empty_root().to_string(), shown);
        assert_eq!(format!("{:?}", empty_root()), shown);
    }

    /// Second-preimage resistance rests on it: no leaf can pose as an inner node.
    #[test]
    fn a_leaf_of_two_hashes_is_not_their_parent() {
        let [left, right] = [leaf_hash(b"left"), leaf_hash(b"right")];
        let both = [left.as_bytes().as_slice(), right.as_bytes()].concat();

        assert_ne!(leaf_hash(&both), node_hash(&left, &right));
    }
}
