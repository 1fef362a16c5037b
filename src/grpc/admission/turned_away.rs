//! How often requests were turned away for load, by the reason that the caller was told.

use std::sync::atomic::{AtomicU64, Ordering};

use tonic::Status;
use tonic_types::StatusExt;

/// The reasons there are; what has another is counted as the last one.
const REASONS: [&str; 5] = ["BUSY", "RATE_EXCEEDED", "TOO_MANY_CALLS", "TOO_MANY_STREAMS", "OTHER"];

/// The counters.
#[derive(Debug, Default)]
pub(super) struct TurnedAway([AtomicU64; REASONS.len()]);

impl TurnedAway {
    pub(super) fn count(&self, status: &Status) {
        let info = status.get_details_error_info();
        let reason = info.as_ref().map_or("", |info| info.reason.as_str());
        let place = REASONS.iter().position(|it| *it == reason).unwrap_or(REASONS.len() - 1);
        if let Some(counter) = self.0.get(place) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|counter| counter.load(Ordering::Relaxed));
        REASONS.into_iter().zip(counts).collect()
    }
}
