//! Following a subscription: opens its stream, verifies each message before it is handed out, and gives
//! credit back as deliveries are taken. Nothing is acknowledged by itself.

mod credit;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{sync::mpsc, time};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::{
    Connection, Error, Seen,
    connection::ANSWER_BYTES_MAX,
    delivery::{self, Due},
    fault::Fault,
};
use crate::{
    domain::{Name, Purpose, StaffReference},
    pb::v1::{
        self as pb, exchange_client::ExchangeClient, subscribe_request::Message as Ask,
        subscribe_response::Message as Answer,
    },
};
pub use credit::CREDIT_MAX;
use credit::Credit;

/// How many requests may wait to be sent.
const REQUESTS_MAX: usize = 16;
/// How long a stream may be silent. A broker sends a heartbeat every ten seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long [`Follower::finish`] waits for the broker to end the stream.
const FINISH_MAX: Duration = Duration::from_secs(2);

/// How to follow a subscription.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// Deliveries that may be on their way, 1 to [`CREDIT_MAX`].
    pub credit: u16,
    /// Position to go on from: everything up to it counts as acknowledged. Empty = where the broker stands.
    pub resume: Bytes,
    /// Index of the record that created the subscription, as its status names it. Without it the first
    /// delivery is believed, and the others are held against that.
    pub created: Option<u64>,
    /// The member of staff on whose behalf, for the record.
    pub on_behalf_of: Option<StaffReference>,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self { credit: 100, resume: Bytes::new(), created: None, on_behalf_of: None }
    }
}

/// A message of the stream, verified.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// An alert.
    Delivery(Box<Delivered>),
    /// The stream lives.
    Heartbeat,
    /// Something to act on.
    Notice(pb::Notice),
    /// A number that is not delivered.
    Skipped(pb::Skipped),
}

/// An alert as this subscription may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivered {
    /// Running number in the subscription, from 1.
    pub number: u64,
    /// Position to acknowledge or resume from.
    pub position: Bytes,
    /// The view.
    pub view: pb::View,
    /// Index of the disclosure's record.
    pub index: u64,
    /// Sent before, and not acknowledged.
    pub redelivery: bool,
    /// As it came, with its proof: to be kept.
    pub proof: pb::Delivery,
}

/// An open stream. Dropping it ends it at once; [`finish`](Self::finish) lets acknowledgements arrive.
#[derive(Debug)]
pub struct Follower {
    connection: Connection,
    requests: mpsc::Sender<pb::SubscribeRequest>,
    answers: Streaming<pb::SubscribeResponse>,
    /// The checkpoint that the stream was last sent.
    seen: Arc<Seen>,
    due: Due,
    credit: Credit,
}

impl Connection {
    /// Opens the stream of a subscription of the own agency.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where the identity is an operator's or the credit out of bounds,
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where the broker's log does
    /// not extend what is remembered.
    pub async fn follow(
        &self,
        subscription: &Name,
        purpose: Purpose,
        options: FollowOptions,
    ) -> Result<Follower, Error> {
        let no_agency = || Error::configuration("an operator's identity has no subscriptions");
        let recipient = self.identity().agency().ok_or_else(no_agency)?.clone();
        let credit = Credit::new(options.credit)?;
        let known = self.known();
        let open = pb::Open {
            subscription: subscription.to_string(),
            purpose: purpose.number().into(),
            credit: options.credit.into(),
            resume: options.resume,
            on_behalf_of: options.on_behalf_of.map(|it| it.to_string()).unwrap_or_default(),
            checkpoint: known.as_ref().map(|seen| seen.note.clone()).unwrap_or_default(),
        };
        let (requests, queue) = mpsc::channel(REQUESTS_MAX);
        send(&requests, Ask::Open(open)).await?;
        let mut exchange =
            ExchangeClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let mut answers = exchange.subscribe(ReceiverStream::new(queue)).await?.into_inner();
        let Some(Answer::Opened(opened)) = receive(&mut answers).await? else {
            return Err(Fault::Protocol("the word that the stream is open").into());
        };
        let seen =
            self.settle(known.as_deref(), &opened.checkpoint, Some(&opened.consistency)).await?;
        let due = Due {
            number: opened.acknowledged.saturating_add(1),
            subscription: options.created,
            recipient,
            purpose,
            trust_domain: self.identity().trust_domain().to_owned(),
        };
        Ok(Follower { connection: self.clone(), requests, answers, seen, due, credit })
    }
}

impl Follower {
    /// Waits for the next message. Asking for it says that the delivery before was taken, which gives its
    /// credit back. Where it is dropped while it waits, the stream can only be ended.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] where the connection was lost: follow again, from the last position.
    /// [`Error::Refused`] or [`Error::Failed`] with the reason for which the broker ended the stream.
    /// [`Error::Verification`] where the message does not prove what it says.
    pub async fn next(&mut self) -> Result<Option<Incoming>, Error> {
        if let Some(more) = self.credit.give_back() {
            send(&self.requests, Ask::Credit(pb::Credit { more })).await?;
            self.credit.gave(more);
        }
        let Some(answer) = receive(&mut self.answers).await? else { return Ok(None) };
        self.verify(answer).await.map(Some)
    }

    /// Acknowledges everything up to a position. Call it when the delivery is kept safe.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] where the stream has ended: the delivery will come again.
    pub async fn acknowledge(&self, position: &Bytes) -> Result<(), Error> {
        let position = Bytes::clone(position);
        send(&self.requests, Ask::Acknowledge(pb::Acknowledge { position })).await
    }

    /// Ends the stream in order: when it returns, what was acknowledged is on disk; what the broker still
    /// sent is passed over and will come again. Waits two seconds at most.
    pub async fn finish(self) {
        let Self { requests, mut answers, .. } = self;
        let drain = async {
            // A stream that has ended already needs no word.
            drop(send(&requests, Ask::Finish(pb::Finish {})).await);
            while let Ok(Some(_)) = answers.message().await {}
        };
        // Whether or not the broker is in time, there is nothing more to be done.
        time::timeout(FINISH_MAX, drain).await.unwrap_or_default();
    }

    async fn verify(&mut self, answer: Answer) -> Result<Incoming, Error> {
        match answer {
            Answer::Opened(_) => Err(Fault::Protocol("order: it opened the stream twice").into()),
            Answer::Delivery(delivery) => {
                self.settle(&delivery.checkpoint, &delivery.consistency).await?;
                let view = delivery::verify(&delivery, &mut self.due, &self.seen.checkpoint)?;
                self.credit.take();
                Ok(Incoming::Delivery(Box::new(Delivered {
                    number: delivery.number,
                    position: delivery.position.clone(),
                    view,
                    index: delivery.index,
                    redelivery: delivery.redelivery,
                    proof: delivery,
                })))
            }
            Answer::Heartbeat(heartbeat) => {
                self.settle(&heartbeat.checkpoint, &heartbeat.consistency).await?;
                Ok(Incoming::Heartbeat)
            }
            Answer::Skipped(skipped) => {
                self.due.take(skipped.number)?;
                Ok(Incoming::Skipped(skipped))
            }
            Answer::Notice(notice) => Ok(Incoming::Notice(notice)),
        }
    }

    async fn settle(&mut self, note: &str, consistency: &[Bytes]) -> Result<(), Error> {
        if note != self.seen.note || !consistency.is_empty() {
            let since = Some(self.seen.as_ref());
            self.seen = self.connection.settle(since, note, Some(consistency)).await?;
        }
        Ok(())
    }
}

async fn send(requests: &mpsc::Sender<pb::SubscribeRequest>, ask: Ask) -> Result<(), Error> {
    let request = pb::SubscribeRequest { message: Some(ask) };
    requests.send(request).await.map_err(|_| Error::unreachable("the stream has ended"))
}

async fn receive(answers: &mut Streaming<pb::SubscribeResponse>) -> Result<Option<Answer>, Error> {
    let answer = time::timeout(SILENCE_MAX, answers.message())
        .await
        .map_err(|_| Error::unreachable("the broker fell silent"))??;
    match answer {
        None => Ok(None),
        Some(answer) => {
            answer.message.map(Some).ok_or_else(|| Fault::Protocol("a message known here").into())
        }
    }
}
