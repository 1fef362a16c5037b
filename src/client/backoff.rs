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

    /// Waits before the next try, at least as long as `wish` within [`LONGEST`](Self::LONGEST).
    /// Answers false, at once, where the tries are used up.
    pub async fn wait(&mut self, wish: Option<Duration>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let time = self.next.max(wish.unwrap_or_default()).min(Self::LONGEST);
        self.next = (self.next * 2).min(Self::LONGEST);
        tokio::time::sleep(time).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_their_bound_and_then_end() {
        let mut backoff = Backoff::new(8);
        let mut waits = Vec::new();
        loop {
            let before = Instant::now();
            if !backoff.wait(None).await {
                break;
            }
            waits.push(before.elapsed().as_millis());
        }
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3000, 3000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_brokers_wish_is_honoured_within_the_bound() {
        let mut backoff = Backoff::new(3);
        let start = Instant::now();
        assert!(backoff.wait(Some(Duration::from_secs(2))).await);
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert!(backoff.wait(Some(Duration::from_secs(3600))).await);
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }
}
