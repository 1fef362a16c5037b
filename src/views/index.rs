//! The index: blocks are added in order, and found by term. What it says is bound to one log; whatever does
//! not fit that log is damage.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    block::Block,
    error::Damage,
    keys,
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
#[derive(Clone, Debug, Default)]
struct Reached {
    /// How many blocks are in it.
    blocks: u64,
    links: BTreeMap<AgencyId, LinkPlace>,
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
            let (blocks, leaf) =
                applied.split_at_checked(8).ok_or(Damage::Foreign("its position is malformed"))?;
            let blocks = blocks.try_into().map(u64::from_be_bytes);
            reached.blocks = blocks.map_err(|_| Damage::Foreign("its position is malformed"))?;
            let size = reached.blocks.checked_mul(block).filter(|size| *size <= reader.size());
            let size = size.ok_or(Damage::Foreign("it is ahead of it"))?;
            let last = size.checked_sub(1).ok_or(Damage::Foreign("its position is malformed"))?;
            if reader.leaf(last)?.is_none_or(|it| it != leaf) {
                return Err(Damage::Foreign("the log has other entries").into());
            }
        }
        for (name, place) in store.with_prefix(&keys::ALL_LINKS)? {
            let agency = name.get(1..).and_then(|it| str::from_utf8(it).ok()?.parse().ok());
            let entry = agency.zip(keys::read_place(&place));
            let (agency, place) =
                entry.ok_or(Damage::Foreign("an agency's links are malformed"))?;
            reached.links.insert(agency, place);
        }
        if reached.blocks == 0 && !reached.links.is_empty() {
            return Err(Damage::Foreign("its position is missing").into());
        }
        Ok(Self { store, key, block, reached: RwLock::new(reached) })
    }

    /// Returns how many entries are in it.
    pub(super) fn size(&self) -> u64 {
        self.read(|reached| reached.blocks) * self.block
    }

    /// Returns how many entries a block has.
    pub(super) const fn block(&self) -> u64 {
        self.block
    }

    /// Returns how many entries are in it, and where an agency's links stand behind them.
    pub(super) fn end(&self, agency: &AgencyId) -> (u64, LinkPlace) {
        let block = self.block;
        self.read(|reached| (reached.blocks * block, place_of(reached, agency)))
    }

    /// Adds the next block, which has to be there whole.
    pub(super) fn add_block(&self, reader: &Reader, resolver: &mut Resolver) -> Result<(), Stuck> {
        let before = self.read(Reached::clone);
        let number = before.blocks;
        let range = (number * self.block, (number + 1) * self.block);
        let place = |agency: &AgencyId| place_of(&before, agency);
        let block = Block::read(range, (reader, resolver), &self.key, place)?;
        self.store.write(self.batch(number, &block))?;
        let mut reached = self.reached.write().unwrap_or_else(PoisonError::into_inner);
        reached.blocks = number + 1;
        reached.links.extend(block.links.into_iter().map(|(agency, (_, behind))| (agency, behind)));
        Ok(())
    }

    fn batch(&self, number: u64, block: &Block) -> Batch {
        let mut batch = Batch::default();
        let times = keys::pair(block.first_at.ms(), block.last_at.ms());
        batch.insert(&keys::times(number), &times);
        for term in &block.terms {
            batch.insert(&keys::posting(number, term), &[]);
        }
        for (agency, (before, behind)) in &block.links {
            let term = self.key.term(Term::Linked(agency));
            batch.insert(&keys::posting(number, &term), &keys::place(*before));
            batch.insert(&keys::links(agency.as_str()), &keys::place(*behind));
        }
        let applied = [&(number + 1).to_be_bytes()[..], &block.leaf].concat();
        batch.insert(&keys::APPLIED, &applied);
        batch
    }

    /// Returns which blocks of a group have a term: bit n stands for the group's block n.
    pub(super) fn blocks_with(&self, group: u64, term: Term<'_>) -> Result<u64, Damage> {
        let rows = self.store.with_prefix(&keys::postings(group, &self.key.term(term)))?;
        let bits = rows.iter().filter_map(|(key, _)| key.last()).filter(|it| **it < 64);
        Ok(bits.fold(0, |mask, slot| mask | 1 << slot))
    }

    /// Returns where an agency's links stood before a block; nothing where none of its records is in it.
    pub(super) fn links_before(
        &self,
        number: u64,
        agency: &AgencyId,
    ) -> Result<Option<LinkPlace>, Damage> {
        let term = self.key.term(Term::Linked(agency));
        match self.store.read(&keys::posting(number, &term))? {
            None => Ok(None),
            Some(place) => keys::read_place(&place)
                .map(Some)
                .ok_or(Damage::Contradicts("a place of links is malformed")),
        }
    }

    /// Returns the first block, of those below `blocks`, that has something recorded at `from` or later.
    pub(super) fn first_since(&self, from: Timestamp, blocks: u64) -> Result<u64, Damage> {
        let (mut low, mut high) = (0, blocks);
        while low < high {
            let middle = low + (high - low) / 2;
            let times = self.store.read(&keys::times(middle))?;
            let times = times.as_deref().and_then(keys::read_pair);
            let (_, last_at) = times.ok_or(Damage::Contradicts("a block has no times"))?;
            if last_at < from.ms() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Writes out what is buffered.
    pub(super) fn flush(&self) -> Result<(), Damage> {
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

fn place_of(reached: &Reached, agency: &AgencyId) -> LinkPlace {
    reached.links.get(agency).copied().unwrap_or_default()
}

/// An index that more than one reads.
pub(super) type SharedIndex = Arc<Index>;
