//! Proofs of completeness: that all records linked to an agency in a range are shown. Asked for, kept as lines of
//! JSON, and verified against a checkpoint alone. What was never linked to the agency, no proof can show.

mod check;
mod lines;
#[cfg(test)]
mod tests;

pub use check::Range;
pub(super) use lines::spelled;

use std::collections::BTreeMap;

use check::check;

use super::{Connection, Error, Seen, entry::hashes, fault::Fault};
use crate::{
    domain::{AgencyId, QueryPurpose},
    merkle::{Chain, verify_consistency},
    pb::v1 as pb,
    record::proof_to_pb,
};

/// A proof of completeness, not verified yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Complete {
    /// What it claims.
    pub claim: pb::Completeness,
    /// The record before the range, those in it, and the one behind it.
    pub records: Vec<pb::ProvenRecord>,
}

impl Complete {
    /// Verifies that every record linked to the agency in the range is here, with what the log's keys signed.
    ///
    /// # Errors
    ///
    /// The first [`Fault`].
    pub fn verify(&self, log: &Chain) -> Result<Range, Fault> {
        let checkpoint = log.open(&self.claim.checkpoint)?;
        check(&self.claim, &self.records, &checkpoint)
    }

    /// Says the same of an export: how an agency's links end at its size, by a tree that extends it.
    ///
    /// # Errors
    ///
    /// [`Fault`] where the claim is of something else, or the tree does not extend that of the export.
    pub(super) fn closes(
        &self,
        agency: &AgencyId,
        (log, export): (&Chain, &crate::merkle::Checkpoint),
        consistency: &[bytes::Bytes],
    ) -> Result<Range, Fault> {
        let range = self.verify(log)?;
        if range.agency != *agency || (range.start, range.end) != (export.size, export.size) {
            return Err(Fault::Claim("another agency or another range"));
        }
        let (from, to) = (export.size, range.checkpoint.size);
        let roots = (&export.root, &range.checkpoint.root);
        verify_consistency(from, roots.0, to, roots.1, &hashes(consistency)?)
            .map_err(|error| Fault::Inconsistent { from, to, error })?;
        Ok(range)
    }
}

impl Connection {
    /// Asks for all records linked to an agency in a range, the own one where the request names none, and verifies that they are all.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where the answer does not prove it.
    pub async fn prove_complete(
        &self,
        request: pb::ProveCompleteRequest,
    ) -> Result<Complete, Error> {
        let known = self.known();
        let (from, to) = (request.from, request.to);
        let named = request.agency.parse().ok();
        let agency = named.or_else(|| self.identity().agency().cloned());
        let mut parts = self.audit().prove_complete(request).await?.into_inner();
        let out_of_place = Fault::Protocol("one claim, before the records");
        let first = parts.message().await?.ok_or(Fault::Protocol("the claim"))?;
        let claim = first.completeness.ok_or(out_of_place)?;
        let seen = self.settle(known.as_deref(), &claim.checkpoint, None).await?;
        let mut complete = Complete { claim, records: first.records };
        while let Some(part) = parts.message().await? {
            if part.completeness.is_some() {
                return Err(out_of_place.into());
            }
            complete.records.extend(part.records);
            // There are no more of them than entries: whoever sends without an end must not fill the memory.
            if complete.records.len() as u64 > seen.size() {
                return Err(Fault::Protocol("an end").into());
            }
        }
        let range = check(&complete.claim, &complete.records, &seen.checkpoint)?;
        let is_asked = agency.as_ref() == Some(&range.agency)
            && (complete.claim.from, complete.claim.to) == (from, to);
        if is_asked { Ok(complete) } else { Err(Fault::Claim("not what was asked").into()) }
    }

    /// Has it proven how an agency's links end at the size of an export; returns the proof, with the number of the last
    /// record linked before and its index plus 1.
    pub(super) async fn close_links(
        &self,
        export: &Seen,
        purpose: QueryPurpose,
        agency: &AgencyId,
    ) -> Result<(pb::LinksClosed, (u64, u64)), Error> {
        let size = export.size();
        let is_own = self.identity().agency() == Some(agency);
        let request = pb::ProveCompleteRequest {
            purpose: purpose.number().into(),
            start: size,
            end: Some(size),
            agency: if is_own { String::new() } else { agency.to_string() },
            ..pb::ProveCompleteRequest::default()
        };
        let complete = self.prove_complete(request).await?;
        let memory = self.identity().memory();
        let range = complete.verify(&memory.chain())?;
        let consistency = self.prove_consistency(size, range.checkpoint.size).await?;
        let consistency = proof_to_pb(&consistency);
        complete.closes(agency, (&memory.chain(), &export.checkpoint), &consistency)?;
        let Complete { claim, records } = complete;
        let closed = pb::LinksClosed { completeness: Some(claim), records, consistency };
        Ok((closed, range.last))
    }

    /// Returns the openings of an agency's links in the records before the end of an export, by their indexes.
    pub(super) async fn openings_of(
        &self,
        export: &Seen,
        purpose: QueryPurpose,
        agency: &AgencyId,
    ) -> Result<BTreeMap<u64, pb::LinkOpening>, Error> {
        let size = export.size();
        let request = pb::ProveCompleteRequest {
            purpose: purpose.number().into(),
            end: Some(size),
            agency: agency.to_string(),
            ..pb::ProveCompleteRequest::default()
        };
        let complete = self.prove_complete(request).await?;
        let shown = complete.records.into_iter().filter_map(|proven| proven.record);
        let opened = shown.filter_map(|it| it.link.map(|link| (it.index, link)));
        Ok(opened.filter(|(index, _)| *index < size).collect())
    }
}
