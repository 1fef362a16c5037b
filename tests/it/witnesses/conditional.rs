//! Agreements of which nothing leaves before a witness has cosigned its record: recorded as ever, held back above the
//! socket, and every withdrawal reaches what is held.

use portway::{
    client::{Connection, Error, FollowOptions, Follower, Incoming, PullOptions, Retry},
    domain::Name,
    pb::v1 as pb,
    record::Event,
};

use crate::stage::{
    AGREEMENT, Cli, PURPOSE, Role, SUBSCRIPTION, Stage, agreement, draft, events, now, size,
};

/// Has an agreement in force that demands a witness.
async fn agree(stage: &Stage) {
    let police = stage.connect("police", Role::Officer).await;
    let mut agreement = agreement(now());
    agreement.delivery = pb::DeliveryCondition::Witnessed.into();
    let version = police.propose_agreement(agreement).await.unwrap().version;
    for agency in ["police", "council", "housing"] {
        let officer = stage.connect(agency, Role::Officer).await;
        officer.approve_agreement(AGREEMENT, &version).await.unwrap();
    }
}

fn name() -> Name {
    SUBSCRIPTION.parse().unwrap()
}

async fn follow(council: &Connection) -> Follower {
    council.follow(&name(), PURPOSE, FollowOptions::default()).await.unwrap()
}

async fn disclosed(stage: &Stage) -> Vec<u64> {
    let officer = stage.connect("council", Role::Officer).await;
    let all = events(&officer).await.into_iter();
    all.filter(|(_, event)| matches!(event, Event::Disclosed(_))).map(|(index, _)| index).collect()
}

/// P2 with a witness: what has come stands in a tree that somebody else has cosigned.
#[tokio::test(flavor = "multi_thread")]
async fn a_view_leaves_once_its_record_is_cosigned() {
    let (stage, [witness]) = Stage::start_witnessed(["observer"]);
    agree(&stage).await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let council = stage.connect("council", Role::Service).await;
    let mut follower = follow(&council).await;
    for number in 1..=20 {
        police.publish(draft(now()), None).await.unwrap();
        let Some(Incoming::Delivery(it)) = follower.next().await.unwrap() else { panic!() };
        assert_eq!(it.number, number);
        let witnessed = council.witnessed(&[witness.key()]).await.unwrap();
        assert!(it.index < witnessed.seen.size(), "{} in {}", it.index, witnessed.seen.size());
        follower.acknowledge(&it.position).await.unwrap();
    }
    follower.finish().await;
    police.publish(draft(now()), None).await.unwrap();
    let pulled = council.pull(&name(), PURPOSE, PullOptions::default()).await.unwrap();
    let came = pulled.incoming.iter().filter(|it| matches!(it, Incoming::Delivery(_))).count();
    assert_eq!(came, 1);
}

/// The disclosure is recorded, the stream lives, and nothing comes until the witness is back.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_while_no_witness_cosigns() {
    let (stage, [mut witness]) = Stage::start_witnessed(["observer"]);
    agree(&stage).await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let council = stage.connect("council", Role::Service).await;
    let mut follower = follow(&council).await;
    stage.is_cosigned().await;
    witness.kill();
    police.publish(draft(now()), None).await.unwrap();
    police.publish(draft(now()), None).await.unwrap();
    assert_eq!(disclosed(&stage).await.len(), 2, "recorded first, as ever");
    let next = follower.next().await.unwrap();
    assert!(matches!(next, Some(Incoming::Heartbeat)), "{next:?}");
    let status = Cli::of(&stage, "", Role::Operator).run(["status"]).done();
    let waits = "waits       for a witness: 1 agreements; none cosigns";
    assert!(status.contains(waits), "{status}");

    witness.restart();
    let mut numbers = Vec::new();
    while numbers.len() < 2 {
        if let Some(Incoming::Delivery(it)) = follower.next().await.unwrap() {
            numbers.push(it.number);
        }
    }
    assert_eq!(numbers, [1, 2], "in order");
}

/// P4: what waits for a witness is withdrawn like anything else that has not left.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_reaches_what_waits_for_a_witness() {
    let (stage, [mut witness]) = Stage::start_witnessed(["observer"]);
    agree(&stage).await;
    stage.subscribe("council").await;
    let council = stage.connect("council", Role::Service).await;
    let mut follower = follow(&council).await;
    stage.is_cosigned().await;
    witness.kill();
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    let officer = stage.connect("police", Role::Officer).await;
    officer.withdraw_agreement(AGREEMENT).await.unwrap();
    witness.restart();
    stage.has_fault("").await;
    stage.is_cosigned().await;

    let end = follower.next().await;
    assert!(!matches!(end, Ok(Some(Incoming::Delivery(_)))), "{end:?}");
    // Whoever comes back is told of the number, and why it does not come.
    let council = stage.connect("council", Role::Service).await;
    let mut follower = follow(&council).await;
    let next = follower.next().await.unwrap();
    let Some(Incoming::Skipped(skipped)) = next else { panic!("{next:?}") };
    assert_eq!((skipped.number, skipped.reason.as_str()), (1, "AGREEMENT_NOT_IN_FORCE"));
    // The stream goes on, and its next checkpoint extends the last that it brought.
    let next = follower.next().await.unwrap();
    assert!(matches!(next, Some(Incoming::Heartbeat)), "{next:?}");
}

/// A batch waits a little, and then says that it is not the time.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_witness_a_batch_is_unavailable() {
    let stage = Stage::start();
    agree(&stage).await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    let council = stage.connect("council", Role::Service).await;
    let error = council.pull(&name(), PURPOSE, PullOptions::default()).await.expect_err("held");
    assert!(matches!(error, Error::Unreachable { retry: Retry::Later(_), .. }), "{error:?}");
    let status = Cli::of(&stage, "", Role::Operator).run(["status"]).done();
    let waits = "waits       for a witness: 1 agreements; none is asked";
    assert!(status.contains(waits), "{status}");
    assert!(size(&council).await > 0);
}

/// A change from one to the other is shown to whoever is to approve it, and makes another version.
#[tokio::test(flavor = "multi_thread")]
async fn what_demands_a_witness_is_shown_in_a_comparison() {
    let stage = Stage::start();
    let plain = stage.agree().await;
    let police = stage.connect("police", Role::Officer).await;
    let mut said = plain.agreement.clone().unwrap();
    // Said or not said: the same version.
    said.delivery = pb::DeliveryCondition::Recorded.into();
    assert_eq!(police.propose_agreement(said.clone()).await.unwrap().version, plain.version);
    said.delivery = pb::DeliveryCondition::Witnessed.into();
    let other = police.propose_agreement(said).await.unwrap();
    assert_ne!(other.version, plain.version);
    let [old, new] = [&plain.version, &other.version].map(|it| it.get(..8).unwrap());
    let diff = ["agreement", "diff", "--id", AGREEMENT, old, new];
    let shown = Cli::of(&stage, "council", Role::Officer).run(diff).done();
    assert_eq!(shown, "~ delivery: RECORDED -> WITNESSED\n");
}
