//! The ledger's side of a stream: a bounded queue of releases, and the ways to end it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    vec,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::{Bars, Reason, Refusal};
use crate::exchange::{CREDIT_MAX, UNACKNOWLEDGED_MAX};
use crate::identity::Connection;
use crate::ledger::{Outlet, Release};

/// Why a stream ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The subscriber asked for it.
    Finished,
    /// For a reason of policy; with the index of its record, where it has one of its own.
    Refused(Refusal, Option<u64>),
    /// The broker lost its state or stops: the subscriber comes back.
    Unavailable,
}

/// What the ledger, the follower and the stream share.
#[derive(Debug)]
pub(super) struct Ending {
    end: Mutex<Option<End>>,
    pub(super) ended: CancellationToken,
}

impl Ending {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { end: Mutex::new(None), ended: CancellationToken::new() })
    }

    /// Ends the stream; the first reason stays.
    pub(super) fn end(&self, end: End) {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(end);
        self.ended.cancel();
    }

    /// Returns why it ended; nothing where the subscriber simply went away.
    pub(super) fn why(&self) -> Option<End> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The real outlet.
#[derive(Debug)]
pub(super) struct StreamOutlet {
    /// Each as a batch has it.
    releases: mpsc::Sender<Vec<Release>>,
    waiting: Arc<AtomicUsize>,
    ending: Arc<Ending>,
    connection: Arc<Connection>,
}

/// All that credit allows, and a word for each number that may have to be skipped on the way.
const QUEUE: usize = CREDIT_MAX as usize + UNACKNOWLEDGED_MAX;

impl StreamOutlet {
    pub(super) fn new(ending: Arc<Ending>, connection: Arc<Connection>) -> (Arc<Self>, Releases) {
        let (releases, batches) = mpsc::channel(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let queue = Releases { batches, next: Vec::new().into_iter(), waiting };
        let waiting = Arc::clone(&queue.waiting);
        (Arc::new(Self { releases, waiting, ending, connection }), queue)
    }
}

/// What was released and not taken, as its reader has it.
#[derive(Debug)]
pub(super) struct Releases {
    batches: mpsc::Receiver<Vec<Release>>,
    /// The rest of the batch that is being read.
    next: vec::IntoIter<Release>,
    /// How many wait in all.
    waiting: Arc<AtomicUsize>,
}

impl Releases {
    /// Takes the next release; nothing once no more can come.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Release>> {
        loop {
            if let Some(release) = self.next.next() {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Poll::Ready(Some(release));
            }
            match ready!(self.batches.poll_recv(context)) {
                Some(batch) => self.next = batch.into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }

    /// Takes all that was released.
    pub(super) fn take_all(&mut self) -> Vec<Release> {
        let mut all: Vec<Release> = self.next.by_ref().collect();
        while let Ok(batch) = self.batches.try_recv() {
            all.extend(batch);
        }
        self.waiting.fetch_sub(all.len(), Ordering::Relaxed);
        all
    }

    /// Takes nothing more in.
    pub(super) fn close(&mut self) {
        self.batches.close();
    }
}

impl Outlet for StreamOutlet {
    fn release(&self, releases: Vec<Release>) {
        let count = releases.len();
        let waiting = self.waiting.fetch_add(count, Ordering::Relaxed);
        if waiting + count > QUEUE || self.releases.try_send(releases).is_err() {
            // Gone, or slower than its own credit: it comes back and goes on where it stood.
            self.ending.end(End::Unavailable);
        }
    }

    fn cut(&self, spare: Option<u64>) {
        if spare == Some(self.connection.number()) {
            self.ending.end(End::Refused(Reason::SubscriptionDeleted.into(), None));
        } else {
            // P4: from here on nothing of this connection is handed to the kernel, a last word neither:
            // whoever comes back is told by a decision of then.
            self.connection.cut();
            self.ending.end(End::Unavailable);
        }
    }

    fn end(&self, reason: Reason) {
        self.ending.end(End::Refused(reason.into(), None));
    }

    fn unavailable(&self) {
        self.ending.end(End::Unavailable);
    }

    fn connection(&self) -> u64 {
        self.connection.number()
    }

    fn is_barred(&self, bars: &Bars) -> bool {
        self.connection.bar(bars).is_some()
    }

    /// P4: what was cut is told nothing more, though its stream may not have noticed yet.
    fn is_read(&self) -> bool {
        !self.releases.is_closed() && !self.ending.ended.is_cancelled() && !self.connection.is_cut()
    }

    fn is_over(&self) -> bool {
        self.connection.is_cut()
    }
}
