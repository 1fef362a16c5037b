//! Space in the last segment, filled with zeros ahead of the writer by a thread of its own.
//!
//! A commit that finds its space filled is one write and one sync. The thread never touches what
//! the writer has used, and leaves every failure to the writer, who meets it where it matters.

use std::{
    io,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::disk::SegmentFile;

/// How much is filled at a time. A commit may have to wait for one such sync, so it is small.
pub(super) const FILL_BYTES: u64 = 256 * 1024;
/// How far the thread keeps ahead of the writer.
const AHEAD_BYTES: u64 = 2 * 1024 * 1024;
const THREAD: &str = "journal-fill";

/// The filled space of the last segment.
#[derive(Debug)]
pub(super) struct Space {
    shared: Arc<Shared>,
    /// `None` where no thread could be had: the writer then fills for itself.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held while filling.
    task: Mutex<Task>,
    wake: Condvar,
    /// The end of the last batch; zero until one is written.
    used: AtomicU64,
    /// The end of the zeros that are durable.
    filled: AtomicU64,
}

#[derive(Debug, Default)]
struct Task {
    /// The segment, opened once more: a failed write is reported to each opening by itself, so
    /// what the thread is told is not withheld from the writer.
    file: Option<SegmentFile>,
    /// The size of the segment.
    segment_bytes: u64,
    stops: bool,
}

impl Space {
    /// Starts the thread; it has nothing to do until [`follow`](Self::follow).
    pub(super) fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let filler = Arc::clone(&shared);
        let thread = thread::Builder::new().name(THREAD.into()).spawn(move || filler.run());
        Self { shared, thread: thread.ok() }
    }

    /// Goes on to the segment at `path`, of which `filled` bytes are there.
    pub(super) fn follow(&self, path: &Path, filled: u64, segment_bytes: u64) {
        let mut task = self.shared.task();
        task.file = SegmentFile::open(path).ok();
        task.segment_bytes = segment_bytes;
        self.shared.used.store(0, Ordering::Release);
        self.shared.filled.store(filled, Ordering::Release);
    }

    /// Lets go of the segment, which then ends at `used`.
    pub(super) fn leave(&self, used: u64) {
        self.shared.task().file = None;
        self.shared.filled.store(used, Ordering::Release);
    }

    /// Hears that everything up to `used` is taken.
    pub(super) fn advance(&self, used: u64) {
        self.shared.used.store(used, Ordering::Release);
        if self.shared.filled.load(Ordering::Acquire) < used + AHEAD_BYTES {
            // Without the lock this may come a moment too early; then the next commit wakes.
            self.shared.wake.notify_one();
        }
    }

    /// Makes sure that `file` is filled up to `end`, by filling the rest here and now.
    pub(super) fn ensure(
        &self,
        file: &SegmentFile,
        end: u64,
        segment_bytes: u64,
    ) -> io::Result<()> {
        if end <= self.shared.filled.load(Ordering::Acquire) {
            return Ok(());
        }
        let _task = self.shared.task();
        let filled = self.shared.filled.load(Ordering::Acquire);
        if end > filled {
            self.shared.fill(file, filled, fill_end(end, segment_bytes))?;
        }
        Ok(())
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.shared.task().stops = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has filled nothing more, which is all there is to know.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut task = self.task();
        while !task.stops {
            let filled = self.filled.load(Ordering::Acquire);
            let used = self.used.load(Ordering::Acquire);
            let is_due = used > 0 && filled < task.segment_bytes.min(used + AHEAD_BYTES);
            match &task.file {
                Some(file) if is_due => {
                    let end = fill_end(filled + 1, task.segment_bytes);
                    if self.fill(file, filled, end).is_err() {
                        task.file = None;
                    }
                }
                Some(_) | None => {
                    task = self.wake.wait(task).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Fills from `start` to `end`; the caller holds the task.
    fn fill(&self, file: &SegmentFile, start: u64, end: u64) -> io::Result<()> {
        file.fill(start, end)?;
        file.sync_fill()?;
        self.filled.store(end, Ordering::Release);
        Ok(())
    }

    fn task(&self) -> MutexGuard<'_, Task> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how far to fill so that `end` fits: whole steps, the segment's size at most, unless a
/// single batch is larger than that.
pub(super) fn fill_end(end: u64, segment_bytes: u64) -> u64 {
    end.next_multiple_of(FILL_BYTES).min(segment_bytes.max(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_goes_in_steps_up_to_the_segments_size() {
        let kib = 1024;
        assert_eq!(fill_end(64, 1024 * kib), 256 * kib);
        assert_eq!(fill_end(256 * kib + 1, 1024 * kib), 512 * kib);
        assert_eq!(fill_end(900 * kib, 1000 * kib), 1000 * kib);
        assert_eq!(fill_end(1000 * kib + 9, 1000 * kib), 1000 * kib + 9);
    }

    /// The thread keeps ahead of the writer, and never beyond the segment.
    #[test]
    fn the_space_ahead_is_filled_without_the_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        let file = SegmentFile::create(&path).unwrap();
        let space = Space::start();
        space.follow(&path, 0, 3_000_000);
        for (used, filled) in [(1, AHEAD_BYTES), (600_000, 2_883_584), (2_000_000, 3_000_000)] {
            while space.shared.filled.load(Ordering::Acquire) < filled {
                space.advance(used);
                thread::yield_now();
            }
        }
        space.leave(10);
        space.ensure(&file, 10, 3_000_000).unwrap();
        drop(space);
        assert_eq!(file.file.metadata().unwrap().len(), 3_000_000);
    }
}
