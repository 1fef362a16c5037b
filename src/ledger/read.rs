//! What may be read of the durable log, by officers: entries that concern their agency.

use std::sync::Arc;

use super::secrets::Secrets;
use crate::domain::AgencyId;
use crate::journal::Frame;
use crate::record::{
    Event, Record, Stub,
    commitment::{self, Key},
};

/// An entry as it is read: what is stored, and what it says.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Index in the log.
    pub index: u64,
    /// As stored.
    pub frame: Frame,
    /// What it says.
    pub record: Record,
}

impl Entry {
    /// Tells whether an officer of the agency may read it: it concerns the agency, or none.
    pub fn is_open_to(&self, agency: &AgencyId) -> bool {
        self.is_open_to_all() || self.record.event.agencies().contains(&agency)
    }

    /// Tells whether it concerns no agency, and every officer may read it.
    pub fn is_open_to_all(&self) -> bool {
        self.record.event.agencies().is_empty() && concerns_all(&self.record.event)
    }
}

/// Tells whether an event without an agency is for every officer: all but a refusal at delivery whose
/// publisher is not known any more.
fn concerns_all(event: &Event) -> bool {
    !matches!(event, Event::Refused(refused) if refused.recipient.is_some())
}

/// What stands at an index.
#[derive(Clone, Debug)]
pub enum Stood {
    /// An entry, whole.
    Entry(Box<Entry>),
    /// An entry whose record was erased at the end of the log's retention.
    Erased(Box<ErasedEntry>),
}

/// What is left of an entry whose record was erased.
#[derive(Clone, Debug)]
pub struct ErasedEntry {
    /// Index in the log.
    pub index: u64,
    /// The commitment.
    pub leaf: [u8; 32],
    /// What is left of its record.
    pub stub: Stub,
}

impl Stood {
    /// Returns its index.
    pub const fn index(&self) -> u64 {
        match self {
            Self::Entry(it) => it.index,
            Self::Erased(it) => it.index,
        }
    }

    /// Returns the entry, where it is whole.
    pub fn entry(self) -> Option<Entry> {
        match self {
            Self::Entry(it) => Some(*it),
            Self::Erased(_) => None,
        }
    }
}

/// Where one agency's links stand before some entry.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkPlace {
    /// Number of the last record linked; 0 = none yet.
    pub number: u64,
    /// Index of the last record linked, plus 1; 0 = none.
    pub previous: u64,
}

/// Follows one agency's links through the log, entry by entry from a known place.
#[derive(Debug)]
pub struct Links {
    agency: AgencyId,
    secrets: Arc<Secrets>,
    place: LinkPlace,
}

/// The opening of a link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LinkOpening {
    /// Running number, from 1.
    pub number: u64,
    /// Index of the record before, plus 1; 0 = none.
    pub previous: u64,
    /// Key of the commitment.
    pub nonce: Key,
}

impl LinkOpening {
    /// Tells whether it opens the agency's link in an entry.
    pub fn opens(&self, entry: &Entry, agency: &AgencyId) -> bool {
        let place = entry.record.event.agencies().into_iter().position(|it| it == agency);
        let link = commitment::link(&self.nonce, agency.as_str(), self.number, self.previous);
        place.and_then(|place| entry.record.links.get(place)) == Some(&link)
    }
}

impl Links {
    pub(super) const fn new(agency: AgencyId, secrets: Arc<Secrets>, place: LinkPlace) -> Self {
        Self { agency, secrets, place }
    }

    /// Returns the opening of the agency's link in the next entry, where it has one.
    pub fn next(&mut self, entry: &Entry) -> Option<LinkOpening> {
        if !entry.record.event.agencies().contains(&&self.agency) {
            return None;
        }
        let previous = self.place.previous;
        self.place = LinkPlace { number: self.place.number + 1, previous: entry.index + 1 };
        let nonce = self.secrets.link_nonce(self.agency.as_str(), entry.index);
        Some(LinkOpening { number: self.place.number, previous, nonce })
    }

    /// Passes an entry whose record was erased: nothing is left to open, and the numbers go on behind it.
    pub fn pass(&mut self, it: &ErasedEntry) {
        if it.stub.agencies.contains(&self.agency) {
            self.place = LinkPlace { number: self.place.number + 1, previous: it.index + 1 };
        }
    }

    /// Returns where the links stand now.
    pub const fn place(&self) -> LinkPlace {
        self.place
    }
}
