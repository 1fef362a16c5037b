//! The two ends of the queue: where commands are handed in, and where the writer takes them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, TryAcquireError};

use super::{
    lane::Lane,
    lanes::{Lanes, Queued},
};

/// Why something was not taken in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::ledger) enum NotQueued {
    /// The lane is full.
    Full,
    /// The writer stops.
    Stopping,
}

/// Makes a queue whose lanes hold `units` each.
pub(in crate::ledger) fn queue<T>(units: usize) -> (Entrance<T>, Exit<T>) {
    let shared = Arc::new(Shared {
        units: units.min(Semaphore::MAX_PERMITS),
        lanes: Mutex::new(Lanes::default()),
        changed: Condvar::new(),
    });
    (Entrance(Arc::new(Open(Arc::clone(&shared)))), Exit(shared))
}

/// Where commands are handed in. Once the last clone is gone, the writer is told to stop.
#[derive(Debug)]
pub(in crate::ledger) struct Entrance<T>(Arc<Open<T>>);

impl<T> Clone for Entrance<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Open<T>(Arc<Shared<T>>);

impl<T> Drop for Open<T> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Where the writer takes what waits. Once it is gone, nothing is taken in.
#[derive(Debug)]
pub(in crate::ledger) struct Exit<T>(Arc<Shared<T>>);

impl<T> Drop for Exit<T> {
    fn drop(&mut self) {
        self.0.stop();
        // Whoever waits for an answer learns that there is none.
        drop(self.0.take_all());
    }
}

/// What the writer took.
#[derive(Debug)]
pub(in crate::ledger) struct Taken<T> {
    /// In the order to be done in.
    pub(in crate::ledger) commands: Vec<T>,
    /// Nothing will come any more.
    pub(in crate::ledger) is_last: bool,
}

#[derive(Debug)]
struct Shared<T> {
    units: usize,
    lanes: Mutex<Lanes<T>>,
    changed: Condvar,
}

impl<T> Entrance<T> {
    /// Takes a command into its lane.
    pub(in crate::ledger) fn hand_in(
        &self,
        lane: &Lane,
        command: T,
        units: u32,
    ) -> Result<(), NotQueued> {
        let shared = &self.0.0;
        let units = shared.fitting(units);
        let mut lanes = shared.lock();
        let place = lanes.place(lane, shared.units);
        let room = lanes.room(place).ok_or(NotQueued::Stopping)?;
        match room.try_acquire_many(units) {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::NoPermits) => return Err(NotQueued::Full),
            Err(TryAcquireError::Closed) => return Err(NotQueued::Stopping),
        }
        lanes.push(place, Queued { command, units, is_counted: true });
        shared.wake(lanes);
        Ok(())
    }

    /// Takes a command into its lane once there is room; who waits longest comes first.
    pub(in crate::ledger) async fn hand_in_waiting(
        &self,
        lane: &Lane,
        command: T,
        units: u32,
    ) -> Result<(), NotQueued> {
        let shared = &self.0.0;
        let units = shared.fitting(units);
        let (place, room) = {
            let mut lanes = shared.lock();
            let place = lanes.place(lane, shared.units);
            (place, lanes.room(place).ok_or(NotQueued::Stopping)?)
        };
        let permit = room.acquire_many(units).await.map_err(|_| NotQueued::Stopping)?;
        let mut lanes = shared.lock();
        if lanes.stops {
            return Err(NotQueued::Stopping);
        }
        permit.forget();
        lanes.push(place, Queued { command, units, is_counted: true });
        shared.wake(lanes);
        Ok(())
    }

    /// Takes a command in whatever waits already: for what is bounded where it comes from, such as the one
    /// thing at a time that is said on a stream.
    pub(in crate::ledger) fn hand_in_always(
        &self,
        lane: &Lane,
        command: T,
    ) -> Result<(), NotQueued> {
        let shared = &self.0.0;
        let mut lanes = shared.lock();
        if lanes.stops {
            return Err(NotQueued::Stopping);
        }
        let place = lanes.place(lane, shared.units);
        lanes.push(place, Queued { command, units: 1, is_counted: false });
        shared.wake(lanes);
        Ok(())
    }

    /// Asks for a turn, whether or not there are commands. Asking twice is asking once.
    pub(in crate::ledger) fn tick(&self) {
        let mut lanes = self.0.0.lock();
        lanes.ticked = true;
        self.0.0.wake(lanes);
    }

    /// Lets nothing more in; what waits is still done.
    pub(in crate::ledger) fn stop(&self) {
        self.0.0.stop();
    }
}

impl<T> Exit<T> {
    /// Takes about `units` in fair shares, one command beyond it at most. Blocks while there is nothing,
    /// if `waits`.
    pub(in crate::ledger) fn take(&self, units: usize, waits: bool) -> Taken<T> {
        let mut lanes = self.0.lock();
        while waits && lanes.is_empty() && !lanes.ticked && !lanes.stops {
            lanes.idle = true;
            lanes = self.0.changed.wait(lanes).unwrap_or_else(PoisonError::into_inner);
        }
        lanes.idle = false;
        let commands = lanes.take(units);
        lanes.ticked = false;
        Taken { commands, is_last: lanes.stops && lanes.is_empty() }
    }
}

impl<T> Shared<T> {
    /// A command larger than a whole lane takes a whole lane: it gets in once nothing else waits there.
    fn fitting(&self, units: u32) -> u32 {
        units.clamp(1, u32::try_from(self.units).unwrap_or(u32::MAX))
    }

    fn stop(&self) {
        let mut lanes = self.lock();
        lanes.stop();
        self.wake(lanes);
    }

    fn take_all(&self) -> Vec<T> {
        self.lock().take(usize::MAX)
    }

    /// Wakes the writer if it waits.
    fn wake(&self, mut lanes: MutexGuard<'_, Lanes<T>>) {
        let was_idle = std::mem::take(&mut lanes.idle);
        drop(lanes);
        if was_idle {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes<T>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
