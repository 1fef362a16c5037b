//! Agreements: proposed by an officer of a party, in force when an officer of every party has approved,
//! withdrawn by any of them at once. The operator has no say.

use std::{collections::BTreeSet, sync::Arc};

use super::state::{AgreementStanding, State, VersionState, standings};
use crate::domain::{AgencyId, Agreement, AgreementId, Caller, Reason, Refusal, Seat, Timestamp};
use crate::record::{Event, Governed, ProposedAgreement};

impl State {
    /// Decides a proposal. Nothing new where the same version is waiting or in force.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer, `NOT_A_PARTY` unless of a party, and what
    /// [`Decider::define`](crate::policy::Decider::define) says.
    pub fn propose(
        &self,
        by: &Caller,
        proposed: ProposedAgreement,
        now: Timestamp,
    ) -> Result<Option<Event>, Refusal> {
        let agency = officer(by)?;
        let agreement: &Agreement = &proposed.agreement;
        if agreement.party(agency).is_none() {
            return Err(Reason::NotAParty.into());
        }
        if self.belongs_to_others(&agreement.id, agency) {
            return Err(Refusal::at(Reason::NotAParty, "id"));
        }
        self.decider.define(agreement, now)?;
        let version = crate::record::agreement_version(&proposed.bytes);
        let known = self.standings_of(&agreement.id, now).into_iter().any(|it| {
            *it.version == *version
                && matches!(it.state, VersionState::Approved | VersionState::Proposed)
        });
        if known {
            return Ok(None);
        }
        self.check_versions(agency, now)?;
        Ok(Some(Event::AgreementProposed { by: by.clone(), proposed }))
    }

    /// Decides an approval. Nothing new where the agency has approved already.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `AGREEMENT_UNKNOWN`, `VERSION_UNKNOWN`, and what [`Decider::define`](crate::policy::Decider::define) says now.
    pub fn approve(
        &self,
        by: &Caller,
        id: &AgreementId,
        version: &str,
        now: Timestamp,
    ) -> Result<Option<Event>, Refusal> {
        let agency = officer(by)?;
        let versions = self.versions_for(id, agency, now)?;
        let standing = versions
            .into_iter()
            .rev()
            .find(|it| {
                *it.version == *version
                    && matches!(it.state, VersionState::Approved | VersionState::Proposed)
            })
            .ok_or(Reason::VersionUnknown)?;
        if standing.approved_by.contains(agency) {
            return Ok(None);
        }
        self.decider.define(&standing.agreement, now)?;
        Ok(Some(Event::AgreementApproved(governed(by, id, &standing))))
    }

    /// Decides a withdrawal, of every version. Where a version is approved, only its parties can:
    /// whoever a proposal names as well has no say over what stands.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `AGREEMENT_UNKNOWN`; `AGREEMENT_NOT_IN_FORCE` where nothing is left to withdraw.
    pub fn withdraw(
        &self,
        by: &Caller,
        id: &AgreementId,
        now: Timestamp,
    ) -> Result<Event, Refusal> {
        let agency = officer(by)?;
        let is_party = |it: &AgreementStanding| it.agreement.party(agency).is_some();
        let mut versions = self.standings_of(id, now);
        if !versions.iter().any(is_party) {
            return Err(Reason::AgreementUnknown.into());
        }
        versions.retain(|it| matches!(it.state, VersionState::Approved | VersionState::Proposed));
        let stands = versions.iter().any(|it| it.state == VersionState::Approved);
        let own = versions
            .iter()
            .rev()
            .find(|it| is_party(it) && (!stands || it.state == VersionState::Approved))
            .ok_or(Reason::AgreementNotInForce)?;
        // Every party of every version that ends: each of them has to find it among its records.
        let parties: BTreeSet<&AgencyId> =
            versions.iter().flat_map(|it| &it.agreement.parties).map(|it| &it.agency).collect();
        let parties = parties.into_iter().cloned().collect();
        Ok(Event::AgreementWithdrawn(Governed { parties, ..governed(by, id, own) }))
    }

    /// Shows the versions of an agreement that name the agency a party.
    ///
    /// # Errors
    ///
    /// `AGREEMENT_UNKNOWN` where there is none.
    pub fn versions_for(
        &self,
        id: &AgreementId,
        agency: &AgencyId,
        now: Timestamp,
    ) -> Result<Vec<AgreementStanding>, Refusal> {
        let mut versions = self.standings_of(id, now);
        versions.retain(|it| it.agreement.party(agency).is_some());
        if versions.is_empty() { Err(Reason::AgreementUnknown.into()) } else { Ok(versions) }
    }

    /// Shows one version of an agreement to a party: the newest of that hash.
    ///
    /// # Errors
    ///
    /// `AGREEMENT_UNKNOWN` as for [`versions_for`](Self::versions_for), `VERSION_UNKNOWN`.
    pub fn version_for(
        &self,
        (id, version): (&AgreementId, &str),
        agency: &AgencyId,
        now: Timestamp,
    ) -> Result<AgreementStanding, Refusal> {
        let versions = self.versions_for(id, agency, now)?.into_iter();
        versions.rev().find(|it| *it.version == *version).ok_or(Reason::VersionUnknown.into())
    }

    /// Lists the parties of every version that is not withdrawn.
    pub fn parties_of(&self, id: &AgreementId) -> BTreeSet<AgencyId> {
        let versions = self.agreements.get(id).into_iter().flatten().filter(|it| !it.withdrawn);
        versions.flat_map(|it| &it.agreement.parties).map(|party| party.agency.clone()).collect()
    }

    fn standings_of(&self, id: &AgreementId, now: Timestamp) -> Vec<AgreementStanding> {
        self.agreements.get(id).map(|versions| standings(versions, now)).unwrap_or_default()
    }

    /// An id in use belongs to the parties that use it: nobody else can replace the agreement. Once all of
    /// it is withdrawn, the id is free.
    fn belongs_to_others(&self, id: &AgreementId, agency: &AgencyId) -> bool {
        let versions = self.agreements.get(id).into_iter().flatten();
        let mut live = versions.filter(|it| !it.withdrawn).peekable();
        live.peek().is_some() && live.all(|it| it.agreement.party(agency).is_none())
    }
}

pub(super) fn officer(by: &Caller) -> Result<&AgencyId, Refusal> {
    match &by.seat {
        Seat::Officer { agency, .. } => Ok(agency),
        Seat::Auditor { .. } | Seat::Operator { .. } | Seat::Service { .. } => {
            Err(Reason::WrongRole.into())
        }
    }
}

fn governed(by: &Caller, id: &AgreementId, standing: &AgreementStanding) -> Governed {
    let agreement = Arc::clone(&standing.agreement);
    Governed {
        by: by.clone(),
        id: id.clone(),
        proposed: standing.index,
        parties: agreement.parties.iter().map(|party| party.agency.clone()).collect(),
    }
}
