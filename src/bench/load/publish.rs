//! A publisher.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::mpsc;
use tonic::Streaming;

use super::{Board, Pace, Plan, Tally};
use crate::bench::{BenchError, latency::Latencies, wire::Wire};

/// How many messages of an open loop may wait on our side, where the other does not keep up.
const WAITING_MAX: usize = 65_536;
/// How long is waited for an answer before the pace-maker is looked at again.
const A_MOMENT: Duration = Duration::from_millis(20);

/// Publishes for as long as the plan says, and waits for the last answer.
pub(super) async fn publish<W: Wire>(
    wire: W,
    board: Arc<Board>,
    plan: Plan,
) -> Result<Tally, BenchError> {
    match plan.pace {
        Pace::InFlight(window) => closed(wire, board, window, plan.time).await,
        Pace::Rate(rate) => open(wire, board, rate, plan).await,
    }
}

async fn closed<W: Wire>(
    wire: W,
    board: Arc<Board>,
    window: usize,
    time: Duration,
) -> Result<Tally, BenchError> {
    let (requests, queue) = mpsc::channel(window);
    let mut answers = wire.publish(queue).await?;
    let mut tally = Answers::default();
    let mut goes_on = true;
    loop {
        // Half a window at once, so that messages share their way through the layers below.
        if goes_on && tally.waiting.len() <= window / 2 {
            while tally.waiting.len() < window {
                let now = board.now();
                let number = board.number(now).filter(|_| u128::from(now) < time.as_nanos());
                let Some(number) = number else {
                    goes_on = false;
                    break;
                };
                tally.waiting.push_back(number);
                let sent = requests.try_send(wire.request(number));
                sent.map_err(|_| BenchError::Wrong("the stream ended"))?;
            }
        }
        if tally.waiting.is_empty() {
            break;
        }
        tally.take(&wire, &board, &mut answers).await?;
    }
    drop(requests);
    Ok((tally.count, tally.last, tally.latencies))
}

/// Numbers sent by the pace-maker and not answered.
type Waiting = Arc<Mutex<VecDeque<u64>>>;

async fn open<W: Wire>(
    wire: W,
    board: Arc<Board>,
    rate: u32,
    plan: Plan,
) -> Result<Tally, BenchError> {
    let (requests, queue) = mpsc::channel(WAITING_MAX);
    let mut answers = wire.publish(queue).await?;
    // Held to the end: a stream on which nobody can say more ends with its last answer.
    let held = requests.clone();
    let waiting = Waiting::default();
    let publishers = u32::try_from(plan.publishers).unwrap_or(u32::MAX);
    let pace = PaceMaker {
        wire: wire.clone(),
        board: Arc::clone(&board),
        interval: Duration::from_secs(1) * publishers / rate.max(1),
        time: plan.time,
        waiting: Arc::clone(&waiting),
        requests,
    };
    // The runtime's timer knows milliseconds only.
    let pace = thread::Builder::new().name("bench-pace".to_owned()).spawn(move || pace.run());
    let pace = pace.map_err(BenchError::task)?;
    let mut tally = Answers { sent: Some(waiting), ..Answers::default() };
    loop {
        let is_over = pace.is_finished();
        tally.look();
        if is_over && tally.waiting.is_empty() {
            drop(held);
            return Ok((tally.count, tally.last, tally.latencies));
        }
        tally.take(&wire, &board, &mut answers).await?;
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, VecDeque<u64>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a message whenever one is due, whatever comes back.
struct PaceMaker<W: Wire> {
    wire: W,
    board: Arc<Board>,
    interval: Duration,
    time: Duration,
    waiting: Waiting,
    requests: mpsc::Sender<W::Request>,
}

impl<W: Wire> PaceMaker<W> {
    fn run(self) {
        let mut due = Duration::from_nanos(self.board.now());
        let end = due + self.time;
        while due < end {
            loop {
                let now = Duration::from_nanos(self.board.now());
                let Some(left) = due.checked_sub(now).filter(|left| !left.is_zero()) else { break };
                thread::park_timeout(left);
            }
            let at = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
            let Some(number) = self.board.number(at) else { return };
            lock(&self.waiting).push_back(number);
            if self.requests.blocking_send(self.wire.request(number)).is_err() {
                return;
            }
            due += self.interval;
        }
    }
}

/// What was answered.
#[derive(Default)]
struct Answers {
    /// Where a pace-maker puts what it sends.
    sent: Option<Waiting>,
    /// Sent, and not answered; in order.
    waiting: VecDeque<u64>,
    count: u64,
    last: u64,
    latencies: Latencies,
}

impl Answers {
    /// Waits for the next answer; for a moment only, where nothing is known to be waiting for one.
    async fn take<W: Wire>(
        &mut self,
        wire: &W,
        board: &Board,
        answers: &mut Streaming<W::Answer>,
    ) -> Result<(), BenchError> {
        let next = answers.message();
        let answer = if self.waiting.is_empty() {
            let Ok(answer) = tokio::time::timeout(A_MOMENT, next).await else { return Ok(()) };
            answer?
        } else {
            next.await?
        };
        let count = wire.answered(answer.ok_or(BenchError::Wrong("the stream ended"))?)?;
        self.last = board.now();
        self.look();
        for _ in 0..count {
            let number = self.waiting.pop_front();
            let number = number.ok_or(BenchError::Wrong("an answer that nobody asked for"))?;
            self.latencies.push(board.age(number, self.last)?);
        }
        self.count += count;
        Ok(())
    }

    /// Looks what a pace-maker has sent.
    fn look(&mut self) {
        if let Some(sent) = &self.sent {
            self.waiting.extend(lock(sent).drain(..));
        }
    }
}
