//! One agency's storm: its lane of the queue, its rate.

use portway::pb::v1 as pb;
use tonic::Status;

use super::{Aside, check_load};
use crate::stage::{
    AGREEMENT, Role, SUBSCRIPTION, Speaker, Stage, draft, events, now, open, request, subscription,
};

/// Publishes many alerts at once; returns what was refused.
async fn storm(police: &Speaker, count: usize) -> Vec<Status> {
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..count {
        let police = police.clone();
        storm.spawn(async move { police.publish(request(draft(now()))).await });
    }
    storm.join_all().await.into_iter().filter_map(Result::err).collect()
}

/// A lane with one place is full as soon as two ask at once. Who asks one thing after the other never finds
/// the own lane full, whatever the others do.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_makes_the_broker_busy_for_its_own_agency_only() {
    let stage = Stage::start_editing(|text| {
        text.replace("[ledger]\n", "[ledger]\nqueue_commands_max = 1\n")
    });
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let council = stage.speak("council", Role::Service).await;
    let calm = Aside::begin(async move {
        for number in 0..50 {
            let subscription = Some(subscription(&format!("calm-{number}"), now()));
            let request = pb::CreateSubscriptionRequest { subscription };
            council.subscriptions().create_subscription(request).await.expect("its own lane");
        }
    });
    let mut busy = Vec::new();
    while busy.is_empty() || !calm.is_finished() {
        busy.extend(storm(&police, 100).await);
    }
    calm.end().await;
    for status in &busy {
        check_load(status, "BUSY");
    }
    // Its own officers have a lane of their own.
    let officer = stage.connect("police", Role::Officer).await;
    let again = Aside::begin(async move { storm(&police, 100).await });
    officer.withdraw_agreement(AGREEMENT).await.expect("a withdrawal always gets in");
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_that_publishes_too_fast_is_told_when_to_go_on_and_others_are_not() {
    let mut stage = Stage::start_with("[limits]\npublish_per_second = 1\npublish_burst = 2\n");
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let mut published = 0;
    let status = loop {
        match police.publish(request(draft(now()))).await {
            Ok(_) => published += 1,
            Err(status) => break status,
        }
    };
    assert!(published >= 2, "{published} of a burst of two");
    check_load(&status, "RATE_EXCEEDED");

    // It is about publishing, and about the police: neither reading nor the council is slower for it.
    let council = stage.speak("council", Role::Service).await;
    let mut alert = draft(now());
    alert.subject_categories = vec![pb::SubjectCategory::Other.into()];
    alert.indicators.clear();
    council.publish(request(alert)).await.expect("a rate of its own");
    let officer = stage.connect("police", Role::Officer).await;
    let refused = events(&officer).await.into_iter();
    let refused = refused.filter(|(_, it)| matches!(it, portway::record::Event::Refused(_)));
    assert_eq!(refused.count(), 0, "load is not recorded");
    drop((police, council, officer));
    stage.terminate();
    let log = stage.log_lines();
    let told = log.lines().find(|it| it.contains("turned away")).expect("an operator is told");
    assert!(told.contains(r#""agency":"police""#) && told.contains(r#""count":1"#), "{told}");
}

/// Bulk is slowed down instead of being refused, and every alert has its receipt.
#[tokio::test(flavor = "multi_thread")]
async fn bulk_keeps_to_the_rate_without_being_refused() {
    let stage = Stage::start_with("[limits]\npublish_per_second = 20\npublish_burst = 1\n");
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let requests: Vec<_> = (0..10)
        .map(|_| request(draft(now())))
        .map(|it| pb::PublishManyRequest {
            request_id: it.request_id,
            alert: it.alert,
            known_size: 0,
        })
        .collect();
    let mut exchange = police.exchange();
    let outcomes = exchange.publish_many(tokio_stream::iter(requests)).await.unwrap();
    let mut outcomes = outcomes.into_inner();
    for _ in 0..10 {
        let outcome = outcomes.message().await.unwrap().expect("an outcome").outcome;
        assert!(matches!(outcome, Some(pb::publish_many_response::Outcome::Receipt(_))));
    }
}

/// A subscriber that does not read holds its own stream only.
#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_holds_up_nobody_else() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    stage.subscribe("housing").await;
    let police = stage.speak("police", Role::Service).await;
    let opening = |credit| {
        Some(pb::subscribe_request::Message::Open(pb::Open { credit, ..open(SUBSCRIPTION) }))
    };
    let council = stage.speak("council", Role::Service).await;
    let unread = council.stream(opening(1000)).await.unwrap();
    let housing = stage.speak("housing", Role::Service).await;
    let mut read = housing.stream(opening(300)).await.unwrap();
    for _ in 0..3 {
        assert!(storm(&police, 100).await.is_empty());
    }
    for number in 1..=300 {
        assert_eq!(read.delivery().await.number, number);
    }
    drop(unread);
}
