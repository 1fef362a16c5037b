//! The hashes of the committed log that are in memory: every node from the roots of tiles up, and below them
//! those over the newest leaves. Each node is computed once, when its last leaf comes.

use super::tree::{HEIGHT, WIDTH};
use crate::merkle::{Hash, Missing, Nodes, node_hash};

/// How many leaf tiles stay in memory at least.
pub(super) const RECENT_TILES: usize = 64;

/// The nodes of the tree, level by level.
#[derive(Debug, Default)]
pub(super) struct Levels {
    size: u64,
    rows: Vec<Row>,
}

/// A level: its nodes from `first` on.
#[derive(Debug, Default)]
struct Row {
    first: u64,
    nodes: Vec<Hash>,
}

impl Levels {
    /// Takes up a tree whose complete tiles have these roots; the leaves below them are not held.
    pub(super) fn of_tiles(tiles: &[Hash]) -> Self {
        let size = (tiles.len() * WIDTH) as u64;
        let below = (0..HEIGHT).map(|level| Row { first: size >> level, nodes: Vec::new() });
        let mut levels = Self { size, rows: below.collect() };
        for tile in tiles {
            levels.push(HEIGHT, *tile);
        }
        levels
    }

    /// Returns the number of leaves.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of complete tiles.
    pub(super) fn tiles(&self) -> &[Hash] {
        let row = usize::try_from(HEIGHT).ok().and_then(|level| self.rows.get(level));
        row.map(|row| row.nodes.as_slice()).unwrap_or_default()
    }

    /// Appends a leaf, and every node that it completes.
    pub(super) fn append(&mut self, leaf: Hash) {
        self.push(0, leaf);
        self.size += 1;
        if self.rows.first().is_some_and(|leaves| leaves.nodes.len() > 2 * RECENT_TILES * WIDTH) {
            for (row, level) in self.rows.iter_mut().zip(0..HEIGHT) {
                let count = (RECENT_TILES * WIDTH) >> level;
                row.nodes.drain(..count.min(row.nodes.len()));
                row.first += count as u64;
            }
        }
    }

    /// Appends a node of a level, and those that it completes above.
    fn push(&mut self, level: u32, node: Hash) {
        let mut next = Some(node);
        for level in usize::try_from(level).unwrap_or(usize::MAX).. {
            let Some(node) = next else { return };
            while self.rows.len() <= level {
                self.rows.push(Row::default());
            }
            let Some(row) = self.rows.get_mut(level) else { return };
            row.nodes.push(node);
            let is_even = (row.first + row.nodes.len() as u64).is_multiple_of(2);
            next = match row.nodes.as_slice() {
                [.., left, right] if is_even => Some(node_hash(left, right)),
                _ => None,
            };
        }
    }
}

impl Nodes for Levels {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Missing> {
        let find = || {
            let row = self.rows.get(usize::try_from(level).ok()?)?;
            row.nodes.get(usize::try_from(index.checked_sub(row.first)?).ok()?).copied()
        };
        find().ok_or(Missing { level, index })
    }
}
