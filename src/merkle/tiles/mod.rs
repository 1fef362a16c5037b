//! Tiles as C2SP tlog-tiles v0.1 defines them: the tree and its entries as files that can be
//! copied anywhere and checked against one checkpoint.
//!
//! A tile is 256 consecutive hashes of one tile level, fewer at the right edge of the tree;
//! tile level `n` is tree level `8n`. The files themselves are read and written elsewhere.

mod bundle;
mod path;
mod tree;
mod verify;

pub use bundle::{BundleError, decode_bundle, encode_bundle, verify_bundle};
pub use path::{BundleId, PathError, TileId};
pub use tree::TileTree;
pub use verify::{TileError, verify};

use super::{
    hash::Hash,
    nodes::{Missing, Nodes},
};

/// How many hashes, or entries, a full tile holds.
pub const WIDTH_MAX: u16 = 256;

/// Tree levels in one tile: `2^8` is [`WIDTH_MAX`].
const HEIGHT: u32 = 8;

/// Tile levels that a tree of at most `2^64 - 1` leaves can have.
const LEVELS: u8 = 8;

/// Lists the tiles of a tree of `size` leaves: level by level from the leaves up, left to right,
/// the partial one of each level last.
pub fn tiles_of(size: u64) -> impl Iterator<Item = TileId> {
    (0..LEVELS).flat_map(move |level| {
        let hashes = TileId::hashes_of_level(size, level);
        (0..hashes.div_ceil(WIDTH_MAX.into())).filter_map(move |n| TileId::within(size, level, n))
    })
}

/// Lists the entry bundles of a tree of `size` leaves, left to right.
pub fn bundles_of(size: u64) -> impl Iterator<Item = BundleId> {
    (0..size.div_ceil(WIDTH_MAX.into())).filter_map(move |n| BundleId::within(size, n))
}

/// Writes the content of one tile: its hashes, one behind the other.
///
/// # Errors
///
/// [`Missing`] where `nodes` does not reach to the end of the tile.
pub fn encode_tile(nodes: &dyn Nodes, tile: &TileId) -> Result<Vec<u8>, Missing> {
    let level = u32::from(tile.level()) * HEIGHT;
    let mut bytes = Vec::with_capacity(usize::from(tile.width()) * Hash::LEN);
    for (index, _) in (tile.first_hash()..).zip(0..tile.width()) {
        bytes.extend_from_slice(nodes.node(level, index)?.as_bytes());
    }
    Ok(bytes)
}

/// Reads the content of one tile. For a tile of level 0 these are the leaf hashes of its
/// entries. Nothing is verified but the length: see [`verify()`].
///
/// # Errors
///
/// [`TileError::Length`] where the bytes are not `tile`'s width in hashes.
pub fn decode_tile(tile: &TileId, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
    if bytes.len() != usize::from(tile.width()) * Hash::LEN {
        return Err(TileError::Length(*tile));
    }
    bytes
        .chunks(Hash::LEN)
        .map(|hash| Hash::try_from(hash).map_err(|_| TileError::Length(*tile)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{MemoryTree, leaf_hash};

    /// The two examples of C2SP tlog-tiles, "Partial Tiles".
    #[test]
    fn a_tree_has_the_tiles_the_specification_counts() {
        let count = |size, level, partial| {
            let tiles = tiles_of(size).filter(|tile| tile.level() == level);
            tiles.filter(|tile| (tile.width() < WIDTH_MAX) == partial).count()
        };
        let paths = |size| tiles_of(size).map(|tile| tile.to_string()).collect::<Vec<_>>();

        assert_eq!([count(70_000, 0, false), count(70_000, 0, true)], [273, 1]);
        assert_eq!([count(70_000, 1, false), count(70_000, 1, true)], [1, 1]);
        assert_eq!([count(70_000, 2, false), count(70_000, 2, true)], [0, 1]);
        let last = paths(70_000).split_off(273);
        let edges = ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"];
        assert_eq!(last, edges);
        assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(paths(0), [""; 0]);
    }

    #[test]
    fn a_tree_has_a_bundle_for_each_tile_of_leaves() {
        let paths = bundles_of(513).map(|bundle| bundle.to_string()).collect::<Vec<_>>();

        assert_eq!(paths, ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/1"]);
        assert_eq!(bundles_of(0).count(), 0);
    }

    #[test]
    fn a_tile_is_its_hashes_one_behind_the_other() {
        let tree: MemoryTree = (0..300_u16).map(|entry| leaf_hash(&entry.to_be_bytes())).collect();
        let edge = TileId::new(0, 1, 44).unwrap();

        let bytes = encode_tile(&tree, &edge).unwrap();

        let leaves = (256..300_u16).map(|entry| leaf_hash(&entry.to_be_bytes()));
        assert_eq!(decode_tile(&edge, &bytes), Ok(leaves.collect()));
        assert_eq!(decode_tile(&edge, &bytes[1..]), Err(TileError::Length(edge)));
        let beyond = TileId::new(0, 1, 45).unwrap();
        assert_eq!(encode_tile(&tree, &beyond), Err(Missing { level: 0, index: 300 }));
        assert_eq!(decode_tile(&beyond, &bytes), Err(TileError::Length(beyond)));
    }
}
