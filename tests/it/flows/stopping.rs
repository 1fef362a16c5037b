//! A stop in order, and what is found again after it.

use portway::{
    client::{FollowOptions, Incoming},
    domain::Name,
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
    record::Event,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::stage::{
    PURPOSE, Role, SUBSCRIPTION, Stage, Talk, draft, events, now, open, request, size,
};

/// Reads a stream to its end, and returns the notices that came.
async fn drain(mut talk: Talk) -> (Vec<pb::NoticeKind>, tonic::Status) {
    let mut notices = Vec::new();
    loop {
        match talk.answers.message().await {
            Ok(Some(pb::SubscribeResponse { message: Some(Answer::Notice(notice)) })) => {
                notices.push(notice.kind());
            }
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a status"),
            Err(status) => return (notices, status),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_open_streams_and_ends_well_in_time() {
    let mut stage = Stage::start();
    stage.agree().await;
    let mut talks = Vec::new();
    for agency in ["council", "housing"] {
        stage.subscribe(agency).await;
        let speaker = stage.speak(agency, Role::Service).await;
        talks.push(speaker.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap());
    }

    let ended = stage.terminate();

    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(ended.stdout, "", "one line said where it listened, and that is all");
    for talk in talks {
        let (notices, status) = drain(talk).await;
        assert_eq!(notices, [pb::NoticeKind::Drain]);
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.get_details_retry_info().is_some(), "when to come back");
    }
    let log = stage.log_lines();
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(last["fields"]["message"], "stopped");
}

/// Each client remembers the newest checkpoint it has seen, and believes no broker that does not extend it.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_after_a_stop_and_after_a_crash() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let mut sizes = vec![size(&stage.connect("police", Role::Officer).await).await];
    for _ in 0..2 {
        stage.terminate();
        stage.serve_again();
        let police = stage.connect("police", Role::Service).await;
        let receipt = police.publish(draft(now()), None).await.unwrap();
        sizes.push(size(&stage.connect("police", Role::Officer).await).await);
        assert!(receipt.index >= sizes[sizes.len() - 2]);
        stage.kill();
        stage.serve_again();
        sizes.push(size(&stage.connect("police", Role::Officer).await).await);
    }
    assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]), "{sizes:?}");
    let officer = stage.connect("police", Role::Officer).await;
    let events = events(&officer).await;
    let count = |what: fn(&Event) -> bool| events.iter().filter(|(_, it)| what(it)).count();
    assert_eq!(count(|it| matches!(it, Event::LogStarted { .. })), 1);
    assert_eq!(count(|it| matches!(it, Event::BrokerStarted { .. })), 5);
    assert_eq!(count(|it| matches!(it, Event::Published(_))), 2);
    assert_eq!(count(|it| matches!(it, Event::TailCut { .. })), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_loses_nothing_that_was_answered() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    let mut receipts = Vec::new();
    for _ in 0..20 {
        receipts.push(police.publish(request(draft(now()))).await.unwrap());
    }
    stage.terminate();
    stage.serve_again();
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let mut follower = council.follow(&name, PURPOSE, FollowOptions::default()).await.unwrap();
    for receipt in receipts {
        let Some(Incoming::Delivery(it)) = follower.next().await.unwrap() else { panic!("more") };
        assert_eq!(it.view.id, receipt.alert);
    }
}
