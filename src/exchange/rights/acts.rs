//! Acts of a publisher's officer on an alert: restrict, lift, recall; and what an alert may rectify.

use super::Owed;
use crate::domain::{AlertRef, Caller, Reason, RecallReason, Refusal, RestrictionReason};
use crate::exchange::{State, govern::officer};
use crate::record::{Event, RightsEvent};

/// Nothing new, and the index of the record of the first time; or what to record.
type Decided = Result<Result<u64, Event>, Refusal>;

impl State {
    /// Decides a restriction. `alert` is what the caller's agency published under the id that was named.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer, `ALERT_UNKNOWN`, `RECALLED` and `RECTIFIED` where it is not
    /// disclosed any more anyway.
    pub fn restrict(
        &self,
        by: &Caller,
        alert: Option<&AlertRef>,
        reason: RestrictionReason,
    ) -> Decided {
        let alert = own(by, alert)?;
        if let Some(mark) = self.rights.marks.get(&alert.published) {
            if let Some((index, _)) = mark.restricted {
                return Ok(Ok(index));
            }
            mark.is_not_over("alert")?;
        }
        let (by, alert) = (by.clone(), alert.clone());
        Ok(Err(Event::Rights(RightsEvent::AlertRestricted { by, alert, reason })))
    }

    /// Decides the end of a restriction. Of what was recalled or rectified since nobody is told that it is free again.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `ALERT_UNKNOWN`, `NOT_RESTRICTED`, `RECALLED` and `RECTIFIED` where it is not disclosed any more
    /// anyway.
    pub fn lift(&self, by: &Caller, alert: Option<&AlertRef>) -> Decided {
        let alert = own(by, alert)?;
        let mark = self.rights.marks.get(&alert.published);
        if let Some(index) = mark.and_then(|it| it.lifted) {
            return Ok(Ok(index));
        }
        let mark = mark.filter(|it| it.restricted.is_some());
        mark.ok_or(Refusal::at(Reason::NotRestricted, "alert"))?.is_not_over("alert")?;
        let (by, alert) = (by.clone(), alert.clone());
        Ok(Err(Event::Rights(RightsEvent::RestrictionLifted { by, alert })))
    }

    /// Decides a recall, of a restricted or rectified alert too: its recipients have to delete it then.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `ALERT_UNKNOWN`.
    pub fn recall(&self, by: &Caller, alert: Option<&AlertRef>, reason: RecallReason) -> Decided {
        let alert = own(by, alert)?;
        let recalled = self.rights.marks.get(&alert.published).and_then(|it| it.recalled);
        if let Some((index, _)) = recalled {
            return Ok(Ok(index));
        }
        let (by, alert) = (by.clone(), alert.clone());
        Ok(Err(Event::Rights(RightsEvent::AlertRecalled { by, alert, reason })))
    }

    /// Decides whether an alert may take the place of another one of the same publisher.
    ///
    /// # Errors
    ///
    /// `RECALLED`, `RECTIFIED`.
    pub(in crate::exchange) fn may_be_rectified(&self, alert: &AlertRef) -> Result<(), Refusal> {
        let mark = self.rights.marks.get(&alert.published);
        mark.map_or(Ok(()), |it| it.is_not_over("rectifies"))
    }

    /// Lists the open streams that hold an alert unacknowledged: what P4 has to cut when it is stopped.
    pub fn holding_alert(&self, published: u64) -> Vec<u64> {
        let open = self.subscriptions.iter().filter(|(_, live)| live.session.is_some());
        let holds = |sent: &crate::exchange::state::Sent| sent.published == published;
        open.filter(|(_, live)| live.sent.iter().any(holds)).map(|(index, _)| *index).collect()
    }

    /// Lists the acts of which the recipients are still to be found, by the index of their records and that of the
    /// record that published the alert.
    pub fn owed(&self) -> impl ExactSizeIterator<Item = ((u64, u64), &Owed)> {
        self.rights.owed.iter().map(|(which, owed)| (*which, owed))
    }
}

/// Returns the alert, which has to be of the officer's own agency. Another agency's is not told from none.
fn own<'a>(by: &Caller, alert: Option<&'a AlertRef>) -> Result<&'a AlertRef, Refusal> {
    let agency = officer(by)?;
    alert.filter(|it| it.publisher == *agency).ok_or(Refusal::at(Reason::AlertUnknown, "alert"))
}
