//! Watches the wall clock where something is destroyed because its time is over: a clock that jumps ahead would
//! destroy what is not due, and nothing brings that back.

use std::time::Duration;

use crate::domain::{Clock, Timestamp};
use crate::exchange::State;
use crate::record::{Event, Retention};

/// How far the wall clock may run ahead of the steady one.
const AHEAD_MAX: Duration = Duration::from_secs(60);
/// How long after its last record a log may be started without anybody looking at the clock.
const REST_MAX: Duration = Duration::from_secs(24 * 3600);

/// Where both clocks stood when the wall clock was last believed.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeWatch {
    wall: Timestamp,
    steady: Duration,
}

impl TimeWatch {
    /// Believes the clock as it stands.
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self { wall: clock.now(), steady: clock.steady() }
    }

    /// Believes the clock as it stands now.
    pub(super) fn begin(&mut self, clock: &dyn Clock) {
        *self = Self::of(clock);
    }

    /// Returns by how many milliseconds the wall clock is ahead, where that is too far.
    pub(super) fn ahead(&self, clock: &dyn Clock) -> Option<u64> {
        let passed = clock.steady().saturating_sub(self.steady);
        let ahead = clock.now().since(self.wall.after(passed));
        (ahead > AHEAD_MAX).then(|| u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX))
    }
}

/// What a start has to record before anything is erased: that the log rested longer than a clock is believed for.
pub(super) fn at_start(state: &State, now: Timestamp) -> Option<Event> {
    let rested = now.since(state.recorded_at());
    if state.size() == 0 || state.halted().is_some() || rested <= REST_MAX {
        return None;
    }
    let ahead_ms = u64::try_from(rested.as_millis()).unwrap_or(u64::MAX);
    tracing::error!(
        ahead_ms,
        "the last record is more than a day old: nothing is erased by term until an operator confirms the clock"
    );
    Some(Event::Retention(Retention::Halted { ahead_ms, at_start: true }))
}
