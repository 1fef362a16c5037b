//! A set of key slots, kept as ranges: slots are handed out in order and mostly expire in order.

use std::{collections::BTreeMap, ops::Range};

/// Slot numbers as sorted ranges that neither overlap nor touch.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SlotSet {
    /// Start to end (exclusive).
    ranges: BTreeMap<u64, u64>,
}

impl SlotSet {
    /// Adds one slot. The last possible number, `u64::MAX`, is no slot and is ignored.
    pub fn insert(&mut self, slot: u64) {
        if slot < u64::MAX {
            self.insert_range(slot..slot + 1);
        }
    }

    /// Adds every slot of `range`.
    pub fn insert_range(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let (mut start, mut end) = (range.start, range.end);
        // Whatever begins before our end and does not stop short of our start melts into one.
        while let Some((&other_start, &other_end)) = self.ranges.range(..=end).next_back() {
            if other_end < start {
                break;
            }
            self.ranges.remove(&other_start);
            start = start.min(other_start);
            end = end.max(other_end);
        }
        self.ranges.insert(start, end);
    }

    /// Tells whether the set holds `slot`.
    pub fn contains(&self, slot: u64) -> bool {
        self.ranges.range(..=slot).next_back().is_some_and(|(_, &end)| slot < end)
    }

    /// Returns the ranges in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ranges.iter().map(|(&start, &end)| start..end)
    }

    /// Returns the slots in order.
    pub fn slots(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges().flatten()
    }

    /// Returns how many slots the set holds.
    pub fn count(&self) -> u64 {
        self.ranges().map(|range| range.end - range.start).sum()
    }

    /// Tells whether the set holds no slot.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

impl Extend<u64> for SlotSet {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, slots: I) {
        for slot in slots {
            self.insert(slot);
        }
    }
}

impl FromIterator<u64> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u64>>(slots: I) -> Self {
        let mut set = Self::default();
        set.extend(slots);
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_become_one_range() {
        let set: SlotSet = [5, 3, 4, 9, 10, 0].into_iter().collect();
        assert_eq!(set.ranges().collect::<Vec<_>>(), [0..1, 3..6, 9..11]);
        assert!(set.contains(5) && !set.contains(6) && !set.contains(8));
    }

    proptest! {
        #[test]
        fn ranges_hold_exactly_what_was_put_in(
            inserts in prop::collection::vec((0_u64..60, 0_u64..9), 0..40),
        ) {
            let mut set = SlotSet::default();
            let mut plain = BTreeSet::new();
            for (start, length) in inserts {
                set.insert_range(start..start + length);
                plain.extend(start..start + length);
            }
            prop_assert_eq!(set.slots().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.count(), plain.len() as u64);
            prop_assert_eq!(set.is_empty(), plain.is_empty());
            let ranges: Vec<_> = set.ranges().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
