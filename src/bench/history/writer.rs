//! A publisher of a history.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{BenchError, History, agreement_id, area, pace::Pace, papers, refused};
use crate::{
    domain::{AlertId, Caller, Clock},
    ledger::{Ledger, Rejection},
    pb::v1 as pb,
    record,
};

/// What one publisher does.
pub(super) struct Work {
    pub(super) ledger: Ledger,
    pub(super) by: Caller,
    /// Number of the next alert, of all publishers together.
    pub(super) next: Arc<AtomicU64>,
    pub(super) history: History,
}

/// Publishes one alert after the other, until the log is long enough.
pub(super) async fn run(work: Work, publisher: usize, pace: Arc<Pace>) -> Result<(), BenchError> {
    let Work { ledger, by, next, history } = work;
    loop {
        let size = ledger.newest().size;
        if size >= history.records {
            return Ok(());
        }
        pace.advance(size, history.records);
        let (now, number) = (pace.now(), next.fetch_add(1, Ordering::Relaxed));
        let alert = pb::AlertDraft {
            agreement: agreement_id(publisher),
            area: area(publisher),
            subject: papers::person(person(number, history.people)),
            ..papers::alert(now)
        };
        let draft = record::draft_from_pb(&alert).map_err(refused)?;
        let mut tail = [0; 10];
        let (_, low) = tail.split_at_mut(2);
        low.copy_from_slice(&number.to_be_bytes());
        let id = uuid::Builder::from_unix_timestamp_millis(now.ms(), &tail).into_uuid();
        let id = AlertId::from_bytes(id.as_bytes()).map_err(BenchError::task)?;
        match ledger.publish(by.clone(), id, (draft, None)).await {
            Ok(_) => {}
            Err(Rejection::Busy) => tokio::task::yield_now().await,
            Err(rejection) => return Err(refused(rejection)),
        }
    }
}

/// Draws a person for an alert: the same numbers make the same history.
fn person(number: u64, people: u64) -> u64 {
    // The mix of SplitMix64 (Steele, Lea, Flood 2014).
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 27)) % people.max(1)
}
