//! A broker with marked alerts: each is about a person of its own, and whatever is sealed of it names that person.

use std::{fs, path::Path};

use portway::{
    client::{Connection, FollowOptions, Incoming, json},
    domain::{AlertId, ErasureReason, Name},
    pb::v1 as pb,
};

use super::remains::Remains;
use crate::stage::{Cli, PURPOSE, Role, SUBSCRIPTION, Stage, draft, now, subscription};

/// How many alerts are planted: few, unless a campaign asks for more.
#[expect(clippy::disallowed_methods, reason = "a campaign has no other way into a test")]
pub(super) fn planted() -> usize {
    std::env::var("PORTWAY_MARKED_ALERTS").map_or(60, |count| count.parse().expect("a number"))
}

/// A marked alert.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub(super) id: AlertId,
    pub(super) receipt: pb::Receipt,
    /// What is sealed of it, and stands in no other.
    markers: Vec<Vec<u8>>,
}

impl Marked {
    /// Says where something of it is left.
    pub(super) fn places(&self, remains: &Remains) -> Vec<String> {
        self.markers.iter().flat_map(|marker| remains.places_of(marker)).collect()
    }
}

/// A stage with an agreement and a subscriber.
pub(super) async fn stage() -> Stage {
    let stage = Stage::start_editing(|text| {
        text.replace("[ledger]\n", "[ledger]\nsnapshot_records = 64\n")
    });
    stage.agree().await;
    stage.subscribe("council").await;
    stage
}

/// Publishes marked alerts.
pub(super) async fn plant(stage: &Stage, count: usize) -> Vec<Marked> {
    let police = stage.connect("police", Role::Service).await;
    let mut planted = Vec::new();
    for number in 0..count {
        let mut alert = draft(now());
        let token = format!("token-of-a-person-{number:06}-nobody!").into_bytes();
        let (role, reference) =
            (format!("Marked Desk {number:06}"), format!("MARK-{number:06}-REF"));
        let phone = format!("+44 99 {number:06} 1337");
        let token: [u8; 32] = token[..32].try_into().unwrap();
        alert.subject[0].value = token.to_vec().into();
        alert.contact = Some(pb::Contact { role: role.clone(), number: phone.clone() });
        alert.case_reference.clone_from(&reference);
        let receipt = police.publish(alert, None).await.unwrap();
        let texts = [role, phone, reference].map(String::into_bytes);
        let markers = texts.into_iter().chain([token.to_vec()]).collect();
        planted.push(Marked { id: receipt.alert.parse().unwrap(), receipt, markers });
    }
    planted
}

/// Has the council watch for people of their own, and returns their tokens.
pub(super) async fn watch(stage: &Stage, count: usize) -> Vec<Vec<u8>> {
    let mut watch = subscription("watched", now());
    let token =
        |number| format!("watched-person-{number:06}-is-nobody!").into_bytes()[..32].to_vec();
    let tokens: Vec<Vec<u8>> = (0..count).map(token).collect();
    watch.filter.as_mut().unwrap().tokens = tokens
        .iter()
        .map(|value| pb::SubjectToken {
            kind: pb::TokenKind::Nfd.into(),
            epoch: 1,
            value: value.clone().into(),
        })
        .collect();
    let council = stage.connect("council", Role::Service).await;
    council.create_subscription(watch).await.unwrap();
    tokens
}

/// Has the council take so many alerts, and acknowledge them.
pub(super) async fn deliver(stage: &Stage, count: usize) {
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let mut follower = council.follow(&name, PURPOSE, FollowOptions::default()).await.unwrap();
    for _ in 0..count {
        let Some(Incoming::Delivery(it)) = follower.next().await.unwrap() else { panic!("more") };
        follower.acknowledge(&it.position).await.unwrap();
    }
    follower.finish().await;
}

/// Has two officers of the police erase alerts.
pub(super) async fn erase(stage: &Stage, alerts: &[Marked]) -> u64 {
    let officer = stage.connect("police", Role::Officer).await;
    let order = order(&officer, alerts).await;
    let deputy = stage.connect("police", Role::Deputy).await;
    let approved = deputy.approve_erasure(order).await.unwrap();
    assert_eq!((approved.erased as usize, approved.held), (alerts.len(), 0));
    approved.index
}

pub(super) async fn order(officer: &Connection, alerts: &[Marked]) -> u64 {
    let ids: Vec<AlertId> = alerts.iter().map(|it| it.id).collect();
    officer.order_erasure(&ids, ErasureReason::Article17).await.unwrap()
}

/// Proofs that an agency keeps: its receipts, and an export of the log.
pub(super) struct Proofs<'a> {
    pub(super) stage: &'a Stage,
    pub(super) officer: Cli,
}

impl<'a> Proofs<'a> {
    pub(super) fn of(stage: &'a Stage) -> Self {
        Self { stage, officer: Cli::of(stage, "police", Role::Officer) }
    }

    /// Keeps receipts and an export under a name.
    pub(super) fn keep(&self, name: &str, alerts: &[Marked]) {
        let lines: Vec<String> =
            alerts.iter().map(|it| json::to_text(&it.receipt).unwrap()).collect();
        fs::write(self.stage.path(&format!("{name}.jsonl")), lines.join("\n") + "\n").unwrap();
        let dir = self.stage.path(name);
        self.officer.run(["audit", "export", dir.to_str().unwrap()]).done();
    }

    /// Verifies all of it again, offline.
    pub(super) fn verify(&self, name: &str, alerts: usize) {
        let receipts = self.stage.path(&format!("{name}.jsonl"));
        let verified = self.verified(&receipts);
        assert_eq!(verified["records"], alerts, "{verified}");
        self.verified(&self.stage.path(name));
    }

    fn verified(&self, path: &Path) -> serde_json::Value {
        let vkey = self.stage.path("broker/keys/log.vkey");
        let (path, vkey) = (path.to_str().unwrap(), vkey.to_str().unwrap());
        self.officer.run(["audit", "verify", path, "--vkey", vkey, "--json"]).json()
    }
}
