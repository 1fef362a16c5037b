//! The broker, as the load speaks to it, so that the measuring side costs little: alerts are encoded once, and of
//! what comes back the load reads what it checks. A sample is put aside whole, to be verified afterwards.

use bytes::Bytes;
use prost::Message;
use tokio::sync::mpsc;
use tonic::{Streaming, transport::Channel};

use super::{
    BenchError, papers,
    plain::call,
    sample::Samples,
    wire::{CREDIT, Heard, Wire},
};
use crate::{
    domain::{Clock, SystemClock},
    pb::v1::{self as pb, subscribe_request::Message as Ask},
};

/// Paths of the calls.
const PUBLISH_MANY: &str = "/portway.v1.Exchange/PublishMany";
const SUBSCRIBE: &str = "/portway.v1.Exchange/Subscribe";

/// The broker.
#[derive(Clone, Debug)]
pub(super) struct BrokerWire {
    publisher: Channel,
    /// A connection for each subscriber, and its subscription's name.
    subscribers: Vec<(Channel, String)>,
    /// As encoded.
    alert: Bytes,
    /// Tells the alerts of one load from those of another.
    phase: u8,
    samples: Samples,
}

/// A `PublishManyRequest` whose alert is encoded already: on the wire a message is its bytes.
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(string, tag = "1")]
    request_id: String,
    #[prost(bytes = "bytes", tag = "2")]
    alert: Bytes,
}

/// What is read of a `PublishManyResponse` while the time runs.
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(message, optional, tag = "1")]
    receipt: Option<Receipt>,
    #[prost(message, optional, tag = "2")]
    refusal: Option<pb::PublishRefusal>,
}

#[derive(Clone, PartialEq, Message)]
struct Receipt {
    #[prost(uint64, tag = "2")]
    index: u64,
    #[prost(bytes = "bytes", tag = "4")]
    checkpoint: Bytes,
}

/// What is read of a `SubscribeResponse` while the time runs.
#[derive(Clone, PartialEq, Message)]
struct Said {
    #[prost(bytes = "bytes", optional, tag = "1")]
    opened: Option<Bytes>,
    #[prost(message, optional, tag = "2")]
    delivery: Option<Delivery>,
    #[prost(bytes = "bytes", optional, tag = "3")]
    heartbeat: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "4")]
    skipped: Option<Bytes>,
    #[prost(bytes = "bytes", optional, tag = "5")]
    notice: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Delivery {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(bytes = "bytes", tag = "2")]
    position: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    view: Bytes,
    #[prost(uint64, tag = "5")]
    index: u64,
}

/// What is read of a view while the time runs: its id holds the number of the message.
#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

impl BrokerWire {
    pub(super) fn new(publisher: Channel, alert: &pb::AlertDraft, samples: Samples) -> Self {
        let alert = alert.encode_to_vec().into();
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
    type Request = Bytes;
    type Answer = Bytes;
    type Ask = Bytes;
    type Heard = Bytes;

    fn request(&self, number: u64) -> Bytes {
        let mut tail = [0; 10];
        let (head, low) = tail.split_at_mut(4);
        if let (Some(phase), Some(number)) = (head.last_mut(), number.to_be_bytes().get(2..)) {
            *phase = self.phase;
            low.copy_from_slice(number);
        }
        let id = uuid::Builder::from_unix_timestamp_millis(SystemClock.now().ms(), &tail);
        let request_id = id.into_uuid().to_string();
        Request { request_id, alert: self.alert.clone() }.encode_to_vec().into()
    }

    async fn publish(&self, queue: mpsc::Receiver<Bytes>) -> Result<Streaming<Bytes>, BenchError> {
        Ok(call(self.publisher.clone(), PUBLISH_MANY, queue).await?)
    }

    fn answered(&self, answer: Bytes) -> Result<u64, BenchError> {
        let Told { receipt, refusal } = Told::decode(answer.clone()).map_err(BenchError::task)?;
        if let Some(refusal) = refusal {
            return Err(BenchError::Refused(refusal.message));
        }
        let receipt = receipt.ok_or(BenchError::Wrong("an outcome that is not known here"))?;
        self.samples.receipt(receipt.index, &receipt.checkpoint, &answer);
        Ok(1)
    }

    async fn subscribe(
        &self,
        subscriber: usize,
        queue: mpsc::Receiver<Bytes>,
    ) -> Result<Streaming<Bytes>, BenchError> {
        let found = self.subscribers.get(subscriber);
        let (channel, _) = found.ok_or(BenchError::Wrong("no such subscriber"))?;
        Ok(call(channel.clone(), SUBSCRIBE, queue).await?)
    }

    fn opening(&self, subscriber: usize) -> Bytes {
        let name = self.subscribers.get(subscriber).map(|(_, name)| name.clone());
        ask(Ask::Open(pb::Open {
            subscription: name.unwrap_or_default(),
            purpose: papers::PURPOSE.number().into(),
            credit: CREDIT,
            ..pb::Open::default()
        }))
    }

    fn hear(&self, message: Bytes) -> Result<Heard, BenchError> {
        let said = Said::decode(message.clone()).map_err(BenchError::task)?;
        match said {
            Said { delivery: Some(delivery), .. } => {
                let Id { id } = Id::decode(delivery.view).map_err(BenchError::task)?;
                // The last of the five groups.
                let low = id.rsplit('-').next().map(|it| u64::from_str_radix(it, 16));
                let Some(Ok(number)) = low else {
                    return Err(BenchError::Wrong("a view without a number"));
                };
                self.samples.delivery(delivery.index, &message);
                let position = delivery.position;
                Ok(Heard::Message { number: delivery.number, message: number, position })
            }
            Said { opened: Some(_), .. } => Ok(Heard::Opened),
            Said { heartbeat: Some(_), .. } | Said { notice: Some(_), .. } => Ok(Heard::Other),
            Said { skipped: Some(_), .. } => Err(BenchError::Wrong("a number that was skipped")),
            Said { .. } => Err(BenchError::Wrong("a message that is not known here")),
        }
    }

    fn acknowledge(&self, position: Bytes, count: u32) -> Vec<Bytes> {
        let acknowledge = Ask::Acknowledge(pb::Acknowledge { position });
        vec![ask(acknowledge), ask(Ask::Credit(pb::Credit { more: count }))]
    }

    fn finish(&self) -> Option<Bytes> {
        Some(ask(Ask::Finish(pb::Finish {})))
    }
}

fn ask(message: Ask) -> Bytes {
    pb::SubscribeRequest { message: Some(message) }.encode_to_vec().into()
}
