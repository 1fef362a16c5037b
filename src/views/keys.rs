//! How the index is laid out on disk. Blocks come in groups of 64, and a group is written as a whole: a few
//! rows for all its terms, so that the engine, which is slow by the row, has few to keep. Numbers in keys
//! are big-endian: what belongs together stands together.

use super::term::TermKey;
use crate::ledger::LinkPlace;

/// How many blocks make a group.
pub(super) const GROUP: u64 = 64;

/// How many blocks are on disk, and the leaf of the last entry in them.
pub(super) const APPLIED: [u8; 1] = [0];
/// The prefix of all agencies' links behind the last block.
pub(super) const ALL_LINKS: [u8; 1] = [LINKS];

const TIMES: u8 = 1;
const TERMS: u8 = 2;
const LINKS: u8 = 3;
const PLACES: u8 = 4;
const COUNT: u8 = 5;

/// The key of the first and last times of a group's blocks.
pub(super) fn times(group: u64) -> Vec<u8> {
    [&[TIMES][..], &group.to_be_bytes()].concat()
}

/// The key of how many rows hold a group's terms.
pub(super) fn count(group: u64) -> Vec<u8> {
    [&[COUNT][..], &group.to_be_bytes()].concat()
}

/// The key of one of the rows that hold a group's terms.
pub(super) fn terms(group: u64, row: u32) -> Vec<u8> {
    [&[TERMS][..], &group.to_be_bytes(), &row.to_be_bytes()].concat()
}

/// The prefix of where agencies' links stand before blocks of a group.
pub(super) fn all_places(group: u64) -> Vec<u8> {
    [&[PLACES][..], &group.to_be_bytes()].concat()
}

/// The key of where an agency's links stand before blocks of a group.
pub(super) fn places(group: u64, linked: &TermKey) -> Vec<u8> {
    [&all_places(group)[..], linked].concat()
}

/// The key of where an agency's links stand behind the last block.
pub(super) fn links(agency: &str) -> Vec<u8> {
    [&[LINKS], agency.as_bytes()].concat()
}

/// Returns which of `count` rows holds a term: terms are spread by their hash.
pub(super) fn row_of(term: &TermKey, count: u32) -> u32 {
    let start = term.iter().skip(1).take(4);
    let start = start.fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    u32::try_from((start * u64::from(count)) >> 32).unwrap_or(0)
}

/// Writes a place of links.
pub(super) fn place(place: LinkPlace) -> [u8; 16] {
    let mut bytes = [0; 16];
    let numbers = [place.number.to_be_bytes(), place.previous.to_be_bytes()].concat();
    for (to, from) in bytes.iter_mut().zip(numbers) {
        *to = from;
    }
    bytes
}

/// Reads a place of links; nothing where there are other bytes.
pub(super) fn read_place(bytes: &[u8]) -> Option<LinkPlace> {
    let (number, previous) = bytes.split_at_checked(8)?;
    Some(LinkPlace { number: number_of(number)?, previous: number_of(previous)? })
}

/// Reads a number of 8 bytes.
pub(super) fn number_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_has_its_row() {
        for count in [1, 2, 7, 1 << 20] {
            assert_eq!(row_of(&[0; 9], count), 0);
            assert_eq!(row_of(&[255; 9], count), count - 1);
        }
        assert_eq!(row_of(&[1, 0x80, 0, 0, 0, 0, 0, 0, 0], 4), 2);
    }

    #[test]
    fn a_place_reads_back() {
        let place = LinkPlace { number: 7, previous: u64::MAX };
        assert_eq!(read_place(&super::place(place)), Some(place));
        assert_eq!(read_place(&[0; 15]), None);
        assert_eq!(read_place(&[0; 17]), None);
    }
}
