//! Where the hashes of complete subtrees come from, and the tree that holds them all in memory.

use super::hash::{Hash, node_hash};

/// Gives the hashes a root or a proof is made of.
///
/// # Contract
///
/// The node at (`level`, `index`) is the root of the complete subtree over the `2^level` leaves
/// from leaf `index * 2^level` on. Once answered, the answer never changes: the log only grows.
pub trait Nodes {
    /// Returns one node.
    ///
    /// # Errors
    ///
    /// [`Missing`] where the subtree is not complete yet or its hash is not held.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Missing>;

    /// Returns the root of the `count` leaves from `start` on, which are no complete subtree, where it is held:
    /// every proof in a tree needs the same few of these.
    fn edge(&self, _start: u64, _count: u64) -> Option<Hash> {
        None
    }
}

/// A node that was needed and is not there: ask for a smaller tree, or restore the hashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("tree node {index} of level {level} is missing")]
pub struct Missing {
    /// The height above the leaves.
    pub level: u32,
    /// The position within the level, from 0.
    pub index: u64,
}

/// A tree with every complete node in memory: 64 bytes for each leaf.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    /// One row for each level, leaves first.
    rows: Vec<Vec<Hash>>,
}

impl MemoryTree {
    /// Makes the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one leaf, and every node that it completes.
    pub fn append(&mut self, leaf: Hash) {
        let mut next = Some(leaf);
        for row in &mut self.rows {
            let Some(node) = next else { return };
            row.push(node);
            // A row of odd length waits for the sibling of its last node.
            next = match row.as_slice() {
                [.., left, right] if row.len() % 2 == 0 => Some(node_hash(left, right)),
                _ => None,
            };
        }
        if let Some(node) = next {
            self.rows.push(vec![node]);
        }
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.rows.first().map_or(0, |leaves| leaves.len() as u64)
    }
}

impl Nodes for MemoryTree {
    fn node(&self, level: u32, index: u64) -> Result<Hash, Missing> {
        let row = usize::try_from(level).ok().and_then(|level| self.rows.get(level));
        let place = usize::try_from(index).ok();
        row.zip(place)
            .and_then(|(row, place)| row.get(place))
            .copied()
            .ok_or(Missing { level, index })
    }
}

impl FromIterator<Hash> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.append(leaf));
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    #[test]
    fn a_node_is_there_once_its_subtree_is_complete() {
        let leaves = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry));
        let tree: MemoryTree = leaves.into_iter().collect();

        assert_eq!(tree.size(), 3);
        assert_eq!(tree.node(0, 2), Ok(leaves[2]));
        assert_eq!(tree.node(1, 0), Ok(node_hash(&leaves[0], &leaves[1])));
        assert_eq!(tree.node(1, 1), Err(Missing { level: 1, index: 1 }));
        assert_eq!(tree.node(2, 0), Err(Missing { level: 2, index: 0 }));
        assert_eq!(tree.node(u32::MAX, u64::MAX).map_err(|m| m.index), Err(u64::MAX));
    }
}
