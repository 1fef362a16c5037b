//! A start from a snapshot: only what follows it is read, and everything goes on. Whatever is wrong with a
//! snapshot costs time and nothing else.

use std::{fs, path::PathBuf, process::Command};

use portway::{
    client::{FollowOptions, Incoming},
    domain::{Name, QueryPurpose},
    pb::v1::Receipt,
    record::Event,
};
use serde_json::Value;

use crate::stage::{PURPOSE, Role, SUBSCRIPTION, Stage, draft, events, now, request, size};

const EVERY: u64 = 16;

/// Makes something else of a snapshot, given one of another log.
type Spoil = fn(&mut Vec<u8>, &[u8]);

/// What the last start says of itself: entries there were, entries read, and those of the snapshot.
#[derive(Clone, Copy, Debug)]
struct Said {
    size: u64,
    read: u64,
    snapshot: Option<u64>,
}

fn said(stage: &Stage) -> Said {
    let lines = stage.log_lines();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut fields = lines.map(|line| line["fields"].clone());
    let last = fields.rfind(|it| it["message"] == "the log was read").unwrap();
    let number = |name: &str| last[name].as_u64();
    Said {
        size: number("size").unwrap(),
        read: number("read").unwrap(),
        snapshot: number("snapshot"),
    }
}

fn snapshots(stage: &Stage) -> Vec<PathBuf> {
    let entries = fs::read_dir(stage.path("broker/views/snapshots")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A stage on which an agreement is in force, a subscription waits, and alerts have been published.
async fn busy() -> (Stage, Vec<Receipt>) {
    busy_with(2 * EVERY).await
}

async fn busy_with(alerts: u64) -> (Stage, Vec<Receipt>) {
    let stage = Stage::start_editing(|text| {
        text.replace("[ledger]\n", &format!("[ledger]\nsnapshot_records = {EVERY}\n"))
    });
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    let mut receipts = Vec::new();
    for _ in 0..alerts {
        receipts.push(police.publish(request(draft(now()))).await.unwrap());
    }
    (stage, receipts)
}

/// Takes deliveries in order, and acknowledges them.
async fn takes(stage: &Stage, receipts: &[Receipt]) {
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let mut follower = council.follow(&name, PURPOSE, FollowOptions::default()).await.unwrap();
    for receipt in receipts {
        let Some(Incoming::Delivery(it)) = follower.next().await.unwrap() else { panic!("more") };
        assert_eq!(it.view.id, receipt.alert);
        follower.acknowledge(&it.position).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_reads_what_follows_the_snapshot_and_all_goes_on() {
    let (mut stage, receipts) = busy().await;
    takes(&stage, &receipts[..10]).await;
    let seen = stage.connect("police", Role::Service).await.checkpoint().await.unwrap();

    // The last thing that a stop does is to take one and to record it.
    stage.terminate();
    stage.serve_again();

    let start = said(&stage);
    assert_eq!((start.read, start.snapshot), (1, Some(start.size - 1)), "{start:?}");
    assert_eq!(snapshots(&stage).len(), 2, "the newest, and the one before it");
    let officer = stage.connect("police", Role::Officer).await;
    let recorded = events(&officer).await;
    let taken = recorded.iter().rfind(|(_, it)| matches!(it, Event::SnapshotTaken(_))).unwrap();
    let (index, Event::SnapshotTaken(taken)) = taken else { panic!("{taken:?}") };
    assert_eq!((*index, taken.size), (start.size - 1, start.size - 1));
    // Clients hold it to what they have seen before, and old entries are read and proven.
    assert!(size(&officer).await > seen.size());
    for index in [0, receipts[0].index, start.size - 1] {
        officer.show_record(index, QueryPurpose::Lawfulness).await.unwrap();
    }
    // What was acknowledged is not sent again, and what was not is.
    let officer = stage.connect("council", Role::Officer).await;
    let acknowledged = events(&officer).await.into_iter().rev().find_map(|(_, event)| {
        if let Event::Acknowledged { number, .. } = event { Some(number) } else { None }
    });
    let first = usize::try_from(acknowledged.unwrap_or(0)).unwrap();
    takes(&stage, &receipts[first..]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_goes_on_from_the_last_snapshot_that_was_recorded() {
    let (mut stage, receipts) = busy().await;
    stage.terminate();
    stage.serve_again();
    let before = said(&stage);
    let police = stage.speak("police", Role::Service).await;
    let later = police.publish(request(draft(now()))).await.unwrap();
    stage.kill();
    stage.serve_again();
    let start = said(&stage);
    assert!(start.snapshot >= before.snapshot && start.snapshot.is_some(), "{start:?}");
    assert_eq!(start.snapshot.unwrap() + start.read, start.size);
    takes(&stage, &[receipts, vec![later]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_damaged_cut_foreign_or_gone_costs_a_full_read() {
    let (mut stage, receipts) = busy().await;
    stage.terminate();
    let (mut other, _) = busy().await;
    other.terminate();
    let foreign = fs::read(&snapshots(&other)[0]).unwrap();
    drop(other);
    let mut taken = 0;
    let spoil: [Spoil; 4] = [
        |bytes, _| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        |bytes, _| bytes.truncate(bytes.len() / 2),
        |bytes, _| bytes.clear(),
        |bytes, foreign| *bytes = foreign.to_vec(),
    ];
    for spoil in spoil {
        for path in snapshots(&stage) {
            let mut bytes = fs::read(&path).unwrap();
            spoil(&mut bytes, &foreign);
            fs::write(&path, bytes).unwrap();
        }
        stage.serve_again();
        let start = said(&stage);
        assert_eq!((start.snapshot, start.read), (None, start.size), "{start:?}");
        assert!(start.size > taken, "it goes on");
        taken = start.size;
        stage.terminate();
    }
    fs::remove_dir_all(stage.path("broker/views")).unwrap();
    stage.serve_again();
    assert_eq!(said(&stage).snapshot, None);
    assert!(stage.log_lines().contains("a snapshot is not used"));
    takes(&stage, &receipts).await;
    stage.terminate();
    stage.serve_again();
    assert!(said(&stage).snapshot.is_some(), "after each of them there is a new one");
}

/// A snapshot that is whole but of no entry in the log's history is no better than none: here one that was
/// taken of a longer log, which was then put back.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_newer_than_the_log_is_not_used() {
    let (mut stage, receipts) = busy().await;
    stage.terminate();
    for part in ["journal", "keys", "anchor"] {
        let from = stage.path("broker").join(part);
        crate::stage::copy_dir(&from, &stage.path("older").join(part));
    }
    stage.serve_again();
    let police = stage.speak("police", Role::Service).await;
    for _ in 0..EVERY {
        police.publish(request(draft(now()))).await.unwrap();
    }
    stage.terminate();
    let newest = snapshots(&stage).pop().unwrap();
    for path in snapshots(&stage).iter().filter(|path| **path != newest) {
        fs::remove_file(path).unwrap();
    }
    for part in ["journal", "keys", "anchor"] {
        let to = stage.path("broker").join(part);
        fs::remove_dir_all(&to).unwrap();
        crate::stage::copy_dir(&stage.path("older").join(part), &to);
    }
    stage.serve_again();
    let start = said(&stage);
    assert_eq!((start.snapshot, start.read), (None, start.size));
    takes(&stage, &receipts).await;
}

/// Damage that lies before the snapshot is found when it is asked for, or by a start that is told to look.
#[tokio::test(flavor = "multi_thread")]
async fn damage_before_the_snapshot_is_found_by_reading_it_or_by_a_full_check() {
    // Agreement and subscription are read again from their records, and with them what stands near.
    let (mut stage, receipts) = busy_with(280).await;
    let damaged = receipts.iter().find(|it| it.index > 260).unwrap();
    stage.terminate();
    stage.serve_again_with(&["--check", "full"]);
    let start = said(&stage);
    assert_eq!((start.snapshot, start.read), (None, start.size));
    stage.terminate();

    let segment = stage.path("broker/journal").join(format!("{:020}.seg", 0));
    let mut bytes = fs::read(&segment).unwrap();
    let id = damaged.alert.parse::<portway::domain::AlertId>().unwrap();
    let mut places = bytes.windows(16).enumerate().filter(|(_, it)| it == id.as_bytes());
    let (place, _) = places.next().expect("the record in the journal");
    bytes[place] ^= 1;
    fs::write(&segment, bytes).unwrap();

    stage.serve_again();
    assert!(said(&stage).snapshot.is_some());
    let officer = stage.connect("police", Role::Officer).await;
    officer.show_record(damaged.index, QueryPurpose::Lawfulness).await.expect_err("damaged");
    stage.terminate();
    let config = stage.path("broker/portway.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portway"));
    let output = command.args(["serve", "--check", "full", "--config"]).arg(config).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("damaged"), "{said}");
}
