//! Notices: due once an act's recipients are found, handed out in order to whoever asks for the recipient, and kept
//! until they are acknowledged. They need neither a subscription nor an agreement in force.

use std::collections::{BTreeMap, BTreeSet};

use super::book::{Due, Place};
use crate::domain::{
    AgencyId, AlertId, AlertNotice, AlertRef, Caller, Reason, Refusal, Seat, Timestamp,
};
use crate::exchange::{State, govern::officer};
use crate::record::{Event, NoticeStep, NoticesDue, RightsEvent};

/// What is to be recorded before a pull is answered, by the numbers of notices.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pull {
    /// These are acknowledged.
    pub acknowledged: Vec<u64>,
    /// These are handed out for the first time.
    pub first: Vec<u64>,
    /// These are handed out, those included.
    pub handed: Vec<u64>,
    /// More wait behind them.
    pub more: bool,
}

/// What a recipient's system asks for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// All up to this number are dealt with.
    pub acknowledged: u64,
    /// How many may be handed out.
    pub limit: usize,
}

/// A notice as it is handed out.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Number among the recipient's notices.
    pub number: u64,
    /// The alert.
    pub alert: AlertRef,
    /// What it says.
    pub notice: AlertNotice,
    /// Index of the record of its first sending.
    pub index: u64,
}

/// A step of a notice that can be recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handed {
    /// It was acknowledged.
    Acknowledged,
    /// It is handed out.
    Sent,
}

/// Which notices are asked for.
#[derive(Clone, Debug)]
pub struct NoticeFilter {
    /// Only of this alert.
    pub alert: Option<AlertId>,
    /// Only those that are not acknowledged.
    pub outstanding_only: bool,
    /// Only those behind this record and, of its own, this recipient.
    pub after: Option<(u64, AgencyId)>,
    /// How many at most.
    pub limit: usize,
}

/// How one notice to one recipient stands.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/rights.proto")]
pub struct NoticeStanding {
    pub due: u64,
    pub alert: AlertRef,
    pub notice: AlertNotice,
    pub recipient: AgencyId,
    pub due_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    /// The recipient is suspended or revoked.
    pub is_barred: bool,
}

impl State {
    /// Decides to make notices due, now that alert and recipients of an act are found; nothing where that was done, or
    /// while an earlier act on the alert waits for its recipients: they are told in the order of the acts, or the end of
    /// a restriction would reach them before it.
    pub fn make_due(
        &self,
        cause: u64,
        alert: &AlertRef,
        recipients: &BTreeSet<AgencyId>,
    ) -> Option<Event> {
        let owed = self.rights.owed.get(&(cause, alert.published));
        let owed = owed.filter(|it| it.publisher == alert.publisher)?;
        // Where nothing was done to it but that it is erased, there is no earlier act to look for.
        let mut earlier = self.rights.owed.range(..(cause, 0));
        if self.rights.marks.contains_key(&alert.published)
            && earlier.any(|((_, of), _)| *of == alert.published)
        {
            return None;
        }
        // Whoever received the alert once it was free again was never told that it was not.
        let told = (owed.notice == AlertNotice::RestrictionLifted)
            .then(|| self.told_of_restriction(alert.published))
            .flatten();
        let knows = |it: &&AgencyId| told.is_none_or(|told| told.contains_key(*it));
        Some(Event::Rights(RightsEvent::NoticesDue(NoticesDue {
            cause,
            alert: alert.clone(),
            notice: owed.notice,
            recipients: recipients.iter().filter(knows).cloned().collect(),
        })))
    }

    /// Decides what is acknowledged and handed out to a system of a recipient.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an agency's system, what [`may_act`](Self::may_act) says,
    /// `ACKNOWLEDGED_BEYOND_DELIVERED`.
    pub fn pull_notices(&self, by: &Caller, asked: Asked) -> Result<Pull, Refusal> {
        let Seat::Service { agency, .. } = &by.seat else {
            return Err(Reason::WrongRole.into());
        };
        self.may_act(by)?;
        let Some(inbox) = self.rights.inboxes.get(agency) else {
            return if asked.acknowledged == 0 { Ok(Pull::default()) } else { Err(BEYOND) };
        };
        let unsent = inbox.places.range(inbox.acknowledged + 1..).find(|(_, it)| it.sent.is_none());
        let sent_up_to = unsent.map_or(inbox.given, |(number, _)| number - 1);
        if asked.acknowledged > sent_up_to {
            return Err(BEYOND);
        }
        let acknowledged = inbox.acknowledged.max(asked.acknowledged);
        let newly = inbox.places.range(inbox.acknowledged + 1..);
        let newly = newly.take_while(|(number, _)| **number <= acknowledged);
        let mut next = inbox.places.range(acknowledged + 1..);
        let handed: Vec<_> = next.by_ref().take(asked.limit).collect();
        let first = handed.iter().filter(|(_, it)| it.sent.is_none());
        Ok(Pull {
            acknowledged: newly.map(|(number, _)| *number).collect(),
            first: first.map(|(number, _)| **number).collect(),
            handed: handed.iter().map(|(number, _)| **number).collect(),
            more: next.next().is_some(),
        })
    }

    /// Returns the event that records a step of one notice; nothing where there is no such notice.
    pub fn notice_step(
        &self,
        agency: &AgencyId,
        (number, step): (u64, Handed),
        pulled: u64,
    ) -> Option<Event> {
        let (place, due) = self.notice(agency, number)?;
        let it = NoticeStep {
            due: place.due,
            pulled,
            alert: due.alert.clone(),
            notice: due.notice,
            recipient: agency.clone(),
        };
        Some(Event::Rights(match step {
            Handed::Acknowledged => RightsEvent::NoticeAcknowledged(it),
            Handed::Sent => RightsEvent::NoticeSent(it),
        }))
    }

    /// Returns a notice whose sending is recorded.
    pub fn letter(&self, agency: &AgencyId, number: u64) -> Option<Letter> {
        let (place, due) = self.notice(agency, number)?;
        let (index, _) = place.sent?;
        Some(Letter { number, alert: due.alert.clone(), notice: due.notice, index })
    }

    /// Returns up to which number an agency's notices are acknowledged.
    pub fn notices_acknowledged(&self, agency: &AgencyId) -> u64 {
        self.rights.inboxes.get(agency).map_or(0, |inbox| inbox.acknowledged)
    }

    /// Lists notices of acts on the officer's agency's alerts; tells whether more follow.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer.
    pub fn notices(
        &self,
        by: &Caller,
        filter: &NoticeFilter,
    ) -> Result<(Vec<NoticeStanding>, bool), Refusal> {
        let agency = officer(by)?;
        let start = filter.after.as_ref().map_or(0, |(due, _)| *due);
        let own = self.rights.due.range(start..).filter(|(_, due)| {
            due.alert.publisher == *agency && filter.alert.is_none_or(|it| it == due.alert.id)
        });
        let all = own.flat_map(|(index, due)| {
            due.recipients.iter().map(move |(recipient, number)| (*index, due, recipient, *number))
        });
        let behind = all.filter(|(index, _, recipient, _)| {
            filter.after.as_ref().is_none_or(|(due, last)| (index, *recipient) > (due, last))
        });
        let standings = behind.filter_map(|(index, due, recipient, number)| {
            self.notice_standing((index, due), (recipient, number))
        });
        let mut asked =
            standings.filter(|it| !(filter.outstanding_only && it.acknowledged_at.is_some()));
        let list = asked.by_ref().take(filter.limit).collect();
        Ok((list, asked.next().is_some()))
    }

    /// Lists the notices that no recipient has acknowledged, each with its recipient and when it was due.
    pub fn outstanding(&self) -> impl Iterator<Item = (&AgencyId, Timestamp)> {
        self.rights.inboxes.iter().flat_map(move |(agency, inbox)| {
            let open = inbox.places.range(inbox.acknowledged + 1..);
            open.filter_map(move |(_, place)| Some((agency, self.rights.due.get(&place.due)?.at)))
        })
    }

    /// Returns whom the last restriction of an alert was told.
    fn told_of_restriction(&self, published: u64) -> Option<&BTreeMap<AgencyId, u64>> {
        let of_it = self.rights.due.values().rev().find(|due| {
            due.alert.published == published && matches!(due.notice, AlertNotice::Restricted(_))
        });
        of_it.map(|due| &due.recipients)
    }

    fn notice(&self, agency: &AgencyId, number: u64) -> Option<(&Place, &Due)> {
        let place = self.rights.inboxes.get(agency)?.places.get(&number)?;
        Some((place, self.rights.due.get(&place.due)?))
    }

    fn notice_standing(
        &self,
        (index, due): (u64, &Due),
        (recipient, number): (&AgencyId, u64),
    ) -> Option<NoticeStanding> {
        let (place, _) = self.notice(recipient, number)?;
        Some(NoticeStanding {
            due: index,
            alert: due.alert.clone(),
            notice: due.notice,
            recipient: recipient.clone(),
            due_at: due.at,
            sent_at: place.sent.map(|(_, at)| at),
            acknowledged_at: place.acknowledged.map(|(_, at)| at),
            is_barred: self.bars.against_agency(recipient).is_some(),
        })
    }
}

const BEYOND: Refusal = Refusal::at(Reason::AcknowledgedBeyondDelivered, "acknowledged");
