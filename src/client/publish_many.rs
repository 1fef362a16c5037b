//! Publishing many alerts over one stream: sends while few enough are unanswered, verifies each receipt, and
//! after a lost connection sends what is unanswered again under the same request ids. It never tells an
//! outcome that it has not verified, and none twice.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tonic::{Code, Streaming};
use uuid::Uuid;

use super::{
    Asked, Backoff, Connection, Error, Retry, Seen, connection::ANSWER_BYTES_MAX, fault::Fault,
    publish::TRIES, verify_receipt,
};
use crate::{
    domain::{AgencyId, Draft},
    pb::v1::{self as pb, exchange_client::ExchangeClient, publish_many_response::Outcome as Told},
    record,
};

/// How many alerts may be unanswered.
const UNANSWERED_MAX: usize = 1024;

/// An alert to publish.
#[derive(Clone, Debug)]
pub struct Submission {
    /// A `UUIDv7`, the same at every attempt to publish the same alert.
    pub request_id: Uuid,
    /// The alert.
    pub alert: pb::AlertDraft,
}

/// What became of one alert of many.
#[derive(Debug)]
pub struct Outcome {
    /// The id that it was submitted under.
    pub request_id: Uuid,
    /// Its verified receipt, or [`Error::Refused`].
    pub result: Result<pb::Receipt, Error>,
}

/// Alerts on their way. Dropping it leaves those that are unanswered undecided: the same ids may be sent again.
#[derive(Debug)]
pub struct Publishing<S> {
    connection: Connection,
    agency: AgencyId,
    source: S,
    is_exhausted: bool,
    /// Sent, or about to be, and not answered; in order.
    unanswered: VecDeque<Unanswered>,
    talk: Option<Talk>,
    backoff: Backoff,
}

/// An alert without an outcome.
#[derive(Clone, Debug)]
struct Unanswered {
    request_id: Uuid,
    /// As the broker reads it; nothing where it will not be able to.
    draft: Option<Draft>,
    alert: pb::AlertDraft,
}

/// One stream.
#[derive(Debug)]
struct Talk {
    requests: mpsc::Sender<pb::PublishManyRequest>,
    answers: Streaming<pb::PublishManyResponse>,
    /// The newest checkpoint that was settled.
    seen: Option<Arc<Seen>>,
}

/// What happened next.
enum Step {
    Answer(Result<Option<pb::PublishManyResponse>, Error>),
    Alert(Option<Submission>),
}

impl Connection {
    /// Publishes what `source` yields, which is read only as fast as the broker takes alerts in.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where the identity is an operator's.
    pub fn publish_many<S>(&self, source: S) -> Result<Publishing<S>, Error>
    where
        S: Stream<Item = Submission> + Unpin,
    {
        let no_agency = || Error::configuration("an operator's identity publishes nothing");
        Ok(Publishing {
            agency: self.identity().agency().ok_or_else(no_agency)?.clone(),
            connection: self.clone(),
            source,
            is_exhausted: false,
            unanswered: VecDeque::new(),
            talk: None,
            backoff: Backoff::new(TRIES),
        })
    }
}

impl<S: Stream<Item = Submission> + Unpin> Publishing<S> {
    /// Waits for the outcome of the next alert, in the order in which they were submitted; nothing once every
    /// alert has one. Where the connection is lost, what is unanswered is sent again, six times in all unless
    /// an outcome came in between.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] after the last try, [`Error::Verification`] where a receipt does not prove the
    /// publication, [`Error::Failed`] where the broker ended the stream: what is unanswered is undecided then.
    pub async fn next(&mut self) -> Result<Option<Outcome>, Error> {
        loop {
            if self.is_exhausted && self.unanswered.is_empty() {
                return Ok(None);
            }
            match self.try_next().await {
                Ok(Some(outcome)) => {
                    self.backoff = Backoff::new(TRIES);
                    return Ok(Some(outcome));
                }
                Ok(None) => {}
                Err(error) => {
                    self.talk = None;
                    match error.retry() {
                        Retry::Later(wish) if self.backoff.wait(wish).await => {}
                        Retry::Later(_) | Retry::Never => return Err(error),
                    }
                }
            }
        }
    }

    /// Takes one step; an outcome where there is one.
    async fn try_next(&mut self) -> Result<Option<Outcome>, Error> {
        let mut talk = match self.talk.take() {
            Some(talk) => talk,
            None => self.open().await?,
        };
        let step = self.step(&mut talk).await;
        let outcome = match step {
            Step::Alert(None) => {
                self.is_exhausted = true;
                None
            }
            Step::Alert(Some(submission)) => {
                self.submit(&talk, submission)?;
                None
            }
            Step::Answer(answer) => Some(self.take(&mut talk, answer?).await?),
        };
        self.talk = Some(talk);
        Ok(outcome)
    }

    /// Waits for an answer, or for an alert where one may be sent.
    async fn step(&mut self, talk: &mut Talk) -> Step {
        let may_send = !self.is_exhausted && self.unanswered.len() < UNANSWERED_MAX;
        tokio::select! {
            biased;
            answer = talk.answers.message(), if !self.unanswered.is_empty() => {
                Step::Answer(answer.map_err(Error::from))
            }
            alert = self.source.next(), if may_send => Step::Alert(alert),
        }
    }

    /// Opens a stream and sends what is unanswered.
    async fn open(&mut self) -> Result<Talk, Error> {
        let seen = self.connection.known();
        // Whatever may be unanswered has a place in it, so that sending never waits.
        let (requests, queue) = mpsc::channel(UNANSWERED_MAX);
        let mut known_size = seen.as_ref().map_or(0, |seen| seen.size());
        for alert in &self.unanswered {
            send(&requests, alert, known_size)?;
            known_size = 0;
        }
        let mut exchange = ExchangeClient::new(self.connection.channel())
            .max_decoding_message_size(ANSWER_BYTES_MAX);
        let answers = exchange.publish_many(ReceiverStream::new(queue)).await?.into_inner();
        Ok(Talk { requests, answers, seen })
    }

    fn submit(&mut self, talk: &Talk, submission: Submission) -> Result<(), Error> {
        let Submission { request_id, alert } = submission;
        // In canonical order, so that both sides commit to the same bytes. What cannot be read here is sent
        // as it is: the refusal is the broker's to make, and to record.
        let draft = record::draft_from_pb(&alert).ok();
        let alert = draft.as_ref().map_or(alert, record::draft_to_pb);
        let known_size = talk.seen.as_ref().map_or(0, |seen| seen.size());
        let unanswered = Unanswered { request_id, draft, alert };
        let sent = send(&talk.requests, &unanswered, known_size);
        self.unanswered.push_back(unanswered);
        sent
    }

    /// Takes the outcome of the oldest unanswered alert.
    async fn take(
        &mut self,
        talk: &mut Talk,
        answer: Option<pb::PublishManyResponse>,
    ) -> Result<Outcome, Error> {
        let answer = answer.ok_or_else(|| Error::unreachable("the stream has ended"))?;
        let asked = self.unanswered.front().ok_or(Fault::Protocol("a question to its answer"))?;
        let request_id = asked.request_id;
        let result = match answer.outcome.ok_or(Fault::Protocol("an outcome known here"))? {
            Told::Receipt(receipt) => {
                let draft = asked.draft.as_ref();
                let draft = draft.ok_or(Fault::Protocol("a refusal of what is no alert"))?;
                self.connection.settle_next(&mut talk.seen, &receipt).await?;
                let seen = talk.seen.as_ref().ok_or(Fault::Protocol("a checkpoint"))?;
                let asked = Asked { request_id, draft, agency: &self.agency };
                verify_receipt(&receipt, &asked, &seen.checkpoint)?;
                Ok(receipt)
            }
            Told::Refusal(refusal) => Err(refused(refusal)),
        };
        self.unanswered.pop_front();
        Ok(Outcome { request_id, result })
    }
}

impl Connection {
    /// Settles the checkpoint of a stream's next receipt: once, however many receipts it covers.
    async fn settle_next(
        &self,
        seen: &mut Option<Arc<Seen>>,
        receipt: &pb::Receipt,
    ) -> Result<(), Error> {
        let is_same = seen.as_ref().is_some_and(|seen| seen.note == receipt.checkpoint);
        if !is_same || !receipt.consistency.is_empty() {
            let since = seen.as_deref();
            let proof = Some(receipt.consistency.as_slice());
            *seen = Some(self.settle(since, &receipt.checkpoint, proof).await?);
        }
        Ok(())
    }
}

fn send(
    requests: &mpsc::Sender<pb::PublishManyRequest>,
    alert: &Unanswered,
    known_size: u64,
) -> Result<(), Error> {
    let request = pb::PublishManyRequest {
        request_id: alert.request_id.to_string(),
        alert: Some(alert.alert.clone()),
        known_size,
    };
    requests.try_send(request).map_err(|_| Error::unreachable("the stream has ended"))
}

fn refused(refusal: pb::PublishRefusal) -> Error {
    let pb::PublishRefusal { code, reason, at, decision, message } = refusal;
    Error::Refused { code: Code::from_i32(code), reason, at, decision, message }
}
