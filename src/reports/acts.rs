//! What a publisher has done about an alert, as the records of an agency tell it: the publisher's own acts, and to others
//! what they were told.

use serde::{Deserialize, Serialize};

use super::person::words;
use crate::{
    domain::{AgencyId, AlertNotice},
    record::{Event, Record, RightsEvent},
};

/// Something that was done about an alert.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Index of the record that tells of it.
    pub index: u64,
    /// `RESTRICTED`, `RESTRICTION_LIFTED`, `RECALLED`, `RECTIFIED` or `DELETE`.
    pub what: String,
    /// Why, where that was said.
    pub reason: Option<String>,
    /// When it was recorded, RFC 3339.
    pub recorded_at: String,
}

impl Act {
    /// Reads an act on the alert that was published at that index from a record of the agency's; nothing where the record
    /// tells of none.
    pub(super) fn of(
        (index, record): (u64, &Record),
        (published, agency): (u64, &AgencyId),
    ) -> Option<Self> {
        let Event::Rights(event) = &record.event else { return None };
        let alert = event.alert().filter(|it| it.published == published)?;
        let is_own = alert.publisher == *agency;
        let notice = match event {
            RightsEvent::AlertRecalled { reason, .. } => AlertNotice::Recalled(*reason),
            RightsEvent::AlertRestricted { reason, .. } => AlertNotice::Restricted(*reason),
            RightsEvent::RestrictionLifted { .. } => AlertNotice::RestrictionLifted,
            // These two have no act of their own on record that names the alert.
            RightsEvent::NoticesDue(due)
                if matches!(due.notice, AlertNotice::Rectified(_) | AlertNotice::Delete) =>
            {
                due.notice
            }
            RightsEvent::NoticeSent(sent) if !is_own && sent.recipient == *agency => sent.notice,
            RightsEvent::NoticeAcknowledged(_)
            | RightsEvent::NoticeSent(_)
            | RightsEvent::NoticesDue(_)
            | RightsEvent::NoticesPulled { .. }
            | RightsEvent::ObjectionAnswered(_)
            | RightsEvent::ObjectionRecorded { .. } => return None,
        };
        let reason = match notice {
            AlertNotice::Recalled(reason) => Some(reason.code().to_owned()),
            AlertNotice::Restricted(reason) => Some(reason.code().to_owned()),
            AlertNotice::Delete | AlertNotice::Rectified(_) | AlertNotice::RestrictionLifted => {
                None
            }
        };
        let (what, recorded_at) = (notice.kind().code().to_owned(), record.at.to_string());
        Some(Self { index, what, reason, recorded_at })
    }

    /// Says it to the person.
    pub(super) fn said(&self) -> String {
        let why = self.reason.as_deref().map(|it| format!(" ({})", words(it))).unwrap_or_default();
        format!("{}{why} on {}", words(&self.what), self.recorded_at)
    }

    fn is(&self, notice: &str) -> bool {
        self.what == notice
    }
}

/// Tells whether a restriction stands after these acts.
pub(super) fn are_restricting(acts: &[Act]) -> bool {
    use crate::domain::AlertNoticeKind::{Restricted, RestrictionLifted};
    let last = acts.iter().rev();
    let mut last = last.filter(|it| it.is(Restricted.code()) || it.is(RestrictionLifted.code()));
    last.next().is_some_and(|it| it.is(Restricted.code()))
}
