//! Outlets that write down what reaches them, in one order with the answers to withdrawals and deletions.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::oneshot;

use crate::domain::{Bars, Caller, Reason};
use crate::journal::{Journal, Memory};
use crate::ledger::{Outlet, Rejection, Release};

/// Something that reached somebody outside.
#[derive(Debug)]
pub(super) enum Seen {
    Answered {
        ticket: usize,
        answer: Result<u64, Rejection>,
    },
    Cut {
        stream: usize,
    },
    Ended {
        stream: usize,
        reason: Reason,
    },
    Released {
        stream: usize,
        release: Box<Release>,
    },
    /// Its subscription was deleted over its own connection, which still has to carry the answer.
    Spared {
        stream: usize,
    },
    Unavailable {
        stream: usize,
    },
}

type Waiting = (usize, oneshot::Receiver<Result<u64, Rejection>>);

/// What was seen, in order.
#[derive(Debug)]
pub(super) struct Trace {
    journal: Memory,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    seen: Vec<Seen>,
    waiting: Vec<Waiting>,
}

impl Trace {
    pub(super) fn new(journal: Memory) -> Arc<Self> {
        Arc::new(Self { journal, inner: Mutex::default() })
    }

    pub(super) fn wait_for(&self, waiting: Waiting) {
        self.inner.lock().unwrap().waiting.push(waiting);
    }

    /// Takes what was seen; every answer must have come by now.
    pub(super) fn take(&self) -> Vec<Seen> {
        let mut inner = self.inner.lock().unwrap();
        inner.listen();
        assert!(inner.waiting.is_empty(), "a command was not answered");
        std::mem::take(&mut inner.seen)
    }

    fn note(&self, seen: Seen) {
        let mut inner = self.inner.lock().unwrap();
        // An answer that is there already came before this.
        inner.listen();
        inner.seen.push(seen);
    }
}

impl Inner {
    fn listen(&mut self) {
        let Self { seen, waiting } = self;
        waiting.retain_mut(|(ticket, answer)| match answer.try_recv() {
            Ok(answer) => {
                seen.push(Seen::Answered { ticket: *ticket, answer });
                false
            }
            Err(oneshot::error::TryRecvError::Empty) => true,
            Err(oneshot::error::TryRecvError::Closed) => panic!("an answer was dropped"),
        });
    }
}

/// The outlet of one stream, which has a connection of its own.
#[derive(Debug)]
pub(super) struct Recorder {
    stream: usize,
    caller: Caller,
    trace: Arc<Trace>,
    is_cut: AtomicBool,
}

impl Recorder {
    pub(super) fn new(stream: usize, caller: &Caller, trace: &Arc<Trace>) -> Arc<Self> {
        let (caller, trace) = (caller.clone(), Arc::clone(trace));
        Arc::new(Self { stream, caller, trace, is_cut: AtomicBool::new(false) })
    }
}

impl Outlet for Recorder {
    /// P2: at this very moment the record has to be durable.
    fn release(&self, releases: Vec<Release>) {
        let durable = self.trace.journal.head();
        for release in releases {
            let receipt = &release.receipt;
            assert!(receipt.index() < durable.size, "P2: released before it was recorded");
            assert!(receipt.commit().size <= durable.size, "P2: a receipt for the future");
            self.trace.note(Seen::Released { stream: self.stream, release: Box::new(release) });
        }
    }

    fn cut(&self, spare: Option<u64>) {
        if spare == Some(self.connection()) {
            self.trace.note(Seen::Spared { stream: self.stream });
        } else {
            self.is_cut.store(true, Ordering::Relaxed);
            self.trace.note(Seen::Cut { stream: self.stream });
        }
    }

    fn end(&self, reason: Reason) {
        self.trace.note(Seen::Ended { stream: self.stream, reason });
    }

    fn unavailable(&self) {
        self.trace.note(Seen::Unavailable { stream: self.stream });
    }

    fn connection(&self) -> u64 {
        self.stream as u64
    }

    fn is_barred(&self, bars: &Bars) -> bool {
        bars.against(&self.caller).is_some()
    }

    /// A slow reader is one that stays.
    fn is_read(&self) -> bool {
        true
    }

    fn is_over(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }
}
