//! What may be read of the durable log, by officers: entries that concern their agency.

use std::sync::Arc;

use super::secrets::Secrets;
use crate::domain::AgencyId;
use crate::journal::Frame;
use crate::record::{Event, Record, commitment::Key};

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
        let agencies = self.record.event.agencies();
        if agencies.is_empty() {
            concerns_all(&self.record.event)
        } else {
            agencies.contains(&agency)
        }
    }
}

/// Tells whether an event without an agency is for every officer: all but a refusal at delivery whose
/// publisher is not known any more.
fn concerns_all(event: &Event) -> bool {
    !matches!(event, Event::Refused(refused) if refused.recipient.is_some())
}

/// Follows one agency's links through the log, entry by entry from the first.
#[derive(Debug)]
pub struct Links {
    agency: AgencyId,
    secrets: Arc<Secrets>,
    number: u64,
    previous: u64,
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

impl Links {
    pub(super) const fn new(agency: AgencyId, secrets: Arc<Secrets>) -> Self {
        Self { agency, secrets, number: 0, previous: 0 }
    }

    /// Returns the opening of the agency's link in the next entry, where it has one.
    pub fn next(&mut self, entry: &Entry) -> Option<LinkOpening> {
        if !entry.record.event.agencies().contains(&&self.agency) {
            return None;
        }
        self.number += 1;
        let previous = std::mem::replace(&mut self.previous, entry.index + 1);
        let nonce = self.secrets.link_nonce(self.agency.as_str(), entry.index);
        Some(LinkOpening { number: self.number, previous, nonce })
    }
}
