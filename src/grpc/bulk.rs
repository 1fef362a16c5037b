//! `Exchange.PublishMany`: reads alerts as long as few enough are unanswered, and tells the outcome of each
//! in the order in which they came. It holds nothing back that is known, and tells nothing before it is.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::{Status, Streaming};

use super::{Broker, convert, status};
use crate::domain::{Act, Caller};
use crate::ledger::{Answered, Ledger, LedgerError, PublishAnswer, Rejection};
use crate::pb::{
    Written,
    v1::{self as pb, publish_many_response::Outcome},
};

/// How many alerts of one stream may be unanswered.
const UNANSWERED_MAX: usize = 1024;

/// Publishes what is read from `said`.
pub(super) fn publish(
    broker: &Broker,
    (by, ledger): (Caller, Ledger),
    said: Streaming<pb::PublishManyRequest>,
) -> Outcomes {
    let (waiting, asked) = mpsc::channel(UNANSWERED_MAX);
    let reader = Reader { broker: broker.clone(), ledger: ledger.clone(), by, said, waiting };
    broker.tasks.spawn("publish-many", reader.run());
    Outcomes { ledger, asked, next: None, known: None, ended: false }
}

/// An alert whose outcome is to be told, or the end of the stream.
#[derive(Debug)]
enum Asked {
    /// It waits for its commit.
    Alert { id: String, answer: Answered<PublishAnswer> },
    /// It could not be read; the record of that waits for its commit.
    Unreadable(Answered<()>),
    /// Nothing more is read.
    End(Status),
}

/// Reads the alerts of one stream.
struct Reader {
    broker: Broker,
    ledger: Ledger,
    by: Caller,
    said: Streaming<pb::PublishManyRequest>,
    waiting: mpsc::Sender<(u64, Asked)>,
}

impl Reader {
    async fn run(mut self) {
        loop {
            // A place first, and only then the next alert: what is not read stays with the caller.
            let Ok(place) = self.waiting.reserve().await else { return };
            let next = tokio::select! {
                biased;
                () = self.broker.drain.cancelled() => {
                    place.send((0, Asked::End(stopping())));
                    return;
                }
                () = self.waiting.closed() => return,
                next = self.said.next() => next,
            };
            let asked = match next {
                None => return,
                Some(Ok(request)) => self.submit(request).await,
                Some(Err(status)) => {
                    let status = status::of_unread(&status).unwrap_or(status);
                    place.send((0, Asked::End(status)));
                    return;
                }
            };
            place.send(asked);
        }
    }
}

impl Reader {
    /// Returns the size of the newest checkpoint that the caller knows, and what is asked.
    async fn submit(&self, request: pb::PublishManyRequest) -> (u64, Asked) {
        let pb::PublishManyRequest { request_id, alert, known_size } = request;
        let (ledger, by) = (&self.ledger, &self.by);
        let asked = match convert::publish(&request_id, alert.as_ref()) {
            Ok((id, draft)) => match self.broker.rectified(by, &draft).await {
                Ok(rectifies) => {
                    let draft = (draft, rectifies);
                    let answer = ledger.publish_in_turn(by.clone(), id, draft).await;
                    Asked::Alert { id: request_id, answer }
                }
                Err(status) => Asked::End(status),
            },
            Err(refusal) => {
                Asked::Unreadable(ledger.refuse_in_turn(by.clone(), Act::Publish, refusal).await)
            }
        };
        (known_size, asked)
    }
}

fn stopping() -> Status {
    status::of(Rejection::Unavailable("the broker stops"))
}

/// The outcomes of one stream, in the order of its alerts. Dropping it ends the reading.
#[derive(Debug)]
pub struct Outcomes {
    ledger: Ledger,
    asked: mpsc::Receiver<(u64, Asked)>,
    /// The alert whose outcome is next.
    next: Option<Asked>,
    /// Size of the newest checkpoint that the caller knows; nothing before its first alert.
    known: Option<u64>,
    ended: bool,
}

type Told = Result<Written, Status>;

impl Stream for Outcomes {
    type Item = Told;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Told>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.next.is_none()
            && let Some((known_size, asked)) = ready!(self.asked.poll_recv(context))
        {
            self.known.get_or_insert(known_size);
            self.next = Some(asked);
        }
        let told = match self.next.as_mut() {
            None => None,
            Some(Asked::Alert { id, answer }) => {
                let answer = ready!(Pin::new(answer).poll(context));
                let id = mem::take(id);
                Some(self.tell(&id, answer))
            }
            Some(Asked::Unreadable(answer)) => {
                let rejection = ready!(Pin::new(answer).poll(context)).err();
                Some(refused(rejection.unwrap_or(Rejection::Unavailable("it was not recorded"))))
            }
            Some(Asked::End(status)) => Some(Err(status.clone())),
        };
        self.next = None;
        // Whoever is told that one alert is lost has to send all later ones again too.
        self.ended = !matches!(told, Some(Ok(_)));
        Poll::Ready(told)
    }
}

impl Outcomes {
    /// P3: a receipt is told only where there is an answer, which is made after the commit.
    fn tell(&mut self, id: &str, answer: Result<PublishAnswer, Rejection>) -> Told {
        match answer {
            Ok(answer) => {
                let size = answer.receipt.commit().size;
                let receipt =
                    self.receipt(id, &answer).map_err(|error| status::internal(&error))?;
                self.known = Some(size);
                Ok(receipt)
            }
            Err(rejection) => refused(rejection),
        }
    }

    fn receipt(&self, id: &str, answer: &PublishAnswer) -> Result<Written, LedgerError> {
        let (index, size) = (answer.receipt.index(), answer.receipt.commit().size);
        let known = self.known.unwrap_or_default().min(size);
        let inclusion = self.ledger.inclusion(index, size)?;
        let consistency = self.ledger.consistency(known, size)?;
        Ok(convert::receipt(id, answer, (&inclusion, &consistency)))
    }
}

fn refused(rejection: Rejection) -> Told {
    match rejection {
        Rejection::Refused { refusal, decision } => {
            let outcome = Outcome::Refusal(convert::publish_refusal(refusal, decision));
            Ok(Written::from(&pb::PublishManyResponse { outcome: Some(outcome) }))
        }
        Rejection::Busy | Rejection::RateExceeded { .. } | Rejection::Unavailable(_) => {
            Err(status::of(rejection))
        }
    }
}
