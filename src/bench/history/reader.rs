//! A subscriber of a history: it takes whatever is released to it and acknowledges it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::{BenchError, papers, refused};
use crate::{
    domain::{Bars, Caller, Name, Reason, Subscription, Timestamp, subscription::TERM_DAYS_MAX},
    ledger::{Heard, Ledger, Opening, Outlet, Release},
    record,
};

/// As many deliveries as may be on their way at once.
const CREDIT: u32 = 1000;
const QUEUE: usize = 4096;

/// Where releases go: only their numbers are of interest.
#[derive(Debug)]
struct Numbers(Mutex<Option<mpsc::Sender<u64>>>);

impl Numbers {
    fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Outlet for Numbers {
    fn release(&self, releases: Vec<Release>) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for release in releases {
            // There is a place for all that the credit allows: a reader without one is gone.
            if numbers.as_ref().is_some_and(|it| it.try_send(release.number).is_err()) {
                *numbers = None;
            }
        }
    }

    fn cut(&self, _: Option<u64>) {
        self.close();
    }

    fn end(&self, _: Reason) {
        self.close();
    }

    fn unavailable(&self) {
        self.close();
    }

    fn connection(&self) -> u64 {
        0
    }

    fn is_barred(&self, _: &Bars) -> bool {
        false
    }

    fn is_read(&self) -> bool {
        true
    }

    fn is_over(&self) -> bool {
        false
    }
}

/// Subscribes and opens a stream; returns what follows it to its end.
pub(super) async fn open(
    ledger: &Ledger,
    by: Caller,
    (areas, now): (Vec<String>, Timestamp),
) -> Result<impl Future<Output = ()> + Send + 'static, BenchError> {
    let name: Name = "history".parse().map_err(|_| BenchError::Wrong("a subscription's name"))?;
    let asked = papers::subscription(name.as_str(), areas, now.plus_days(TERM_DAYS_MAX));
    let filter = record::filter_from_pb(&asked.filter.unwrap_or_default()).map_err(refused)?;
    let (purpose, expires_at) = (papers::PURPOSE, now.plus_days(TERM_DAYS_MAX));
    let subscription = Subscription { name: name.clone(), purpose, filter, expires_at };
    let created = ledger.create_subscription(by.clone(), subscription).await;
    created.map_err(refused)?;
    let (numbers, queue) = mpsc::channel(QUEUE);
    let opening = Opening {
        by: by.clone(),
        name,
        purpose,
        credit: CREDIT,
        resume: bytes::Bytes::new(),
        on_behalf_of: None,
        outlet: Arc::new(Numbers(Mutex::new(Some(numbers)))),
    };
    let answer = ledger.open_stream(opening).await.map_err(refused)?;
    Ok(follow(ledger.clone(), by, answer.key, queue))
}

async fn follow(
    ledger: Ledger,
    by: Caller,
    key: crate::ledger::StreamKey,
    mut queue: mpsc::Receiver<u64>,
) {
    let mut numbers = Vec::with_capacity(QUEUE);
    while queue.recv_many(&mut numbers, QUEUE).await > 0 {
        let credit = u32::try_from(numbers.len()).ok();
        let heard = Heard { acknowledged: numbers.last().copied(), credit, is_last: false };
        numbers.clear();
        if ledger.hear(&by, key, heard).await.is_err() {
            return;
        }
    }
}
