//! Makes roots and proofs out of the hashes of complete subtrees. Proofs are in the order of
//! RFC 6962 §2.1.1 and §2.1.2: from the leaves up.

use super::{
    frontier::fold,
    hash::{Hash, empty_root},
    nodes::{Missing, Nodes},
};

/// Why a proof could not be made, or proves nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The older tree is empty. Every tree extends it, so there is nothing to prove
    /// (RFC 9162 §2.1.4.1 demands `0 < from`).
    #[error("no consistency proof starts from the empty tree")]
    FromEmpty,
    /// The leaf asked about is not in a tree of that size.
    #[error("leaf index is not below the tree size")]
    IndexBeyondSize,
    /// A hash the proof is made of is not held.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The proof has more or fewer hashes than the sizes call for.
    #[error("proof has the wrong length")]
    ProofLength,
    /// The proof leads to another root.
    #[error("proof does not lead to the root")]
    RootMismatch,
    /// The older tree is said to be larger than the newer one.
    #[error("older tree is larger than the newer one")]
    SizesReversed,
}

/// Returns the root of the first `size` leaves (RFC 6962 §2.1).
///
/// # Errors
///
/// [`Missing`] where `nodes` does not reach to `size`.
pub fn root(nodes: &(impl Nodes + ?Sized), size: u64) -> Result<Hash, Missing> {
    Ok(fold(&peaks(nodes, size)?).unwrap_or_else(empty_root))
}

/// Returns the roots of the complete subtrees that make up the first `size` leaves, the largest
/// first: one for each bit set in `size`. A [`Frontier`](super::Frontier) is restored from them.
///
/// # Errors
///
/// [`Missing`] where `nodes` does not reach to `size`.
pub fn peaks(nodes: &(impl Nodes + ?Sized), size: u64) -> Result<Vec<Hash>, Missing> {
    peaks_from(nodes, 0, size)
}

/// Proves that leaf `index` is in the tree of `size` leaves: `PATH(index, D[size])` of
/// RFC 6962 §2.1.1.
///
/// # Errors
///
/// [`ProofError::IndexBeyondSize`], or [`ProofError::Missing`] where `nodes` does not reach to
/// `size`.
pub fn inclusion(
    nodes: &(impl Nodes + ?Sized),
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::IndexBeyondSize);
    }
    Ok(path(nodes, (0, index), size)?)
}

/// Proves that the tree of `to` leaves begins with the tree of `from` leaves:
/// `PROOF(from, D[to])` of RFC 6962 §2.1.2. Empty where the sizes are equal.
///
/// # Errors
///
/// [`ProofError::FromEmpty`], [`ProofError::SizesReversed`], or [`ProofError::Missing`] where
/// `nodes` does not reach to `to`.
pub fn consistency(
    nodes: &(impl Nodes + ?Sized),
    from: u64,
    to: u64,
) -> Result<Vec<Hash>, ProofError> {
    if from == 0 {
        return Err(ProofError::FromEmpty);
    }
    if from > to {
        return Err(ProofError::SizesReversed);
    }
    if from == to {
        return Ok(Vec::new());
    }
    // The proof is the path of the smallest complete subtree that ends where the old tree ends,
    // with that subtree's root in front, which the verifier knows only where it is the old root.
    let level = from.trailing_zeros();
    let index = (from >> level) - 1;
    let mut proof = path(nodes, (level, index), to)?;
    if !from.is_power_of_two() {
        proof.insert(0, nodes.node(level, index)?);
    }
    Ok(proof)
}

/// Returns the siblings on the way from the complete subtree at (`level`, `index`) up to the root.
fn path(
    nodes: &(impl Nodes + ?Sized),
    (mut level, mut index): (u32, u64),
    size: u64,
) -> Result<Vec<Hash>, Missing> {
    let levels = size.checked_ilog2().map_or(0, |levels| levels + 1);
    let mut siblings = Vec::with_capacity(usize::try_from(levels).unwrap_or_default());
    loop {
        // The last node of the level, which may be incomplete, or a lone one of a level below.
        let last = (size - 1).checked_shr(level).unwrap_or(0);
        if last == 0 {
            return Ok(siblings);
        }
        let sibling = index ^ 1;
        if sibling < size >> level {
            siblings.push(nodes.node(level, sibling)?);
        } else if sibling == last {
            siblings.push(edge(nodes, sibling << level, size)?);
        }
        (level, index) = (level + 1, index >> 1);
    }
}

/// Returns the root of the leaves from `start` up to `size`, which are no complete subtree.
fn edge(nodes: &(impl Nodes + ?Sized), start: u64, size: u64) -> Result<Hash, Missing> {
    if let Some(edge) = nodes.edge(start, size - start) {
        return Ok(edge);
    }
    let peaks = peaks_from(nodes, start, size - start)?;
    Ok(fold(&peaks).unwrap_or_else(empty_root))
}

/// Returns the peaks of `count` leaves from `start` on; `start` is a multiple of the smallest
/// power of two that is not below `count`, as every subtree of RFC 6962 begins.
fn peaks_from(nodes: &(impl Nodes + ?Sized), start: u64, count: u64) -> Result<Vec<Hash>, Missing> {
    let mut next = start;
    let mut peaks = Vec::new();
    for level in (0..u64::BITS).rev().filter(|level| count >> level & 1 == 1) {
        peaks.push(nodes.node(level, next >> level)?);
        // Wraps only behind the last peak of the largest tree there can be.
        next = next.wrapping_add(1 << level);
    }
    Ok(peaks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{MemoryTree, leaf_hash};

    #[test]
    fn a_question_the_tree_cannot_answer_is_an_error() {
        let tree: MemoryTree = (0..5_u8).map(|entry| leaf_hash(&[entry])).collect();

        assert_eq!(inclusion(&tree, 5, 5), Err(ProofError::IndexBeyondSize));
        assert_eq!(inclusion(&tree, 0, 0), Err(ProofError::IndexBeyondSize));
        assert_eq!(consistency(&tree, 0, 5), Err(ProofError::FromEmpty));
        assert_eq!(consistency(&tree, 5, 4), Err(ProofError::SizesReversed));
        assert_eq!(consistency(&tree, 5, 5), Ok(Vec::new()));
        let beyond = Missing { level: 1, index: 2 };
        assert_eq!(root(&tree, 6), Err(beyond));
        assert_eq!(inclusion(&tree, 0, 6), Err(ProofError::Missing(beyond)));
    }

    /// Every node is there and the same: what is tested is the arithmetic of the largest sizes.
    struct Endless;

    impl Nodes for Endless {
        fn node(&self, _: u32, _: u64) -> Result<Hash, Missing> {
            Ok(empty_root())
        }
    }

    #[test]
    fn the_largest_sizes_do_not_overflow() {
        let max = u64::MAX;

        assert_eq!(peaks(&Endless, max).map(|peaks| peaks.len()), Ok(64));
        assert_eq!(inclusion(&Endless, 0, max).map(|proof| proof.len()), Ok(64));
        assert_eq!(inclusion(&Endless, max - 1, max).map(|proof| proof.len()), Ok(63));
        assert_eq!(consistency(&Endless, max - 1, max).map(|proof| proof.len()), Ok(64));
        assert_eq!(consistency(&Endless, 1 << 63, max).map(|proof| proof.len()), Ok(1));
    }
}
