//! The thread that takes snapshots while the broker runs, and one at an orderly stop. It reads the journal as
//! a start would, in small steps with pauses, so that it takes neither the writer's disk nor its core.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::take;
use crate::journal::{Journal, SnapshotFiles};
use crate::ledger::{
    LedgerError,
    replay::{Pace, Replay},
    secrets::Secrets,
    tree::Tree,
    writer::Writer,
};
use crate::record::SnapshotTaken;

/// One step reads this much, which takes some 10 ms, and then rests: about a fifth of a core.
const STEP_BYTES: usize = 1 << 20;
const REST: Duration = Duration::from_millis(40);
/// Where the log grows by more than so many entries in one rest, the exchange has use for every core and goes before its
/// snapshots. A start after a crash in the middle of that reads what was written meanwhile.
const BUSY: u64 = 1000;
const REST_WHILE_BUSY: Duration = Duration::from_millis(400);
/// A snapshot is as long as the log: the longer it is, the rarer they get, so that what is written for
/// them stays in proportion. About this part of the log has to be read at a start.
const PART_OF_LOG: u64 = 32;
/// At a stop a tail is worth a snapshot once it is this part of what it may grow to.
const PART_AT_STOP: u64 = 100;

/// The thread, and what it is told.
#[derive(Debug)]
pub(in crate::ledger) struct Maker {
    told: Arc<Told>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Told {
    news: Mutex<News>,
    changed: Condvar,
    stops: AtomicBool,
}

#[derive(Debug, Default)]
struct News {
    /// Committed entries.
    size: u64,
    /// From how many on the thread is woken; none while it is at work.
    due: Option<u64>,
    /// A snapshot that waits to be recorded.
    taken: Option<SnapshotTaken>,
}

struct Work {
    journal: Arc<dyn Journal>,
    secrets: Arc<Secrets>,
    tree: Arc<Tree>,
    files: SnapshotFiles,
    /// How many entries may follow a snapshot before the next is due.
    every: u64,
    known: Option<SnapshotTaken>,
    /// Where the last try was made, whatever came of it.
    tried: u64,
}

impl Maker {
    /// Starts the thread. It goes on from `known`, a snapshot that is trusted already.
    ///
    /// # Errors
    ///
    /// `LedgerError` where no thread can be had.
    pub(in crate::ledger) fn start(
        writer: &Writer,
        files: SnapshotFiles,
        every: u64,
        known: Option<SnapshotTaken>,
    ) -> Result<Self, LedgerError> {
        let told = Arc::new(Told::default());
        let work = Work {
            journal: Arc::clone(&writer.journal),
            secrets: Arc::clone(&writer.secrets),
            tree: Arc::clone(&writer.tree),
            files,
            every,
            tried: known.map_or(0, |known| known.size),
            known,
        };
        let heard = Arc::clone(&told);
        let thread = std::thread::Builder::new()
            .name("portway-snapshot".to_owned())
            .spawn(move || work.run(&heard))
            .map_err(|error| LedgerError::Stopped(error.to_string()))?;
        Ok(Self { told, thread })
    }

    /// Tells how many entries are committed. Never waits for the disk.
    pub(in crate::ledger) fn tell(&self, size: u64) {
        let is_due = {
            let mut news = self.told.news();
            news.size = size;
            news.due.is_some_and(|due| due <= size)
        };
        if is_due {
            self.told.changed.notify_one();
        }
    }

    /// Takes the snapshot that waits to be recorded.
    pub(in crate::ledger) fn taken(&self) -> Option<SnapshotTaken> {
        self.told.news().taken.take()
    }

    /// Ends the thread after a last snapshot, where one is worth it, and returns what is to be recorded.
    pub(in crate::ledger) fn stop(self, size: u64) -> Option<SnapshotTaken> {
        self.told.stops.store(true, Ordering::Release);
        self.told.news().size = size;
        self.told.changed.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the maker of snapshots has panicked");
        }
        self.told.news().taken.take()
    }
}

impl Told {
    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stops(&self) -> bool {
        self.stops.load(Ordering::Acquire)
    }

    /// Waits until entries are due for a snapshot, or the end; returns how many there are.
    fn wait(&self, due: u64) -> u64 {
        let is_early = |news: &mut News| !self.stops() && news.size < due;
        let mut news = self.news();
        news.due = Some(due);
        let waited = self.changed.wait_while(news, is_early);
        let mut news = waited.unwrap_or_else(PoisonError::into_inner);
        news.due = None;
        news.size
    }

    fn rest(&self) {
        let before = self.news().size;
        self.rest_for(REST);
        if self.news().size.saturating_sub(before) > BUSY {
            self.rest_for(REST_WHILE_BUSY);
        }
    }

    fn rest_for(&self, time: Duration) {
        let rested = self.changed.wait_timeout_while(self.news(), time, |_| !self.stops());
        drop(rested.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Work {
    fn run(mut self, told: &Told) {
        loop {
            let size = told.wait(self.tried + self.every.max(self.tried / PART_OF_LOG));
            let stops = told.stops();
            if !stops || size >= self.tried + self.every.div_ceil(PART_AT_STOP) {
                self.take(size, told);
            }
            if stops {
                return;
            }
        }
    }

    /// One that cannot be taken makes the next start slower, no less: say so, and try again when the next is
    /// due.
    fn take(&mut self, size: u64, told: &Told) {
        self.tried = size;
        match self.try_take(size, &Pace { chunk_bytes: STEP_BYTES, pause: &|| told.rest() }) {
            Ok(taken) => {
                tracing::info!(size, "a snapshot was taken");
                self.known = Some(taken);
                told.news().taken = Some(taken);
            }
            Err(error) => tracing::error!(%error, "a snapshot could not be taken"),
        }
    }

    fn try_take(&self, size: u64, pace: &Pace<'_>) -> Result<SnapshotTaken, LedgerError> {
        let replay = Replay::until((&self.journal, &self.secrets, &self.tree), size)?;
        let taken = take(replay, self.known.as_ref(), &self.files, pace)?;
        // Until the new one is recorded, a start has only the one before it.
        let kept: Vec<u64> = self.known.iter().chain([&taken]).map(|it| it.size).collect();
        self.files.keep(&kept)?;
        Ok(taken)
    }
}
