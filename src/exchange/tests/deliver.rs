//! What a stream gets: in order, within credit, each number once or again, each decided anew.

use super::*;
use crate::exchange::UNACKNOWLEDGED_MAX;

/// Housing has a subscription and an open stream.
fn listening(credit: u32) -> (Desk, u64) {
    let mut desk = Desk::agreed();
    let expires_at = desk.now.plus_days(100);
    let subscription = desk.subscribe(HOUSING, &subscription("feed", expires_at));
    desk.open(subscription, credit);
    (desk, subscription)
}

#[test]
fn deliveries_come_in_order_within_credit() {
    let (mut desk, subscription) = listening(2);
    let draft = draft(desk.now);
    desk.publish_some(3, &draft);
    assert_eq!(desk.deliver(subscription), [Given::New(1), Given::New(2)]);
    assert_eq!(desk.deliver(subscription), []);
    desk.state.credit(subscription, desk.streams, 5).unwrap();
    assert_eq!(desk.deliver(subscription), [Given::New(3)]);
}

#[test]
fn a_redelivery_keeps_its_number_and_what_is_acknowledged_does_not_come_again() {
    let (mut desk, subscription) = listening(10);
    let draft = draft(desk.now);
    desk.publish_some(3, &draft);
    assert_eq!(desk.deliver(subscription).len(), 3);
    desk.acknowledge(subscription, 1);
    desk.open(subscription, 10);
    desk.publish(&draft);
    assert_eq!(desk.deliver(subscription), [Given::Again(2), Given::Again(3), Given::New(4)]);
}

#[test]
fn other_fields_make_a_redelivery_a_new_disclosure_under_the_same_number() {
    let (mut desk, subscription) = listening(10);
    let draft = draft(desk.now);
    desk.publish(&draft);
    assert_eq!(desk.deliver(subscription), [Given::New(1)]);
    desk.now = desk.now.after(HOUR);
    desk.agree(agreement(&[COUNCIL, HOUSING], NARROW, desk.now));
    desk.open(subscription, 10);
    assert_eq!(desk.deliver(subscription), [Given::New(1)]);
    desk.open(subscription, 10);
    assert_eq!(desk.deliver(subscription), [Given::Again(1)]);
    let own = desk.state.subscriptions_of(&agency(HOUSING));
    assert_eq!(own[0].delivered, 1);
}

#[test]
fn what_is_withdrawn_or_has_ended_is_skipped_on_record_and_once() {
    for ends_by_itself in [false, true] {
        let (mut desk, subscription) = listening(10);
        let draft = draft(desk.now);
        desk.publish_some(2, &draft);
        assert_eq!(desk.deliver(subscription).len(), 2);
        let reason = if ends_by_itself {
            desk.now = draft.expires_at;
            Reason::Expired
        } else {
            desk.withdraw(COUNCIL);
            Reason::AgreementNotInForce
        };
        let skipped = [Given::Skipped(1, reason), Given::Skipped(2, reason)];
        desk.open(subscription, 10);
        let before = desk.state.size();
        assert_eq!(desk.deliver(subscription), skipped);
        assert_eq!(desk.state.size(), before + 2);
        desk.open(subscription, 10);
        assert_eq!(desk.deliver(subscription), skipped);
        assert_eq!(desk.state.size(), before + 2, "it is recorded once");
        desk.acknowledge(subscription, 2);
        desk.open(subscription, 10);
        assert_eq!(desk.deliver(subscription), []);
    }
}

#[test]
fn what_waits_when_it_is_withdrawn_is_refused_on_record_and_takes_no_number() {
    let (mut desk, subscription) = listening(0);
    desk.publish(&draft(desk.now));
    desk.withdraw(HOUSING);
    desk.now = desk.now.after(HOUR);
    desk.agree(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
    desk.withdraw(HOUSING);
    desk.open(subscription, 10);
    assert_eq!(desk.deliver(subscription), [Given::Refused(Reason::AgreementNotInForce)]);
    desk.now = desk.now.after(HOUR);
    desk.agree(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
    desk.publish(&draft(desk.now));
    assert_eq!(desk.deliver(subscription), [Given::New(1)]);
}

/// Refusals cost no credit: a matching alert behind them still comes.
#[test]
fn a_restricted_alert_is_refused_to_everybody() {
    let (mut desk, subscription) = listening(1);
    let draft = draft(desk.now);
    desk.publish(&Draft { restricted: true, ..draft.clone() });
    desk.publish(&draft);
    let expected = [Given::Refused(Reason::Restricted), Given::New(1)];
    assert_eq!(desk.deliver(subscription), expected);
}

#[test]
fn nothing_new_comes_while_too_much_is_unacknowledged() {
    let (mut desk, subscription) = listening(0);
    let draft = draft(desk.now);
    desk.publish_some(UNACKNOWLEDGED_MAX + 1, &draft);
    let mut given = 0;
    while given < UNACKNOWLEDGED_MAX {
        desk.state.credit(subscription, desk.streams, 1000).unwrap();
        given += desk.deliver(subscription).len();
    }
    assert_eq!(given, UNACKNOWLEDGED_MAX);
    assert_eq!(desk.deliver(subscription), [], "though there is credit left");
    desk.acknowledge(subscription, 1);
    let next = UNACKNOWLEDGED_MAX as u64 + 1;
    assert_eq!(desk.deliver(subscription), [Given::New(next)]);
}

#[test]
fn only_who_subscribed_before_the_publish_gets_it_and_the_publisher_never() {
    let mut desk = Desk::agreed();
    let expires_at = desk.now.plus_days(100);
    desk.publish(&draft(desk.now));
    let late = desk.subscribe(HOUSING, &subscription("late", expires_at));
    let mut back = agreement(&[HOUSING, COUNCIL], WIDE, desk.now);
    back.id = "back".parse().unwrap();
    desk.agree(back);
    let own = desk.subscribe(COUNCIL, &subscription("own", expires_at));
    desk.publish(&draft(desk.now));
    desk.open(late, 10);
    desk.open(own, 10);
    assert_eq!(desk.deliver(late), [Given::New(1)]);
    assert_eq!(desk.deliver(own), []);
}
