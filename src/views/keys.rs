//! How the index is laid out: keys in big-endian order, so that what belongs together stands together.
//! Blocks come in groups of 64: a group's postings are written in one stretch of keys that is left alone
//! afterwards, and a term's blocks in a group are one prefix, and 64 bits.

use super::term::TermKey;
use crate::ledger::LinkPlace;

/// How many blocks make a group.
pub(super) const GROUP: u64 = 64;

/// Where the index has come to.
pub(super) const APPLIED: [u8; 1] = [0];
const TIMES: u8 = 1;
const POSTING: u8 = 2;
const LINKS: u8 = 3;

/// The key of a block's first and last time.
pub(super) fn times(block: u64) -> [u8; 9] {
    let mut key = [TIMES; 9];
    fill(&mut key, 1, &block.to_be_bytes());
    key
}

/// The prefix of a term's blocks in a group.
pub(super) fn postings(group: u64, term: &TermKey) -> [u8; 18] {
    let mut key = [POSTING; 18];
    fill(&mut key, 1, &group.to_be_bytes());
    fill(&mut key, 9, term);
    key
}

/// The key of a term in a block.
pub(super) fn posting(block: u64, term: &TermKey) -> [u8; 19] {
    let mut key = [slot(block); 19];
    fill(&mut key, 0, &postings(block / GROUP, term));
    key
}

/// The key of where an agency's links stand behind the last block.
pub(super) fn links(agency: &str) -> Vec<u8> {
    [&[LINKS], agency.as_bytes()].concat()
}

/// The prefix of all agencies' links.
pub(super) const ALL_LINKS: [u8; 1] = [LINKS];

/// A block's place in its group.
fn slot(block: u64) -> u8 {
    (block % GROUP).to_be_bytes().last().copied().unwrap_or_default()
}

/// Writes two numbers.
pub(super) fn pair(first: u64, second: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    fill(&mut bytes, 0, &first.to_be_bytes());
    fill(&mut bytes, 8, &second.to_be_bytes());
    bytes
}

/// Reads two numbers; nothing where there are other bytes.
pub(super) fn read_pair(bytes: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = bytes.split_at_checked(8)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
    Some((number(first)?, number(second)?))
}

/// Writes a place of links.
pub(super) fn place(place: LinkPlace) -> [u8; 16] {
    pair(place.number, place.previous)
}

/// Reads a place of links.
pub(super) fn read_place(bytes: &[u8]) -> Option<LinkPlace> {
    read_pair(bytes).map(|(number, previous)| LinkPlace { number, previous })
}

fn fill(bytes: &mut [u8], start: usize, with: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(start).zip(with) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terms_blocks_stand_together_in_order() {
        let (one, other) = ([1; 9], [2; 9]);
        let mut keys: Vec<_> = [63, 0, 5]
            .into_iter()
            .flat_map(|it| [posting(it, &one), posting(it, &other)])
            .collect();
        keys.push(posting(64, &one));
        keys.sort_unstable();
        let expected =
            [(0, one), (5, one), (63, one), (0, other), (5, other), (63, other), (64, one)];
        assert_eq!(keys, expected.map(|(block, term)| posting(block, &term)));
        assert!(posting(63, &one).starts_with(&postings(0, &one)));
        assert!(!posting(64, &one).starts_with(&postings(0, &one)));
        assert_eq!(posting(63, &one).last(), Some(&63));
    }

    #[test]
    fn two_numbers_read_back() {
        assert_eq!(read_pair(&pair(7, u64::MAX)), Some((7, u64::MAX)));
        assert_eq!(read_pair(&[0; 15]), None);
        assert_eq!(read_pair(&[0; 17]), None);
    }
}
