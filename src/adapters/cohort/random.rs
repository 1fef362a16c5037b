//! A small generator of numbers that only have to look drawn: `SplitMix64` (Steele, Lea, Flood 2014).
//! Never for keys.

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Starts at `seed`.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws from 0 to below `bound`; 0 where the bound is 0.
    pub(super) const fn below(&mut self, bound: u32) -> u32 {
        // The high half of a 32 by 32 bit product is below the bound; its bias does not matter here.
        let [a, b, c, d, ..] = self.next().to_be_bytes();
        let product = u32::from_be_bytes([a, b, c, d]) as u64 * bound as u64;
        let [a, b, c, d, ..] = product.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    /// Draws from `low` to `high`, both included.
    pub(super) const fn within(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// Tells whether something happens that does in `percent` of cases.
    pub(super) const fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Draws one of a list; none of an empty one.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
        list.get(self.below(count) as usize)
    }

    /// Draws one of the words in a text.
    pub(super) fn word(&mut self, words: &'static str) -> &'static str {
        let words: Vec<&'static str> = words.split(' ').collect();
        self.pick(&words).copied().unwrap_or_default()
    }

    /// Puts a list into another order.
    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for (index, last) in (1..list.len()).rev().zip((2..=list.len()).rev()) {
            let other = self.below(u32::try_from(last).unwrap_or(u32::MAX)) as usize;
            list.swap(index, other);
        }
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first outputs for seed 1234567, as published with the reference implementation.
    #[test]
    fn numbers_are_those_of_split_mix() {
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn every_number_below_the_bound_is_drawn_and_no_other() {
        let mut random = Random::new(1);
        let mut counts = [0_u32; 7];
        (0..7000).for_each(|_| counts[random.below(7) as usize] += 1);
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<u8>(&[]), None);
    }

    #[test]
    fn a_shuffle_keeps_everything() {
        let mut list: Vec<u8> = (0..50).collect();
        Random::new(3).shuffle(&mut list);
        assert_ne!(list, (0..50).collect::<Vec<_>>());
        list.sort_unstable();
        assert_eq!(list, (0..50).collect::<Vec<_>>());
    }
}
