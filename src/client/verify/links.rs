//! `links.jsonl` of an export: that no record linked to the agencies that it was made for is left out, neither
//! between two that are there nor behind the last.

use std::collections::BTreeMap;

use super::{Complete, Finding, What};
use crate::{
    client::{
        Complete as Proof,
        entry::key,
        export::{Chained, ChainedLine},
        fault::Fault,
        gaps::{Gaps, Place},
    },
    domain::AgencyId,
    merkle::{Chain, Checkpoint},
    record::{Record, commitment},
};

/// The links of every agency that an export was made for.
pub(super) struct Chains {
    of: BTreeMap<AgencyId, Followed>,
    /// Where records of the log say that others were erased.
    gaps: Gaps,
}

/// One agency's links, and how far they were followed.
struct Followed {
    chained: Chained,
    last: Place,
    gaps: Gaps,
}

impl Chains {
    /// Reads the file: agencies in order of name, each with its openings in order of index and one line that ends them.
    pub(super) fn read(text: &str) -> Result<Self, Finding> {
        let mut chains: BTreeMap<AgencyId, Followed> = BTreeMap::new();
        let mut openings = BTreeMap::new();
        let mut open: Option<AgencyId> = None;
        for (number, line) in (1_u64..).zip(text.split_inclusive('\n')) {
            let fault = |what| Finding::new(format!("{} line {number}", Chained::PATH), what);
            let malformed = || fault(What::Form("not a line of links in its place"));
            let line =
                line.strip_suffix('\n').and_then(ChainedLine::parse).ok_or_else(malformed)?;
            match line {
                ChainedLine::Opened(agency, index, opening) => {
                    let is_of_it = open.get_or_insert_with(|| agency.clone()) == &agency;
                    let is_next = openings.last_key_value().is_none_or(|(last, _)| *last < index);
                    if !is_of_it || !is_next {
                        return Err(malformed());
                    }
                    openings.insert(index, opening);
                }
                ChainedLine::Closed(closed) => {
                    let named = closed.completeness.as_ref().map(|it| it.agency.parse());
                    let agency: AgencyId = named.and_then(Result::ok).ok_or_else(malformed)?;
                    let is_of_it = open.take().is_none_or(|open| open == agency);
                    let is_next = chains.last_key_value().is_none_or(|(last, _)| *last < agency);
                    if !is_of_it || !is_next {
                        return Err(malformed());
                    }
                    let openings = std::mem::take(&mut openings);
                    let chained = Chained { openings, closed: *closed };
                    let gaps = Gaps::default();
                    chains.insert(agency, Followed { chained, last: (0, 0), gaps });
                }
            }
        }
        if open.is_some() || chains.is_empty() {
            return Err(Finding::new(Chained::PATH, What::Form("it ends no agency's links")));
        }
        Ok(Self { of: chains, gaps: Gaps::default() })
    }

    /// Follows every agency's link in the next record.
    pub(super) fn follow(&mut self, index: u64, record: &Record) -> Result<(), What> {
        self.gaps.hear(index, record);
        let agencies = record.event.agencies();
        let mut is_linked = agencies.is_empty();
        for (agency, link) in agencies.into_iter().zip(&record.links) {
            let Some(followed) = self.of.get_mut(agency) else { continue };
            is_linked = true;
            let unopened = || What::Fault(Fault::Link { index });
            let opening = followed.chained.openings.remove(&index).ok_or_else(unopened)?;
            let (number, previous) = (opening.number, opening.previous);
            let nonce = key(&opening.nonce).map_err(What::Fault)?;
            if commitment::link(&nonce, agency.as_str(), number, previous) != *link {
                return Err(unopened());
            }
            if !followed.gaps.leads(followed.last, (number, previous)) {
                return Err(What::Fault(Fault::Gap { number: followed.last.0 + 1 }));
            }
            followed.last = (number, index + 1);
        }
        if is_linked { Ok(()) } else { Err(What::Unlinked { index }) }
    }

    /// Verifies that no link of any of the agencies was left out behind the last one followed.
    pub(super) fn end(self, log: &Chain, export: &Checkpoint) -> Result<Vec<Complete>, Finding> {
        let gaps = self.gaps;
        let end = |(agency, followed): (AgencyId, Followed)| {
            let fault = |what| Finding::new(format!("{} {agency}", Chained::PATH), what);
            let Followed { chained, last, gaps: mut missing } = followed;
            missing.take(gaps);
            missing.check().map_err(|error| fault(What::Fault(error)))?;
            if let Some((index, _)) = chained.openings.first_key_value() {
                return Err(fault(What::Omitted { index: *index }));
            }
            let malformed = || fault(What::Form("nothing ends the agency's links"));
            let closed = chained.closed;
            let claim = closed.completeness.ok_or_else(malformed)?;
            let proof = Proof { claim, records: closed.records };
            let range = proof.closes(&agency, (log, export), &closed.consistency);
            let range = range.map_err(|error| fault(What::Fault(error)))?;
            // The last of them may have been erased as well.
            let ends = range.last == last || missing.leads(last, (range.last.0 + 1, range.last.1));
            missing.check().map_err(|error| fault(What::Fault(error)))?;
            if !ends {
                return Err(fault(What::Fault(Fault::Gap { number: last.0 + 1 })));
            }
            let start = missing.up_to();
            Ok(Complete { agency, start, end: export.size, records: last.0 })
        };
        self.of.into_iter().map(end).collect()
    }
}
