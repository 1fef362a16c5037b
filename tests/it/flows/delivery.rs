//! P3: an acknowledged publish reaches every subscription entitled to it, in order, at least once.

use portway::{
    client::{Delivered, FollowOptions, Follower, Incoming},
    domain::Name,
    pb::v1 as pb,
};

use crate::stage::{PURPOSE, Role, SUBSCRIPTION, Stage, draft, now};

/// Follows the council's subscription.
async fn follow(stage: &Stage) -> Follower {
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    council.follow(&name, PURPOSE, FollowOptions::default()).await.unwrap()
}

async fn next(follower: &mut Follower) -> Delivered {
    loop {
        match follower.next().await.unwrap().expect("a stream that goes on") {
            Incoming::Delivery(delivered) => return *delivered,
            Incoming::Heartbeat => {}
            other @ (Incoming::Notice(_) | Incoming::Skipped(_)) => panic!("{other:?}"),
        }
    }
}

async fn publish(stage: &Stage) -> pb::Receipt {
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_does_not_come_again_after_a_restart() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    publish(&stage).await;
    let mut follower = follow(&stage).await;
    let first = next(&mut follower).await;
    follower.acknowledge(&first.position).await.unwrap();
    follower.finish().await;
    assert_eq!((first.number, first.redelivery), (1, false));

    assert!(stage.terminate().status.success());
    stage.serve_again();

    let receipt = publish(&stage).await;
    let second = next(&mut follow(&stage).await).await;
    assert_eq!((second.number, second.redelivery), (2, false));
    assert_eq!(second.view.id, receipt.alert);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_under_its_number_even_after_a_crash() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    publish(&stage).await;
    let first = next(&mut follow(&stage).await).await;

    stage.kill();
    stage.serve_again();

    let mut follower = follow(&stage).await;
    let again = next(&mut follower).await;
    assert_eq!((again.number, again.redelivery), (1, true));
    assert_eq!((&again.view, again.index), (&first.view, first.index));
    follower.acknowledge(&again.position).await.unwrap();
    follower.finish().await;

    stage.kill();
    stage.serve_again();

    let receipt = publish(&stage).await;
    let second = next(&mut follow(&stage).await).await;
    assert_eq!((second.number, second.view.id), (2, receipt.alert));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_away_gets_everything_in_order() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let mut published = Vec::new();
    for _ in 0..3 {
        published.push(publish(&stage).await.alert);
    }
    stage.kill();
    stage.serve_again();
    for _ in 0..2 {
        published.push(publish(&stage).await.alert);
    }

    let mut follower = follow(&stage).await;
    let mut received = Vec::new();
    for number in 1..=5 {
        let delivered = next(&mut follower).await;
        assert_eq!((delivered.number, delivered.redelivery), (number, false));
        received.push(delivered.view.id);
    }
    assert_eq!(received, published);
    // And then, without a break, what is published while it is there.
    published.push(publish(&stage).await.alert);
    assert_eq!(next(&mut follower).await.view.id, published[5]);
}

/// A receipt that was given before the crash proves the same after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_was_answered_survives_a_crash() {
    let mut stage = Stage::start();
    stage.agree().await;
    let id = uuid::Uuid::now_v7();
    let alert = draft(now());
    let police = stage.connect("police", Role::Service).await;
    let first = police.publish(alert.clone(), Some(id)).await.unwrap();
    stage.kill();
    stage.serve_again();

    let police = stage.connect("police", Role::Service).await;
    let again = police.publish(alert, Some(id)).await.unwrap();

    assert!(again.repeated_request && !first.repeated_request);
    assert_eq!((again.index, &again.leaf), (first.index, &first.leaf));
}
