//! Calls below the generated stubs: any bytes as a message, or none at all.

use bytes::{Buf, BufMut, Bytes};
use http::uri::PathAndQuery;
use tokio_stream::{Stream, StreamExt};
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::Speaker;

impl Speaker {
    /// Sends `bytes` as the one message of a call, and reads the first message of the answer.
    pub(crate) async fn send_bytes(&self, path: &str, bytes: &[u8]) -> Result<(), Status> {
        self.send(path, tokio_stream::once(Bytes::copy_from_slice(bytes))).await
    }

    /// Begins a call, and never sends the message that it is for.
    pub(crate) async fn send_nothing(&self, path: &str) -> Result<(), Status> {
        self.send(path, tokio_stream::pending()).await
    }

    /// Sends `messages`, and returns the status that ends the answers.
    pub(crate) async fn send_then(&self, path: &str, messages: [Vec<u8>; 2]) -> Status {
        let messages = messages.map(Bytes::from).into_iter();
        // The sender stays, as one that waits would.
        let messages = tokio_stream::iter(messages).chain(tokio_stream::pending());
        let mut answers = match self.begin(path, messages).await {
            Ok(answers) => answers,
            Err(status) => return status,
        };
        loop {
            if let Err(status) = answers.next().await.expect("a status at its end") {
                return status;
            }
        }
    }

    async fn send(
        &self,
        path: &str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<(), Status> {
        self.begin(path, messages).await?.next().await.expect("an answer").map(|_| ())
    }

    async fn begin(
        &self,
        path: &str,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Streaming<Bytes>, Status> {
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let path: PathAndQuery = path.parse().unwrap();
        Ok(client.streaming(Request::new(messages), path, Plain).await?.into_inner())
    }
}

/// Messages as they are.
#[derive(Clone, Copy, Debug)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
