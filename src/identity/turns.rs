//! Whose hello is answered next: the newest. When more hellos come than can be answered, some are answered too late
//! whatever the order; taken from the oldest on, all of them would be, those who belong too.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// One turn after the other.
#[derive(Debug, Default)]
pub(super) struct Turns {
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    is_taken: bool,
    waiting: BTreeMap<u64, CancellationToken>,
}

/// A turn, or a place in the line for one. Dropped, it is the next one's.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Arc<Turns>,
    number: u64,
}

impl Turns {
    /// Waits for the turn of whoever has this number; the highest comes first.
    pub(super) async fn take(self: &Arc<Self>, number: u64) -> Turn {
        let told = self.stand_in_line(number);
        let turn = Turn { turns: Arc::clone(self), number };
        if let Some(told) = told {
            told.cancelled().await;
        }
        turn
    }

    /// Takes the turn where it is free; otherwise returns what tells of it.
    fn stand_in_line(&self, number: u64) -> Option<CancellationToken> {
        let mut line = self.line();
        if !line.is_taken {
            line.is_taken = true;
            return None;
        }
        let told = CancellationToken::new();
        line.waiting.insert(number, told.clone());
        Some(told)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = self.turns.line();
        // One that leaves the line had no turn to pass on.
        if line.waiting.remove(&self.number).is_some() {
            return;
        }
        match line.waiting.pop_last() {
            Some((_, told)) => told.cancel(),
            None => line.is_taken = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_newest_comes_first_and_whoever_leaves_loses_nobody_a_turn() {
        let turns = Arc::<Turns>::default();
        let Poll::Ready(first) = poll(pin!(turns.take(1))) else { panic!("it is free") };
        let mut line: Vec<_> = (2..=5).map(|number| Box::pin(turns.take(number))).collect();
        assert!(line.iter_mut().all(|waiting| poll(waiting.as_mut()).is_pending()));

        drop(line.remove(1));
        drop(first);
        let mut fifth = line.pop().unwrap();
        assert!(line.iter_mut().all(|waiting| poll(waiting.as_mut()).is_pending()));
        let Poll::Ready(turn) = poll(fifth.as_mut()) else { panic!("it came last") };
        drop(turn);

        // The fourth has been told by now, and leaves before it has looked.
        drop(line.pop());
        let mut second = line.pop().unwrap();
        assert!(poll(second.as_mut()).is_ready());
        drop(second);
        assert!(poll(pin!(turns.take(9))).is_ready(), "it is free again");
    }
}
