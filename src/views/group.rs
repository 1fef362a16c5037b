//! A group of blocks: which terms are in which of them, their times, and where links stood before them. The
//! newest group grows in memory, and goes to the store when it is whole or the broker stops.

use std::collections::HashMap;

use super::{
    block::Block,
    error::Damage,
    keys,
    store::{Batch, Store},
    term::{Term, TermKey, TokenKey},
};
use crate::domain::Timestamp;
use crate::ledger::LinkPlace;

/// About how many bytes of terms stand in a row; sled wants values under 64 KiB.
const ROW_BYTES: usize = 4096;
/// A term and the blocks that it is in.
const TERM_BYTES: usize = 17;
/// A block, and where the links stand before it.
const PLACE_BYTES: usize = 17;

/// What is known of up to 64 blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// First and last time of each block.
    pub(super) times: Vec<(Timestamp, Timestamp)>,
    /// The blocks that a term is in: bit n stands for the group's block n.
    pub(super) terms: HashMap<TermKey, u64>,
    /// By the term of a linked agency: where its links stand before the blocks it is in.
    pub(super) places: HashMap<TermKey, Vec<(u8, LinkPlace)>>,
    /// Leaf of the last entry.
    pub(super) leaf: [u8; 32],
}

impl Group {
    /// Returns how many blocks are in it.
    pub(super) fn blocks(&self) -> u64 {
        self.times.len() as u64
    }

    /// Adds the next block.
    pub(super) fn add(&mut self, block: &Block, key: &TokenKey) {
        let slot = u8::try_from(self.times.len()).unwrap_or(u8::MAX);
        let bit = 1_u64.checked_shl(slot.into()).unwrap_or(0);
        let time = |at: Option<Timestamp>| at.unwrap_or(Timestamp::EPOCH);
        self.times.push((time(block.first_at), time(block.last_at)));
        self.leaf = block.leaf;
        for term in &block.terms {
            *self.terms.entry(*term).or_default() |= bit;
        }
        for (agency, (before, _)) in &block.links {
            let term = key.term(Term::Linked(agency));
            *self.terms.entry(term).or_default() |= bit;
            self.places.entry(term).or_default().push((slot, *before));
        }
    }

    /// Writes all of it as the group of that number.
    pub(super) fn write(&self, number: u64, batch: &mut Batch) {
        let count =
            u32::try_from(self.terms.len() * TERM_BYTES / ROW_BYTES + 1).unwrap_or(u32::MAX);
        let mut rows: Vec<Vec<(TermKey, u64)>> = Vec::new();
        rows.resize_with(count as usize, Vec::new);
        for (term, blocks) in &self.terms {
            let row = usize::try_from(keys::row_of(term, count)).unwrap_or(0);
            if let Some(row) = rows.get_mut(row) {
                row.push((*term, *blocks));
            }
        }
        for (row, terms) in (0..).zip(&mut rows) {
            terms.sort_unstable();
            let bytes: Vec<u8> = terms
                .iter()
                .flat_map(|(term, blocks)| term.iter().copied().chain(blocks.to_be_bytes()))
                .collect();
            batch.insert(&keys::terms(number, row), &bytes);
        }
        batch.insert(&keys::count(number), &count.to_be_bytes());
        let times = self.times.iter().flat_map(|(first, last)| [first.ms(), last.ms()]);
        let times: Vec<u8> = times.flat_map(u64::to_be_bytes).collect();
        batch.insert(&keys::times(number), &times);
        for (term, places) in &self.places {
            let bytes: Vec<u8> = places
                .iter()
                .flat_map(|(slot, place)| std::iter::once(*slot).chain(keys::place(*place)))
                .collect();
            batch.insert(&keys::places(number, term), &bytes);
        }
    }

    /// Reads a group back, to go on with it.
    pub(super) fn read(number: u64, leaf: [u8; 32], store: &Store) -> Result<Self, Damage> {
        let mut group = Self { times: times(number, store)?, leaf, ..Self::default() };
        for row in 0..count(number, store)? {
            group.terms.extend(terms(number, row, store)?);
        }
        let prefix = keys::all_places(number);
        for (key, value) in store.with_prefix(&prefix)? {
            let term = key.get(prefix.len()..).and_then(|it| it.try_into().ok());
            group.places.insert(term.ok_or(MALFORMED)?, read_places(&value)?);
        }
        Ok(group)
    }
}

const MALFORMED: Damage = Damage::Contradicts("a row is missing or malformed");

/// Returns which blocks of a stored group have a term.
pub(super) fn blocks_with(number: u64, term: &TermKey, store: &Store) -> Result<u64, Damage> {
    let row = keys::row_of(term, count(number, store)?);
    let found = terms(number, row, store)?.find(|(it, _)| it == term);
    Ok(found.map_or(0, |(_, blocks)| blocks))
}

/// Returns where an agency's links stand before the blocks of a stored group that it is in.
pub(super) fn places(
    number: u64,
    linked: &TermKey,
    store: &Store,
) -> Result<Vec<(u8, LinkPlace)>, Damage> {
    let value = store.read(&keys::places(number, linked))?;
    value.map_or_else(|| Ok(Vec::new()), |value| read_places(&value))
}

/// Returns the times of a stored group's blocks.
pub(super) fn times(number: u64, store: &Store) -> Result<Vec<(Timestamp, Timestamp)>, Damage> {
    let value = store.read(&keys::times(number))?.ok_or(MALFORMED)?;
    let (pairs, rest) = value.as_chunks::<16>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err(MALFORMED);
    }
    pairs.iter().map(|pair| time_pair(pair).ok_or(MALFORMED)).collect()
}

fn time_pair(bytes: &[u8; 16]) -> Option<(Timestamp, Timestamp)> {
    let (first, last) = bytes.split_at_checked(8)?;
    let time = |bytes| keys::number_of(bytes).map(Timestamp::from_ms);
    Some((time(first)?, time(last)?))
}

fn count(number: u64, store: &Store) -> Result<u32, Damage> {
    let value = store.read(&keys::count(number))?.ok_or(MALFORMED)?;
    let count = value.as_slice().try_into().map(u32::from_be_bytes).map_err(|_| MALFORMED)?;
    if count == 0 { Err(MALFORMED) } else { Ok(count) }
}

/// Every row of a group's terms is there, an empty one too: one that is lost is damage, not an answer.
fn terms(
    number: u64,
    row: u32,
    store: &Store,
) -> Result<impl Iterator<Item = (TermKey, u64)> + use<>, Damage> {
    let value = store.read(&keys::terms(number, row))?.ok_or(MALFORMED)?;
    let (entries, rest) = value.as_chunks::<TERM_BYTES>();
    if !rest.is_empty() {
        return Err(MALFORMED);
    }
    let read = |entry: &[u8; TERM_BYTES]| {
        let (term, blocks) = entry.split_at_checked(9)?;
        Some((term.try_into().ok()?, keys::number_of(blocks)?))
    };
    let terms: Vec<(TermKey, u64)> = entries.iter().filter_map(read).collect();
    Ok(terms.into_iter())
}

fn read_places(value: &[u8]) -> Result<Vec<(u8, LinkPlace)>, Damage> {
    let (entries, rest) = value.as_chunks::<PLACE_BYTES>();
    if !rest.is_empty() {
        return Err(MALFORMED);
    }
    let read = |entry: &[u8; PLACE_BYTES]| {
        let (slot, place) = entry.split_first()?;
        Some((*slot, keys::read_place(place)?))
    };
    entries.iter().map(|entry| read(entry).ok_or(MALFORMED)).collect()
}
