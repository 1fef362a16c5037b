//! The views as others use them: opened, kept behind the log by a task of their own, and asked. Whatever is
//! found wrong with the index, a question is answered from the journal, and the index made anew.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Answer, Place, PlaceForged},
    error::{Damage, ViewsError},
    home::{Binding, Home, Old},
    index::{Index, SharedIndex, Stuck},
    question::{Asker, Question},
    resolve::Resolver,
    search::Search,
    store::Store,
    term::TokenKey,
};
use crate::domain::Timestamp;
use crate::ledger::{Commit, LedgerError, Reader};

/// How many entries a block has.
const BLOCK: u64 = 1024;
/// How often an index is made anew in one run before the views do without.
const RENEWALS_MAX: u32 = 4;
/// How many questions are looked into at the same time; others wait.
const QUESTIONS_MAX: usize = 4;
/// The pause between two looks at a log that grows.
const PAUSE: Duration = Duration::from_millis(100);
/// How many blocks are indexed between two pauses while the log grows: the exchange goes before its index, and a
/// question reads what is not indexed yet.
const STRETCH: u32 = 1;

/// The views. Clones share them.
#[derive(Clone, Debug)]
pub struct Views {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) home: Home,
    pub(super) reader: Reader,
    pub(super) block: u64,
    /// Held while the directory is bound to another index.
    pub(super) changes: Mutex<()>,
    /// None while the index is given up and not made anew yet.
    index: RwLock<Option<SharedIndex>>,
    renewals: AtomicU32,
    damaged: Notify,
    questions: Arc<Semaphore>,
}

/// How the views stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Standing {
    /// How many entries are indexed.
    pub indexed: u64,
    /// How many entries the log has.
    pub size: u64,
    /// How many bytes the index takes on disk.
    pub bytes: u64,
}

impl Views {
    /// Opens the views of a log. What is in `dir` and does not fit the log, or is damaged, is set aside and
    /// made anew, empty at first.
    ///
    /// # Errors
    ///
    /// `ViewsError` where the directory is in use or cannot be written, or the log not be read.
    pub fn open(dir: &Path, reader: Reader) -> Result<Self, ViewsError> {
        Self::open_with(dir, reader, BLOCK)
    }

    /// The same, with blocks of another size.
    pub(super) fn open_with(dir: &Path, reader: Reader, block: u64) -> Result<Self, ViewsError> {
        let views = Self::hold(dir, reader, block)?;
        let index = match views.inner.find() {
            Ok((binding, index)) => {
                // What a crash left behind on the way to this index.
                views.inner.home.clear(&binding, Old::Remove)?;
                index
            }
            Err(Stuck::Log(error)) => return Err(error.into()),
            Err(Stuck::Damage(damage)) => {
                let is_first = !views.inner.home.holds_any()?;
                if !is_first {
                    tracing::warn!(%damage, "the views are set aside and rebuilt from the log");
                }
                views.inner.renew(Old::SetAside)?
            }
        };
        views.inner.set(Some(index));
        Ok(views)
    }

    /// Looks how the views in `dir` stand, and mends nothing.
    ///
    /// # Errors
    ///
    /// [`ViewsError::Damaged`] where the next start would make them anew; else as [`open`](Self::open).
    pub fn look(dir: &Path, reader: Reader) -> Result<Standing, ViewsError> {
        let nothing = Standing { indexed: 0, size: reader.size(), bytes: 0 };
        if !dir.exists() {
            return Ok(nothing);
        }
        let views = Self::hold(dir, reader, BLOCK)?;
        if !views.inner.home.holds_any()? {
            return Ok(nothing);
        }
        let (_, index) = views.inner.find().map_err(|error| match error {
            Stuck::Damage(damage) => ViewsError::Damaged(damage.to_string()),
            Stuck::Log(error) => error.into(),
        })?;
        views.inner.set(Some(index));
        Ok(views.standing())
    }

    /// Throws away what is in `dir` and begins anew under a new key.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn anew(dir: &Path, reader: Reader) -> Result<Self, ViewsError> {
        let views = Self::hold(dir, reader, BLOCK)?;
        let index = views.inner.renew(Old::Remove)?;
        views.inner.set(Some(index));
        Ok(views)
    }

    fn hold(dir: &Path, reader: Reader, block: u64) -> Result<Self, ViewsError> {
        let inner = Inner {
            home: Home::open(dir)?,
            reader,
            block,
            changes: Mutex::new(()),
            index: RwLock::new(None),
            renewals: AtomicU32::new(0),
            damaged: Notify::new(),
            questions: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Follows the log until `stop` fires: indexes what is committed, a little behind, on threads that may block.
    pub async fn follow(self, mut commits: watch::Receiver<Arc<Commit>>, stop: CancellationToken) {
        // What was looked up is kept from block to block, until the log has been caught up with.
        let mut kept = None;
        while !stop.is_cancelled() {
            let mut goes_on = false;
            if self.inner.is_behind() {
                commits.mark_unchanged();
                let (views, until, log) = (self.clone(), stop.clone(), commits.clone());
                let mut resolver = kept.take().unwrap_or_else(|| self.resolver());
                let work = move || {
                    let blocks = AtomicU32::new(0);
                    let grows = || log.has_changed().unwrap_or(true);
                    let done = views.advance(&mut resolver, &|| {
                        until.is_cancelled()
                            || (blocks.fetch_add(1, Ordering::Relaxed) >= STRETCH && grows())
                    });
                    (done, resolver)
                };
                match tokio::task::spawn_blocking(work).await {
                    Ok((Ok(()), resolver)) => {
                        kept = Some(resolver).filter(|_| self.inner.is_behind());
                        goes_on = true;
                    }
                    Ok((Err(error), _)) => {
                        tracing::error!(%error, "the views cannot follow the log");
                    }
                    Err(_) => tracing::error!("the views' thread has panicked"),
                }
            }
            // A log that grows fast is looked at ten times a second, not at every commit.
            if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                break;
            }
            if goes_on && self.inner.is_behind() {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.inner.damaged.notified() => {}
                changed = commits.changed() => if changed.is_err() { break },
            }
        }
        if tokio::task::spawn_blocking(move || self.flush()).await.is_err() {
            tracing::error!("the views' thread has panicked");
        }
    }

    /// Indexes every whole block that is committed, until `stops` says so.
    ///
    /// # Errors
    ///
    /// `ViewsError` where the log cannot be read, or no index can be kept; questions are answered all the same.
    pub fn catch_up(&self, stops: &dyn Fn() -> bool) -> Result<(), ViewsError> {
        self.advance(&mut self.resolver(), stops)
    }

    fn resolver(&self) -> Resolver {
        Resolver::new(self.inner.reader.clone(), true)
    }

    fn advance(&self, resolver: &mut Resolver, stops: &dyn Fn() -> bool) -> Result<(), ViewsError> {
        while !stops() && self.inner.is_behind() {
            let index = match self.inner.current() {
                Some(index) => index,
                None if !self.inner.may_renew() => {
                    let why = "it was damaged too often; questions are answered from the log";
                    return Err(ViewsError::Unusable(why.to_owned()));
                }
                None => {
                    let index = self.inner.renew(Old::SetAside)?;
                    self.inner.set(Some(Arc::clone(&index)));
                    index
                }
            };
            match index.add_block(&self.inner.reader, resolver) {
                Ok(()) => {}
                Err(Stuck::Damage(damage)) => self.inner.give_up(&index, &damage),
                Err(Stuck::Log(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Answers a part of a question: up to `limit` entries from `place` on. Reads the journal: not for a
    /// thread that must not block.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub fn ask(
        &self,
        by: &Asker,
        question: &Question,
        place: Place,
        limit: usize,
    ) -> Result<Answer, LedgerError> {
        self.with_index(|reader, index| {
            Search::new((reader, index), by, question, place).run(limit)
        })
    }

    /// Looks something up, with an index while there is one that is sound. Reads the journal: not for a thread
    /// that must not block.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub(super) fn with_index<T>(
        &self,
        mut look: impl FnMut(&Reader, Option<&Index>) -> Result<T, Stuck>,
    ) -> Result<T, LedgerError> {
        loop {
            let index = self.inner.current();
            match (look(&self.inner.reader, index.as_deref()), &index) {
                (Ok(found), _) => return Ok(found),
                (Err(Stuck::Log(error)), _) => return Err(error),
                (Err(Stuck::Damage(damage)), Some(index)) => self.inner.give_up(index, &damage),
                (Err(Stuck::Damage(_)), None) => {
                    let what = "an index was missed where there is none";
                    return Err(LedgerError::Damaged { index: 0, what });
                }
            }
        }
    }

    /// Answers a part of a question on a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn answer(
        &self,
        by: impl Into<Asker> + Send,
        question: Arc<Question>,
        place: Place,
        limit: usize,
    ) -> Result<Answer, LedgerError> {
        let by = by.into();
        self.on_a_thread(move |views| views.ask(&by, &question, place, limit)).await
    }

    /// Does something that reads the journal on a thread that may block, of which there are a few at a time.
    ///
    /// # Errors
    ///
    /// As `work`; `LedgerError::Stopped` where the process ends.
    pub(super) async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let stopped = || LedgerError::Stopped("a question was not looked into".to_owned());
        let questions = Arc::clone(&self.inner.questions);
        let turn = questions.acquire_owned().await.map_err(|_| stopped())?;
        let views = self.clone();
        let work = move || {
            // A thread cannot be stopped: whoever gives up does not free the turn for another question.
            let _turn = turn;
            work(&views)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| stopped())?
    }

    /// Finds the first entry recorded at a time or later, on a thread that may block; the size of the log where
    /// there is none.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn first_since(&self, time: Timestamp) -> Result<u64, LedgerError> {
        let reader = self.inner.reader.clone();
        let found = tokio::task::spawn_blocking(move || reader.first_since(time)).await;
        found.map_err(|_| LedgerError::Stopped("a time was not looked for".to_owned()))?
    }

    /// Tells whether the record of an entry was erased at the end of the log's retention, on a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub async fn is_erased(&self, index: u64) -> Result<bool, LedgerError> {
        self.on_a_thread(move |views| Ok(views.inner.reader.entry(index)?.is_none())).await
    }

    /// Returns the reader of the log.
    pub(super) fn reader(&self) -> &Reader {
        &self.inner.reader
    }

    /// Returns how many questions more could be looked into.
    #[cfg(test)]
    pub(super) fn turns(&self) -> usize {
        self.inner.questions.available_permits()
    }

    /// Writes a place for whoever asks, bound to the bytes of the question and its asker.
    pub fn place_bytes(&self, place: Place, question: &[u8]) -> Vec<u8> {
        place.to_bytes(&self.inner.reader, question)
    }

    /// Reads a place that was given out for the same question.
    ///
    /// # Errors
    ///
    /// [`PlaceForged`] for everything else.
    pub fn place(&self, bytes: &[u8], question: &[u8]) -> Result<Place, PlaceForged> {
        Place::from_bytes(bytes, &self.inner.reader, question)
    }

    /// Returns how the views stand.
    pub fn standing(&self) -> Standing {
        let index = self.inner.current();
        let bytes = index.as_ref().map(|index| index.bytes().unwrap_or_default());
        Standing {
            indexed: index.map_or(0, |index| index.size()),
            size: self.inner.reader.size(),
            bytes: bytes.unwrap_or_default(),
        }
    }

    /// Writes out what is buffered. Nothing depends on it but how much the next start has to read again.
    pub fn flush(&self) {
        if let Some(index) = self.inner.current()
            && let Err(damage) = index.flush()
        {
            self.inner.give_up(&index, &damage);
        }
    }
}

impl Inner {
    pub(super) fn current(&self) -> Option<SharedIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, index: Option<SharedIndex>) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = index;
    }

    /// Tells whether a whole block is committed that no index has.
    fn is_behind(&self) -> bool {
        let indexed = self.current().map(|index| index.size());
        match indexed {
            Some(indexed) => self.reader.size().saturating_sub(indexed) >= self.block,
            None => self.may_renew(),
        }
    }

    fn may_renew(&self) -> bool {
        self.renewals.load(Ordering::Relaxed) < RENEWALS_MAX
    }

    /// Gives an index up, once, whoever finds it damaged first.
    fn give_up(&self, index: &SharedIndex, damage: &Damage) {
        let mut current = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|it| Arc::ptr_eq(it, index)) {
            tracing::warn!(%damage, "the views are set aside and rebuilt from the log");
            *current = None;
            self.damaged.notify_one();
        }
    }

    /// Opens the index that is bound, and holds it against the log.
    fn find(&self) -> Result<(Binding, SharedIndex), Stuck> {
        let binding = self.home.binding().ok_or(Damage::Foreign("it is bound to none"))?;
        if self.reader.leaf(0)? != Some(binding.log) {
            return Err(Damage::Foreign("it is of another log").into());
        }
        if binding.block != self.block {
            return Err(Damage::Foreign("its blocks have another size").into());
        }
        let store = Store::open(&self.home.path(&binding))?;
        let index = Index::of(store, TokenKey::new(&binding.key), self.block, &self.reader)?;
        Ok((binding, Arc::new(index)))
    }

    /// Makes a new index, with nothing in it yet.
    fn renew(&self, old: Old) -> Result<SharedIndex, ViewsError> {
        self.renewals.fetch_add(1, Ordering::Relaxed);
        let log = self.reader.leaf(0)?.ok_or(ViewsError::NoLog)?;
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let binding = self.home.renew(log, self.block, old)?;
        let unusable = |error: Stuck| ViewsError::Unusable(error.to_string());
        let store = Store::open(&self.home.path(&binding)).map_err(|it| unusable(it.into()))?;
        let key = TokenKey::new(&binding.key);
        Ok(Arc::new(Index::of(store, key, self.block, &self.reader).map_err(unusable)?))
    }
}
