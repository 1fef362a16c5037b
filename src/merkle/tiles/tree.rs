//! A tree read out of its tiles: makes roots and proofs where only tiles are kept.

use std::fmt;

use super::{HEIGHT, TileId, WIDTH_MAX, decode_tile};
use crate::merkle::{
    frontier::Frontier,
    hash::Hash,
    nodes::{Missing, Nodes},
};

/// The tree of `size` leaves that `lookup` holds the tiles of. One node is one lookup. The tiles
/// are taken at their word: a proof made of altered ones does not verify.
pub struct TileTree<'a> {
    size: u64,
    lookup: &'a dyn Fn(&TileId) -> Option<Vec<u8>>,
}

impl<'a> TileTree<'a> {
    /// Reads the tree of `size` leaves through `lookup`, which is asked for the tiles of
    /// [`tiles_of`](super::tiles_of) that size only.
    pub fn new(size: u64, lookup: &'a dyn Fn(&TileId) -> Option<Vec<u8>>) -> Self {
        Self { size, lookup }
    }

    fn find(&self, level: u32, index: u64) -> Option<Hash> {
        // A node between two tile levels is hashed together from the run of hashes below it.
        let count = 1_u64 << (level % HEIGHT);
        let first = index.checked_mul(count)?;
        let tile_level = u8::try_from(level / HEIGHT).ok()?;
        let tile = TileId::within(self.size, tile_level, first / u64::from(WIDTH_MAX))?;
        let hashes = decode_tile(&tile, &(self.lookup)(&tile)?).ok()?;
        let slot = usize::try_from(first % u64::from(WIDTH_MAX)).ok()?;
        let end = slot.checked_add(usize::try_from(count).ok()?)?;
        let run = hashes.get(slot..end)?;
        Some(run.iter().copied().collect::<Frontier>().root())
    }
}

impl Nodes for TileTree<'_> {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Missing> {
        self.find(level, index).ok_or(Missing { level, index })
    }
}

impl fmt::Debug for TileTree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TileTree").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{MemoryTree, leaf_hash, tiles::encode_tile};

    #[test]
    fn tiles_give_the_nodes_that_memory_gives() {
        let tree: MemoryTree = (0..700_u16).map(|entry| leaf_hash(&entry.to_be_bytes())).collect();
        let lookup = |tile: &TileId| encode_tile(&tree, tile).ok();
        let tiles = TileTree::new(700, &lookup);

        for level in 0..12 {
            for index in 0..=700 >> level {
                assert_eq!(tiles.node(level, index), tree.node(level, index));
            }
        }
        for (level, index) in [(0, u64::MAX), (7, u64::MAX), (u32::MAX, 0)] {
            assert_eq!(tiles.node(level, index), Err(Missing { level, index }));
        }
    }

    #[test]
    fn a_tile_that_is_absent_or_cut_is_missing() {
        let absent = |_: &TileId| None;
        let cut = |_: &TileId| Some(vec![0; 31]);

        let missing = Err(Missing { level: 0, index: 0 });
        assert_eq!(TileTree::new(1, &absent).node(0, 0), missing);
        assert_eq!(TileTree::new(1, &cut).node(0, 0), missing);
    }
}
