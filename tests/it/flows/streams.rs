//! One holder of a subscription at a time, and a word before the end.

use portway::{
    domain::Reason,
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::stage::{Role, SUBSCRIPTION, Stage, draft, now, open, request, subscription, time};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_fences_the_first() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let council = stage.speak("council", Role::Service).await;
    let mut first = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let mut second = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();

    let status = first.end().await;
    assert_eq!(status.code(), Code::Aborted);
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("portway", Reason::Fenced.code()));

    let police = stage.speak("police", Role::Service).await;
    let receipt = police.publish(request(draft(now()))).await.unwrap();
    let delivery = second.delivery().await;
    let view = <pb::View as prost::Message>::decode(delivery.view).unwrap();
    assert_eq!((delivery.number, view.id), (1, receipt.alert));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_stop_at_the_credit_and_go_on_with_more() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    for _ in 0..5 {
        police.publish(request(draft(now()))).await.unwrap();
    }
    let council = stage.speak("council", Role::Service).await;
    let opening = pb::Open { credit: 0, ..open(SUBSCRIPTION) };
    let mut talk = council.stream(Some(Ask::Open(opening))).await.unwrap();
    for number in 1..=2 {
        talk.asks.say(Some(Ask::Credit(pb::Credit { more: 1 }))).await;
        assert_eq!(talk.delivery().await.number, number);
    }
    // Two were allowed: the log discloses two, and three wait.
    let typed = stage.connect("council", Role::Service).await;
    let status = typed.list_subscriptions().await.unwrap().remove(0);
    assert_eq!((status.delivered, status.acknowledged, status.open), (2, 0, true));
    talk.asks.say(Some(Ask::Credit(pb::Credit { more: 998 }))).await;
    for number in 3..=5 {
        assert_eq!(talk.delivery().await.number, number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_ends_soon_is_told_so() {
    let stage = Stage::start();
    stage.agree().await;
    let council = stage.connect("council", Role::Service).await;
    let mut soon = subscription("soon", now());
    soon.expires_at = Some(time(now().plus_days(2)));
    council.create_subscription(soon.clone()).await.unwrap();
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open("soon")))).await.unwrap();
    let mut said = Vec::new();
    for _ in 0..2 {
        said.push(talk.answers.message().await.unwrap().unwrap().message.unwrap());
    }
    assert!(matches!(&said[0], Answer::Opened(it) if it.expires_at == soon.expires_at));
    let Answer::Notice(notice) = &said[1] else { panic!("{said:?}") };
    assert_eq!(notice.kind(), pb::NoticeKind::SubscriptionEnding);
    assert_eq!(notice.at, soon.expires_at);
}

/// Whoever says that it has finished knows, when the stream ends well, that its acknowledgements are on disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_stream_ends_well_and_its_acknowledgements_are_kept() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let position = talk.delivery().await.position;
    talk.asks.say(Some(Ask::Acknowledge(pb::Acknowledge { position }))).await;
    talk.asks.say(Some(Ask::Finish(pb::Finish {}))).await;
    assert_eq!(talk.answers.message().await.unwrap(), None);
    stage.kill();
    stage.serve_again();
    let council = stage.connect("council", Role::Service).await;
    let status = council.list_subscriptions().await.unwrap().remove(0);
    assert_eq!((status.delivered, status.acknowledged, status.open), (1, 1, false));
}
