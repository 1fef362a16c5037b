//! What is done off the writer's path: the anchor is kept at most 100 ms behind, and key slots are made
//! ahead of need.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use super::{
    Commit, LedgerError, rotation,
    secrets::Secrets,
    tree::Tree,
    writer::{SLOTS_AHEAD, Writer},
};
use crate::journal::{Anchor, AnchorFile, Journal, SlotSet};

/// The pause between two anchors, so that they do not take the disk from the journal.
const PAUSE: Duration = Duration::from_millis(50);

/// The keeper's thread, and what it is told.
#[derive(Debug)]
pub(super) struct Keeper {
    told: Arc<Told>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Told {
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct News {
    commit: Option<Arc<Commit>>,
    slots: u64,
    stop: bool,
}

impl Keeper {
    pub(super) fn start(
        (file, erased): (AnchorFile, SlotSet),
        writer: &Writer,
        keys_dir: &Path,
    ) -> Result<Self, LedgerError> {
        let told = Arc::new(Told::default());
        let mut work = Work {
            file,
            erased,
            secrets: Arc::clone(&writer.secrets),
            journal: Arc::clone(&writer.journal),
            tree: Arc::clone(&writer.tree),
            keys_dir: keys_dir.to_owned(),
            // What a crash kept from being put away is put away now.
            signed_from: 0,
        };
        let heard = Arc::clone(&told);
        let thread = std::thread::Builder::new()
            .name("portway-keeper".to_owned())
            .spawn(move || work.run(&heard))
            .map_err(|error| LedgerError::Stopped(error.to_string()))?;
        Ok(Self { told, thread })
    }

    /// Tells of a commit and of the slots in use. Never waits for the disk.
    pub(super) fn tell(&self, commit: Arc<Commit>, slots: u64) {
        let mut news = lock(&self.told.news);
        news.commit = Some(commit);
        news.slots = slots;
        self.told.changed.notify_one();
    }

    /// Writes the last anchor and ends the thread.
    pub(super) fn stop(self) {
        lock(&self.told.news).stop = true;
        self.told.changed.notify_one();
        if self.thread.join().is_err() {
            tracing::error!("the keeper has panicked");
        }
    }
}

struct Work {
    file: AnchorFile,
    erased: SlotSet,
    secrets: Arc<Secrets>,
    journal: Arc<dyn Journal>,
    tree: Arc<Tree>,
    keys_dir: PathBuf,
    /// Size of the first tree that the log's key signed, as far as it was seen to.
    signed_from: u64,
}

impl Work {
    fn run(&mut self, told: &Told) {
        let mut news = lock(&told.news);
        loop {
            while news.commit.is_none() && !news.stop {
                news = told.changed.wait(news).unwrap_or_else(PoisonError::into_inner);
            }
            let (commit, slots, stop) = (news.commit.take(), news.slots, news.stop);
            drop(news);
            if let Some(commit) = commit {
                self.keep(&commit, slots);
            }
            if stop {
                return;
            }
            let paused = told.changed.wait_timeout_while(lock(&told.news), PAUSE, |it| !it.stop);
            news = paused.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// An anchor that cannot be written makes the next start stricter, not this run unsafe: say so
    /// and try again with the next commit.
    fn keep(&mut self, commit: &Commit, slots: u64) {
        let anchor = Anchor {
            size: commit.size,
            checkpoint: commit.checkpoint.clone(),
            erased: self.erased.clone(),
        };
        match self.file.write(&anchor) {
            Ok(()) => self.keep_keys(commit.size),
            Err(error) => tracing::error!(%error, "the anchor could not be written"),
        }
        if let Err(error) = self.secrets.keys.reserve(slots + 2 * SLOTS_AHEAD) {
            tracing::error!(%error, "key slots could not be made ahead");
        }
    }

    /// Publishes a new key of the log, and destroys the one before it: no crash brings back what the anchor knows.
    /// What fails is tried again with the next commit.
    fn keep_keys(&mut self, anchored: u64) {
        let Ok(chain) = self.secrets.signing.chain() else { return };
        if chain.newest_from() == self.signed_from || anchored < chain.newest_from() {
            return;
        }
        let log = (self.journal.as_ref(), self.tree.as_ref());
        let kept = rotation::publish(&self.keys_dir, &self.secrets, log)
            .and_then(|()| self.secrets.signing.retire(&self.secrets.keys, anchored));
        match kept {
            Ok(()) => self.signed_from = chain.newest_from(),
            Err(error) => tracing::error!(%error, "the log's old key could not be put away"),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
