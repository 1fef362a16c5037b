//! The real binary is killed while it erases. Either the erasure's record is there and nothing is left, or neither.

use portway::record::{Event, Retention};
use tokio::task::JoinSet;

use super::{
    remains::Remains,
    scene::{self, Proofs},
};
use crate::stage::{Role, Stage, events};

const ALERTS: usize = 6;

/// Where `strace` kills it: as it overwrites the first key, one in the middle, the last, and before they are synced.
const DOOMS: [(&str, u32); 4] = [("pwrite64", 1), ("pwrite64", 2), ("pwrite64", 3), ("fsync", 1)];

/// P5: by the log of the next start.
async fn is_all_or_nothing(mut stage: Stage, alerts: &[scene::Marked]) -> bool {
    stage.serve_again();
    let proofs = Proofs::of(&stage);
    proofs.keep("after", alerts);
    proofs.verify("before", alerts.len());
    proofs.verify("after", alerts.len());
    let events = events(&stage.connect("police", Role::Officer).await).await;
    let is_erased =
        events.iter().any(|(_, it)| matches!(it, Event::Retention(Retention::Erased(_))));
    stage.terminate();
    let remains = Remains::of(&stage.path("broker"));
    for (place, alert) in alerts.iter().enumerate() {
        let is_left = !alert.places(&remains).is_empty();
        assert_eq!(is_left, !is_erased || place >= ALERTS / 2, "P5: {place}");
    }
    is_erased
}

/// A stage whose broker was stopped, with an order for half of the alerts.
async fn ordered() -> (Stage, Vec<scene::Marked>, u64) {
    let mut stage = scene::stage().await;
    let alerts = scene::plant(&stage, ALERTS).await;
    let officer = stage.connect("police", Role::Officer).await;
    let order = scene::order(&officer, &alerts[..ALERTS / 2]).await;
    Proofs::of(&stage).keep("before", &alerts);
    stage.terminate();
    (stage, alerts, order)
}

/// P5: wherever the kill finds it.
#[tokio::test(flavor = "multi_thread")]
async fn p5_a_broker_that_is_killed_as_it_erases_leaves_all_or_nothing() {
    let (mut stage, alerts, order) = ordered().await;
    stage.serve_again();
    let deputy = stage.connect("police", Role::Deputy).await;
    let mut approving = JoinSet::new();
    approving.spawn(async move { deputy.approve_erasure(order).await });
    stage.kill();

    let answered = approving.join_next().await.unwrap().unwrap();

    let is_erased = is_all_or_nothing(stage, &alerts).await;
    assert!(is_erased || answered.is_err(), "P5: it was answered");
}

/// P5: at just the calls that destroy keys, where a campaign has `strace`; and at none of them otherwise, when it is
/// killed after its answer.
#[expect(clippy::disallowed_methods, reason = "a campaign has no other way into a test")]
#[tokio::test(flavor = "multi_thread")]
async fn p5_a_broker_that_is_killed_at_a_key_erases_it_at_the_next_start() {
    let has_strace = std::env::var("PORTWAY_CUT").is_ok_and(|it| it == "strace");
    let dooms = if has_strace { DOOMS.map(Some).to_vec() } else { vec![None] };
    for doom in dooms {
        let (mut stage, alerts, order) = ordered().await;
        match doom {
            Some(doom) => stage.serve_doomed("broker/keys/slots/00000000.keys", doom),
            None => stage.serve_again(),
        }
        let deputy = stage.connect("police", Role::Deputy).await;
        let answered = deputy.approve_erasure(order).await;
        assert_eq!(answered.is_err(), doom.is_some(), "{doom:?}: {answered:?}");
        stage.kill();

        assert!(is_all_or_nothing(stage, &alerts).await, "its record was durable: {doom:?}");
    }
}
