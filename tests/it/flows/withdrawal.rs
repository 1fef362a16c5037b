//! P4: once a withdrawal is answered, nothing leaves that it forbids.

use portway::{
    client::Error,
    domain::Reason,
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
    record::Event,
};
use prost::Message;
use tokio::task::JoinSet;

use crate::stage::{
    AGREEMENT, Role, SUBSCRIPTION, Stage, WINDOW, agreement, draft, events, now, open, request,
};

/// How many deliveries the opening allows, and how many alerts wait beyond them.
const DISCLOSED: u64 = 200;
const WAITING: u64 = 20;

/// A subscriber that does not read: its window is full, and what the broker has disclosed beyond that stands
/// above the broker's socket when the agreement is withdrawn.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_cuts_streams_that_hold_something_and_nothing_leaves_after_it() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    let mut publishing = JoinSet::new();
    for _ in 0..DISCLOSED + WAITING {
        let police = police.clone();
        publishing.spawn(async move { police.publish(request(draft(now()))).await.unwrap() });
    }
    publishing.join_all().await;
    let council = stage.speak("council", Role::Service).await;
    let opening = pb::Open { credit: 200, ..open(SUBSCRIPTION) };
    let mut talk = council.stream(Some(Ask::Open(opening))).await.unwrap();
    // All that credit allows is disclosed in one batch: with the first it is all on its way.
    let first = talk.delivery().await;
    let all = first.encoded_len() as u64 * DISCLOSED;
    assert!(all > 2 * u64::from(WINDOW), "{all} bytes would fit into the window");

    let officer = stage.connect("housing", Role::Officer).await;
    let withdrawn = officer.withdraw_agreement(AGREEMENT).await.unwrap();

    let mut read = first.encoded_len();
    // What had left before it can still be read; then the connection is gone, without a last word.
    let status = loop {
        match talk.answers.message().await {
            Ok(Some(message)) => read += message.encoded_len(),
            Ok(None) => panic!("the stream was ended in order"),
            Err(status) => break status,
        }
    };
    assert!(std::error::Error::source(&status).is_some(), "the broker sent a status: {status:?}");
    assert!(read < 2 * WINDOW as usize, "{read} of {all} bytes were read");
    refused_from_now_on(&stage).await;
    nothing_is_disclosed(&stage, withdrawn).await;
    explained_to_the_subscriber(&stage).await;
    nothing_is_disclosed(&stage, withdrawn).await;
}

async fn refused_from_now_on(stage: &Stage) {
    let police = stage.connect("police", Role::Service).await;
    let error = police.publish(draft(now()), None).await.expect_err("withdrawn");
    let Error::Refused { reason, decision: Some(_), .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::AgreementNotInForce.code());
    let officer = stage.connect("police", Role::Officer).await;
    let versions = officer.show_agreement(AGREEMENT).await.unwrap();
    assert!(versions.iter().all(|it| it.state() == pb::AgreementState::Withdrawn));
}

async fn nothing_is_disclosed(stage: &Stage, withdrawn: u64) {
    for agency in ["police", "council"] {
        let officer = stage.connect(agency, Role::Officer).await;
        let events = events(&officer).await;
        let disclosures =
            |it: &Event| matches!(it, Event::Disclosed(_) | Event::Redelivered { .. });
        let of = |index: u64| index > withdrawn;
        assert_eq!(events.iter().filter(|(index, it)| of(*index) && disclosures(it)).count(), 0);
        let before = events.iter().filter(|(_, it)| disclosures(it)).count();
        assert_eq!(before as u64, DISCLOSED);
    }
}

/// A subscriber that comes back is told which numbers it will not get, and why; what was never sent to it has
/// no number, and is refused to it in the publisher's log.
async fn explained_to_the_subscriber(stage: &Stage) {
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let mut skipped = Vec::new();
    while skipped.len() as u64 != DISCLOSED {
        match talk.answers.message().await.unwrap().unwrap().message.unwrap() {
            Answer::Skipped(it) => {
                assert_eq!(it.reason, Reason::AgreementNotInForce.code());
                skipped.push(it.number);
            }
            Answer::Opened(opened) => assert_eq!(opened.acknowledged, 0),
            other @ (Answer::Delivery(_) | Answer::Heartbeat(_) | Answer::Notice(_)) => {
                panic!("{other:?}")
            }
        }
    }
    assert_eq!(skipped, (1..=DISCLOSED).collect::<Vec<_>>());
    let officer = stage.connect("police", Role::Officer).await;
    let events = events(&officer).await;
    let refused = events.iter().filter(|(_, event)| {
        matches!(event, Event::Refused(it)
            if it.published.is_some() && it.reason == Reason::AgreementNotInForce)
    });
    assert_eq!(refused.count() as u64, WAITING);
    let council = stage.connect("council", Role::Officer).await;
    let told = self::events(&council).await.into_iter();
    assert!(
        told.map(|it| it.1).all(|it| !matches!(it, Event::Refused(it) if it.published.is_some()))
    );
}

/// A version that takes over withdraws the one before: what was cut to the old fields leaves no more, and comes
/// again cut to the new ones.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_takes_over_cuts_streams_that_hold_what_the_old_one_granted() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let before = talk.delivery().await;
    assert_ne!(pb::View::decode(before.view).unwrap().case_reference, "");

    let mut narrower = agreement(now());
    for flow in &mut narrower.flows {
        flow.fields.retain(|field| *field != i32::from(pb::Field::CaseReference));
    }
    let proposer = stage.connect("police", Role::Officer).await;
    let version = proposer.propose_agreement(narrower).await.unwrap().version;
    for agency in ["police", "council", "housing"] {
        let officer = stage.connect(agency, Role::Officer).await;
        officer.approve_agreement(AGREEMENT, &version).await.unwrap();
    }

    let status = loop {
        match talk.answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream was ended in order"),
            Err(status) => break status,
        }
    };
    assert!(std::error::Error::source(&status).is_some(), "the broker sent a status: {status:?}");
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let after = talk.delivery().await;
    assert_eq!((after.number, after.redelivery), (before.number, false));
    assert_eq!(pb::View::decode(after.view).unwrap().case_reference, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_subscription_ends_its_stream_and_gets_nothing_more() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let elsewhere = stage.connect("council", Role::Officer).await;
    let deleted = elsewhere.delete_subscription(SUBSCRIPTION).await.unwrap();

    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();

    let mut delivered = 0;
    while let Ok(Some(message)) = talk.answers.message().await {
        delivered += u32::from(matches!(message.message, Some(Answer::Delivery(_))));
    }
    assert_eq!(delivered, 0);
    let events = events(&elsewhere).await;
    assert!(!events.iter().any(|(at, it)| *at > deleted && matches!(it, Event::Disclosed(_))));
}
