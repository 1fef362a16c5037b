//! One block of the log, as the index holds it: the terms in it, its times, and where the links of the
//! agencies in it stood before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    matter::Matter,
    resolve::Resolver,
    term::{Term, TermKey, TokenKey},
};
use crate::domain::{AgencyId, Timestamp};
use crate::ledger::{Entry, LedgerError, LinkPlace, Reader, Stood};

/// What the index holds of one block.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Nothing where all records in it were erased.
    pub(super) first_at: Option<Timestamp>,
    pub(super) last_at: Option<Timestamp>,
    /// Leaf of the last entry.
    pub(super) leaf: [u8; 32],
    /// Terms in it, those of linked agencies apart.
    pub(super) terms: BTreeSet<TermKey>,
    /// Where the links of the agencies in it stood before the block, and stand behind it.
    pub(super) links: BTreeMap<AgencyId, (LinkPlace, LinkPlace)>,
}

impl Block {
    /// Reads the entries of a block. `place` says where an agency's links stand before it.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub(super) fn read(
        (start, end): (u64, u64),
        (reader, resolver): (&Reader, &mut Resolver),
        key: &TokenKey,
        place: impl Fn(&AgencyId) -> LinkPlace,
    ) -> Result<Self, LedgerError> {
        let mut block = Self::default();
        let mut next = start;
        while next < end {
            let stood = reader.read(next..end)?;
            if stood.is_empty() {
                return Err(LedgerError::unreadable(next));
            }
            for stood in &stood {
                match stood {
                    Stood::Entry(entry) => block.add(entry, resolver, (key, &place))?,
                    Stood::Erased(it) => {
                        block.leaf = it.leaf;
                        let agencies = it.stub.agencies.iter().collect();
                        block.link(it.index, agencies, &place);
                    }
                }
                next = stood.index() + 1;
            }
        }
        Ok(block)
    }

    fn add(
        &mut self,
        entry: &Entry,
        resolver: &mut Resolver,
        (key, place): (&TokenKey, &impl Fn(&AgencyId) -> LinkPlace),
    ) -> Result<(), LedgerError> {
        let at = entry.record.at;
        (self.first_at, self.last_at) = (self.first_at.or(Some(at)), Some(at));
        self.leaf = entry.frame.leaf;
        self.link(entry.index, linked(entry), place);
        let matter = Matter::of(entry, resolver)?;
        // What is about an alert holds the alert's tokens, and they are the costly ones: once a block will do.
        let is_known = |alert| self.terms.contains(&key.term(Term::Alert(alert)));
        let tokens_known = matter.alert.is_some_and(is_known);
        let terms = matter.terms().filter(|term| !(tokens_known && matches!(term, Term::Token(_))));
        self.terms.extend(terms.map(|term| key.term(term)));
        if entry.is_open_to_all() {
            self.terms.insert(key.term(Term::Open));
        }
        Ok(())
    }

    fn link(
        &mut self,
        index: u64,
        agencies: BTreeSet<&AgencyId>,
        place: &impl Fn(&AgencyId) -> LinkPlace,
    ) {
        for agency in agencies {
            let (_, behind) = self.links.entry(agency.clone()).or_insert_with(|| {
                let place = place(agency);
                (place, place)
            });
            *behind = LinkPlace { number: behind.number + 1, previous: index + 1 };
        }
    }
}

/// The agencies that a record concerns, each once.
fn linked(entry: &Entry) -> BTreeSet<&AgencyId> {
    entry.record.event.agencies().into_iter().collect()
}
