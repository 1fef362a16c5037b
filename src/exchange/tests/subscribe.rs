//! Subscriptions, streams and their credit, acknowledgements.

use super::*;
use crate::domain::subscription::{PER_AGENCY_MAX, TOKENS_MAX, TOKENS_PER_AGENCY_MAX};
use crate::exchange::CREDIT_MAX;

#[test]
fn the_newest_stream_fences_the_one_before() {
    let mut desk = Desk::agreed();
    let feed = desk.subscribe(HOUSING, &subscription("feed", desk.now.plus_days(1)));
    assert_eq!(desk.state.begin(feed, 1, 10, 1), None);
    assert_eq!(desk.state.begin(feed, 2, 11, 1), Some(1));
    let fenced = Err(Reason::Fenced.into());
    assert_eq!(desk.state.credit(feed, 1, 1), fenced);
    assert_eq!(desk.state.credit(feed, 2, 1), Ok(()));
    desk.state.end(feed, 1);
    assert_eq!(desk.state.credit(feed, 2, 1), Ok(()), "an old stream's end changes nothing");
    desk.state.end(feed, 2);
    assert_eq!(desk.state.credit(feed, 2, 1), fenced);
}

#[test]
fn credit_has_bounds() {
    let mut desk = Desk::agreed();
    let feed = desk.subscribe(HOUSING, &subscription("feed", desk.now.plus_days(1)));
    let stream = desk.open(feed, CREDIT_MAX - 1);
    let refused = Err(Refusal::at(Reason::CreditOutOfBounds, "more"));
    for more in [0, 2, CREDIT_MAX, u32::MAX] {
        assert_eq!(desk.state.credit(feed, stream, more), refused, "{more}");
    }
    assert_eq!(desk.state.credit(feed, stream, 1), Ok(()));
    assert_eq!(desk.state.credit(feed, stream, 1), refused);
    let unknown = Err(Reason::SubscriptionDeleted.into());
    assert_eq!(desk.state.credit(feed + 1, stream, 1), unknown);
}

#[test]
fn an_acknowledgement_covers_all_before_it_and_never_goes_back() {
    let mut desk = Desk::agreed();
    let feed = desk.subscribe(HOUSING, &subscription("feed", desk.now.plus_days(1)));
    let draft = draft(desk.now);
    desk.publish_some(3, &draft);
    desk.open(feed, 10);
    assert_eq!(desk.deliver(feed).len(), 3);
    desk.acknowledge(feed, 2);
    for known in [0, 1, 2] {
        assert_eq!(desk.state.acknowledge(feed, known), Ok(None));
    }
    let beyond = Refusal::at(Reason::AcknowledgedBeyondDelivered, "position");
    assert_eq!(desk.state.acknowledge(feed, 4), Err(beyond));
    let own = desk.state.subscriptions_of(&agency(HOUSING));
    assert_eq!((own[0].delivered, own[0].acknowledged), (3, 2));
    desk.open(feed, 10);
    assert_eq!(desk.deliver(feed), [Given::Again(3)]);
}

#[test]
fn a_name_is_free_again_once_its_subscription_has_ended() {
    let mut desk = Desk::agreed();
    let feed = subscription("feed", desk.now.after(HOUR));
    let first = desk.subscribe(HOUSING, &feed);
    let by = service(HOUSING);
    assert_eq!(desk.state.create_subscription(&by, &feed, None, desk.now), Ok(None));
    let longer = subscription("feed", desk.now.after(2 * HOUR));
    let exists = Err(Refusal::at(Reason::SubscriptionExists, "name"));
    assert_eq!(desk.state.create_subscription(&by, &longer, None, desk.now), exists);
    desk.publish(&draft(desk.now));
    desk.now = feed.expires_at;
    let second = desk.subscribe(HOUSING, &longer);
    desk.publish(&draft(desk.now));
    assert_eq!(desk.state.subscription(&agency(HOUSING), &feed.name), Some(second));
    desk.open(second, 10);
    assert_eq!(desk.deliver(second), [Given::New(1)], "only what came in its own time");
    desk.open(first, 10);
    assert_eq!(desk.deliver(first), []);
}

#[test]
fn a_subscription_has_an_end_that_holds() {
    let mut desk = Desk::agreed();
    let (by, now) = (service(HOUSING), desk.now);
    for (expires_at, reason) in
        [(now, Reason::Expired), (now.plus_days(400).after(HOUR), Reason::ExpiryTooLate)]
    {
        let asked = subscription("feed", expires_at);
        let refused = Err(Refusal::at(reason, "expires_at"));
        assert_eq!(desk.state.create_subscription(&by, &asked, None, now), refused);
    }
    let feed = subscription("feed", now.after(HOUR));
    let index = desk.subscribe(HOUSING, &feed);
    desk.publish(&draft(now));
    desk.open(index, 10);
    desk.now = feed.expires_at;
    assert_eq!(desk.deliver(index), []);
    let opened = desk.state.open(&by, (&feed.name, feed.purpose), None, desk.now);
    assert_eq!(opened, Err(Reason::SubscriptionExpired.into()));
    assert_eq!(desk.state.prune(desk.now), [index]);
    let opened = desk.state.open(&by, (&feed.name, feed.purpose), None, desk.now);
    assert_eq!(opened, Err(Reason::SubscriptionUnknown.into()));
}

#[test]
fn a_subscription_belongs_to_its_agency_and_its_purpose() {
    let mut desk = Desk::agreed();
    let feed = subscription("feed", desk.now.after(HOUR));
    let (by, now) = (service(HOUSING), desk.now);
    let wrong = Subscription { purpose: Purpose::HealthAndCare, ..feed.clone() };
    let not_agreed = Err(Refusal::at(Reason::PurposeNotAgreed, "purpose"));
    assert_eq!(desk.state.create_subscription(&by, &wrong, None, now), not_agreed);
    let sender = desk.state.create_subscription(&service(COUNCIL), &feed, None, now);
    assert_eq!(sender, not_agreed, "the council is no recipient");
    let ops = desk.state.create_subscription(&operator(), &feed, None, now);
    assert_eq!(ops, Err(Reason::WrongRole.into()));
    let index = desk.subscribe(HOUSING, &feed);

    let open = |by, purpose| desk.state.open(&by, (&feed.name, purpose), None, now).map(|it| it.0);
    assert_eq!(open(service(HOUSING), feed.purpose), Ok(index));
    assert_eq!(open(officer(HOUSING), feed.purpose), Err(Reason::WrongRole.into()));
    assert_eq!(open(operator(), feed.purpose), Err(Reason::WrongRole.into()));
    assert_eq!(open(service(COUNCIL), feed.purpose), Err(Reason::SubscriptionUnknown.into()));
    let other = Purpose::HealthAndCare;
    let expected = Err(Refusal::at(Reason::PurposeNotAgreed, "purpose"));
    assert_eq!(open(service(HOUSING), other), expected);
    let unknown = Err(Reason::SubscriptionUnknown.into());
    assert_eq!(desk.state.delete_subscription(&service(COUNCIL), &feed.name), unknown);
}

#[test]
fn a_deleted_subscription_is_forgotten_whole() {
    let mut desk = Desk::agreed();
    let feed = subscription("feed", desk.now.plus_days(100));
    let index = desk.subscribe(HOUSING, &feed);
    let draft = draft(desk.now);
    desk.publish_some(2, &draft);
    desk.open(index, 1);
    assert_eq!(desk.deliver(index), [Given::New(1)]);
    let deleted = desk.state.delete_subscription(&service(HOUSING), &feed.name).unwrap();
    desk.record(deleted, Content::None);
    assert_eq!(desk.deliver(index), []);
    let gone = Err(Reason::SubscriptionDeleted.into());
    assert_eq!(desk.state.acknowledge(index, 1), gone);
    assert!(desk.state.subscriptions_of(&agency(HOUSING)).is_empty());
    desk.now = draft.expires_at;
    desk.state.prune(desk.now);
    assert!(desk.state.alert_slot(index + 1).is_none(), "nobody holds its alerts any more");
}

#[test]
fn an_agency_cannot_fill_the_memory_with_subscriptions() {
    let mut desk = Desk::agreed();
    let until = desk.now.plus_days(1);
    for number in 0..PER_AGENCY_MAX {
        desk.subscribe(HOUSING, &subscription(&format!("feed-{number}"), until));
    }
    let one_more = subscription("one-more", until);
    let refused = desk.state.create_subscription(&service(HOUSING), &one_more, None, desk.now);
    assert_eq!(refused, Err(Refusal::at(Reason::OutOfBounds, "subscriptions")));
    let again = subscription("feed-0", until);
    let known = desk.state.create_subscription(&service(HOUSING), &again, None, desk.now);
    assert_eq!(known, Ok(None));
}

#[test]
fn an_agency_cannot_fill_the_memory_with_tokens() {
    let mut desk = Desk::agreed();
    let until = desk.now.plus_days(1);
    let mut watch_list = subscription("list", until);
    watch_list.filter.tokens = (0..TOKENS_MAX).map(numbered).collect();
    for number in 0..TOKENS_PER_AGENCY_MAX / TOKENS_MAX {
        watch_list.name = format!("list-{number}").parse().expect("a name");
        desk.subscribe(HOUSING, &watch_list);
    }
    watch_list.name = "one-more".parse().expect("a name");
    let refused = desk.state.create_subscription(&service(HOUSING), &watch_list, None, desk.now);
    assert_eq!(refused, Err(Refusal::at(Reason::OutOfBounds, "filter.tokens")));
    watch_list.filter.tokens.clear();
    desk.subscribe(HOUSING, &watch_list);
}

fn numbered(number: usize) -> SubjectToken {
    let mut value = [0; 32];
    value[..8].copy_from_slice(&(number as u64).to_be_bytes());
    SubjectToken { kind: TokenKind::Nhs, epoch: 1, value }
}
