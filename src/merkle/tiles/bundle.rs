//! Entry bundles: the entries of one tile, each behind its length in two big-endian bytes.

use super::{BundleId, decode_tile};
use crate::merkle::hash::leaf_hash;

/// Why a bundle is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BundleError {
    /// An entry is not the one the tree was built over.
    #[error("{bundle}: leaf {leaf} is not the tree's")]
    Altered {
        /// The bundle the entry is in.
        bundle: BundleId,
        /// The index of the entry in the log, from 0.
        leaf: u64,
    },
    /// The entries do not fill the bytes, or are not as many as the bundle is wide.
    #[error("{0}: does not hold its number of entries")]
    Length(BundleId),
    /// An entry to be written is longer than 65,535 bytes.
    #[error("entry is too long for a bundle")]
    TooLong,
}

/// Writes the entries of one bundle (C2SP tlog-tiles, "Log entries").
///
/// # Errors
///
/// [`BundleError::TooLong`] where an entry is longer than 65,535 bytes.
pub fn encode_bundle<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for entry in entries.iter().map(AsRef::as_ref) {
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::TooLong)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads the entries of one bundle. Nothing is verified but their number and lengths.
///
/// # Errors
///
/// [`BundleError::Length`] where the bytes are not exactly the entries of `bundle`.
pub fn decode_bundle(bundle: BundleId, mut bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(bundle.width().into());
    for _ in 0..bundle.width() {
        let (entry, rest) = split_entry(bytes).ok_or(BundleError::Length(bundle))?;
        entries.push(entry);
        bytes = rest;
    }
    if bytes.is_empty() { Ok(entries) } else { Err(BundleError::Length(bundle)) }
}

/// Verifies a bundle against the bytes of the level 0 tile of the same place, itself verified
/// against the root before: every entry must hash to its leaf.
///
/// # Errors
///
/// [`BundleError::Altered`] with the first entry that does not, [`BundleError::Length`] where
/// bundle or tile are not of `bundle`'s width.
pub fn verify_bundle(bundle: BundleId, bytes: &[u8], tile: &[u8]) -> Result<(), BundleError> {
    let entries = decode_bundle(bundle, bytes)?;
    let leaves = decode_tile(&bundle.tile(), tile).map_err(|_| BundleError::Length(bundle))?;
    let first = bundle.tile().first_hash();
    for ((entry, leaf), index) in entries.iter().zip(&leaves).zip(first..) {
        if leaf_hash(entry) != *leaf {
            return Err(BundleError::Altered { bundle, leaf: index });
        }
    }
    Ok(())
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{MemoryTree, tiles::encode_tile};

    #[test]
    fn entries_stand_behind_their_lengths() {
        let longest = vec![7; 0xffff];
        let entries = [b"".as_slice(), b"one", &longest];
        let bundle = BundleId::new(0, 3).unwrap();

        let bytes = encode_bundle(&entries).unwrap();

        assert_eq!(bytes[..9], *b"\x00\x00\x00\x03one\xff\xff");
        assert_eq!(decode_bundle(bundle, &bytes), Ok(entries.to_vec()));
        assert_eq!(encode_bundle(&[vec![0; 0x1_0000]]), Err(BundleError::TooLong));
    }

    #[test]
    fn a_bundle_that_is_cut_or_longer_is_refused() {
        let bundle = BundleId::new(0, 2).unwrap();
        let bytes = b"\x00\x01a\x00\x02bc";
        let refused = Err(BundleError::Length(bundle));

        assert_eq!(decode_bundle(bundle, bytes).map(|entries| entries.len()), Ok(2));
        for end in 0..bytes.len() {
            assert_eq!(decode_bundle(bundle, &bytes[..end]), refused, "{end}");
        }
        assert_eq!(decode_bundle(bundle, b"\x00\x01a\x00\x02bc\x00"), refused);
        assert_eq!(decode_bundle(bundle, b"\x00\x01a\x00\x02bc\x00\x00"), refused);
    }

    #[test]
    fn the_first_altered_entry_is_named() {
        let entries = (0..300_u16).map(u16::to_be_bytes).collect::<Vec<_>>();
        let tree: MemoryTree = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let bundle = BundleId::within(300, 1).unwrap();
        let tile = encode_tile(&tree, &bundle.tile()).unwrap();
        let mut bytes = encode_bundle(&entries[256..]).unwrap();

        assert_eq!(verify_bundle(bundle, &bytes, &tile), Ok(()));
        assert_eq!(verify_bundle(bundle, &bytes, &tile[32..]), Err(BundleError::Length(bundle)));
        bytes[5 * 4 + 2] ^= 1;
        let altered = BundleError::Altered { bundle, leaf: 261 };
        assert_eq!(verify_bundle(bundle, &bytes, &tile), Err(altered));
        assert_eq!(altered.to_string(), "tile/entries/001.p/44: leaf 261 is not the tree's");
    }
}
