//! The ledger's side of a stream: a bounded queue of releases, and the ways to end it.

use std::sync::{Arc, Mutex, PoisonError};

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
    releases: mpsc::Sender<Release>,
    ending: Arc<Ending>,
    connection: Arc<Connection>,
}

/// All that credit allows, and a word for each number that may have to be skipped on the way.
const QUEUE: usize = CREDIT_MAX as usize + UNACKNOWLEDGED_MAX;

impl StreamOutlet {
    pub(super) fn new(
        ending: Arc<Ending>,
        connection: Arc<Connection>,
    ) -> (Arc<Self>, mpsc::Receiver<Release>) {
        let (releases, queue) = mpsc::channel(QUEUE);
        (Arc::new(Self { releases, ending, connection }), queue)
    }
}

impl Outlet for StreamOutlet {
    fn release(&self, release: Release) {
        if self.releases.try_send(release).is_err() {
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
