//! Objections of the person: recorded where they were told, answered by the alert's publisher.

use super::book::Objection;
use crate::domain::{
    AgencyId, AlertRef, Caller, ObjectionGround, ObjectionKind, ObjectionOutcome, Reason, Refusal,
    Timestamp,
};
use crate::exchange::{State, govern::officer};
use crate::record::{Answered, Event, RightsEvent};

/// How an objection stands.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/rights.proto")]
pub struct ObjectionStanding {
    pub index: u64,
    pub alert: AlertRef,
    pub recorded_by: AgencyId,
    pub kind: ObjectionKind,
    pub recorded_at: Timestamp,
    /// Outcome, ground, time and index of the answer.
    pub answer: Option<(ObjectionOutcome, ObjectionGround, Timestamp, u64)>,
}

/// Which objections are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ObjectionFilter {
    /// Only those behind this index.
    pub after: u64,
    /// Only those that are not answered.
    pub open_only: bool,
    /// How many at most.
    pub limit: usize,
}

impl State {
    /// Decides to record an objection. `alert` is one that the caller's agency published or received. Nothing new
    /// while the same one is open.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer, `ALERT_UNKNOWN`.
    pub fn object(
        &self,
        by: &Caller,
        alert: Option<&AlertRef>,
        kind: ObjectionKind,
    ) -> Result<Result<u64, Event>, Refusal> {
        let agency = officer(by)?;
        let alert = alert.ok_or(Refusal::at(Reason::AlertUnknown, "alert"))?;
        let is_same = |it: &Objection| {
            it.answer.is_none()
                && it.kind == kind
                && it.recorded_by == *agency
                && it.alert.published == alert.published
        };
        if let Some((index, _)) = self.rights.objections.iter().find(|(_, it)| is_same(it)) {
            return Ok(Ok(*index));
        }
        let (by, alert) = (by.clone(), alert.clone());
        Ok(Err(Event::Rights(RightsEvent::ObjectionRecorded { by, alert, kind })))
    }

    /// Decides the answer to an objection.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `OBJECTION_UNKNOWN` unless it is to an alert of the caller's agency, `OBJECTION_ANSWERED` where
    /// the answer was another.
    pub fn answer_objection(
        &self,
        by: &Caller,
        index: u64,
        (outcome, ground): (ObjectionOutcome, ObjectionGround),
    ) -> Result<Result<u64, Event>, Refusal> {
        let agency = officer(by)?;
        let objection = self.rights.objections.get(&index);
        let objection = objection
            .filter(|it| it.alert.publisher == *agency)
            .ok_or(Refusal::at(Reason::ObjectionUnknown, "objection"))?;
        if let Some(answer) = objection.answer {
            return if (answer.outcome, answer.ground) == (outcome, ground) {
                Ok(Ok(answer.index))
            } else {
                Err(Refusal::at(Reason::ObjectionAnswered, "objection"))
            };
        }
        Ok(Err(Event::Rights(RightsEvent::ObjectionAnswered(Answered {
            by: by.clone(),
            alert: objection.alert.clone(),
            objection: index,
            recorded_by: objection.recorded_by.clone(),
            outcome,
            ground,
        }))))
    }

    /// Lists objections to the officer's agency's alerts, and those that it recorded; tells whether more follow.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`.
    pub fn objections(
        &self,
        by: &Caller,
        filter: &ObjectionFilter,
    ) -> Result<(Vec<ObjectionStanding>, bool), Refusal> {
        let agency = officer(by)?;
        let all = self.rights.objections.range(filter.after.saturating_add(1)..);
        let mut own = all.filter(|(_, it)| {
            (it.alert.publisher == *agency || it.recorded_by == *agency)
                && !(filter.open_only && it.answer.is_some())
        });
        let list = own.by_ref().take(filter.limit).map(|(index, it)| it.standing(*index)).collect();
        Ok((list, own.next().is_some()))
    }
}

impl Objection {
    fn standing(&self, index: u64) -> ObjectionStanding {
        ObjectionStanding {
            index,
            alert: self.alert.clone(),
            recorded_by: self.recorded_by.clone(),
            kind: self.kind,
            recorded_at: self.at,
            answer: self.answer.map(|it| (it.outcome, it.ground, it.at, it.index)),
        }
    }
}
