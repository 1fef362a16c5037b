//! The index: blocks are added in order, and found by term. What it says is bound to one log; whatever does
//! not fit that log is damage.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    block::Block,
    error::Damage,
    group::{self, Group},
    keys::{self, GROUP},
    resolve::Resolver,
    store::{Batch, Store},
    term::{Term, TokenKey},
};
use crate::domain::{AgencyId, Timestamp};
use crate::ledger::{LedgerError, LinkPlace, Reader};

/// An index of the first blocks of a log.
#[derive(Debug)]
pub(super) struct Index {
    store: Store,
    key: TokenKey,
    /// How many entries a block has.
    block: u64,
    reached: RwLock<Reached>,
}

/// How far the index has come. It only ever grows.
#[derive(Debug, Default)]
struct Reached {
    /// How many groups are whole, and in the store.
    groups: u64,
    /// The group that grows.
    group: Group,
    /// Where links stand behind the last block.
    links: BTreeMap<AgencyId, LinkPlace>,
}

impl Reached {
    fn blocks(&self) -> u64 {
        self.groups * GROUP + self.group.blocks()
    }
}

/// Why a block was not added.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stuck {
    /// The index is damaged.
    #[error(transparent)]
    Damage(#[from] Damage),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LedgerError),
}

impl Index {
    /// Takes an opened store and holds it against the log.
    pub(super) fn of(
        store: Store,
        key: TokenKey,
        block: u64,
        reader: &Reader,
    ) -> Result<Self, Stuck> {
        let mut reached = Reached::default();
        if let Some(applied) = store.read(&keys::APPLIED)? {
            let (blocks, leaf) = position(&applied).ok_or(POSITION)?;
            let size = blocks.checked_mul(block).filter(|size| *size <= reader.size());
            let size = size.ok_or(Damage::Foreign("it is ahead of it"))?;
            if reader.leaf(size.checked_sub(1).ok_or(POSITION)?)? != Some(leaf) {
                return Err(Damage::Foreign("the log has other entries").into());
            }
            reached.groups = blocks / GROUP;
            if !blocks.is_multiple_of(GROUP) {
                reached.group = Group::read(reached.groups, leaf, &store)?;
            }
            if reached.blocks() != blocks {
                return Err(POSITION.into());
            }
        }
        for (name, place) in store.with_prefix(&keys::ALL_LINKS)? {
            let agency = name.get(1..).and_then(|it| str::from_utf8(it).ok()?.parse().ok());
            let (agency, place) = agency.zip(keys::read_place(&place)).ok_or(POSITION)?;
            reached.links.insert(agency, place);
        }
        if reached.blocks() == 0 && !reached.links.is_empty() {
            return Err(POSITION.into());
        }
        Ok(Self { store, key, block, reached: RwLock::new(reached) })
    }

    /// Returns how many entries are in it.
    pub(super) fn size(&self) -> u64 {
        self.read(Reached::blocks) * self.block
    }

    /// Returns how many entries a block has.
    pub(super) const fn block(&self) -> u64 {
        self.block
    }

    /// Returns how many entries are in it, and where an agency's links stand behind them.
    pub(super) fn end(&self, agency: &AgencyId) -> (u64, LinkPlace) {
        self.read(|reached| (reached.blocks() * self.block, place_of(&reached.links, agency)))
    }

    /// Adds the next block, which has to be there whole. A group that is whole with it goes to the store.
    pub(super) fn add_block(&self, reader: &Reader, resolver: &mut Resolver) -> Result<(), Stuck> {
        let (number, links) = self.read(|reached| (reached.blocks(), reached.links.clone()));
        let range = (number * self.block, (number + 1) * self.block);
        let place = |agency: &AgencyId| place_of(&links, agency);
        let mut block = Block::read(range, (reader, resolver), &self.key, place)?;
        if block.last_at.is_none() {
            // Blocks are looked for by time: one without any counts as recorded with the one before.
            let before = number.checked_sub(1).map(|before| self.last_at(before)).transpose()?;
            (block.first_at, block.last_at) = (before, before);
        }
        {
            let mut reached = self.reached.write().unwrap_or_else(PoisonError::into_inner);
            if reached.blocks() != number {
                // Another one added it meanwhile.
                return Ok(());
            }
            reached.group.add(&block, &self.key);
            let behind = block.links.into_iter().map(|(agency, (_, behind))| (agency, behind));
            reached.links.extend(behind);
        }
        if (number + 1).is_multiple_of(GROUP) {
            self.store_group()?;
            let mut reached = self.reached.write().unwrap_or_else(PoisonError::into_inner);
            reached.groups += 1;
            reached.group = Group::default();
        }
        Ok(())
    }

    /// Writes the group that grows, whole or not.
    fn store_group(&self) -> Result<(), Damage> {
        let batch = self.read(|reached| {
            let mut batch = Batch::default();
            reached.group.write(reached.groups, &mut batch);
            for (agency, place) in &reached.links {
                batch.insert(&keys::links(agency.as_str()), &keys::place(*place));
            }
            let applied = [&reached.blocks().to_be_bytes()[..], &reached.group.leaf].concat();
            batch.insert(&keys::APPLIED, &applied);
            batch
        });
        self.store.write(batch)
    }

    /// Returns which blocks of a group have a term: bit n stands for the group's block n.
    pub(super) fn blocks_with(&self, number: u64, term: Term<'_>) -> Result<u64, Damage> {
        let term = self.key.term(term);
        let growing = self.growing(number, |group| group.terms.get(&term).copied());
        match growing {
            Some(blocks) => Ok(blocks.unwrap_or(0)),
            None => group::blocks_with(number, &term, &self.store),
        }
    }

    /// Returns where an agency's links stood before a block; nothing where none of its records is in it.
    pub(super) fn links_before(
        &self,
        block: u64,
        agency: &AgencyId,
    ) -> Result<Option<LinkPlace>, Damage> {
        let (number, term) = (block / GROUP, self.key.term(Term::Linked(agency)));
        let growing =
            self.growing(number, |group| group.places.get(&term).cloned().unwrap_or_default());
        let places = match growing {
            Some(places) => places,
            None => group::places(number, &term, &self.store)?,
        };
        let found = places.into_iter().find(|(slot, _)| u64::from(*slot) == block % GROUP);
        Ok(found.map(|(_, place)| place))
    }

    /// Returns the first block, of those below `blocks`, that has something recorded at `from` or later.
    pub(super) fn first_since(&self, from: Timestamp, blocks: u64) -> Result<u64, Damage> {
        let (mut low, mut high) = (0, blocks);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.last_at(middle)? < from {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn last_at(&self, block: u64) -> Result<Timestamp, Damage> {
        let (number, slot) = (block / GROUP, usize::try_from(block % GROUP).unwrap_or(usize::MAX));
        let growing = self.growing(number, |group| group.times.clone());
        let times = growing.map_or_else(|| group::times(number, &self.store), Ok)?;
        let (_, last_at) = times.get(slot).ok_or(Damage::Contradicts("a block has no times"))?;
        Ok(*last_at)
    }

    /// Looks at the group that grows, where it is the one asked for.
    fn growing<T>(&self, number: u64, look: impl FnOnce(&Group) -> T) -> Option<T> {
        self.read(|reached| (reached.groups == number).then(|| look(&reached.group)))
    }

    /// Writes out what is in memory only. Nothing depends on it but how much is read again at the next start.
    pub(super) fn flush(&self) -> Result<(), Damage> {
        if self.read(|reached| reached.group.blocks() > 0) {
            self.store_group()?;
        }
        self.store.flush()
    }

    /// Returns how many bytes it takes on disk.
    pub(super) fn bytes(&self) -> Result<u64, Damage> {
        self.store.bytes()
    }

    fn read<T>(&self, read: impl FnOnce(&Reached) -> T) -> T {
        read(&self.reached.read().unwrap_or_else(PoisonError::into_inner))
    }
}

const POSITION: Damage = Damage::Foreign("its position is malformed");

/// Reads how many blocks there are, and the leaf of the last entry in them.
fn position(applied: &[u8]) -> Option<(u64, [u8; 32])> {
    let (blocks, leaf) = applied.split_at_checked(8)?;
    Some((keys::number_of(blocks)?, leaf.try_into().ok()?))
}

fn place_of(links: &BTreeMap<AgencyId, LinkPlace>, agency: &AgencyId) -> LinkPlace {
    links.get(agency).copied().unwrap_or_default()
}

/// An index that more than one reads.
pub(super) type SharedIndex = Arc<Index>;
