//! What the load needs to know of a system under measurement: how to ask it, and how to read what it answers.

use bytes::Bytes;
use tokio::sync::mpsc;
use tonic::Streaming;

use super::BenchError;

/// A way to publish numbered messages and to receive them.
pub(super) trait Wire: Clone + Send + Sync + 'static {
    /// A message to publish.
    type Request: Send + 'static;
    /// What is answered to messages, in their order.
    type Answer: Send + 'static;
    /// What a subscriber says.
    type Ask: Send + 'static;
    /// What a subscriber hears.
    type Heard: Send + 'static;

    /// Makes the request that carries message `number`.
    fn request(&self, number: u64) -> Self::Request;

    /// Opens a publisher's stream.
    fn publish(
        &self,
        queue: mpsc::Receiver<Self::Request>,
    ) -> impl Future<Output = Result<Streaming<Self::Answer>, BenchError>> + Send;

    /// Reads how many more messages are answered.
    fn answered(&self, answer: Self::Answer) -> Result<u64, BenchError>;

    /// Opens a subscriber's stream.
    fn subscribe(
        &self,
        subscriber: usize,
        queue: mpsc::Receiver<Self::Ask>,
    ) -> impl Future<Output = Result<Streaming<Self::Heard>, BenchError>> + Send;

    /// What a subscriber says first.
    fn opening(&self, subscriber: usize) -> Self::Ask;

    /// Reads what a subscriber heard.
    fn hear(&self, heard: Self::Heard) -> Result<Heard, BenchError>;

    /// What a subscriber says to acknowledge `count` messages, of which the last stands at `position`.
    fn acknowledge(&self, position: Bytes, count: u32) -> Vec<Self::Ask>;

    /// What a subscriber says at last, where there is a word for it.
    fn finish(&self) -> Option<Self::Ask>;
}

/// What a subscriber heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// The stream is open.
    Opened,
    /// A message.
    Message {
        /// Its running number in the subscription.
        number: u64,
        /// Its number in the load.
        message: u64,
        /// What to acknowledge it by.
        position: Bytes,
    },
    /// That the stream lives, or the like.
    Other,
}

/// How many messages may be on their way to a subscriber.
pub(super) const CREDIT: u32 = 1000;
