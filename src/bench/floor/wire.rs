//! The floor's own client.

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    sync::mpsc,
    time::{Duration, Instant},
};
use tonic::{Status, Streaming, transport::Channel};

use super::{FLOW, PUBLISH, SUBSCRIBE, number};
use crate::bench::{
    BenchError,
    plain::call,
    wire::{Heard, Wire},
};

/// The floor, as the load speaks to it.
#[derive(Clone, Debug)]
pub(in crate::bench) struct FloorWire {
    /// The publishers' connection.
    pub(in crate::bench) publisher: Channel,
    /// A connection for each subscriber.
    pub(in crate::bench) subscribers: Vec<Channel>,
    /// What a message holds after its number.
    pub(in crate::bench) filling: Bytes,
}

impl Wire for FloorWire {
    type Request = Bytes;
    type Answer = Bytes;
    type Ask = Bytes;
    type Heard = Bytes;

    fn request(&self, message: u64) -> Bytes {
        numbered(message, &self.filling)
    }

    async fn publish(&self, queue: mpsc::Receiver<Bytes>) -> Result<Streaming<Bytes>, BenchError> {
        Ok(call(self.publisher.clone(), PUBLISH, queue).await?)
    }

    fn answered(&self, answer: Bytes) -> Result<u64, BenchError> {
        let count = number(&answer).ok_or(BenchError::Wrong("an answer without a number"))?;
        Ok(count.0)
    }

    async fn subscribe(
        &self,
        subscriber: usize,
        queue: mpsc::Receiver<Bytes>,
    ) -> Result<Streaming<Bytes>, BenchError> {
        let channel = self.subscribers.get(subscriber);
        let channel = channel.ok_or(BenchError::Wrong("no such subscriber"))?.clone();
        Ok(call(channel, SUBSCRIBE, queue).await?)
    }

    fn opening(&self, _: usize) -> Bytes {
        Bytes::new()
    }

    fn hear(&self, heard: Bytes) -> Result<Heard, BenchError> {
        if heard.is_empty() {
            return Ok(Heard::Opened);
        }
        let numbers = number(&heard).and_then(|(first, rest)| Some((first, number(rest)?.0)));
        let (number, message) = numbers.ok_or(BenchError::Wrong("a message without numbers"))?;
        Ok(Heard::Message { number, message, position: heard.slice(..8) })
    }

    fn acknowledge(&self, position: Bytes, _: u32) -> Vec<Bytes> {
        vec![position]
    }

    fn finish(&self) -> Option<Bytes> {
        None
    }
}

impl FloorWire {
    /// Has the bare stream run to every subscriber for about `time`; returns messages a second in sum.
    pub(in crate::bench) async fn flow(&self, time: Duration) -> Result<f64, BenchError> {
        let mut readers = tokio::task::JoinSet::new();
        let start = Instant::now();
        for channel in &self.subscribers {
            let (asks, queue) = mpsc::channel(1);
            asks.send(numbered(u64::MAX, &self.filling)).await.map_err(BenchError::task)?;
            let channel = channel.clone();
            readers.spawn(async move {
                let mut stream = call(channel, FLOW, queue).await?;
                let mut count = 0_u32;
                while start.elapsed() < time && stream.message().await?.is_some() {
                    count += 1;
                }
                Ok::<_, Status>(count)
            });
        }
        let mut sum = 0.0;
        while let Some(count) = readers.join_next().await {
            sum += f64::from(count.map_err(BenchError::task)??);
        }
        Ok(sum / start.elapsed().as_secs_f64())
    }
}

fn numbered(number: u64, rest: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(8 + rest.len());
    message.put_u64(number);
    message.extend_from_slice(rest);
    message.freeze()
}
