//! A publish: idempotent by request id, admitted by policy, turned into one event.

use std::time::Duration;

use super::state::State;
use crate::domain::{
    AgencyId, AlertId, AlertRef, Caller, Draft, Facts, Reason, Refusal, Seat, Timestamp,
};
use crate::record::{Event, Published};

/// How long request ids are accepted, counted from the time that the id itself tells.
const REQUEST_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How far the clock that made a request id may be ahead of ours.
const REQUEST_AHEAD_MAX: Duration = Duration::from_secs(300);
/// How long a publish is remembered: until its id is too old wherever its clock stood.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 3600 + 2 * 300);

/// What a publisher handed in, and what the ledger prepared for it.
#[derive(Clone, Copy, Debug)]
pub struct Submission<'a> {
    /// Who.
    pub by: &'a Caller,
    /// The request id.
    pub id: AlertId,
    /// The alert.
    pub draft: &'a Draft,
    /// The slot of the key that its body is sealed under.
    pub slot: u64,
    /// The commitment to its content under that key.
    pub content: [u8; 32],
    /// The alert that it rectifies, as the caller's agency published it; nothing where there is none.
    pub rectifies: Option<&'a AlertRef>,
}

/// What becomes of a publish.
#[derive(Clone, Debug)]
pub enum Publication {
    /// The same alert stands at this index already, under the key of this slot.
    Known {
        /// Index of its record.
        index: u64,
        /// Slot of its key.
        slot: u64,
    },
    /// It is new.
    New(Box<Event>),
}

impl State {
    /// Returns the key slot of a remembered publish, so that a repeat's content can be compared
    /// under the same key.
    pub fn remembered_slot(&self, agency: &AgencyId, id: AlertId) -> Option<u64> {
        self.requests.get(&(id, agency.clone())).map(|known| known.slot)
    }

    /// Decides a publish.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an agency's system, what [`may_act`](Self::may_act) says, `REQUEST_ID_TOO_OLD`,
    /// `REQUEST_ID_REUSED` with other content, `ALERT_UNKNOWN`, `RECALLED` and `RECTIFIED` of the alert it rectifies, `AGREEMENT_UNKNOWN`, `AGREEMENT_NOT_IN_FORCE`, and
    /// what [`Decider::admit`](crate::policy::Decider::admit) says.
    pub fn publish(
        &self,
        submission: &Submission<'_>,
        now: Timestamp,
    ) -> Result<Publication, Refusal> {
        let Submission { by, id, draft, slot, content, rectifies } = *submission;
        let Seat::Service { agency, .. } = &by.seat else {
            return Err(Reason::WrongRole.into());
        };
        self.may_act(by)?;
        if let Some(known) = self.requests.get(&(id, agency.clone())) {
            if self.kept.is_erased(known.slot) {
                return Err(Refusal::at(Reason::Erased, "request_id"));
            }
            return if known.content == content {
                Ok(Publication::Known { index: known.index, slot: known.slot })
            } else {
                Err(Refusal::at(Reason::RequestIdReused, "request_id"))
            };
        }
        let made_at = Timestamp::from_ms(id.made_at_ms());
        if made_at.after(REQUEST_AGE_MAX) < now {
            return Err(Refusal::at(Reason::RequestIdTooOld, "request_id"));
        }
        if made_at > now.after(REQUEST_AHEAD_MAX) {
            return Err(Refusal::at(Reason::AheadOfTime, "request_id"));
        }
        let rectifies = self.rectified(draft, agency, rectifies)?;
        let version = self.in_force(&draft.agreement, now).ok_or_else(|| {
            let known = self.agreements.get(&draft.agreement).is_some_and(|versions| {
                versions.iter().any(|it| it.agreement.party(agency).is_some())
            });
            let reason = if known { Reason::AgreementNotInForce } else { Reason::AgreementUnknown };
            Refusal::at(reason, "agreement")
        })?;
        let admitted = self.decider.admit(version.for_policy(), agency, draft, now)?;
        Ok(Publication::New(Box::new(Event::Published(Published {
            by: by.clone(),
            facts: Facts::of(draft, id, agency, admitted.delete_after()),
            agreement: version.proposed,
            flows: admitted.flows().to_vec(),
            slot,
            content,
            rectifies: rectifies.cloned(),
        }))))
    }

    fn rectified<'a>(
        &self,
        draft: &Draft,
        agency: &AgencyId,
        alert: Option<&'a AlertRef>,
    ) -> Result<Option<&'a AlertRef>, Refusal> {
        let Some(id) = draft.rectifies else { return Ok(None) };
        let alert = alert
            .filter(|it| it.id == id && it.publisher == *agency)
            .ok_or(Refusal::at(Reason::AlertUnknown, "rectifies"))?;
        self.may_be_rectified(alert)?;
        Ok(Some(alert))
    }

    /// Returns the index of the record that proposed the agreement's version in force, for a
    /// refusal's record.
    pub fn agreement_index(&self, id: &crate::domain::AgreementId, now: Timestamp) -> Option<u64> {
        self.in_force(id, now).map(|version| version.proposed)
    }
}
