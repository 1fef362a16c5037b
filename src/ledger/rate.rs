//! How fast each agency may publish: a bucket for each, filled at a steady rate. It knows nothing of what is
//! published.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::domain::AgencyId;

/// A steady rate, and how much may come at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Alerts a second, from 1.
    pub per_second: u32,
    /// Alerts at once after a pause, from 1.
    pub burst: u32,
}

/// The buckets of all agencies.
#[derive(Debug)]
pub(super) struct Rates {
    /// The time that one alert takes at the steady rate.
    each: Duration,
    /// The time that a burst may run ahead.
    ahead: Duration,
    /// When each agency's bucket will be full again (the generic cell rate algorithm, ITU-T I.371).
    full_at: Mutex<HashMap<AgencyId, Instant>>,
}

impl Rates {
    pub(super) fn new(rate: Rate) -> Self {
        let each = Duration::from_secs(1) / rate.per_second.max(1);
        Self { each, ahead: each.saturating_mul(rate.burst.max(1)), full_at: Mutex::default() }
    }

    /// Takes one alert out of the agency's bucket.
    ///
    /// # Errors
    ///
    /// How long it takes until there is one.
    pub(super) fn take(&self, agency: &AgencyId, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = buckets.get(agency).copied().unwrap_or(now).max(now) + self.each;
        let wait = full_at.saturating_duration_since(now + self.ahead);
        if !wait.is_zero() {
            return Err(wait);
        }
        buckets.insert(agency.clone(), full_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency(name: &str) -> AgencyId {
        name.parse().unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_steady_rate() {
        let rates = Rates::new(Rate { per_second: 10, burst: 3 });
        let (police, start) = (agency("police"), Instant::now());
        for _ in 0..3 {
            assert_eq!(rates.take(&police, start), Ok(()));
        }
        let each = Duration::from_millis(100);
        assert_eq!(rates.take(&police, start), Err(each));
        assert_eq!(rates.take(&police, start + each / 2), Err(each / 2));
        assert_eq!(rates.take(&police, start + each), Ok(()), "as it was told");
        assert_eq!(rates.take(&police, start + each), Err(each));
    }

    #[test]
    fn a_pause_fills_the_bucket_and_not_more() {
        let rates = Rates::new(Rate { per_second: 1000, burst: 2 });
        let (police, start) = (agency("police"), Instant::now());
        for later in [0, 3600, 7200] {
            let now = start + Duration::from_secs(later);
            let passed = (0..10).filter(|_| rates.take(&police, now).is_ok()).count();
            assert_eq!(passed, 2, "after {later} s");
        }
    }

    #[test]
    fn one_agencys_rate_is_not_anothers() {
        let rates = Rates::new(Rate { per_second: 1, burst: 1 });
        let start = Instant::now();
        assert!(rates.take(&agency("police"), start).is_ok());
        assert!(rates.take(&agency("police"), start).is_err());
        assert!(rates.take(&agency("housing"), start).is_ok());
    }
}
