//! The right edge of a growing tree: all an appender has to remember, 64 hashes at the most.

use super::hash::{Hash, empty_root, node_hash};

/// The roots of the complete subtrees of a tree, the largest first: enough to append to it and
/// to know its root, not to prove anything older.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The largest size that can be restored: 2^63, so that no run of appends can overflow.
    pub const RESTORED_SIZE_MAX: u64 = 1 << 63;

    /// Starts from the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up a tree of `size` leaves again, from its [`peaks`](super::peaks), largest first.
    /// Whether they are the right ones shows in [`root`](Self::root).
    ///
    /// # Errors
    ///
    /// [`PeaksError`] where there is not one peak for each bit set in `size`, or `size` is above
    /// [`RESTORED_SIZE_MAX`](Self::RESTORED_SIZE_MAX).
    pub fn restore(size: u64, peaks: Vec<Hash>) -> Result<Self, PeaksError> {
        let fits = u32::try_from(peaks.len()) == Ok(size.count_ones());
        if fits && size <= Self::RESTORED_SIZE_MAX {
            Ok(Self { size, peaks })
        } else {
            Err(PeaksError)
        }
    }

    /// Appends one leaf.
    pub fn append(&mut self, leaf: Hash) {
        self.append_noting(leaf, |_, _| ());
    }

    /// Appends one leaf, and tells of it and of every node that it completes, with their levels, from the leaf's, 0, up.
    pub fn append_noting(&mut self, leaf: Hash, mut tell: impl FnMut(u32, Hash)) {
        let mut node = leaf;
        tell(0, node);
        // Each trailing one bit is a complete left sibling, as the carries of an addition.
        for level in 1..=self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
                tell(level, node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root (RFC 6962 §2.1).
    pub fn root(&self) -> Hash {
        fold(&self.peaks).unwrap_or_else(empty_root)
    }

    /// Returns what [`restore`](Self::restore) wants.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }
}

impl Extend<Hash> for Frontier {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.append(leaf));
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::new();
        frontier.extend(leaves);
        frontier
    }
}

/// The peaks are not those of a tree of that size.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("peaks do not fit the tree size")]
pub struct PeaksError;

/// Hashes peaks, the largest first, into the root above them; none where there are no peaks.
pub(super) fn fold(peaks: &[Hash]) -> Option<Hash> {
    peaks.iter().copied().rev().reduce(|right, left| node_hash(&left, &right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    #[test]
    fn a_restored_frontier_goes_on_as_if_never_stopped() {
        let leaves = (0..11_u8).map(|entry| leaf_hash(&[entry])).collect::<Vec<_>>();
        let whole: Frontier = leaves.iter().copied().collect();

        let first: Frontier = leaves[..7].iter().copied().collect();
        let mut again = Frontier::restore(first.size(), first.peaks().to_vec()).unwrap();
        again.extend(leaves[7..].iter().copied());

        assert_eq!(again, whole);
        assert_eq!(again.size(), 11);
    }

    #[test]
    fn peaks_of_another_size_are_refused() {
        let peak = leaf_hash(b"peak");

        assert_eq!(Frontier::restore(3, vec![peak]), Err(PeaksError));
        assert_eq!(Frontier::restore(0, vec![peak]), Err(PeaksError));
        assert_eq!(Frontier::restore(0, Vec::new()), Ok(Frontier::new()));
        assert!(Frontier::restore(1 << 63, vec![peak]).is_ok());
        assert_eq!(Frontier::restore((1 << 63) + 1, vec![peak; 2]), Err(PeaksError));
    }
}
