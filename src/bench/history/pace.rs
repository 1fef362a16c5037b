//! The clock of a history: how far the log has come says how late it is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::domain::{Clock, Timestamp};

/// A clock that is put forward, and never back.
#[derive(Debug)]
pub(super) struct Pace {
    begins: u64,
    ends: u64,
    now: AtomicU64,
}

impl Pace {
    pub(super) fn new(begins: Timestamp, ends: Timestamp) -> Arc<Self> {
        let (begins, ends) = (begins.ms(), ends.ms());
        Arc::new(Self { begins, ends, now: AtomicU64::new(begins) })
    }

    /// Puts the clock to where it stands with so many records of all.
    pub(super) fn advance(&self, done: u64, of: u64) {
        let span = u128::from(self.ends - self.begins);
        let ms = span * u128::from(done.min(of)) / u128::from(of.max(1));
        let ms = self.begins + u64::try_from(ms).unwrap_or_default();
        self.now.fetch_max(ms, Ordering::Relaxed);
    }
}

impl Clock for Pace {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_from_the_beginning_to_the_end_and_never_back() {
        let at = Timestamp::from_ms;
        let pace = Pace::new(at(1000), at(2000));
        assert_eq!(pace.now(), at(1000));
        pace.advance(1, 4);
        assert_eq!(pace.now(), at(1250));
        pace.advance(0, 4);
        assert_eq!(pace.now(), at(1250));
        pace.advance(9, 4);
        assert_eq!(pace.now(), at(2000));
    }
}
