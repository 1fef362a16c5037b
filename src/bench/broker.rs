//! The broker, as the load speaks to it: by the generated stubs, so that the measuring side costs little. What
//! comes back is decoded; a sample of it is put aside to be verified afterwards.

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

use super::{
    BenchError, papers,
    sample::Samples,
    wire::{CREDIT, Heard, Wire},
};
use crate::{
    domain::{Clock, SystemClock},
    pb::v1::{
        self as pb, exchange_client::ExchangeClient, publish_many_response::Outcome,
        subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
};

/// The broker.
#[derive(Clone, Debug)]
pub(super) struct BrokerWire {
    publisher: Channel,
    /// A connection for each subscriber, and its subscription's name.
    subscribers: Vec<(Channel, String)>,
    alert: pb::AlertDraft,
    /// Tells the alerts of one load from those of another.
    phase: u8,
    samples: Samples,
}

/// What is read of a view while the time runs: its id holds the number of the message.
#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

impl BrokerWire {
    pub(super) fn new(publisher: Channel, alert: pb::AlertDraft, samples: Samples) -> Self {
        Self { publisher, subscribers: Vec::new(), alert, phase: 0, samples }
    }

    /// Adds a subscriber with a connection of its own.
    pub(super) fn add(&mut self, channel: Channel, name: String) {
        self.subscribers.push((channel, name));
    }

    /// Returns the wire of the next load: no two may use the same request ids.
    pub(super) fn next(&mut self) -> Self {
        self.phase = self.phase.wrapping_add(1);
        self.clone()
    }
}

impl Wire for BrokerWire {
    type Request = pb::PublishManyRequest;
    type Answer = pb::PublishManyResponse;
    type Ask = pb::SubscribeRequest;
    type Heard = pb::SubscribeResponse;

    fn request(&self, number: u64) -> pb::PublishManyRequest {
        let mut tail = [0; 10];
        let (head, low) = tail.split_at_mut(4);
        if let (Some(phase), Some(number)) = (head.last_mut(), number.to_be_bytes().get(2..)) {
            *phase = self.phase;
            low.copy_from_slice(number);
        }
        let id = uuid::Builder::from_unix_timestamp_millis(SystemClock.now().ms(), &tail);
        let request_id = id.into_uuid().to_string();
        pb::PublishManyRequest { request_id, alert: Some(self.alert.clone()), known_size: 0 }
    }

    async fn publish(
        &self,
        queue: mpsc::Receiver<pb::PublishManyRequest>,
    ) -> Result<Streaming<pb::PublishManyResponse>, BenchError> {
        let mut exchange = ExchangeClient::new(self.publisher.clone());
        Ok(exchange.publish_many(ReceiverStream::new(queue)).await?.into_inner())
    }

    fn answered(&self, answer: pb::PublishManyResponse) -> Result<u64, BenchError> {
        match answer.outcome {
            Some(Outcome::Receipt(receipt)) => {
                self.samples.receipt(receipt);
                Ok(1)
            }
            Some(Outcome::Refusal(refusal)) => Err(BenchError::Refused(refusal.message)),
            None => Err(BenchError::Wrong("an outcome that is not known here")),
        }
    }

    async fn subscribe(
        &self,
        subscriber: usize,
        queue: mpsc::Receiver<pb::SubscribeRequest>,
    ) -> Result<Streaming<pb::SubscribeResponse>, BenchError> {
        let found = self.subscribers.get(subscriber);
        let (channel, _) = found.ok_or(BenchError::Wrong("no such subscriber"))?;
        let mut exchange = ExchangeClient::new(channel.clone());
        Ok(exchange.subscribe(ReceiverStream::new(queue)).await?.into_inner())
    }

    fn opening(&self, subscriber: usize) -> pb::SubscribeRequest {
        let name = self.subscribers.get(subscriber).map(|(_, name)| name.clone());
        ask(Ask::Open(pb::Open {
            subscription: name.unwrap_or_default(),
            purpose: papers::PURPOSE.number().into(),
            credit: CREDIT,
            ..pb::Open::default()
        }))
    }

    fn hear(&self, heard: pb::SubscribeResponse) -> Result<Heard, BenchError> {
        match heard.message {
            Some(Answer::Opened(_)) => Ok(Heard::Opened),
            Some(Answer::Delivery(delivery)) => {
                let Id { id } = Id::decode(delivery.view.as_ref()).map_err(BenchError::task)?;
                // The last of the five groups.
                let low = id.rsplit('-').next().map(|it| u64::from_str_radix(it, 16));
                let Some(Ok(message)) = low else {
                    return Err(BenchError::Wrong("a view without a number"));
                };
                let (number, position) = (delivery.number, delivery.position.clone());
                self.samples.delivery(delivery);
                Ok(Heard::Message { number, message, position })
            }
            Some(Answer::Heartbeat(_) | Answer::Notice(_)) => Ok(Heard::Other),
            Some(Answer::Skipped(_)) => Err(BenchError::Wrong("a number that was skipped")),
            None => Err(BenchError::Wrong("a message that is not known here")),
        }
    }

    fn acknowledge(&self, position: Bytes, count: u32) -> Vec<pb::SubscribeRequest> {
        let acknowledge = Ask::Acknowledge(pb::Acknowledge { position });
        vec![ask(acknowledge), ask(Ask::Credit(pb::Credit { more: count }))]
    }

    fn finish(&self) -> Option<pb::SubscribeRequest> {
        Some(ask(Ask::Finish(pb::Finish {})))
    }
}

fn ask(message: Ask) -> pb::SubscribeRequest {
    pb::SubscribeRequest { message: Some(message) }
}
