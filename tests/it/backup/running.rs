//! Backups beside a broker under load: each is a whole log, and nothing that was acknowledged before one is missing.

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use portway::{
    client::{Incoming, PullOptions},
    domain::Name,
    record::Event,
};

use super::{backup, house, number, restore, verify};
use crate::stage::{PURPOSE, Role, SUBSCRIPTION, Stage, copy_dir, draft, events, now, request};

const ROUNDS: usize = 20;

/// Publishes until it is told to stop, and keeps the indexes that were acknowledged.
struct Load {
    stops: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    tasks: tokio::task::JoinSet<()>,
}

impl Load {
    async fn start(stage: &Stage) -> Self {
        let (stops, acknowledged) =
            (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<u64>>>::default());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let police = stage.speak("police", Role::Service).await;
            let (stops, acknowledged) = (Arc::clone(&stops), Arc::clone(&acknowledged));
            tasks.spawn(async move {
                while !stops.load(Ordering::Relaxed) {
                    let receipt = police.publish(request(draft(now()))).await.unwrap();
                    acknowledged.lock().unwrap().push(receipt.index);
                }
            });
        }
        Self { stops, acknowledged, tasks }
    }

    fn so_far(&self) -> Vec<u64> {
        self.acknowledged.lock().unwrap().clone()
    }

    async fn stop(self) -> Vec<u64> {
        self.stops.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
        let acknowledged = self.acknowledged.lock().unwrap();
        acknowledged.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_backup_under_load_is_a_whole_log_of_what_was_acknowledged_before() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let load = Load::start(&stage).await;
    for round in 0..ROUNDS {
        // Every fifth begins anew, the others go on from the one before.
        let (name, house_name) = (format!("backup-{}", round / 5), format!("house-{round}"));
        let before = load.so_far();
        let made = tokio::task::block_in_place(|| backup(&stage, &name)).json();
        house(&stage, &house_name);
        copy_dir(&stage.path("broker/anchor"), &stage.path("anchors").join(&house_name));
        let size = number(&made, "size");
        assert!(before.iter().all(|index| *index < size), "acknowledged before, and not in it");
        let verified = tokio::task::block_in_place(|| verify(&stage, &name)).json();
        assert_eq!(number(&verified, "size"), size);
        let anchor = format!("anchors/{house_name}");
        let put = || restore(&stage, (&name, &house_name), &anchor, &[]);
        let restored = tokio::task::block_in_place(put).json();
        // The anchor was copied behind it, and the load went on.
        assert!(restored["behind"].is_boolean(), "{restored}");
        if round % 5 > 0 {
            assert!(number(&made, "bytes_written") > 0);
        }
    }
    let acknowledged = load.stop().await;
    backup(&stage, "last").json();
    stage.kill();
    house(&stage, "house-last");
    let restored = restore(&stage, ("last", "house-last"), "broker/anchor", &[]).json();
    assert_eq!(restored["behind"], false, "{restored}");

    // What is started there serves all of it.
    stage.serve_in("house-last");
    let officer = stage.connect("police", Role::Officer).await;
    let published: Vec<u64> = events(&officer)
        .await
        .into_iter()
        .filter_map(|(index, event)| matches!(event, Event::Published(_)).then_some(index))
        .collect();
    assert!(acknowledged.iter().all(|index| published.contains(index)));
    let council = stage.connect("council", Role::Service).await;
    let name: Name = SUBSCRIPTION.parse().unwrap();
    let first = council.pull(&name, PURPOSE, PullOptions::default()).await.unwrap();
    assert!(matches!(first.incoming[0], Incoming::Delivery(_)), "its subscription goes on");
    stage.terminate();
}

/// A whole segment that is there is not written again, and a backup does not need the broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_writes_what_is_new() {
    let mut stage = Stage::start();
    stage.agree().await;
    let load = Load::start(&stage).await;
    let segments = || fs::read_dir(stage.path("broker/journal")).unwrap().count();
    // The lock, two whole ones, and the one that is being written.
    while segments() < 4 {
        tokio::task::yield_now().await;
    }
    load.stop().await;
    stage.terminate();
    let first = backup(&stage, "backup").json();
    let second = backup(&stage, "backup").json();

    assert_eq!(number(&first, "size"), number(&second, "size"));
    assert!(number(&first, "bytes_written") > 2 << 20, "{first}");
    // The last segment may still grow, and is copied each time.
    assert!(number(&second, "bytes_written") <= 1 << 20, "{second}");
    verify(&stage, "backup").json();
}
