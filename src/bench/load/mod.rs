//! The load: publishers that keep a number of messages on their way or hold a rate, and subscribers that read,
//! check and acknowledge every message. The same for whatever is measured.

mod follow;
mod publish;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Barrier,
    task::JoinSet,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{BenchError, latency::Latencies, wire::Wire};

/// How long everything may take beyond the time that is published for.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// How fast is published.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// Closed loop: so many messages of each publisher are on their way.
    InFlight(usize),
    /// Open loop: so many messages a second, whatever comes back. A latency counts from the moment at which the
    /// message was due, so that a stall is not left out.
    Rate(u32),
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight(count) => write!(f, "{count} on their way"),
            Self::Rate(rate) => write!(f, "{rate} a second"),
        }
    }
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) publishers: usize,
    pub(super) subscribers: usize,
    pub(super) pace: Pace,
    /// How long to publish.
    pub(super) time: Duration,
    /// How many messages at most.
    pub(super) count: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// Messages published, and how long it took until the last was answered.
    pub(super) published: u64,
    pub(super) published_in: Duration,
    /// Messages received by all subscribers together, and how long it took until the last was.
    pub(super) delivered: u64,
    pub(super) delivered_in: Duration,
    /// From the publish to its answer.
    pub(super) receipts: Latencies,
    /// From the publish to the subscriber.
    pub(super) deliveries: Latencies,
}

/// What publishers and subscribers share.
#[derive(Debug)]
struct Board {
    start: Instant,
    /// When each message was, or should have been, sent: nanoseconds since `start`.
    sent: Vec<AtomicU64>,
    /// The number of the next message.
    next: AtomicU64,
    /// How many there are in all, once that is known.
    total: AtomicU64,
    published: CancellationToken,
}

impl Board {
    fn new(count: u64) -> Result<Self, BenchError> {
        let count = usize::try_from(count).map_err(|_| BenchError::Wrong("too many messages"))?;
        Ok(Self {
            start: Instant::now(),
            sent: std::iter::repeat_with(AtomicU64::default).take(count).collect(),
            next: AtomicU64::new(0),
            total: AtomicU64::new(u64::MAX),
            published: CancellationToken::new(),
        })
    }

    /// Returns the nanoseconds since the start.
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Takes the next number, for a message that is due at `at`; none where there have been enough.
    fn number(&self, at: u64) -> Option<u64> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let place = usize::try_from(number).ok()?;
        self.sent.get(place)?.store(at, Ordering::Release);
        Some(number)
    }

    /// Returns how long ago a message was sent.
    fn age(&self, number: u64, now: u64) -> Result<u64, BenchError> {
        let place = usize::try_from(number).ok().and_then(|place| self.sent.get(place));
        let sent = place.ok_or(BenchError::Wrong("a message that was never sent"))?;
        Ok(now.saturating_sub(sent.load(Ordering::Acquire)))
    }
}

/// Runs a load to its end: every message answered, and received by every subscriber.
pub(super) async fn run<W: Wire>(wire: &W, plan: Plan) -> Result<Measured, BenchError> {
    let ready = Arc::new(Barrier::new(plan.subscribers + 1));
    let mut board = Board::new(plan.count)?;
    let published = board.published.clone();
    let mut subscribers = JoinSet::new();
    // The board starts when everybody is there: what is before it is not measured.
    let (show, shown) = tokio::sync::watch::channel(None::<Arc<Board>>);
    for subscriber in 0..plan.subscribers {
        let (wire, ready, shown) = (wire.clone(), Arc::clone(&ready), shown.clone());
        subscribers.spawn(follow::follow(wire, subscriber, ready, shown));
    }
    let all = async {
        tokio::select! {
            _ = ready.wait() => {}
            Some(ended) = subscribers.join_next() => {
                return Err(ended.map_err(BenchError::task)?.err().unwrap_or(BenchError::Wrong("it ended early")));
            }
        }
        board.start = Instant::now();
        let board = Arc::new(board);
        show.send_replace(Some(Arc::clone(&board)));
        let mut publishers = JoinSet::new();
        for _ in 0..plan.publishers {
            publishers.spawn(publish::publish(wire.clone(), Arc::clone(&board), plan));
        }
        let mut measured = Measured::default();
        while let Some(ended) = publishers.join_next().await {
            let (count, until, latencies) = ended.map_err(BenchError::task)??;
            measured.published += count;
            measured.published_in = measured.published_in.max(Duration::from_nanos(until));
            measured.receipts.extend(&latencies);
        }
        board.total.store(measured.published, Ordering::Release);
        published.cancel();
        while let Some(ended) = subscribers.join_next().await {
            let (count, until, latencies) = ended.map_err(BenchError::task)??;
            measured.delivered += count;
            measured.delivered_in = measured.delivered_in.max(Duration::from_nanos(until));
            measured.deliveries.extend(&latencies);
        }
        Ok(measured)
    };
    time::timeout(plan.time + SETTLE_MAX, all)
        .await
        .map_err(|_| BenchError::Stalled(plan.pace.to_string()))?
}

/// How many there were, when the last was (nanoseconds since the start), and how long each took.
type Tally = (u64, u64, Latencies);
