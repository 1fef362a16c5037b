//! Erasure because its time is over, by the ledger itself: with a clock that moves on by months, which nobody sets a
//! broker of. The broker has written the log before.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portway::{
    config::Settings,
    domain::{Caller, Clock, HoldReason, Timestamp},
    ledger::{self, Rejection, Start, Sweep, Sweeper},
};

use super::{
    remains::Remains,
    scene::{self, Proofs},
};
use crate::stage::{Role, Stage, now};

const PACE: Sweep =
    Sweep { every: Duration::from_secs(1), alerts_per_second: 100_000, records_days: 2_557 };

/// A clock that stands where it is put: the time of day, and the time since some moment.
#[derive(Debug)]
pub(super) struct Hands(AtomicU64, AtomicU64);

impl Hands {
    /// Puts it at a time.
    pub(super) fn at(at: Timestamp) -> Self {
        Self(AtomicU64::new(at.ms()), AtomicU64::new(0))
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.1.load(Ordering::Relaxed))
    }
}

/// The ledger of a broker that has stopped, some days later.
struct Later {
    hands: Arc<Hands>,
    start: Start,
    sweeper: Sweeper,
}

impl Later {
    fn open(broker: &Path, at: Timestamp) -> Self {
        let settings = Settings::read(&broker.join("portway.toml")).unwrap().ledger;
        let hands = Arc::new(Hands::at(at));
        let start = ledger::open(&settings, Arc::clone(&hands) as Arc<dyn Clock>).unwrap();
        let sweeper = Sweeper::new(start.ledger.clone(), PACE);
        Self { hands, start, sweeper }
    }

    async fn confirm(&self) -> Result<u64, Rejection> {
        self.start.ledger.confirm_clock(Caller::local()).await
    }

    async fn close(mut self) {
        self.start.ledger.stop();
        self.start.running.ended().await.unwrap();
    }
}

fn broker(stage: &Stage) -> std::path::PathBuf {
    stage.path("broker")
}

/// P5: alerts and the tokens of watch-lists are erased when their time is over, not before and not while an alert is
/// held; nothing of them is left, and every proof verifies.
#[tokio::test(flavor = "multi_thread")]
async fn p5_what_is_due_is_erased_and_nothing_before_its_time() {
    let mut stage = scene::stage().await;
    let count = scene::planted() / 2;
    let alerts = scene::plant(&stage, count).await;
    let watched = scene::watch(&stage, count).await;
    let officer = stage.connect("police", Role::Officer).await;
    let review = now().plus_days(300);
    officer.hold_evidence(alerts[0].id, HoldReason::LegalClaim, review).await.unwrap();
    Proofs::of(&stage).keep("before", &alerts);
    stage.terminate();

    // The agreement keeps them 90 days.
    let mut later = Later::open(&broker(&stage), now().plus_days(89));
    later.confirm().await.unwrap();
    assert_eq!(
        later.sweeper.round().await.unwrap(),
        1,
        "the watch-list has ended, and nothing else"
    );
    later.close().await;
    let remains = Remains::of(&broker(&stage));
    assert!(alerts.iter().all(|it| !it.places(&remains).is_empty()), "P5: before its time");
    assert_eq!(watched.iter().flat_map(|it| remains.places_of(it)).collect::<Vec<_>>(), [""; 0]);

    let mut later = Later::open(&broker(&stage), now().plus_days(91));
    later.confirm().await.unwrap();
    assert_eq!(later.sweeper.round().await.unwrap(), count as u64 - 1);
    assert_eq!(later.sweeper.round().await.unwrap(), 0);
    later.close().await;
    let remains = Remains::of(&broker(&stage));
    for alert in &alerts[1..] {
        assert_eq!(alert.places(&remains), [""; 0], "P5: something of {} is left", alert.id);
    }
    assert!(!alerts[0].places(&remains).is_empty(), "P5: what is held was erased");
    Proofs::of(&stage).verify("before", count);
}

/// A log that has rested for more than a day, or a clock that jumps, erases nothing until an operator has looked;
/// another start does not get round that.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_erases_nothing_until_an_operator_confirms_it() {
    let mut stage = scene::stage().await;
    scene::plant(&stage, 3).await;
    stage.terminate();
    let mut later = Later::open(&broker(&stage), now().plus_days(91));
    assert_eq!(later.sweeper.round().await.unwrap(), 0);
    let services = Caller {
        seat: portway::domain::Seat::parse("agency/police/officer/ig-1").unwrap(),
        ..Caller::local()
    };
    assert!(later.start.ledger.confirm_clock(services).await.is_err(), "an officer's word");
    later.confirm().await.unwrap();
    assert!(later.confirm().await.is_err(), "nothing waits for it any more");
    // A year in a minute, on a running broker.
    later.hands.0.store(now().plus_days(460).ms(), Ordering::Relaxed);
    later.hands.1.store(60_000, Ordering::Relaxed);
    assert_eq!(later.sweeper.round().await.unwrap(), 0);
    later.confirm().await.unwrap();
    assert_eq!(later.sweeper.round().await.unwrap(), 3);
    later.close().await;
}
