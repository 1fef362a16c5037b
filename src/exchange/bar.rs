//! Acts of operators on who may take part. They bar certificates, CAs and agencies and let suspended ones come
//! back; what an agreement permits is none of their business.

use super::state::State;
use crate::domain::{Barring, Caller, Reason, Refusal, Seat};
use crate::record::Event;

impl State {
    /// Decides an act. Nothing new where it was done already: then the index of its record.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an operator; `AGENCY_NOT_SUSPENDED` where nobody can be reinstated,
    /// `AGENCY_REVOKED` where one that has left for good would be suspended, `AGENCY_UNKNOWN` where the agency is
    /// neither listed in the broker's table nor in any record: it would be an act on nobody. One that was taken out
    /// of the table in haste can still be revoked.
    pub fn bar(
        &self,
        by: &Caller,
        act: &Barring,
        is_listed: bool,
    ) -> Result<Result<u64, Event>, Refusal> {
        if !matches!(by.seat, Seat::Operator { .. }) {
            return Err(Reason::WrongRole.into());
        }
        if let Some(done) = self.bars.done(act) {
            return Ok(Ok(done));
        }
        match act {
            Barring::AgencyReinstated(agency) if !self.bars.suspended.contains_key(agency) => {
                return Err(Refusal::at(Reason::AgencyNotSuspended, "agency"));
            }
            Barring::AgencySuspended(agency) if self.bars.revoked.contains_key(agency) => {
                return Err(Refusal::at(Reason::AgencyRevoked, "agency"));
            }
            Barring::AgencyRevoked(agency) | Barring::AgencySuspended(agency)
                if !is_listed && !self.links.contains_key(agency) =>
            {
                return Err(Refusal::at(Reason::AgencyUnknown, "agency"));
            }
            Barring::AgencyReinstated(_)
            | Barring::AgencyRevoked(_)
            | Barring::AgencySuspended(_)
            | Barring::AuthorityRevoked(_)
            | Barring::CertificateRevoked(_) => {}
        }
        Ok(Err(Event::Barred { by: by.clone(), act: act.clone() }))
    }

    /// P1, P4: whoever is barred does nothing any more, what was queued before it included.
    ///
    /// # Errors
    ///
    /// `CERTIFICATE_REVOKED`, `AGENCY_REVOKED`, `AGENCY_SUSPENDED`.
    pub fn may_act(&self, by: &Caller) -> Result<(), Refusal> {
        self.bars.against(by).map_or(Ok(()), |bar| Err(Reason::from(bar).into()))
    }
}
