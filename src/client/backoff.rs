//! How long to wait before the same thing is tried again: longer each time, within bounds.

use std::time::Duration;

/// The waiting times of one series of tries.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
    left: u32,
}

impl Backoff {
    /// The first wait.
    pub const FIRST: Duration = Duration::from_millis(100);
    /// The longest wait, a broker's own wish included.
    pub const LONGEST: Duration = Duration::from_secs(3);

    /// Starts a series of `tries`, the first one, which waits for nothing, included.
    pub const fn new(tries: u32) -> Self {
        Self { next: Self::FIRST, left: tries.saturating_sub(1) }
    }

    /// Returns how long to wait before the next try, at least as long as `wish` within
    /// [`LONGEST`](Self::LONGEST); nothing where the tries are used up.
    pub fn step(&mut self, wish: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let time = self.next.max(wish.unwrap_or_default()).min(Self::LONGEST);
        self.next = (self.next * 2).min(Self::LONGEST);
        Some(time)
    }

    /// Waits before the next try. Answers false, at once, where the tries are used up.
    pub async fn wait(&mut self, wish: Option<Duration>) -> bool {
        match self.step(wish) {
            Some(time) => {
                tokio::time::sleep(time).await;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_then_end() {
        let mut backoff = Backoff::new(8);
        let waits: Vec<_> = std::iter::from_fn(|| backoff.step(None)).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3000, 3000].map(Duration::from_millis));
        assert_eq!(backoff.step(None), None);
    }

    #[test]
    fn a_brokers_wish_is_honoured_within_the_bound() {
        let mut backoff = Backoff::new(4);
        let wish = Duration::from_secs(2);
        assert_eq!(backoff.step(Some(wish)), Some(wish));
        assert_eq!(backoff.step(Some(Duration::from_secs(3600))), Some(Backoff::LONGEST));
        assert_eq!(backoff.step(Some(Duration::ZERO)), Some(Duration::from_millis(400)));
    }
}
