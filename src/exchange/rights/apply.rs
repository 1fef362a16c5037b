//! The next state from a record about rights.

use std::collections::BTreeSet;

use super::book::{Answer, Book, Due, Kept, Objection, Owed, Place};
use crate::domain::{AgencyId, AlertNotice, Timestamp};
use crate::exchange::State;
use crate::record::{Answered, NoticeStep, NoticesDue, Published, RightsEvent};

impl State {
    pub(in crate::exchange) fn apply_rights(
        &mut self,
        index: u64,
        at: Timestamp,
        event: &RightsEvent,
    ) {
        match event {
            RightsEvent::AlertRecalled { alert, reason, .. } => {
                self.rights.mark(alert, at).recalled = Some((index, *reason));
                self.owe_notices(
                    (index, alert.published),
                    &alert.publisher,
                    AlertNotice::Recalled(*reason),
                );
            }
            RightsEvent::AlertRestricted { alert, reason, .. } => {
                let mark = self.rights.mark(alert, at);
                mark.restricted = Some((index, *reason));
                mark.lifted = None;
                self.owe_notices(
                    (index, alert.published),
                    &alert.publisher,
                    AlertNotice::Restricted(*reason),
                );
            }
            RightsEvent::RestrictionLifted { alert, .. } => {
                let mark = self.rights.mark(alert, at);
                mark.restricted = None;
                mark.lifted = Some(index);
                self.owe_notices(
                    (index, alert.published),
                    &alert.publisher,
                    AlertNotice::RestrictionLifted,
                );
                self.give_back(alert.published);
            }
            RightsEvent::NoticeAcknowledged(step) => self.apply_notice(step, (index, at), true),
            RightsEvent::NoticeSent(step) => self.apply_notice(step, (index, at), false),
            RightsEvent::NoticesDue(due) => self.apply_due(index, at, due),
            RightsEvent::NoticesPulled { .. } => {}
            RightsEvent::ObjectionAnswered(answered) => self.apply_answered(index, at, answered),
            RightsEvent::ObjectionRecorded { by, alert, kind } => {
                let until = Book::until(alert, at);
                let Some(agency) = by.seat.agency() else { return };
                let objection = Objection {
                    alert: alert.clone(),
                    recorded_by: agency.clone(),
                    kind: *kind,
                    at,
                    answer: None,
                    until,
                };
                self.rights.objections.insert(index, objection);
                self.rights.ends.insert((until, Kept::Objection(index)));
            }
        }
    }

    /// An alert that takes another's place stops it, as a recall does.
    pub(in crate::exchange) fn apply_rectified(
        &mut self,
        index: u64,
        at: Timestamp,
        published: &Published,
    ) {
        if let Some(alert) = &published.rectifies {
            self.rights.mark(alert, at).rectified = Some((index, published.facts.id));
            self.owe_notices(
                (index, alert.published),
                &alert.publisher,
                AlertNotice::Rectified(published.facts.id),
            );
        }
    }

    /// Notes that every recipient of an alert has to be told of an act: by the index of the act's record, and of the
    /// record that published the alert. Whoever looks for the recipients finds it in [`owed`](Self::owed), also after
    /// a crash.
    pub(in crate::exchange) fn owe_notices(
        &mut self,
        (index, published): (u64, u64),
        agency: &AgencyId,
        notice: AlertNotice,
    ) {
        let owed = Owed { publisher: agency.clone(), notice };
        self.rights.owed.insert((index, published), owed);
    }

    fn apply_due(&mut self, index: u64, at: Timestamp, it: &NoticesDue) {
        self.rights.owed.remove(&(it.cause, it.alert.published));
        let until = Book::until(&it.alert, at);
        let mut due = Due {
            alert: it.alert.clone(),
            notice: it.notice,
            at,
            recipients: std::collections::BTreeMap::new(),
            until,
        };
        for agency in &it.recipients {
            let inbox = self.rights.inboxes.entry(agency.clone()).or_default();
            inbox.given += 1;
            let place = Place { due: index, sent: None, acknowledged: None };
            inbox.places.insert(inbox.given, place);
            due.recipients.insert(agency.clone(), inbox.given);
        }
        self.rights.due.insert(index, due);
        self.rights.ends.insert((until, Kept::Due(index)));
    }

    fn apply_notice(&mut self, step: &NoticeStep, done: (u64, Timestamp), is_acknowledged: bool) {
        let number =
            self.rights.due.get(&step.due).and_then(|it| it.recipients.get(&step.recipient));
        let Some(number) = number.copied() else { return };
        let Some(inbox) = self.rights.inboxes.get_mut(&step.recipient) else { return };
        let Some(place) = inbox.places.get_mut(&number) else { return };
        if is_acknowledged {
            place.acknowledged = Some(done);
            inbox.acknowledged = inbox.acknowledged.max(number);
        } else {
            place.sent = Some(done);
        }
    }

    fn apply_answered(&mut self, index: u64, at: Timestamp, it: &Answered) {
        if let Some(objection) = self.rights.objections.get_mut(&it.objection) {
            let (outcome, ground) = (it.outcome, it.ground);
            objection.answer = Some(Answer { index, at, outcome, ground });
        }
    }

    /// P3: what was held back from a subscription waits for it again, in its place.
    fn give_back(&mut self, published: u64) {
        for (subscription, live) in &mut self.subscriptions {
            if live.held.remove(&published) {
                let place = live.pending.partition_point(|it| *it < published);
                live.pending.insert(place, published);
                if live.session.is_some() {
                    self.ready.insert(*subscription);
                }
            }
        }
    }

    /// Lets go of what was held back of an alert that has ended.
    pub(in crate::exchange) fn let_go(&mut self, published: u64) {
        if !self.rights.marks.contains_key(&published) {
            return;
        }
        let holding =
            self.subscriptions.iter_mut().filter(|(_, live)| live.held.contains(&published));
        let holding: BTreeSet<u64> = holding
            .map(|(subscription, live)| {
                live.held.remove(&published);
                *subscription
            })
            .collect();
        for _ in holding {
            self.dereference(published);
        }
    }
}
