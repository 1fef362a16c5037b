//! The tree's hashes: the upper levels and the newest leaves in memory, older leaves from the journal.
//! It only ever holds committed entries.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use super::levels::Levels;
use crate::journal::Journal;
use crate::merkle::{self, Hash, Missing, Nodes, ProofError, leaf_hash, node_hash};

/// Leaves in a tile, and tiles under a tile of the next level, as C2SP tlog-tiles has it.
pub(super) const WIDTH: usize = 256;
pub(super) const HEIGHT: u32 = 8;
/// About as many bytes as a tile's records have.
const TILE_BYTES: usize = 4 << 20;

/// The hashes of the committed log, shared by the writer and all who prove.
pub(super) struct Tree {
    journal: Arc<dyn Journal>,
    levels: RwLock<Levels>,
    last_read: Mutex<Option<(u64, Arc<[Hash]>)>>,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Tree {
    pub(super) fn new(journal: Arc<dyn Journal>) -> Self {
        Self { journal, levels: RwLock::default(), last_read: Mutex::new(None) }
    }

    /// Takes up a tree again from what [`tiles`](Self::tiles) returned.
    pub(super) fn restored(journal: Arc<dyn Journal>, tiles: &[Hash], leaves: &[Hash]) -> Self {
        let mut levels = Levels::of_tiles(tiles);
        for leaf in leaves {
            levels.append(*leaf);
        }
        Self { journal, levels: RwLock::new(levels), last_read: Mutex::new(None) }
    }

    /// Returns, of the tree of `size` leaves, the roots of complete tiles and the hashes of the leaves behind them.
    ///
    /// # Errors
    ///
    /// `Missing` where the log is smaller.
    pub(super) fn tiles(&self, size: u64) -> Result<(Vec<Hash>, Vec<Hash>), Missing> {
        let complete = size / WIDTH as u64;
        let missing = Missing { level: HEIGHT, index: complete };
        let tiles = {
            let levels = self.levels();
            holds(&levels, size)?;
            let count = usize::try_from(complete).map_err(|_| missing)?;
            levels.tiles().get(..count).ok_or(missing)?.to_vec()
        };
        let leaves = (complete * WIDTH as u64..size).map(|index| self.node(0, index));
        Ok((tiles, leaves.collect::<Result<_, _>>()?))
    }

    /// Tells whether these are the hashes of the leaves from `first` on, where a tile begins.
    pub(super) fn has_leaves(&self, first: u64, leaves: &[Hash]) -> bool {
        if leaves.len() == WIDTH {
            return self.node(HEIGHT, first / WIDTH as u64) == Ok(subtree(leaves));
        }
        (first..).zip(leaves).all(|(index, leaf)| self.node(0, index) == Ok(*leaf))
    }

    /// Returns the number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.levels().size()
    }

    /// Appends the leaf hashes of a committed batch.
    pub(super) fn extend(&self, leaves: &[Hash]) {
        let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        for leaf in leaves {
            levels.append(*leaf);
        }
        levels.commit();
    }

    /// Appends a committed batch, as [`Levels::append_noted`] wants it.
    pub(super) fn extend_noted(&self, noted: &[(u32, Hash)]) {
        let mut levels = self.levels.write().unwrap_or_else(PoisonError::into_inner);
        levels.append_noted(noted);
        levels.commit();
    }

    /// Makes an inclusion proof.
    ///
    /// # Errors
    ///
    /// `ProofError` where the index lies beyond the size, or the size beyond the log.
    pub(super) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
        {
            let levels = self.levels();
            holds(&levels, size)?;
            // Nearly all that is asked for is new: one look, and no hash but those of the edge.
            match merkle::inclusion(&*levels, index, size) {
                Err(ProofError::Missing(_)) => {}
                made => return made,
            }
        }
        merkle::inclusion(self, index, size)
    }

    /// Makes a consistency proof; none is needed from nothing or between equals.
    ///
    /// # Errors
    ///
    /// `ProofError` where `from` lies beyond `to`, or `to` beyond the log.
    pub(super) fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, ProofError> {
        {
            let levels = self.levels();
            holds(&levels, to)?;
            if from == 0 || from == to {
                return Ok(Vec::new());
            }
            match merkle::consistency(&*levels, from, to) {
                Err(ProofError::Missing(_)) => {}
                made => return made,
            }
        }
        merkle::consistency(self, from, to)
    }

    /// Returns the root of the tree of `size` leaves.
    ///
    /// # Errors
    ///
    /// `Missing` where the log is smaller.
    pub(super) fn root(&self, size: u64) -> Result<Hash, Missing> {
        merkle::root(self, size)
    }

    fn levels(&self) -> RwLockReadGuard<'_, Levels> {
        self.levels.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaves_of_tile(&self, tile: u64) -> Option<Arc<[Hash]>> {
        let mut last = self.last_read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, leaves)) = last.as_ref()
            && *known == tile
        {
            return Some(Arc::clone(leaves));
        }
        let start = tile * WIDTH as u64;
        let mut leaves = Vec::with_capacity(WIDTH);
        while leaves.len() < WIDTH {
            let next = start + leaves.len() as u64;
            let frames = self.journal.read(next..start + WIDTH as u64, TILE_BYTES).ok()?;
            if frames.is_empty() {
                return None;
            }
            leaves.extend(frames.iter().map(|frame| leaf_hash(&frame.leaf)));
        }
        let leaves: Arc<[Hash]> = leaves.into();
        *last = Some((tile, Arc::clone(&leaves)));
        Some(leaves)
    }
}

/// A proof need not touch the newest leaf, so that the size has to be looked at by itself.
fn holds(levels: &Levels, size: u64) -> Result<(), Missing> {
    match size.checked_sub(1) {
        Some(index) if size > levels.size() => Err(Missing { level: 0, index }),
        Some(_) | None => Ok(()),
    }
}

impl Nodes for Tree {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Missing> {
        let missing = Missing { level, index };
        {
            let levels = self.levels();
            if let Ok(node) = levels.node(level, index) {
                return Ok(node);
            }
            let end = index.checked_add(1).and_then(|next| next.checked_shl(level));
            if level >= HEIGHT || end.is_none_or(|end| end > levels.size()) {
                return Err(missing);
            }
        }
        let start = index << level;
        let tile = self.leaves_of_tile(start / WIDTH as u64).ok_or(missing)?;
        let within = usize::try_from(start % WIDTH as u64).map_err(|_| missing)?;
        tile.get(within..within + (1 << level)).map(subtree).ok_or(missing)
    }
}

/// The root of a complete subtree over a power of two of nodes.
fn subtree(row: &[Hash]) -> Hash {
    match row {
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            if left.is_empty() {
                merkle::empty_root()
            } else {
                node_hash(&subtree(left), &subtree(right))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::journal::{Batch, Frame, Memory};
    use crate::ledger::levels::RECENT_TILES;
    use crate::merkle::MemoryTree;

    /// Proofs from the tree are those of the tree that holds every node, for leaves that are in
    /// memory and for leaves that have to come from the journal.
    #[test]
    fn proofs_do_not_depend_on_where_the_leaves_are() {
        let journal: Arc<dyn Journal> = Arc::new(Memory::new());
        let tree = Tree::new(Arc::clone(&journal));
        let mut whole = MemoryTree::new();
        let count = 3 * RECENT_TILES * WIDTH + 77;
        let frames: Vec<Frame> = (0..count)
            .map(|number| {
                let mut leaf = [0; 32];
                leaf[..8].copy_from_slice(&(number as u64).to_be_bytes());
                Frame { leaf, salt: [0; 32], record: Bytes::new(), body: Bytes::new() }
            })
            .collect();
        let hashes: Vec<Hash> = frames.iter().map(|frame| leaf_hash(&frame.leaf)).collect();
        let batch = Batch { frames, checkpoint: "c\n".to_owned() };
        journal.turn(0).unwrap().commit(batch).unwrap();
        tree.extend(&hashes);
        for hash in &hashes {
            whole.append(*hash);
        }

        let size = count as u64;
        assert_eq!(tree.root(size), merkle::root(&whole, size));
        for index in [0, 1, 255, 256, 4095, 16_383, 16_384, 32_767, size - 1] {
            assert_eq!(tree.inclusion(index, size), merkle::inclusion(&whole, index, size));
        }
        for from in [1, 2, 255, 256, 257, 20_000, size - 1] {
            assert_eq!(tree.consistency(from, size), merkle::consistency(&whole, from, size));
        }
        tree.inclusion(size, size + 1).expect_err("beyond the log");
    }
}
