//! `Exchange.Subscribe`, on an open stream: what must not be said ends it, and is recorded.

use portway::{
    domain::{Act, Reason},
    pb::v1::{self as pb, subscribe_request::Message as Ask},
};
use tonic::Code;

use crate::stage::{
    Due, Role, SUBSCRIPTION, Speaker, Stage, copy_dir, draft, now, open, request, subscription,
};

const fn due(reason: Reason) -> Due {
    Due { code: Code::InvalidArgument, reason, act: Act::FollowStream }
}

/// A broker with an agreement in force, the council's subscription, and both their systems.
async fn ready() -> (Stage, Speaker, Speaker) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    let council = stage.speak("council", Role::Service).await;
    (stage, police, council)
}

/// Says something on a fresh stream, and checks how the stream ends.
async fn check(stage: &Stage, council: &Speaker, said: Option<Ask>, reason: Reason) {
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    talk.asks.say(said).await;
    let status = talk.end().await;
    due(reason).check(stage, "council", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_credit_of_nothing_or_too_much() {
    let (stage, _, council) = ready().await;
    // The opening gave ten already.
    for more in [0, 991, 1001, u32::MAX] {
        let said = Some(Ask::Credit(pb::Credit { more }));
        check(&stage, &council, said, Reason::CreditOutOfBounds).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_a_second_opening_and_an_empty_message() {
    let (stage, _, council) = ready().await;
    for said in [Some(Ask::Open(open(SUBSCRIPTION))), None] {
        check(&stage, &council, said, Reason::OutOfOrder).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_an_acknowledgement_of_a_forged_position() {
    let (stage, police, council) = ready().await;
    police.publish(request(draft(now()))).await.unwrap();
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let mut position = talk.delivery().await.position.to_vec();
    // The next number, under the tag of this one.
    position[15] += 1;
    for position in [position, vec![0; 48], Vec::new(), vec![1; 47]] {
        let said = Some(Ask::Acknowledge(pb::Acknowledge { position: position.into() }));
        check(&stage, &council, said, Reason::PositionForged).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_an_acknowledgement_of_another_subscriptions_position() {
    let (stage, police, council) = ready().await;
    let typed = stage.connect("council", Role::Service).await;
    typed.create_subscription(subscription("second", now())).await.unwrap();
    police.publish(request(draft(now()))).await.unwrap();
    let mut second = council.stream(Some(Ask::Open(open("second")))).await.unwrap();
    let position = second.delivery().await.position;
    let said = Some(Ask::Acknowledge(pb::Acknowledge { position }));
    check(&stage, &council, said, Reason::PositionForged).await;
}

/// A true position is beyond what was delivered only where the broker has forgotten a part of its log: here
/// everything was put back to an older copy, anchor and all.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_an_acknowledgement_beyond_what_was_delivered() {
    let (mut stage, _, _) = ready().await;
    stage.terminate();
    let parts = ["journal", "keys", "anchor"];
    for part in parts {
        copy_dir(&stage.path("broker").join(part), &stage.path("older").join(part));
    }
    stage.serve_again();
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let position = talk.delivery().await.position;
    drop(talk);
    stage.kill();
    for part in parts {
        std::fs::remove_dir_all(stage.path("broker").join(part)).unwrap();
        copy_dir(&stage.path("older").join(part), &stage.path("broker").join(part));
    }
    stage.serve_again();

    let council = stage.speak("council", Role::Service).await;
    let resume = pb::Open { resume: position.clone(), ..open(SUBSCRIPTION) };
    let opened = council.stream(Some(Ask::Open(resume))).await.expect_err("beyond");
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    talk.asks.say(Some(Ask::Acknowledge(pb::Acknowledge { position }))).await;
    let followed = talk.end().await;

    // The council remembers more of the log than this broker has: its officer is another story.
    let beyond = due(Reason::AcknowledgedBeyondDelivered);
    beyond.check(&stage, "council", &followed).await;
    Due { act: Act::OpenStream, ..beyond }.check(&stage, "council", &opened).await;
}
