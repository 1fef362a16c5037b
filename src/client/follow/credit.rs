//! How many deliveries may be on their way, counted from the subscriber's side.

use crate::client::Error;

/// The most credit a stream may have.
pub const CREDIT_MAX: u16 = 1000;

/// Credit that was used up by deliveries, and is given back in shares of half the window: one message
/// for many deliveries, and never a broker that waits while half of them are unread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Credit {
    share: u32,
    taken: u32,
}

impl Credit {
    /// Starts with `window` deliveries allowed.
    pub(super) fn new(window: u16) -> Result<Self, Error> {
        if (1..=CREDIT_MAX).contains(&window) {
            Ok(Self { share: u32::from(window).div_ceil(2), taken: 0 })
        } else {
            Err(Error::configuration("credit: 1 to 1000"))
        }
    }

    /// Counts a delivery that was handed out.
    pub(super) const fn take(&mut self) {
        self.taken += 1;
    }

    /// Returns how much to give back now, if it is time.
    pub(super) fn give_back(self) -> Option<u32> {
        (self.taken >= self.share).then_some(self.taken)
    }

    /// Counts what was given back.
    pub(super) const fn gave(&mut self, more: u32) {
        self.taken = self.taken.saturating_sub(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_delivery_is_given_back_twice_or_forgotten() {
        for window in [1, 2, 3, 100, CREDIT_MAX] {
            let mut credit = Credit::new(window).unwrap();
            let mut left = u32::from(window);
            for _ in 0..5000 {
                left = left.checked_sub(1).expect("the broker never waits for us");
                credit.take();
                if let Some(more) = credit.give_back() {
                    left += more;
                    credit.gave(more);
                }
                assert!(left <= u32::from(window));
            }
        }
    }

    #[test]
    fn a_window_without_bounds_is_refused() {
        for window in [0, CREDIT_MAX + 1] {
            assert!(matches!(Credit::new(window), Err(Error::Configuration(_))));
        }
    }
}
