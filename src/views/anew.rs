//! The index made anew after erasures: it holds keyed hashes of tokens, those of erased alerts too, until it is made
//! from what is left, under a new key. It is built beside the one in use, and takes its place when it has caught up.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    error::ViewsError,
    home::{Binding, Home, Old},
    index::{Index, SharedIndex, Stuck},
    resolve::Resolver,
    room::{Inner, Views},
    store::Store,
    term::TokenKey,
};

/// How long after an erasure the index is made anew: well within a day, and not for each erasure.
pub(super) const AFTER: Duration = Duration::from_secs(12 * 3600);
/// How many blocks are read between two pauses: the exchange goes first.
const STRETCH: usize = 16;
/// The pause between two stretches, and between two looks whether the old index is still in use.
const PAUSE: Duration = Duration::from_millis(50);

/// An index that is being built.
struct Anew {
    binding: Binding,
    index: SharedIndex,
    resolver: Resolver,
}

impl Views {
    /// Makes the index anew after erasures, of which `erasures` tells how many there were: at once for those that it
    /// does not know of at a start, and within a day for others. Until `stop` fires.
    pub async fn renew_after_erasures(
        self,
        erasures: watch::Receiver<u64>,
        stop: CancellationToken,
    ) {
        self.renew_after(erasures, stop, AFTER).await;
    }

    pub(super) async fn renew_after(
        self,
        mut erasures: watch::Receiver<u64>,
        stop: CancellationToken,
        after: Duration,
    ) {
        let mut due = Instant::now();
        loop {
            let erased = *erasures.borrow_and_update();
            if self.inner.knows_erasures() < erased {
                if stop.run_until_cancelled(tokio::time::sleep_until(due)).await.is_none() {
                    return;
                }
                match stop.run_until_cancelled(self.make_anew(&erasures)).await {
                    None => return,
                    Some(Ok(())) => tracing::info!("the index was made anew after erasures"),
                    Some(Err(error)) => {
                        tracing::error!(%error, "the index could not be made anew after erasures");
                    }
                }
                due = Instant::now() + after;
            } else {
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = erasures.changed() => if changed.is_err() { return },
                }
                due = due.max(Instant::now() + after);
            }
        }
    }

    /// Builds an index beside the one in use, and puts it in its place.
    pub(super) async fn make_anew(
        &self,
        erasures: &watch::Receiver<u64>,
    ) -> Result<(), ViewsError> {
        // What is erased from here on may be in it.
        let erased = *erasures.borrow();
        let panicked = |_| ViewsError::Unusable("its building has panicked".to_owned());
        let views = self.clone();
        let begun = tokio::task::spawn_blocking(move || views.inner.begin_anew(erased)).await;
        let mut anew = begun.map_err(panicked)??;
        loop {
            let views = self.clone();
            let worked = tokio::task::spawn_blocking(move || {
                let done = views.inner.go_on(&mut anew)?;
                Ok::<_, ViewsError>((anew, done))
            });
            let (worked, is_done) = worked.await.map_err(panicked)??;
            anew = worked;
            if is_done {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        let old = self.inner.put_in_place(anew)?;
        // Whoever looks something up in it right now may finish.
        while old.as_ref().is_some_and(|old| Arc::strong_count(old) > 1) {
            tokio::time::sleep(PAUSE).await;
        }
        drop(old);
        let views = self.clone();
        let cleared = tokio::task::spawn_blocking(move || views.inner.clear()).await;
        cleared.map_err(panicked)?
    }
}

impl Inner {
    /// Returns how many erasures the index in use was made after; as good as none where nobody knows.
    fn knows_erasures(&self) -> u64 {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        self.home.binding().map_or(0, |binding| binding.erased)
    }

    fn begin_anew(&self, erased: u64) -> Result<Anew, ViewsError> {
        let log = self.reader.leaf(0)?.ok_or(ViewsError::NoLog)?;
        let binding = Home::prepare((log, erased), self.block)?;
        let store = Store::open(&self.home.path(&binding)).map_err(|it| unusable(&it.into()))?;
        let key = TokenKey::new(&binding.key);
        let index = Index::of(store, key, self.block, &self.reader).map_err(|it| unusable(&it))?;
        let resolver = Resolver::new(self.reader.clone(), true);
        Ok(Anew { binding, index: Arc::new(index), resolver })
    }

    /// Goes on by a stretch; tells whether all is in it.
    fn go_on(&self, anew: &mut Anew) -> Result<bool, ViewsError> {
        for _ in 0..STRETCH {
            if self.reader.size().saturating_sub(anew.index.size()) < self.block {
                return Ok(true);
            }
            anew.index.add_block(&self.reader, &mut anew.resolver).map_err(|it| unusable(&it))?;
        }
        Ok(false)
    }

    /// Returns the index whose place it takes.
    fn put_in_place(&self, anew: Anew) -> Result<Option<SharedIndex>, ViewsError> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        self.home.bind(&anew.binding)?;
        let old = self.current();
        self.set(Some(anew.index));
        Ok(old)
    }

    /// P5: removes every index that is not in use, one that was set aside as damaged too.
    fn clear(&self) -> Result<(), ViewsError> {
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        match self.home.binding() {
            Some(bound) => {
                self.home.clear(&bound, Old::Remove)?;
                self.home.remove_damaged()
            }
            None => Ok(()),
        }
    }
}

fn unusable(error: &Stuck) -> ViewsError {
    ViewsError::Unusable(error.to_string())
}
