//! Many alerts over one stream: in order, through kills and stops, and no faster than the broker takes them in.

use std::collections::{BTreeMap, BTreeSet};

use portway::{
    client::{Connection, Outcome, Submission},
    pb::v1::{self as pb, publish_many_response::Outcome as Told},
    record::Event,
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_types::StatusExt;
use uuid::Uuid;

use crate::stage::{Role, Stage, WINDOW, draft, events, now, request, size};

fn submissions(count: usize) -> Vec<Submission> {
    let alert = draft(now());
    let one = || Submission { request_id: Uuid::now_v7(), alert: alert.clone() };
    std::iter::repeat_with(one).take(count).collect()
}

/// Publishes until so many outcomes have come, or all.
async fn publish(connection: &Connection, many: &[Submission], count: usize) -> Vec<Outcome> {
    let mut publishing = connection.publish_many(tokio_stream::iter(many.to_vec())).unwrap();
    let mut outcomes = Vec::new();
    while outcomes.len() < count
        && let Some(outcome) = publishing.next().await.unwrap()
    {
        outcomes.push(outcome);
    }
    outcomes
}

/// The indexes under which the ids stand, as the publisher was told.
fn indexes(outcomes: &[Outcome]) -> BTreeMap<Uuid, u64> {
    outcomes.iter().map(|it| (it.request_id, it.result.as_ref().unwrap().index)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_published_in_the_order_in_which_they_were_sent() {
    let stage = Stage::start();
    stage.agree().await;
    let many = submissions(500);
    let police = stage.connect("police", Role::Service).await;
    let outcomes = publish(&police, &many, usize::MAX).await;
    let told: Vec<_> = outcomes.iter().map(|it| it.request_id).collect();
    assert_eq!(told, many.iter().map(|it| it.request_id).collect::<Vec<_>>());
    let receipts: Vec<_> = outcomes.iter().map(|it| it.result.as_ref().unwrap()).collect();
    assert!(receipts.windows(2).all(|pair| pair[0].index < pair[1].index));
    assert!(receipts.iter().all(|it| !it.repeated_request));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_half_way_has_every_alert_once_after_a_repeat() {
    let mut stage = Stage::start();
    stage.agree().await;
    let many = submissions(600);
    let police = stage.connect("police", Role::Service).await;
    let before = publish(&police, &many, 200).await;
    stage.kill();
    stage.serve_again();

    let police = stage.connect("police", Role::Service).await;
    let after = publish(&police, &many, usize::MAX).await;

    let (before, after_indexes) = (indexes(&before), indexes(&after));
    assert_eq!((before.len(), after_indexes.len()), (200, 600));
    assert!(before.iter().all(|(id, index)| after_indexes.get(id) == Some(index)));
    let repeated = after.iter().filter(|it| it.result.as_ref().unwrap().repeated_request).count();
    assert!(repeated >= 200, "{repeated}");
    let officer = stage.connect("police", Role::Officer).await;
    let published: BTreeSet<u64> = events(&officer)
        .await
        .iter()
        .filter(|(_, event)| matches!(event, Event::Published(_)))
        .map(|(index, _)| *index)
        .collect();
    assert_eq!(published, after_indexes.into_values().collect(), "each once, and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_was_read_and_says_when_to_come_back() {
    let mut stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let (alerts, queue) = mpsc::channel(16);
    let mut answers =
        police.exchange().publish_many(ReceiverStream::new(queue)).await.unwrap().into_inner();
    for _ in 0..5 {
        let pb::PublishRequest { request_id, alert, known_size } = request(draft(now()));
        alerts.send(pb::PublishManyRequest { request_id, alert, known_size }).await.unwrap();
        let outcome = answers.message().await.unwrap().unwrap().outcome;
        assert!(matches!(outcome, Some(Told::Receipt(_))), "{outcome:?}");
    }

    let ended = stage.terminate();

    assert_eq!(ended.status.code(), Some(0));
    let status = answers.message().await.expect_err("more might have been sent");
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.get_details_retry_info().is_some(), "when to come back");
}

/// The fewest bytes that a receipt has: record, salt, leaf, content key and checkpoint.
const RECEIPT_BYTES_MIN: u64 = 500;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_outcome_is_not_read_any_more() {
    const COUNT: usize = 4000;
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let officer = stage.connect("police", Role::Officer).await;
    let before = size(&officer).await;
    let (alerts, queue) = mpsc::channel(1);
    let many = submissions(COUNT);
    let mut sending = JoinSet::new();
    sending.spawn(async move {
        for it in many {
            let (request_id, alert) = (it.request_id.to_string(), Some(it.alert));
            let sent = alerts.send(pb::PublishManyRequest { request_id, alert, known_size: 0 });
            sent.await.unwrap();
        }
    });
    let mut answers =
        police.exchange().publish_many(ReceiverStream::new(queue)).await.unwrap().into_inner();

    // What the broker reads ahead of the reader: its bound, what fits into the window towards the reader, and what its
    // own layers hold before that, which is less than another window.
    let most = 1024 + 2 * u64::from(WINDOW) / RECEIPT_BYTES_MIN + 2;
    let other = stage.speak("council", Role::Service).await;
    let mut read_ahead = 0;
    while read_ahead < 1000 {
        read_ahead = size(&officer).await - before;
        assert!(read_ahead <= most, "{read_ahead}");
    }
    // Others go on meanwhile, which is time enough for a broker that would read on.
    for published in 1..=50 {
        other.publish(request(draft(now()))).await.expect("the council is not held up");
        let read_ahead = size(&officer).await - before - published;
        assert!(read_ahead <= most, "{read_ahead}");
    }
    let mut last = None;
    for _ in 0..COUNT {
        let outcome = answers.message().await.unwrap().unwrap().outcome;
        let Some(Told::Receipt(receipt)) = outcome else { panic!("{outcome:?}") };
        assert!(last < Some(receipt.index));
        last = Some(receipt.index);
    }
    assert_eq!(answers.message().await.unwrap(), None);
    sending.join_next().await.unwrap().unwrap();
}
