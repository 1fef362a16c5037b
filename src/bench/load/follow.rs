//! A subscriber: reads every message, checks that none is missing, repeated or out of order, and acknowledges.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{Barrier, mpsc, watch},
    time,
};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::{Board, Tally};
use crate::bench::{
    BenchError,
    latency::Latencies,
    wire::{Heard, Wire},
};

/// How many messages are acknowledged at once while more are there.
const ACKNOWLEDGED_AT_ONCE: u32 = 64;
/// How long the last word may take to be answered.
const FINISH_MAX: Duration = Duration::from_secs(5);

/// Follows until every message that was published has come.
pub(super) async fn follow<W: Wire>(
    wire: W,
    subscriber: usize,
    ready: Arc<Barrier>,
    mut shown: watch::Receiver<Option<Arc<Board>>>,
) -> Result<Tally, BenchError> {
    let (asks, queue) = mpsc::channel(256);
    asks.send(wire.opening(subscriber)).await.map_err(BenchError::task)?;
    let mut stream = wire.subscribe(subscriber, queue).await?;
    let first = stream.message().await?.ok_or(BenchError::Wrong("the stream ended"))?;
    let Heard::Opened = wire.hear(first)? else {
        return Err(BenchError::Wrong("a message before the stream was open"));
    };
    ready.wait().await;
    let board = shown.wait_for(Option::is_some).await.map_err(BenchError::task)?.clone();
    let board = board.ok_or(BenchError::Wrong("nothing began"))?;
    let mut reader = Reader { wire, board, asks, unacknowledged: None, seen: Seen::default() };
    reader.run(&mut stream).await?;
    let Reader { wire, asks, seen, .. } = reader;
    if let Some(finish) = wire.finish() {
        asks.send(finish).await.map_err(BenchError::task)?;
    }
    drop(asks);
    let rest = async { while let Ok(Some(_)) = stream.message().await {} };
    // Whether or not it says goodbye, everything has come.
    time::timeout(FINISH_MAX, rest).await.unwrap_or_default();
    Ok((seen.count, seen.last, seen.latencies))
}

struct Reader<W: Wire> {
    wire: W,
    board: Arc<Board>,
    asks: mpsc::Sender<W::Ask>,
    /// Where the last message stands that is not acknowledged, and how many there are.
    unacknowledged: Option<(Bytes, u32)>,
    seen: Seen,
}

/// What has come.
#[derive(Default)]
struct Seen {
    count: u64,
    last: u64,
    number: Option<u64>,
    /// A bit for each message.
    messages: Vec<u64>,
    latencies: Latencies,
}

impl<W: Wire> Reader<W> {
    async fn run<S>(&mut self, stream: &mut S) -> Result<(), BenchError>
    where
        S: Stream<Item = Result<W::Heard, Status>> + Unpin,
    {
        loop {
            // Looked at before the total, which is there before it: where the total is not known yet, its coming wakes us.
            let is_open = !self.board.published.is_cancelled();
            if self.seen.count >= self.board.total.load(Ordering::Acquire) {
                break;
            }
            let next = if let Some(next) = ready(stream).await {
                next
            } else {
                self.acknowledge().await?;
                tokio::select! {
                    next = stream.next() => next,
                    () = self.board.published.cancelled(), if is_open => continue,
                }
            };
            let next = next.ok_or(BenchError::Wrong("the stream ended"))??;
            if let Heard::Message { number, message, position } = self.wire.hear(next)? {
                let now = self.board.now();
                self.seen.note(number, message, now, self.board.age(message, now)?)?;
                let count = self.unacknowledged.take().map_or(0, |(_, count)| count) + 1;
                self.unacknowledged = Some((position, count));
                if count >= ACKNOWLEDGED_AT_ONCE {
                    self.acknowledge().await?;
                }
            }
        }
        self.acknowledge().await
    }

    async fn acknowledge(&mut self) -> Result<(), BenchError> {
        let Some((position, count)) = self.unacknowledged.take() else { return Ok(()) };
        for ask in self.wire.acknowledge(position, count) {
            self.asks.send(ask).await.map_err(BenchError::task)?;
        }
        Ok(())
    }
}

/// Takes the next message if it is there already.
async fn ready<S: Stream + Unpin>(stream: &mut S) -> Option<Option<S::Item>> {
    std::future::poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut *stream).poll_next(context) {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        })
    })
    .await
}

impl Seen {
    fn note(&mut self, number: u64, message: u64, now: u64, age: u64) -> Result<(), BenchError> {
        if self.number.is_some_and(|last| last + 1 != number) {
            return Err(BenchError::Wrong("a running number is missing or came twice"));
        }
        self.number = Some(number);
        let place = usize::try_from(message / 64).map_err(|_| BenchError::Wrong("a number"))?;
        if self.messages.len() <= place {
            self.messages.resize(place + 1, 0);
        }
        let bit = 1 << (message % 64);
        let word = self.messages.get_mut(place).ok_or(BenchError::Wrong("a number"))?;
        if *word & bit != 0 {
            return Err(BenchError::Wrong("a message came twice"));
        }
        *word |= bit;
        self.count += 1;
        self.last = now;
        self.latencies.push(age);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use tonic::Streaming;

    use super::*;

    /// A system whose publishers end just when a subscriber acknowledges.
    #[derive(Clone)]
    struct Ending(Arc<Board>);

    const NOT_ASKED: BenchError = BenchError::Wrong("nobody asks for it");

    impl Wire for Ending {
        type Request = ();
        type Answer = ();
        type Ask = ();
        type Heard = u64;

        fn request(&self, _: u64) {}

        async fn publish(&self, _: mpsc::Receiver<()>) -> Result<Streaming<()>, BenchError> {
            Err(NOT_ASKED)
        }

        fn answered(&self, (): ()) -> Result<u64, BenchError> {
            Err(NOT_ASKED)
        }

        async fn subscribe(
            &self,
            _: usize,
            _: mpsc::Receiver<()>,
        ) -> Result<Streaming<u64>, BenchError> {
            Err(NOT_ASKED)
        }

        fn opening(&self, _: usize) {}

        fn hear(&self, message: u64) -> Result<Heard, BenchError> {
            Ok(Heard::Message { number: message + 1, message, position: Bytes::new() })
        }

        fn acknowledge(&self, _: Bytes, _: u32) -> Vec<()> {
            self.0.total.store(1, Ordering::Release);
            self.0.published.cancel();
            Vec::new()
        }

        fn finish(&self) -> Option<()> {
            None
        }
    }

    #[test]
    fn who_has_everything_when_the_total_becomes_known_waits_for_nothing_more() {
        let board = Arc::new(Board::new(1).unwrap());
        let mut reader = Reader {
            wire: Ending(Arc::clone(&board)),
            board,
            asks: mpsc::channel(1).0,
            unacknowledged: None,
            seen: Seen::default(),
        };
        let mut stream = tokio_stream::iter([Ok(0)]).chain(tokio_stream::pending());
        let run = std::pin::pin!(reader.run(&mut stream));
        let ended = run.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ended, Poll::Ready(Ok(()))), "{ended:?}");
    }

    #[test]
    fn what_is_missing_or_comes_twice_is_told() {
        let mut seen = Seen::default();
        for message in [0, 2, 1, 200] {
            seen.note(7 + seen.count, message, 5, 1).unwrap();
        }
        assert_eq!((seen.count, seen.last), (4, 5));
        seen.note(12, 3, 6, 1).expect_err("a number is missing");
        seen.note(11, 200, 6, 1).expect_err("the message has come before");
    }
}
