//! What the subscriber reads. There is no queue between the ledger's releases and the socket's own
//! buffers: what is withdrawn before it is asked for is never written.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    endings::Endings,
    held::{Held, Witnessed, demanded, has_lapsed},
    message,
    outlet::{End, Ending, Releases},
};
use crate::domain::{Clock, Refusal};
use crate::ledger::{Ledger, LedgerError, Release};
use crate::pb::{
    Written,
    v1::{NoticeKind, subscribe_response::Message},
};

/// How long a stream stays silent before it tells that it lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The deliveries of one open stream, as messages. Dropping it closes the stream.
#[derive(Debug)]
pub struct FeedStream {
    pub(super) ledger: Ledger,
    releases: Releases,
    /// A release that waits for a witness, and holds up what is behind it.
    held: Option<Held>,
    witnessed: Witnessed,
    pub(super) ending: Arc<Ending>,
    pub(super) first: VecDeque<Message>,
    pub(super) position: Bytes,
    /// Size of the last checkpoint that was sent.
    pub(super) known: u64,
    /// What its subscriber has to be told in time.
    endings: Endings,
    clock: Arc<dyn Clock>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    drain: CancellationToken,
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
    heartbeat: Interval,
    /// When something was said last.
    said_at: Instant,
    last: Last,
}

/// What is left to say before the end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// Nothing yet: the stream goes on.
    Open,
    /// The drain notice was sent; the status follows.
    Drained,
    /// The status was sent.
    Done,
}

/// How a stream ended; `grpc::status` turns it into a status.
#[derive(Debug)]
pub enum Closed {
    /// For a reason of policy; with the index of its record, where it has one of its own.
    Refused(Refusal, Option<u64>),
    /// The broker stops or has to read its state anew.
    Unavailable,
    /// A proof could not be made.
    Broken(LedgerError),
}

impl FeedStream {
    pub(super) fn new(
        ledger: Ledger,
        (releases, witnessed): (Releases, Witnessed),
        ending: Arc<Ending>,
        endings: Endings,
        (clock, drain): (Arc<dyn Clock>, CancellationToken),
    ) -> Self {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        Self {
            ledger,
            releases,
            held: None,
            witnessed,
            ended: Box::pin(ending.ended.clone().cancelled_owned()),
            ending,
            first: VecDeque::new(),
            position: Bytes::new(),
            known: 0,
            endings,
            clock,
            drained: Box::pin(drain.clone().cancelled_owned()),
            drain,
            heartbeat,
            said_at: Instant::now(),
            last: Last::Open,
        }
    }

    /// Takes the next release once it may leave.
    fn poll_release(&mut self, context: &mut Context<'_>) -> Poll<Option<Release>> {
        if self.held.is_none() {
            let Some(release) = ready!(self.releases.poll_next(context)) else {
                return Poll::Ready(None);
            };
            let Some(size) = demanded(&release) else { return Poll::Ready(Some(release)) };
            self.held = Some(Held::new(release, size, &self.witnessed));
        }
        if let Some(held) = &mut self.held {
            ready!(held.poll(context));
        }
        Poll::Ready(self.held.take().map(Held::into_release))
    }

    fn finish(&mut self, end: Option<End>) -> Poll<Option<Result<Written, Closed>>> {
        self.last = Last::Done;
        self.held = None;
        self.releases.close();
        Poll::Ready(match end {
            Some(End::Refused(refusal, decision)) => Some(Err(Closed::Refused(refusal, decision))),
            Some(End::Unavailable) => Some(Err(Closed::Unavailable)),
            Some(End::Finished) | None => None,
        })
    }

    fn say(&mut self, message: Written) -> Poll<Option<Result<Written, Closed>>> {
        self.said_at = Instant::now();
        Poll::Ready(Some(Ok(message)))
    }

    fn broken(&mut self, error: LedgerError) -> Poll<Option<Result<Written, Closed>>> {
        self.last = Last::Done;
        tracing::error!(%error, "a stream could not go on");
        Poll::Ready(Some(Err(Closed::Broken(error))))
    }
}

impl Stream for FeedStream {
    type Item = Result<Written, Closed>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.last {
            Last::Open => {}
            Last::Drained => return self.finish(Some(End::Unavailable)),
            Last::Done => return Poll::Ready(None),
        }
        // P4: the end comes before anything that is still waiting.
        if self.ending.ended.is_cancelled() {
            let why = self.ending.why();
            return self.finish(why);
        }
        if self.drain.is_cancelled() {
            self.last = Last::Drained;
            let notice = message::notice(NoticeKind::Drain, None);
            return self.say(message::said(Message::Notice(notice)));
        }
        let now = self.clock.now();
        if self.first.is_empty() {
            let due = self.endings.due(now);
            self.first.extend(due.into_iter().map(Message::Notice));
        }
        if let Some(message) = self.first.pop_front() {
            return self.say(message::said(message));
        }
        // P1: what waits for a witness does not wait longer than it may leave.
        if self.held.as_ref().is_some_and(|held| held.has_lapsed(now)) {
            return self.finish(Some(End::Unavailable));
        }
        if let Poll::Ready(release) = self.poll_release(context) {
            let Some(release) = release else { return self.finish(Some(End::Unavailable)) };
            if has_lapsed(&release, now) {
                // P1: it waited for its reader too long. Whoever comes back is told by a decision of then.
                return self.finish(Some(End::Unavailable));
            }
            return match message::release(&release, &self.ledger, self.known) {
                Ok((message, known)) => {
                    self.known = known;
                    self.position = release.position;
                    self.say(message)
                }
                Err(error) => self.broken(error),
            };
        }
        // Whoever waits has to be woken for the end; before that, looking at it is enough.
        let is_over = self.ended.as_mut().poll(context).is_ready();
        if is_over || self.drained.as_mut().poll(context).is_ready() {
            return self.poll_next(context);
        }
        // The timer is put forward when it rings, not with each message: that would cost more than the message.
        loop {
            ready!(self.heartbeat.poll_tick(context));
            let due = self.said_at + HEARTBEAT;
            if due <= Instant::now() {
                break;
            }
            self.heartbeat.reset_at(due);
        }
        let commit = self.ledger.newest();
        match message::heartbeat(self.position.clone(), &commit, &self.ledger, self.known) {
            Ok(message) => {
                self.known = self.known.max(commit.size);
                self.say(message)
            }
            Err(error) => self.broken(error),
        }
    }
}

impl Drop for FeedStream {
    /// The follower waits for this and tells the ledger.
    fn drop(&mut self) {
        self.ending.ended.cancel();
    }
}
