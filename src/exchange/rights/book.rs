//! What is kept: marks on alerts, acts whose recipients are still to be found, notices by recipient, objections.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{
    AgencyId, AlertId, AlertNotice, AlertRef, ObjectionGround, ObjectionKind, ObjectionOutcome,
    Reason, RecallReason, Refusal, RestrictionReason, Timestamp,
};

/// For how many days something is kept at least after it happened; longer where the alert lives longer. The
/// records stay.
pub(in crate::exchange) const KEPT_DAYS: u64 = 365;

/// Everything about rights that is live.
#[derive(Debug, Default)]
pub(in crate::exchange) struct Book {
    /// By the index of the record that published the alert.
    pub(in crate::exchange) marks: BTreeMap<u64, Mark>,
    /// By the index of the act's record, and of the record that published the alert: one act may be on several.
    pub(in crate::exchange) owed: BTreeMap<(u64, u64), Owed>,
    /// By the index of the record that made them due.
    pub(in crate::exchange) due: BTreeMap<u64, Due>,
    pub(in crate::exchange) inboxes: BTreeMap<AgencyId, Inbox>,
    /// By the index of the objection's record.
    pub(in crate::exchange) objections: BTreeMap<u64, Objection>,
    /// When the next of them is forgotten.
    pub(in crate::exchange) ends: BTreeSet<(Timestamp, Kept)>,
}

/// Something that is kept, by its index.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::exchange) enum Kept {
    Mark(u64),
    Due(u64),
    Objection(u64),
}

/// What was done to an alert.
#[derive(Clone, Debug)]
pub(in crate::exchange) struct Mark {
    pub(in crate::exchange) alert: AlertRef,
    /// Index of the act's record, and why.
    pub(in crate::exchange) restricted: Option<(u64, RestrictionReason)>,
    /// Index of the record that lifted the last restriction, while there is no other.
    pub(in crate::exchange) lifted: Option<u64>,
    pub(in crate::exchange) recalled: Option<(u64, RecallReason)>,
    /// Index and id of the alert that takes its place.
    pub(in crate::exchange) rectified: Option<(u64, AlertId)>,
    pub(in crate::exchange) until: Timestamp,
}

/// An act of which the recipients have to be told, once they are found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Owed {
    /// The alert's publisher.
    pub publisher: AgencyId,
    /// What they are told.
    pub notice: AlertNotice,
}

/// Notices of one act.
#[derive(Clone, Debug)]
pub(in crate::exchange) struct Due {
    pub(in crate::exchange) alert: AlertRef,
    pub(in crate::exchange) notice: AlertNotice,
    pub(in crate::exchange) at: Timestamp,
    /// The number that each recipient's notice has in its inbox.
    pub(in crate::exchange) recipients: BTreeMap<AgencyId, u64>,
    pub(in crate::exchange) until: Timestamp,
}

/// The notices of one recipient.
#[derive(Clone, Debug, Default)]
pub(in crate::exchange) struct Inbox {
    /// The last number that was given.
    pub(in crate::exchange) given: u64,
    pub(in crate::exchange) acknowledged: u64,
    pub(in crate::exchange) places: BTreeMap<u64, Place>,
}

/// One notice of one recipient: index and time of the record of each step.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Place {
    pub(in crate::exchange) due: u64,
    pub(in crate::exchange) sent: Option<(u64, Timestamp)>,
    pub(in crate::exchange) acknowledged: Option<(u64, Timestamp)>,
}

/// An objection of the person.
#[derive(Clone, Debug)]
pub(in crate::exchange) struct Objection {
    pub(in crate::exchange) alert: AlertRef,
    pub(in crate::exchange) recorded_by: AgencyId,
    pub(in crate::exchange) kind: ObjectionKind,
    pub(in crate::exchange) at: Timestamp,
    pub(in crate::exchange) answer: Option<Answer>,
    pub(in crate::exchange) until: Timestamp,
}

/// The publisher's answer: index and time of its record.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) struct Answer {
    pub(in crate::exchange) index: u64,
    pub(in crate::exchange) at: Timestamp,
    pub(in crate::exchange) outcome: ObjectionOutcome,
    pub(in crate::exchange) ground: ObjectionGround,
}

impl Book {
    /// Returns until when something about an alert is kept.
    pub(in crate::exchange) fn until(alert: &AlertRef, at: Timestamp) -> Timestamp {
        alert.delete_after.max(at.plus_days(KEPT_DAYS))
    }

    /// P4: tells why an alert is not disclosed; nothing where no act stands against it.
    pub(in crate::exchange) fn against(&self, published: u64) -> Option<Reason> {
        self.marks.get(&published).and_then(Mark::against)
    }

    /// Returns the mark of an alert, to be changed.
    pub(in crate::exchange) fn mark(&mut self, alert: &AlertRef, at: Timestamp) -> &mut Mark {
        let until = Self::until(alert, at);
        let mark = self.marks.entry(alert.published).or_insert_with(|| Mark {
            alert: alert.clone(),
            restricted: None,
            lifted: None,
            recalled: None,
            rectified: None,
            until,
        });
        self.ends.remove(&(mark.until, Kept::Mark(alert.published)));
        mark.until = mark.until.max(until);
        self.ends.insert((mark.until, Kept::Mark(alert.published)));
        mark
    }

    /// Gives each of these the number of a notice that nothing else is kept of.
    pub(in crate::exchange) fn give_numbers(&mut self, agencies: &[AgencyId]) {
        for agency in agencies {
            let inbox = self.inboxes.entry(agency.clone()).or_default();
            inbox.given += 1;
            inbox.pass();
        }
    }

    /// Forgets what is kept no longer.
    pub(in crate::exchange) fn prune(&mut self, now: Timestamp) {
        while let Some((_, kept)) = self.ends.first().copied().filter(|(end, _)| *end <= now) {
            self.ends.pop_first();
            match kept {
                Kept::Mark(published) => drop(self.marks.remove(&published)),
                Kept::Objection(index) => drop(self.objections.remove(&index)),
                Kept::Due(index) => {
                    let recipients = self.due.remove(&index).map(|it| it.recipients);
                    for (agency, number) in recipients.into_iter().flatten() {
                        if let Some(inbox) = self.inboxes.get_mut(&agency) {
                            inbox.places.remove(&number);
                            inbox.pass();
                        }
                    }
                }
            }
        }
    }
}

impl Inbox {
    /// Goes on behind numbers of which nothing is kept.
    fn pass(&mut self) {
        while self.acknowledged < self.given && !self.places.contains_key(&(self.acknowledged + 1))
        {
            self.acknowledged += 1;
        }
    }
}

impl Mark {
    /// Refuses what makes sense only for an alert that may be disclosed again.
    pub(in crate::exchange) fn is_not_over(&self, at: &'static str) -> Result<(), Refusal> {
        if self.recalled.is_some() {
            return Err(Refusal::at(Reason::Recalled, at));
        }
        if self.rectified.is_some() {
            return Err(Refusal::at(Reason::Rectified, at));
        }
        Ok(())
    }

    fn against(&self) -> Option<Reason> {
        if self.recalled.is_some() {
            Some(Reason::Recalled)
        } else if self.rectified.is_some() {
            Some(Reason::Rectified)
        } else if self.restricted.is_some() {
            Some(Reason::Restricted)
        } else {
            None
        }
    }
}
