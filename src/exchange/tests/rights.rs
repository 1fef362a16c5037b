//! Restriction, recall, rectification, notices and objections, one rule at a time.

use super::*;
use crate::domain::{
    AlertNotice, AlertRef, Barring, ObjectionGround, ObjectionKind, ObjectionOutcome, RecallReason,
    RestrictionReason,
};
use crate::exchange::{Asked, Handed, NoticeFilter, ObjectionFilter};
use crate::record::{Erased, Ordered, Retention, RightsEvent, Sealed};

const CONTESTED: RestrictionReason = RestrictionReason::AccuracyContested;
const WRONG: RecallReason = RecallReason::Wrong;

/// Housing listens to the council.
fn listening() -> (Desk, u64) {
    let mut desk = Desk::agreed();
    let expires_at = desk.now.plus_days(100);
    let subscription = desk.subscribe(HOUSING, &subscription("feed", expires_at));
    desk.open(subscription, 100);
    (desk, subscription)
}

impl Desk {
    /// An alert of the council as a look-up in the log would name it.
    fn named(&self, published: u64) -> AlertRef {
        let facts = &self.state.alerts[&published].facts;
        AlertRef {
            published,
            id: facts.id,
            publisher: facts.publisher.clone(),
            delete_after: facts.delete_after,
        }
    }

    fn act(&mut self, decided: Result<Result<u64, Event>, Refusal>) -> u64 {
        match decided.unwrap() {
            Ok(known) => known,
            Err(event) => self.record(event, Content::None),
        }
    }

    fn restrict(&mut self, alert: &AlertRef) -> u64 {
        let decided = self.state.restrict(&officer(COUNCIL), Some(alert), CONTESTED);
        self.act(decided)
    }

    fn lift(&mut self, alert: &AlertRef) -> u64 {
        let decided = self.state.lift(&officer(COUNCIL), Some(alert));
        self.act(decided)
    }

    fn recall(&mut self, alert: &AlertRef) -> u64 {
        let decided = self.state.recall(&officer(COUNCIL), Some(alert), WRONG);
        self.act(decided)
    }

    /// Publishes another alert in its place, and returns its id.
    fn rectify(&mut self, alert: &AlertRef) -> AlertId {
        let corrected = Draft { rectifies: Some(alert.id), ..draft(self.now) };
        let id = alert_id(self.now, 77);
        let submission = Submission {
            by: &service(COUNCIL),
            id,
            draft: &corrected,
            slot: self.state.slots(),
            content: [1; 32],
            rectifies: Some(alert),
        };
        let Ok(Publication::New(event)) = self.state.publish(&submission, self.now) else {
            panic!("refused")
        };
        self.record(*event, Content::Draft(&corrected));
        id
    }

    /// Tells the recipients of everything that is owed on alerts that are in memory.
    fn tell(&mut self, recipients: &[&str]) {
        let recipients: BTreeSet<AgencyId> = recipients.iter().map(|it| agency(it)).collect();
        let owed: Vec<(u64, u64)> = self.state.owed().map(|(which, _)| which).collect();
        for (cause, published) in owed {
            let alert = self.named(published);
            let event = self.state.make_due(cause, &alert, &recipients).unwrap();
            self.record(event, Content::None);
            assert_eq!(self.state.make_due(cause, &alert, &recipients), None, "once");
        }
    }

    /// Pulls as the ledger would, and returns the numbers and what they say.
    fn pull(&mut self, of: &str, acknowledged: u64, limit: usize) -> Vec<(u64, AlertNotice)> {
        let by = service(of);
        let pull = self.state.pull_notices(&by, Asked { acknowledged, limit }).unwrap();
        let pulled = self.state.size();
        let steps = pull.acknowledged.iter().map(|it| (*it, Handed::Acknowledged));
        for step in steps.chain(pull.first.iter().map(|it| (*it, Handed::Sent))) {
            let event = self.state.notice_step(&agency(of), step, pulled).unwrap();
            self.record(event, Content::None);
        }
        let letters = pull.handed.iter().map(|it| self.state.letter(&agency(of), *it).unwrap());
        letters.map(|it| (it.number, it.notice)).collect()
    }
}

#[test]
fn a_restricted_alert_is_held_back_and_comes_in_its_place_once_that_is_lifted() {
    let (mut desk, subscription) = listening();
    let draft = draft(desk.now);
    let first = desk.publish(&draft);
    desk.publish(&draft);
    let alert = desk.named(first);
    desk.restrict(&alert);
    let given = desk.deliver(subscription);
    assert_eq!(given, [Given::Refused(Reason::Restricted), Given::New(1)]);
    desk.publish(&draft);
    desk.lift(&alert);
    assert!(desk.state.take_ready().contains(&subscription), "P3: it is sent without being asked");
    assert_eq!(desk.deliver(subscription), [Given::New(2), Given::New(3)]);
    let live = &desk.state.subscriptions[&subscription];
    assert_eq!(live.sent[1].published, first, "before what came after it");
    assert!(live.held.is_empty());
}

/// A view that was on its way may never have come: it is owed again under a new number.
#[test]
fn what_was_skipped_for_a_restriction_comes_again_once_that_is_lifted() {
    let (mut desk, subscription) = listening();
    let published = desk.publish(&draft(desk.now));
    assert_eq!(desk.deliver(subscription), [Given::New(1)]);
    let alert = desk.named(published);
    desk.restrict(&alert);
    assert_eq!(desk.state.holding_alert(published), [subscription], "P4: it is cut");
    desk.open(subscription, 100);
    assert_eq!(desk.deliver(subscription), [Given::Skipped(1, Reason::Restricted)]);
    desk.acknowledge(subscription, 1);
    desk.lift(&alert);
    assert_eq!(desk.deliver(subscription), [Given::New(2)]);
    desk.acknowledge(subscription, 2);
    assert_eq!(desk.state.alerts[&published].references, 0);
}

#[test]
fn what_is_held_back_ends_with_its_alert() {
    let (mut desk, subscription) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    desk.restrict(&alert);
    desk.deliver(subscription);
    desk.now = desk.now.plus_days(31);
    desk.state.prune(desk.now);
    assert!(!desk.state.alerts.contains_key(&published));
    desk.lift(&alert);
    assert_eq!(desk.deliver(subscription), []);
}

#[test]
fn a_recalled_or_rectified_alert_is_not_disclosed_any_more() {
    let (mut desk, subscription) = listening();
    let published = desk.publish(&draft(desk.now));
    let (alert, waits) = (desk.named(published), desk.publish(&draft(desk.now)));
    desk.recall(&alert);
    let waiting = desk.named(waits);
    let id = desk.rectify(&waiting);
    let expected =
        [Given::Refused(Reason::Recalled), Given::Refused(Reason::Rectified), Given::New(1)];
    assert_eq!(desk.deliver(subscription), expected);
    desk.tell(&[HOUSING]);
    let told = desk.pull(HOUSING, 0, 10);
    assert_eq!(told, [(1, AlertNotice::Recalled(WRONG)), (2, AlertNotice::Rectified(id))]);
}

#[test]
fn acts_are_for_officers_of_the_publisher_and_a_repeat_is_answered_as_the_first_time() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    let state = &desk.state;
    for by in [service(COUNCIL), operator()] {
        let refused = state.recall(&by, Some(&alert), WRONG).unwrap_err();
        assert_eq!(refused.reason, Reason::WrongRole);
    }
    let refused = state.restrict(&officer(HOUSING), Some(&alert), CONTESTED).unwrap_err();
    assert_eq!(refused.reason, Reason::AlertUnknown);
    let refused = state.lift(&officer(COUNCIL), Some(&alert)).unwrap_err();
    assert_eq!(refused.reason, Reason::NotRestricted);
    let restricted = desk.restrict(&alert);
    assert_eq!(desk.restrict(&alert), restricted);
    let lifted = desk.lift(&alert);
    assert_eq!(desk.lift(&alert), lifted);
    assert_ne!(desk.restrict(&alert), restricted, "a second one is another");
    let recalled = desk.recall(&alert);
    assert_eq!(desk.recall(&alert), recalled);
}

/// Its recipients have to delete it, or have another in its place: that it is free again would be wrong.
#[test]
fn a_recalled_or_rectified_alert_is_not_said_to_be_free_again() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    desk.restrict(&alert);
    desk.recall(&alert);
    let refused = desk.state.lift(&officer(COUNCIL), Some(&alert)).unwrap_err();
    assert_eq!(refused.reason, Reason::Recalled);
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    desk.restrict(&alert);
    desk.rectify(&alert);
    let refused = desk.state.lift(&officer(COUNCIL), Some(&alert)).unwrap_err();
    assert_eq!(refused.reason, Reason::Rectified);
}

/// A look-up that fails is tried again later, and what came after it must not be told before it.
#[test]
fn acts_on_an_alert_are_told_in_their_order_whichever_recipients_are_found_first() {
    let (mut desk, _) = listening();
    let (published, other) = (desk.publish(&draft(desk.now)), desk.publish(&draft(desk.now)));
    let (alert, another) = (desk.named(published), desk.named(other));
    let restricted = desk.restrict(&alert);
    let lifted = desk.lift(&alert);
    let recalled = desk.recall(&another);
    let to = BTreeSet::from([agency(HOUSING)]);
    assert_eq!(desk.state.make_due(lifted, &alert, &to), None, "it waits for the restriction");
    assert!(desk.state.make_due(recalled, &another, &to).is_some(), "another alert does not");
    let event = desk.state.make_due(restricted, &alert, &to).unwrap();
    desk.record(event, Content::None);
    assert!(desk.state.make_due(lifted, &alert, &to).is_some());
}

/// Whoever received it once it was free again never learned that it was not.
#[test]
fn the_end_of_a_restriction_is_told_to_whom_the_restriction_was() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    desk.restrict(&alert);
    desk.tell(&[HOUSING]);
    desk.lift(&alert);
    desk.tell(&[FIRE, HOUSING]);
    let told = [(1, AlertNotice::Restricted(CONTESTED)), (2, AlertNotice::RestrictionLifted)];
    assert_eq!(desk.pull(HOUSING, 0, 10), told);
    assert_eq!(desk.pull(FIRE, 0, 10), []);
}

#[test]
fn notices_come_in_order_again_and_again_until_they_are_acknowledged() {
    let (mut desk, _) = listening();
    for _ in 0..5 {
        let published = desk.publish(&draft(desk.now));
        let alert = desk.named(published);
        desk.recall(&alert);
        desk.tell(&[HOUSING]);
    }
    let numbers = |told: Vec<(u64, AlertNotice)>| -> Vec<u64> {
        told.into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(numbers(desk.pull(HOUSING, 0, 2)), [1, 2]);
    let before = desk.state.size();
    assert_eq!(numbers(desk.pull(HOUSING, 0, 2)), [1, 2]);
    assert_eq!(desk.state.size(), before, "a repeat writes nothing");
    let asked = Asked { acknowledged: 3, limit: 2 };
    let beyond = desk.state.pull_notices(&service(HOUSING), asked).unwrap_err();
    assert_eq!(beyond.reason, Reason::AcknowledgedBeyondDelivered);
    assert_eq!(numbers(desk.pull(HOUSING, 1, 3)), [2, 3, 4]);
    assert_eq!(numbers(desk.pull(HOUSING, 4, 0)), [0; 0]);
    assert_eq!(numbers(desk.pull(HOUSING, 4, 9)), [5]);
    assert_eq!(desk.state.outstanding().count(), 1);
}

/// Only a suspended agency can be told again: a revoked one has left for good.
#[test]
fn a_suspended_agency_is_told_nothing_and_is_listed() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    desk.recall(&alert);
    desk.tell(&[HOUSING, FIRE]);
    let act = Barring::AgencySuspended(agency(HOUSING));
    desk.record(Event::Barred { by: operator(), act }, Content::None);
    let asked = Asked { acknowledged: 0, limit: 9 };
    let refused = desk.state.pull_notices(&service(HOUSING), asked).unwrap_err();
    assert_eq!(refused.reason, Reason::AgencySuspended);
    let filter =
        NoticeFilter { alert: Some(alert.id), outstanding_only: true, after: None, limit: 1 };
    let (page, more) = desk.state.notices(&officer(COUNCIL), &filter).unwrap();
    assert_eq!((page[0].recipient.as_str(), page[0].is_barred, more), (FIRE, false, true));
    let after = Some((page[0].due, page[0].recipient.clone()));
    let filter = NoticeFilter { after, ..filter };
    let (page, more) = desk.state.notices(&officer(COUNCIL), &filter).unwrap();
    assert_eq!((page[0].recipient.as_str(), page[0].is_barred, more), (HOUSING, true, false));
    let (others, _) = desk.state.notices(&officer(HOUSING), &filter).unwrap();
    assert!(others.is_empty(), "who was told is its publisher's to know");
}

#[test]
fn an_objection_is_its_publishers_to_answer_once() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    let object =
        |desk: &Desk| desk.state.object(&officer(HOUSING), Some(&alert), ObjectionKind::Accuracy);
    let decided = object(&desk);
    let objection = desk.act(decided);
    assert_eq!(object(&desk).unwrap(), Ok(objection));
    let found = (ObjectionOutcome::Upheld, ObjectionGround::Inaccurate);
    let answer = |desk: &Desk, by| desk.state.answer_objection(&officer(by), objection, found);
    assert_eq!(answer(&desk, HOUSING).unwrap_err().reason, Reason::ObjectionUnknown);
    let decided = answer(&desk, COUNCIL);
    let answered = desk.act(decided);
    assert_eq!(answer(&desk, COUNCIL).unwrap(), Ok(answered));
    let other = (ObjectionOutcome::Declined, ObjectionGround::Accurate);
    let refused = desk.state.answer_objection(&officer(COUNCIL), objection, other).unwrap_err();
    assert_eq!(refused.reason, Reason::ObjectionAnswered);
    assert!(object(&desk).unwrap().is_err(), "another one after that is new");
    let filter = ObjectionFilter { after: 0, open_only: false, limit: 9 };
    for (by, seen) in [(COUNCIL, 1), (HOUSING, 1), (FIRE, 0)] {
        assert_eq!(desk.state.objections(&officer(by), &filter).unwrap().0.len(), seen, "{by}");
    }
}

/// A year after the act, and once the alert is to be deleted, nothing of it is kept here.
#[test]
fn what_is_kept_ends_a_year_after_the_act_at_the_earliest() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    desk.recall(&alert);
    desk.tell(&[HOUSING]);
    let before = desk.now.plus_days(364);
    desk.state.prune(before);
    assert_eq!(desk.state.outstanding().count(), 1);
    desk.state.prune(desk.now.plus_days(365));
    assert_eq!(desk.state.outstanding().count(), 0);
    assert!(desk.state.rights.marks.is_empty() && desk.state.rights.due.is_empty());
    assert_eq!(desk.pull(HOUSING, 0, 9), []);
}

/// P5's other half is the recipients': whatever erases by order owes them this notice.
#[test]
fn an_erasure_by_order_owes_every_recipient_a_notice_to_delete() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    let erased = |order| {
        Event::Retention(Retention::Erased(Erased {
            agency: agency(COUNCIL),
            order,
            targets: vec![Sealed { index: published, slot: 0 }],
            swept: None,
        }))
    };
    desk.record(erased(None), Content::None);
    assert_eq!(desk.state.owed().len(), 0, "what ends by its term ends there by the same");
    let ordered = Ordered { order: 0, approved: 1 };
    let cause = desk.record(erased(Some(ordered)), Content::None);
    let event = desk.state.make_due(cause, &alert, &[agency(HOUSING)].into()).unwrap();
    desk.record(event, Content::None);
    assert_eq!(desk.pull(HOUSING, 0, 9), [(1, AlertNotice::Delete)]);
}

#[test]
fn a_notice_is_linked_to_publisher_and_recipient_and_the_list_to_the_publisher_alone() {
    let (mut desk, _) = listening();
    let published = desk.publish(&draft(desk.now));
    let alert = desk.named(published);
    let recalled = desk.recall(&alert);
    let told = [agency(HOUSING), agency(FIRE)].into();
    let event = desk.state.make_due(recalled, &alert, &told).unwrap();
    assert_eq!(event.agencies().as_slice(), [&agency(COUNCIL)]);
    desk.record(event, Content::None);
    let step = (1, Handed::Sent);
    let sent = desk.state.notice_step(&agency(HOUSING), step, 0).unwrap();
    assert!(matches!(&sent, Event::Rights(RightsEvent::NoticeSent(_))));
    assert_eq!(sent.agencies().as_slice(), [&agency(COUNCIL), &agency(HOUSING)]);
}
