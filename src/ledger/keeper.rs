//! What is done off the writer's path: the anchor is kept at most 100 ms behind, key slots are made ahead of
//! need, and the keys of what is erased are destroyed.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Commit, LedgerError, Rejection,
    retention::Destruction,
    rotation,
    secrets::Secrets,
    tree::Tree,
    writer::{SLOTS_AHEAD, Writer},
};
use crate::journal::{Anchor, AnchorError, AnchorFile, Journal, SlotSet};

/// The pause between two anchors, so that they do not take the disk from the journal.
const PAUSE: Duration = Duration::from_millis(50);
/// When keys that could not be destroyed are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The keeper's thread, and what it is told.
pub(super) struct Keeper {
    told: Arc<Told>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    news: Mutex<News>,
    changed: Condvar,
}

#[derive(Default)]
struct News {
    commit: Option<Arc<Commit>>,
    slots: u64,
    /// As many as callers wait for.
    destructions: Vec<Destruction>,
    stop: bool,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
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
            last: writer.newest(),
            unfinished: Vec::new(),
            erasures: Arc::clone(&writer.erasures),
            // What a crash kept from being put away is put away now.
            signed_from: 0,
        };
        work.erasures.send_replace(work.erased.count());
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
        news.slots = slots;
        // It is woken by the first: it finds the newest.
        if news.commit.replace(commit).is_none() {
            self.told.changed.notify_one();
        }
    }

    /// P5: has the keys of durable erasures destroyed, and whoever waits for that answered. Never waits.
    pub(super) fn destroy(&self, destructions: Vec<Destruction>) {
        if !destructions.is_empty() {
            lock(&self.told.news).destructions.extend(destructions);
            self.told.changed.notify_one();
        }
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
    /// The newest commit it was told of.
    last: Arc<Commit>,
    /// Slots whose keys could not be destroyed yet.
    unfinished: Vec<u64>,
    /// Where the number of those that are is told.
    erasures: Arc<watch::Sender<u64>>,
    /// Size of the first tree that the log's key signed, as far as it was seen to.
    signed_from: u64,
}

impl Work {
    fn run(&mut self, told: &Told) {
        let mut news = lock(&told.news);
        loop {
            while news.commit.is_none() && news.destructions.is_empty() && !news.stop {
                if !self.unfinished.is_empty() {
                    let waited = told.changed.wait_timeout(news, AGAIN);
                    news = waited.unwrap_or_else(PoisonError::into_inner).0;
                    break;
                }
                news = told.changed.wait(news).unwrap_or_else(PoisonError::into_inner);
            }
            let (commit, slots, stop) = (news.commit.take(), news.slots, news.stop);
            let destructions = std::mem::take(&mut news.destructions);
            drop(news);
            self.destroy(destructions);
            if let Some(commit) = commit {
                self.keep(&commit, slots);
            }
            if stop {
                return;
            }
            let rests = |it: &mut News| !it.stop && it.destructions.is_empty();
            let paused = told.changed.wait_timeout_while(lock(&told.news), PAUSE, rests);
            news = paused.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// An anchor that cannot be written makes the next start stricter, not this run unsafe: say so
    /// and try again with the next commit.
    fn keep(&mut self, commit: &Arc<Commit>, slots: u64) {
        if self.last.size <= commit.size {
            self.last = Arc::clone(commit);
        }
        match self.anchor() {
            Ok(()) => self.keep_keys(self.last.size),
            Err(error) => tracing::error!(%error, "the anchor could not be written"),
        }
        if let Err(error) = self.secrets.keys.reserve(slots + 2 * SLOTS_AHEAD) {
            tracing::error!(%error, "key slots could not be made ahead");
        }
    }

    fn anchor(&self) -> Result<(), AnchorError> {
        self.file.write(&Anchor {
            size: self.last.size,
            checkpoint: self.last.checkpoint.clone(),
            erased: self.erased.clone(),
        })
    }

    /// P5: destroys keys, then tells the anchor, then answers: whoever is told so has nothing left to fear from a
    /// crash or an old copy of the keys. What fails is tried again until it is done, after another start too.
    fn destroy(&mut self, destructions: Vec<Destruction>) {
        let mut waiting = Vec::new();
        for Destruction { slots, commit, answers } in destructions {
            self.unfinished.extend(slots);
            if self.last.size <= commit.size {
                self.last = Arc::clone(&commit);
            }
            waiting.extend(answers.into_iter().map(|answer| (answer, Arc::clone(&commit))));
        }
        let done = self.finish();
        for (answer, commit) in waiting {
            let unfinished = Rejection::Unavailable("the key could not be destroyed yet");
            answer(if done { Ok(&commit) } else { Err(&unfinished) });
        }
    }

    /// Tells whether all is destroyed, and the anchor knows.
    fn finish(&mut self) -> bool {
        if self.unfinished.is_empty() {
            return true;
        }
        if let Err(error) = self.secrets.keys.erase(&self.unfinished) {
            tracing::error!(%error, keys = self.unfinished.len(), "keys could not be destroyed yet");
            return false;
        }
        self.erased.extend(self.unfinished.iter().copied());
        if let Err(error) = self.anchor() {
            tracing::error!(%error, "the anchor could not be told what is erased");
            return false;
        }
        self.unfinished.clear();
        self.erasures.send_replace(self.erased.count());
        true
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
