//! The hashes of the committed log that are in memory: every node from the roots of tiles up, and below them
//! those over the newest leaves. Each node is computed once, when its last leaf comes.

use std::collections::VecDeque;

use super::tree::{HEIGHT, WIDTH};
use crate::merkle::{Hash, Missing, Nodes, node_hash};

/// How many leaf tiles stay in memory at least.
pub(super) const RECENT_TILES: usize = 64;

/// For how many sizes the right edge is kept: what a commit released is asked for within the next few.
const EDGES_KEPT: usize = 8;

/// The nodes of the tree, level by level.
#[derive(Debug, Default)]
pub(super) struct Levels {
    size: u64,
    rows: Vec<Row>,
    /// The right edges of the newest committed sizes, the newest last.
    edges: VecDeque<Edges>,
}

/// The roots of the incomplete subtrees at the right edge of one size, by the number of their leaves.
#[derive(Debug)]
struct Edges {
    size: u64,
    roots: Vec<(u64, Hash)>,
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
        let mut levels = Self { size, rows: below.collect(), edges: VecDeque::new() };
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
        self.let_go();
    }

    /// Appends what [`Frontier::append_noting`](crate::merkle::Frontier::append_noting) noted of one leaf after the
    /// other, from the tree of this size on: nothing is hashed again.
    pub(super) fn append_noted(&mut self, noted: &[(u32, Hash)]) {
        for (level, node) in noted {
            if let Some(row) = self.row(*level) {
                row.nodes.push(*node);
            }
            self.size += u64::from(*level == 0);
        }
        self.let_go();
    }

    /// Lets go of what lies below older tiles.
    fn let_go(&mut self) {
        if self.rows.first().is_some_and(|leaves| leaves.nodes.len() > 2 * RECENT_TILES * WIDTH) {
            for (row, level) in self.rows.iter_mut().zip(0..HEIGHT) {
                let count = (RECENT_TILES * WIDTH) >> level;
                row.nodes.drain(..count.min(row.nodes.len()));
                row.first += count as u64;
            }
        }
    }

    /// Notes that proofs will be made in the tree of this size: works out once what each would hash anew.
    pub(super) fn commit(&mut self) {
        let mut roots: Vec<(u64, Hash)> = Vec::new();
        for level in (0..u64::BITS).filter(|level| self.size >> level & 1 == 1) {
            let Ok(peak) = self.node(level, (self.size >> level) - 1) else { return };
            roots.push(match roots.last() {
                Some((count, smaller)) => (count + (1 << level), node_hash(&peak, smaller)),
                None => (1 << level, peak),
            });
        }
        if self.edges.len() >= EDGES_KEPT {
            self.edges.pop_front();
        }
        self.edges.push_back(Edges { size: self.size, roots });
    }

    /// Returns a level, made if it is new.
    fn row(&mut self, level: u32) -> Option<&mut Row> {
        let level = usize::try_from(level).ok()?;
        while self.rows.len() <= level {
            self.rows.push(Row::default());
        }
        self.rows.get_mut(level)
    }

    /// Appends a node of a level, and those that it completes above.
    fn push(&mut self, level: u32, node: Hash) {
        let mut next = Some(node);
        for level in level.. {
            let Some(node) = next else { return };
            let Some(row) = self.row(level) else { return };
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

    fn edge(&self, start: u64, count: u64) -> Option<Hash> {
        let size = start.checked_add(count)?;
        let Edges { roots, .. } = self.edges.iter().rev().find(|it| it.size == size)?;
        roots.iter().find(|(of, _)| *of == count).map(|(_, root)| *root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{self, Frontier, MemoryTree, leaf_hash};

    /// What a frontier notes is what the levels would hash themselves, from whichever size on, and what is let go is the same.
    #[test]
    fn nodes_that_were_noted_are_those_that_would_be_hashed() {
        let tiles = [leaf_hash(b"a tile"), leaf_hash(b"another")];
        let peak = node_hash(&tiles[0], &tiles[1]);
        let mut frontier = Frontier::restore(2 * WIDTH as u64, vec![peak]).unwrap();
        let (mut hashed, mut noted) = (Levels::of_tiles(&tiles), Levels::of_tiles(&tiles));
        for batch in (0..2 * RECENT_TILES * WIDTH + 300).collect::<Vec<_>>().chunks(777) {
            let mut nodes = Vec::new();
            for number in batch {
                let leaf = leaf_hash(&number.to_be_bytes());
                hashed.append(leaf);
                frontier.append_noting(leaf, |level, node| nodes.push((level, node)));
            }
            noted.append_noted(&nodes);
            assert_eq!(noted.size(), hashed.size());
            for (level, node) in nodes {
                let last = (hashed.size() >> level) - 1;
                assert_eq!(noted.node(level, last), hashed.node(level, last));
                assert_ne!(noted.node(level, last), Err(Missing { level, index: last }), "{node}");
            }
        }
        assert_eq!(noted.tiles(), hashed.tiles());
        noted.node(0, 2 * WIDTH as u64).expect_err("let go");
    }

    /// What is kept of right edges shortens the work and changes no proof, of the newest size or of one before it.
    #[test]
    fn proofs_do_not_depend_on_the_edges_that_are_kept() {
        let (mut levels, mut whole) = (Levels::default(), MemoryTree::new());
        for number in 0..700_u64 {
            let leaf = leaf_hash(&[u8::try_from(number % 251).unwrap(); 32]);
            levels.append(leaf);
            whole.append(leaf);
            levels.commit();
            assert!(levels.edges.len() <= EDGES_KEPT);
            for size in [1, 2, EDGES_KEPT as u64 + 2].map(|back| (number + 2).saturating_sub(back))
            {
                for index in [0, size / 3, size / 2, size.saturating_sub(1)] {
                    let made = merkle::inclusion(&levels, index, size);
                    assert_eq!(made, merkle::inclusion(&whole, index, size), "{index} in {size}");
                }
                let from = size / 2 + 1;
                let made = merkle::consistency(&levels, from, size);
                assert_eq!(made, merkle::consistency(&whole, from, size), "{from} to {size}");
            }
        }
    }
}
