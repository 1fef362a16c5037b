//! Verifies a whole set of tiles against one root, from the root down, so that a tile is only
//! ever held against hashes that are vouched for already.

use super::{LEVELS, TileId, WIDTH_MAX, decode_tile};
use crate::merkle::{
    frontier::{Frontier, fold},
    hash::{Hash, empty_root},
};

/// Why a set of tiles is refused, with the first tile at fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TileError {
    /// The tile is not there.
    #[error("{0}: is missing")]
    Absent(TileId),
    /// The tile does not agree with the root, or with the tiles that lead there.
    #[error("{0}: does not agree with the tree")]
    Altered(TileId),
    /// The tile is not as long as its width demands.
    #[error("{0}: has the wrong length")]
    Length(TileId),
    /// The tiles agree with each other, and not with the root: it is another tree's.
    #[error("tiles do not lead to the root")]
    Root,
    /// As [`Root`](Self::Root), but there is a partial tile of leaves, which no other tile
    /// vouches for: either it was altered, or the root is another tree's.
    #[error("{0}: does not lead to the root")]
    Unvouched(TileId),
}

/// Verifies that the tiles that `lookup` finds are those of the tree of `size` leaves under
/// `root`: all are there, and each is consistent with the root. Where nothing is wrong each
/// tile is read once, and at most sixteen are held at a time.
///
/// # Errors
///
/// [`TileError`], with the first tile at fault on the way down: partial tiles before full ones,
/// a tile before those below it, left before right.
pub fn verify(
    size: u64,
    root: &Hash,
    lookup: impl Fn(&TileId) -> Option<Vec<u8>>,
) -> Result<(), TileError> {
    let tiles = Tiles { lookup: &lookup };
    let edge = partial_tiles(size)
        .map(|tile| Ok((tile, tiles.read(tile)?)))
        .collect::<Result<Vec<_>, _>>()?;
    if edge_root(&edge) != *root {
        return Err(tiles.blame(&edge));
    }
    edge.iter().try_for_each(|(tile, hashes)| tiles.descend(*tile, hashes))
}

/// Lists the partial tiles, the highest first: at most one for each level.
fn partial_tiles(size: u64) -> impl Iterator<Item = TileId> {
    let index = move |level| TileId::hashes_of_level(size, level) / u64::from(WIDTH_MAX);
    (0..LEVELS).rev().filter_map(move |level| TileId::within(size, level, index(level)))
}

/// Hashes the partial tiles into the root. Each hash in them is a subtree that no full tile
/// above takes in, so their peaks together are the peaks of the tree.
fn edge_root(edge: &[(TileId, Vec<Hash>)]) -> Hash {
    let frontiers = edge.iter().map(|(_, hashes)| hashes.iter().copied().collect::<Frontier>());
    let peaks = frontiers.flat_map(|frontier| frontier.peaks().to_vec()).collect::<Vec<_>>();
    fold(&peaks).unwrap_or_else(empty_root)
}

/// The set of tiles under verification.
struct Tiles<'a> {
    lookup: &'a dyn Fn(&TileId) -> Option<Vec<u8>>,
}

impl Tiles<'_> {
    fn read(&self, tile: TileId) -> Result<Vec<Hash>, TileError> {
        let bytes = (self.lookup)(&tile).ok_or(TileError::Absent(tile))?;
        decode_tile(&tile, &bytes)
    }

    /// Verifies every tile below `tile`, whose `hashes` are vouched for.
    fn descend(&self, tile: TileId, hashes: &[Hash]) -> Result<(), TileError> {
        for (child, hash) in children(tile).zip(hashes) {
            let below = self.read(child)?;
            if below.iter().copied().collect::<Frontier>().root() != *hash {
                return Err(TileError::Altered(child));
            }
            self.descend(child, &below)?;
        }
        Ok(())
    }

    /// Finds the partial tile that keeps the others from giving the root: the one that the full
    /// tiles below it contradict.
    fn blame(&self, edge: &[(TileId, Vec<Hash>)]) -> TileError {
        for (tile, hashes) in edge {
            for (child, hash) in children(*tile).zip(hashes) {
                match self.read(child) {
                    Ok(below) if below.iter().copied().collect::<Frontier>().root() == *hash => {}
                    Ok(_) => return TileError::Altered(*tile),
                    Err(error) => return error,
                }
            }
        }
        match edge.last() {
            Some((tile, _)) if tile.level() == 0 => TileError::Unvouched(*tile),
            _ => TileError::Root,
        }
    }
}

/// Lists the full tiles whose roots are the hashes of `tile`, in their order; none below level 0.
fn children(tile: TileId) -> impl Iterator<Item = TileId> {
    let level = tile.level().checked_sub(1);
    let indices = tile.first_hash()..;
    level.into_iter().flat_map(move |level| {
        indices.clone().map_while(move |index| TileId::new(level, index, WIDTH_MAX).ok())
    })
}

#[cfg(test)]
mod tests {
    use std::{
        cell::RefCell,
        collections::{BTreeMap, BTreeSet},
    };

    use super::*;
    use crate::merkle::{
        MemoryTree, leaf_hash, root,
        tiles::{encode_tile, tiles_of},
    };

    /// Two full tiles of leaves, a partial one of 88, and the two hashes above them.
    const SIZE: u64 = 600;

    fn tiles() -> (Hash, BTreeMap<TileId, Vec<u8>>) {
        let leaves = (0..SIZE).map(|entry| leaf_hash(&entry.to_be_bytes()));
        let tree: MemoryTree = leaves.collect();
        let tiles = tiles_of(SIZE).map(|tile| (tile, encode_tile(&tree, &tile).unwrap()));
        (root(&tree, SIZE).unwrap(), tiles.collect())
    }

    fn tile(path: &str) -> TileId {
        path.parse().unwrap()
    }

    /// What a verifier says of the set once `change` was done to the tile at `path`.
    fn verdict(path: &str, change: impl Fn(&mut Vec<u8>)) -> Result<(), TileError> {
        let (root, mut tiles) = tiles();
        change(tiles.get_mut(&tile(path)).unwrap());
        verify(SIZE, &root, |tile| tiles.get(tile).cloned())
    }

    #[test]
    fn every_tile_of_the_tree_is_read_once() {
        let (root, tiles) = tiles();
        let read = RefCell::new(BTreeSet::new());

        let verdict = verify(SIZE, &root, |tile| {
            assert!(read.borrow_mut().insert(*tile), "{tile} was read before");
            tiles.get(tile).cloned()
        });

        assert_eq!(verdict, Ok(()));
        assert_eq!(read.into_inner(), tiles.into_keys().collect());
    }

    #[test]
    fn the_altered_tile_is_named() {
        let flip = |bytes: &mut Vec<u8>| bytes[40] ^= 1;

        for path in ["tile/0/000", "tile/0/001", "tile/1/000.p/2"] {
            assert_eq!(verdict(path, flip), Err(TileError::Altered(tile(path))));
        }
        let edge = "tile/0/002.p/88";
        assert_eq!(verdict(edge, flip), Err(TileError::Unvouched(tile(edge))));
    }

    #[test]
    fn a_tile_that_is_cut_or_gone_is_named() {
        let (root, tiles) = tiles();
        for missing in tiles.keys() {
            let cut = verdict(&missing.to_string(), |bytes| bytes.truncate(32));
            assert_eq!(cut, Err(TileError::Length(*missing)));
            let rest = |tile: &TileId| tiles.get(tile).filter(|_| tile != missing).cloned();
            assert_eq!(verify(SIZE, &root, rest), Err(TileError::Absent(*missing)));
        }
    }

    #[test]
    fn the_root_of_another_tree_is_refused() {
        let (_, tiles) = tiles();
        let other = leaf_hash(b"other");
        let lookup = |tile: &TileId| tiles.get(tile).cloned();
        let edge = tile("tile/0/002.p/88");

        assert_eq!(verify(SIZE, &other, lookup), Err(TileError::Unvouched(edge)));
        // Without the partial tile of leaves the rest is the tree of 512.
        assert_eq!(verify(512, &other, lookup), Err(TileError::Root));
        assert_eq!(verify(0, &other, lookup), Err(TileError::Root));
        assert_eq!(verify(0, &empty_root(), lookup), Ok(()));
    }

    #[test]
    fn a_size_nobody_can_hold_is_refused_at_its_first_tile() {
        let absent = TileError::Absent(tile("tile/7/000.p/255"));

        assert_eq!(verify(u64::MAX, &empty_root(), |_| None), Err(absent));
    }
}
