//! Pull makes the promises of a stream: recorded first (P2), at least once and in order (P3), cut by a
//! withdrawal (P4).

use portway::{
    client::{Incoming, PullOptions, Pulled},
    domain::{Name, Reason},
    pb::v1::{self as pb, subscribe_request::Message as Ask},
    record::Event,
};
use prost::Message;
use tokio::task::JoinSet;
use tonic::Code;

use crate::stage::{
    AGREEMENT, PURPOSE, Role, SUBSCRIPTION, Stage, draft, events, now, open, pull, request,
};

async fn ready() -> Stage {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    stage
}

async fn publish(stage: &Stage, count: usize) {
    let police = stage.speak("police", Role::Service).await;
    let mut publishing = JoinSet::new();
    for _ in 0..count {
        let police = police.clone();
        publishing.spawn(async move { police.publish(request(draft(now()))).await.unwrap() });
    }
    publishing.join_all().await;
}

async fn take(stage: &Stage, options: PullOptions) -> Pulled {
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    council.pull(&name, PURPOSE, options).await.unwrap()
}

/// The numbers of the deliveries, and which of them came before.
fn numbers(pulled: &Pulled) -> Vec<(u64, bool)> {
    let number = |it: &Incoming| match it {
        Incoming::Delivery(it) => Some((it.number, it.redelivery)),
        Incoming::Heartbeat | Incoming::Notice(_) | Incoming::Skipped(_) => None,
    };
    pulled.incoming.iter().filter_map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_comes_again_and_the_rest_follows() {
    let mut stage = ready().await;
    publish(&stage, 5).await;
    let two = || PullOptions { max: 2, ..PullOptions::default() };
    let first = take(&stage, two()).await;
    assert_eq!((numbers(&first), first.more), (vec![(1, false), (2, false)], true));
    stage.kill();
    stage.serve_again();

    let again = take(&stage, PullOptions { max: 3, ..PullOptions::default() }).await;
    assert_eq!(numbers(&again), [(1, true), (2, true), (3, false)]);
    let rest = take(&stage, PullOptions { resume: first.position, ..PullOptions::default() }).await;
    assert_eq!((numbers(&rest), rest.more), (vec![(3, true), (4, false), (5, false)], false));
    let last = PullOptions { max: 0, resume: rest.position.clone(), ..PullOptions::default() };
    let none = take(&stage, last).await;
    assert_eq!((none.incoming.len(), none.position), (0, rest.position));
    assert_eq!(take(&stage, two()).await.incoming, []);

    let council = stage.connect("council", Role::Service).await;
    let status = council.list_subscriptions().await.unwrap().remove(0);
    assert_eq!((status.delivered, status.acknowledged, status.open), (5, 5, false));
}

/// A stock client takes answers of 4 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_batch_fits_into_what_a_stock_client_takes() {
    let stage = ready().await;
    publish(&stage, 1010).await;
    let council = stage.speak("council", Role::Service).await;
    let asked = pb::PullRequest { max: 1000, ..pull(SUBSCRIPTION) };
    let answer = council.exchange().pull(asked).await.unwrap().into_inner();
    assert_eq!((answer.deliveries.len(), answer.more), (1000, true));
    assert!(answer.encoded_len() < 4 << 20, "{}", answer.encoded_len());

    // P2: all of it is recorded, and nothing else is.
    let officer = stage.connect("council", Role::Officer).await;
    let disclosed = events(&officer).await;
    let disclosed = disclosed.iter().filter(|(_, it)| matches!(it, Event::Disclosed(_)));
    assert_eq!(disclosed.count(), 1000);
    let rest =
        take(&stage, PullOptions { resume: answer.position, ..PullOptions::default() }).await;
    assert_eq!(numbers(&rest).len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_takes_the_place_of_an_open_stream() {
    let stage = ready().await;
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    publish(&stage, 1).await;
    assert_eq!(talk.delivery().await.number, 1);

    let answer = council.exchange().pull(pull(SUBSCRIPTION)).await.unwrap().into_inner();

    assert_eq!(talk.end().await.code(), Code::Aborted);
    assert_eq!(answer.deliveries.len(), 1);
    assert!(answer.deliveries[0].redelivery);
}

/// P4: the answer is on its way to a caller that does not read when the agreement is withdrawn.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cuts_an_answer_that_is_on_its_way() {
    let stage = ready().await;
    publish(&stage, 300).await;
    let council = stage.speak("council", Role::Service).await;
    let mut answer = council.pull_unread(pb::PullRequest { max: 300, ..pull(SUBSCRIPTION) }).await;

    let officer = stage.connect("housing", Role::Officer).await;
    officer.withdraw_agreement(AGREEMENT).await.unwrap();

    let status = answer.message().await.expect_err("cut");
    assert!(std::error::Error::source(&status).is_some(), "the broker sent a status: {status:?}");
    // Whoever comes back is told which numbers it will not get.
    let pulled = take(&stage, PullOptions::default()).await;
    let skipped = pulled.incoming.iter().filter(
        |it| matches!(it, Incoming::Skipped(it) if it.reason == Reason::AgreementNotInForce.code()),
    );
    assert_eq!((skipped.count(), numbers(&pulled).len()), (300, 0));
}

/// P4: the same for a subscription that is deleted, over another connection or over the caller's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_cuts_an_answer_that_is_on_its_way() {
    for over_its_own in [false, true] {
        let stage = ready().await;
        publish(&stage, 300).await;
        let council = stage.speak("council", Role::Service).await;
        let asked = pb::PullRequest { max: 300, ..pull(SUBSCRIPTION) };
        let mut answer = council.pull_unread(asked).await;

        if over_its_own {
            let name = SUBSCRIPTION.to_owned();
            let request = pb::DeleteSubscriptionRequest { name };
            council.subscriptions().delete_subscription(request).await.unwrap();
        } else {
            let elsewhere = stage.connect("council", Role::Service).await;
            elsewhere.delete_subscription(SUBSCRIPTION).await.unwrap();
        }

        assert!(answer.message().await.is_err(), "it left all the same");
    }
}
