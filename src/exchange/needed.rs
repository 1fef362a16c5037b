//! What the state still needs of the log: whatever it would not be the same without when it is read anew. The rest
//! may be erased whole, once the log's retention is over for it.

use std::collections::{BTreeSet, HashMap};

use super::{
    kept::BLOCK,
    rights::{Mark, Place},
    state::{SentAs, State},
};
use crate::journal::SlotSet;
use crate::record::{Event, Record, Retention};

/// Which records a state needs. What is not needed now is not needed by any later state either: records only lose
/// their use, but for those that are referred to, which the log itself tells.
#[derive(Debug)]
pub struct Needed {
    /// Records that are needed for themselves.
    indexes: BTreeSet<u64>,
    /// Subscriptions that live, and how far each has acknowledged.
    subscriptions: HashMap<u64, u64>,
    /// Alerts that wait for somebody.
    waiting: BTreeSet<u64>,
    /// Blocks in which something is still to be erased.
    due: BTreeSet<u64>,
    erased: SlotSet,
}

impl State {
    /// Lists the records of the streams that are open.
    pub(crate) fn opened(&self) -> impl Iterator<Item = u64> {
        let sessions = self.subscriptions.values().filter_map(|live| live.session.as_ref());
        sessions.map(|session| session.opened)
    }

    /// Says which records it needs.
    pub fn needed(&self) -> Needed {
        let mut indexes = BTreeSet::new();
        let mut waiting: BTreeSet<u64> = self.alerts.keys().copied().collect();
        for live in self.subscriptions.values() {
            waiting.extend(live.pending.iter().chain(&live.held));
            waiting.extend(live.sent.iter().map(|it| it.published));
            indexes.extend(live.sent.iter().filter_map(|it| match it.what {
                SentAs::Disclosed { index, .. } => Some(index),
                SentAs::Skipped(_) => None,
            }));
        }
        indexes.extend(&waiting);
        indexes.extend(self.subscriptions.keys());
        // Whatever is sent on a stream says by its record who opened it, however long it has been open.
        indexes.extend(self.opened());
        indexes.extend(self.issued.keys());
        indexes.extend(self.requests.values().map(|it| it.index));
        indexes.extend(
            self.kept.orders.iter().flat_map(|(order, it)| [Some(*order), it.approved]).flatten(),
        );
        indexes.extend(self.kept.held.values().map(|it| it.index));
        indexes.extend(self.needed_of_rights());
        let held = self.kept.held.keys().map(|published| published / BLOCK);
        Needed {
            indexes,
            subscriptions: self
                .subscriptions
                .iter()
                .map(|(at, it)| (*at, it.acknowledged))
                .collect(),
            waiting,
            due: self.kept.due.keys().copied().chain(held).collect(),
            erased: self.kept.erased.clone(),
        }
    }

    /// Beside the records of acts and steps themselves, those of the alerts: recipients are found by them.
    fn needed_of_rights(&self) -> impl Iterator<Item = u64> {
        let rights = &self.rights;
        let marks = rights.marks.iter().flat_map(|(alert, it)| of_mark(it).chain([*alert]));
        let owed = rights.owed.keys().flat_map(|(act, alert)| [*act, *alert]);
        let due = rights.due.iter().flat_map(|(index, it)| [*index, it.alert.published]);
        let places = rights.inboxes.values().flat_map(|it| it.places.values());
        let steps = places.flat_map(|Place { sent, acknowledged, .. }| [*sent, *acknowledged]);
        let objections = rights.objections.iter().flat_map(|(index, it)| {
            [Some(*index), Some(it.alert.published), it.answer.map(|answer| answer.index)]
        });
        let steps = steps.flatten().map(|(index, _)| index);
        marks.chain(owed).chain(due).chain(steps).chain(objections.flatten())
    }
}

fn of_mark(it: &Mark) -> impl Iterator<Item = u64> {
    let restricted = it.restricted.map(|(index, _)| index);
    let recalled = it.recalled.map(|(index, _)| index);
    let rectified = it.rectified.map(|(index, _)| index);
    [restricted, it.lifted, recalled, rectified].into_iter().flatten()
}

impl Needed {
    /// Tells whether the record at `index` may not be erased. Records of how the log is governed never are.
    pub fn has(&self, index: u64, record: &Record) -> bool {
        self.indexes.contains(&index) || self.has_event(index, &record.event)
    }

    fn has_event(&self, index: u64, event: &Event) -> bool {
        match event {
            Event::AgreementApproved(_)
            | Event::AgreementProposed { .. }
            | Event::AgreementWithdrawn(_)
            | Event::Barred { .. }
            | Event::BrokerStarted { .. }
            | Event::KeyRotated { .. }
            | Event::LogRestored(_)
            | Event::LogStarted { .. }
            | Event::Reloaded(_)
            | Event::TailCut { .. } => true,
            Event::Access(_)
            | Event::CertificateIssued(_)
            | Event::Consulted { .. }
            | Event::Exported { .. }
            | Event::Redelivered { .. }
            | Event::SnapshotTaken(_)
            | Event::StreamOpened { .. }
            | Event::SubscriptionDeleted { .. } => false,
            // Where a subscription stands is read from its last number and its last acknowledgement.
            Event::Acknowledged { subscription, number, .. }
            | Event::NumberSkipped { subscription, number, .. } => {
                self.is_open(*subscription, *number)
            }
            Event::Disclosed(it) => {
                self.is_open(it.subscription, it.number)
                    || self.waits(it.subscription, it.published)
            }
            Event::Published(it) => self.is_due(index) || !self.erased.contains(it.slot),
            Event::SubscriptionCreated { .. } => {
                event.slot().is_some_and(|slot| !self.erased.contains(slot))
            }
            Event::Refused(it) => {
                let both = it.subscription.zip(it.published);
                both.is_some_and(|(subscription, published)| self.waits(subscription, published))
            }
            // What else is live of rights is needed for itself.
            Event::Rights(it) => it.alert().is_some_and(|it| self.waiting.contains(&it.published)),
            Event::Retention(it) => self.has_retention(it),
        }
    }

    fn is_open(&self, subscription: u64, number: u64) -> bool {
        self.subscriptions.get(&subscription).is_some_and(|acknowledged| number >= *acknowledged)
    }

    /// Everything about an alert that waits is needed: what was done with it must not be done again.
    fn waits(&self, subscription: u64, published: u64) -> bool {
        self.subscriptions.contains_key(&subscription) && self.waiting.contains(&published)
    }

    /// Tells whether something in the block of an alert is still to be erased: when that is due is found from all
    /// of the block.
    fn is_due(&self, published: u64) -> bool {
        self.due.contains(&(published / BLOCK))
    }

    fn has_retention(&self, it: &Retention) -> bool {
        match it {
            Retention::Halted { .. }
            | Retention::Confirmed { .. }
            | Retention::RecordsErased { .. } => true,
            Retention::Ordered { .. }
            | Retention::Approved { .. }
            | Retention::Withdrawn { .. } => false,
            Retention::Erased(it) => it.swept.is_some_and(|(block, _)| self.due.contains(&block)),
            Retention::Held(it) => {
                self.is_due(it.target.index) || !self.erased.contains(it.target.slot)
            }
            Retention::Released { published, .. } => self.is_due(*published),
        }
    }
}
