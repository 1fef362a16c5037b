//! Verifies proofs, with nothing but the proof and the roots: what clients, auditors and
//! witnesses run. It never asks the log for anything.

use super::{
    hash::{Hash, node_hash},
    proof::ProofError,
};

/// Verifies that `leaf` stands at `index` in the tree of `size` leaves under `root`
/// (RFC 9162 §2.1.3.2).
///
/// As in RFC 6962, the proof does not vouch for `size` on its own: two sizes can call for a
/// proof of the same shape. Take `size` and `root` from one verified checkpoint.
///
/// # Errors
///
/// [`ProofError`]: the proof shows nothing, and whoever sent it has to answer for it.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexBeyondSize);
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match climb.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    climb.end()?;
    agree(&hash, root)
}

/// Verifies that the tree of `to` leaves under `to_root` begins with the tree of `from` leaves
/// under `from_root` (RFC 9162 §2.1.4.2). Equal sizes want an empty proof and equal roots.
///
/// # Errors
///
/// [`ProofError`]: consistency is not shown. [`ProofError::FromEmpty`] where `from` is 0: a
/// verifier that remembers no tree has nothing to compare, and must not think it compared.
pub fn verify_consistency(
    from: u64,
    from_root: &Hash,
    to: u64,
    to_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if from == 0 {
        return Err(ProofError::FromEmpty);
    }
    if from > to {
        return Err(ProofError::SizesReversed);
    }
    if from == to {
        return if proof.is_empty() {
            agree(from_root, to_root)
        } else {
            Err(ProofError::ProofLength)
        };
    }
    let (first, siblings) = if from.is_power_of_two() {
        // The old tree is complete: its root stands in for the hash the proof leaves out.
        (from_root, proof)
    } else {
        proof.split_first().ok_or(ProofError::ProofLength)?
    };
    let level = from.trailing_zeros();
    let mut climb = Climb { node: (from - 1) >> level, last: (to - 1) >> level };
    let (mut old, mut new) = (*first, *first);
    for sibling in siblings {
        match climb.step()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    climb.end()?;
    agree(&old, from_root)?;
    agree(&new, to_root)
}

/// On which side of the node the sibling stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root; `node` and `last` are `fn` and `sn` of RFC 9162, so `node`
/// is never above `last`.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Takes one sibling's step up, and says where that sibling stands.
    fn step(&mut self) -> Result<Side, ProofError> {
        if self.last == 0 {
            return Err(ProofError::ProofLength);
        }
        if self.node & 1 == 0 && self.node != self.last {
            self.up(1);
            return Ok(Side::Right);
        }
        // The last node of an odd row has no sibling: it rises until it is a right child.
        self.up(self.node.trailing_zeros());
        self.up(1);
        Ok(Side::Left)
    }

    fn up(&mut self, levels: u32) {
        self.node >>= levels;
        self.last >>= levels;
    }

    /// Demands that the root has been reached: a shorter proof shows nothing.
    fn end(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::ProofLength) }
    }
}

fn agree(computed: &Hash, stated: &Hash) -> Result<(), ProofError> {
    if computed == stated { Ok(()) } else { Err(ProofError::RootMismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{empty_root, leaf_hash};

    #[test]
    fn equal_trees_want_an_empty_proof_and_equal_roots() {
        let [one, other] = [leaf_hash(b"one"), leaf_hash(b"other")];

        assert_eq!(verify_consistency(1, &one, 1, &one, &[]), Ok(()));
        assert_eq!(verify_consistency(1, &one, 1, &other, &[]), Err(ProofError::RootMismatch));
        assert_eq!(verify_consistency(1, &one, 1, &one, &[other]), Err(ProofError::ProofLength));
    }

    #[test]
    fn nothing_is_shown_from_the_empty_tree_or_backwards() {
        let [empty, one] = [empty_root(), leaf_hash(b"one")];

        assert_eq!(verify_consistency(0, &empty, 1, &one, &[]), Err(ProofError::FromEmpty));
        assert_eq!(verify_consistency(0, &empty, 0, &empty, &[]), Err(ProofError::FromEmpty));
        assert_eq!(verify_consistency(2, &one, 1, &one, &[]), Err(ProofError::SizesReversed));
        assert_eq!(verify_consistency(1, &one, 2, &one, &[]), Err(ProofError::ProofLength));
        assert_eq!(verify_consistency(3, &one, 4, &one, &[]), Err(ProofError::ProofLength));
    }

    #[test]
    fn an_index_outside_the_tree_is_refused() {
        let leaf = leaf_hash(b"one");

        assert_eq!(verify_inclusion(&leaf, 0, 1, &[], &leaf), Ok(()));
        assert_eq!(verify_inclusion(&leaf, 1, 1, &[], &leaf), Err(ProofError::IndexBeyondSize));
        assert_eq!(verify_inclusion(&leaf, 0, 0, &[], &leaf), Err(ProofError::IndexBeyondSize));
    }

    /// A forger may state any size; the walk still ends after the sixty-four levels there are.
    #[test]
    fn the_largest_sizes_do_not_overflow() {
        let (hash, max) = (empty_root(), u64::MAX);
        let inclusion =
            |index, count| verify_inclusion(&hash, index, max, &vec![hash; count], &hash);
        let consistency =
            |from, count| verify_consistency(from, &hash, max, &hash, &vec![hash; count]);

        assert_eq!(inclusion(0, 64), Err(ProofError::RootMismatch));
        assert_eq!(inclusion(0, 65), Err(ProofError::ProofLength));
        assert_eq!(inclusion(max - 1, 63), Err(ProofError::RootMismatch));
        assert_eq!(inclusion(max - 1, 62), Err(ProofError::ProofLength));
        assert_eq!(consistency(max - 1, 64), Err(ProofError::RootMismatch));
        assert_eq!(consistency(max - 1, 65), Err(ProofError::ProofLength));
        assert_eq!(consistency(1 << 63, 1), Err(ProofError::RootMismatch));
        assert_eq!(consistency(1 << 63, 0), Err(ProofError::ProofLength));
    }
}
