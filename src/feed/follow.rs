//! Opens a stream at the ledger, and follows what the subscriber says on it: credit and acknowledgements.

use std::{pin::Pin, sync::Arc};

use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::{
    endings::Endings,
    held::Witnessed,
    outlet::{End, Ending, StreamOutlet},
    stream::FeedStream,
};
use crate::domain::{Caller, Clock, Name, Purpose, Reason, Refusal, StaffReference};
use crate::identity::Peer;
use crate::ledger::{Heard, Ledger, Opening, Outlet, Position, Rejection, StreamKey};
use crate::pb::v1::{self as pb, subscribe_request::Message as Said, subscribe_response::Message};
use crate::record;

/// What a subscriber asks for when it opens a stream, checked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Name of the subscription.
    pub name: Name,
    /// Its purpose.
    pub purpose: Purpose,
    /// Deliveries allowed from the start.
    pub credit: u32,
    /// Position to go on from.
    pub resume: bytes::Bytes,
    /// On whose behalf.
    pub on_behalf_of: Option<StaffReference>,
    /// Size of the newest checkpoint that the subscriber knows.
    pub known: u64,
}

impl Asked {
    /// Says it as the ledger is asked, with where released views go.
    pub(super) fn opening(self, by: Caller, outlet: Arc<dyn Outlet>) -> Opening {
        let Self { name, purpose, credit, resume, on_behalf_of, known: _ } = self;
        Opening { by, name, purpose, credit, resume, on_behalf_of, outlet }
    }
}

/// An open stream.
#[derive(Debug)]
pub struct Opened {
    /// What the subscriber reads.
    pub stream: FeedStream,
    /// To follow it with.
    pub follower: Follower,
}

/// What following a stream needs.
#[derive(Debug)]
pub struct Follower {
    ledger: Ledger,
    key: StreamKey,
    caller: Caller,
    ending: Arc<Ending>,
}

/// Opens a stream for the peer.
///
/// # Errors
///
/// The ledger's rejection.
pub async fn open(
    ledger: &Ledger,
    peer: &Peer,
    asked: Asked,
    (clock, drain, witnessed): (Arc<dyn Clock>, CancellationToken, Witnessed),
) -> Result<Opened, Rejection> {
    let ending = Ending::new();
    let (outlet, releases) = StreamOutlet::new(Arc::clone(&ending), Arc::clone(&peer.connection));
    let known = asked.known;
    let answer = ledger.open_stream(asked.opening(peer.caller.clone(), outlet)).await?;
    let place = Position { subscription: answer.key.subscription, number: answer.acknowledged };
    let position: bytes::Bytes = ledger.position_bytes(place);
    let consistency = ledger
        .consistency(known, answer.commit.size)
        .map_err(|_| Rejection::Unavailable("a proof could not be made"))?;
    let endings = Endings::new(answer.expires_at, peer.not_after);
    let releases = (releases, witnessed);
    let mut stream =
        FeedStream::new(ledger.clone(), releases, Arc::clone(&ending), endings, (clock, drain));
    stream.known = answer.commit.size;
    stream.position = position.clone();
    stream.first.push_back(Message::Opened(pb::Opened {
        acknowledged: answer.acknowledged,
        position,
        checkpoint: answer.commit.checkpoint.clone(),
        consistency: record::proof_to_pb(&consistency),
        expires_at: Some(record::timestamp_to_pb(answer.expires_at)),
    }));
    let follower =
        Follower { ledger: ledger.clone(), key: answer.key, caller: peer.caller.clone(), ending };
    Ok(Opened { stream, follower })
}

/// Follows the subscriber until it goes away, the stream ends, or it says something it must not, or that cannot be
/// read. While the ledger decides what was said, the rest is heard and put together: a stream never has more than one thing
/// waiting, however much its subscriber says.
pub async fn follow<S>(follower: Follower, mut said: S)
where
    S: Stream<Item = Result<pb::SubscribeRequest, Refusal>> + Unpin,
{
    let ended = &follower.ending.ended;
    let mut heard = Heard::default();
    let mut asked: Option<Asking<'_>> = None;
    let mut over = None;
    while !ended.is_cancelled() {
        if asked.is_none() {
            let said = std::mem::take(&mut heard);
            if said != Heard::default() {
                let Follower { ledger, key, caller, .. } = &follower;
                asked = Some(Box::pin(ledger.hear(caller, *key, said)));
            }
        }
        if asked.is_none()
            && let Some(over) = over
        {
            follower.conclude(over).await;
            break;
        }
        tokio::select! {
            () = ended.cancelled() => {}
            answer = answer(&mut asked) => {
                asked = None;
                if let Err(rejection) = answer {
                    follower.reject(rejection).await;
                }
            }
            next = said.next(), if over.is_none() => {
                over = listen(&mut heard, next, &follower.ledger, follower.key).err();
            }
        }
    }
    // The subscriber may have finished speaking and still be reading: the stream says when it ends.
    ended.cancelled().await;
    follower.ledger.close_stream(&follower.caller, follower.key);
}

type Asking<'a> = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send + 'a>>;

/// Waits for the answer to what was asked; for ever, where nothing was.
async fn answer(asked: &mut Option<Asking<'_>>) -> Result<(), Rejection> {
    match asked {
        Some(asked) => asked.await,
        None => std::future::pending().await,
    }
}

/// Why nothing more is listened to.
#[derive(Clone, Copy, Debug)]
enum Over {
    /// The subscriber asked for the end.
    Finished,
    /// It went away, or only stopped speaking.
    Silent,
    /// It said what must not be said.
    Refused(Refusal),
}

/// Hears one message, or the end of all, beside what was said and not asked of the ledger yet:
/// acknowledgements are cumulative, and credit adds up.
fn listen(
    heard: &mut Heard,
    next: Option<Result<pb::SubscribeRequest, Refusal>>,
    ledger: &Ledger,
    key: StreamKey,
) -> Result<(), Over> {
    match next.ok_or(Over::Silent)?.map_err(Over::Refused)?.message {
        Some(Said::Credit(credit)) => {
            if credit.more == 0 {
                return Err(Over::Refused(Refusal::at(Reason::CreditOutOfBounds, "more")));
            }
            heard.credit = Some(heard.credit.unwrap_or(0).saturating_add(credit.more));
        }
        Some(Said::Acknowledge(it)) => {
            let number = acknowledged(ledger, key, &it.position).map_err(Over::Refused)?;
            heard.acknowledged = heard.acknowledged.max(Some(number));
        }
        Some(Said::Finish(_)) => {
            heard.is_last = true;
            return Err(Over::Finished);
        }
        Some(Said::Open(_)) | None => {
            return Err(Over::Refused(Refusal::at(Reason::OutOfOrder, "message")));
        }
    }
    Ok(())
}

impl Follower {
    async fn conclude(&self, over: Over) {
        match over {
            Over::Finished => self.ending.end(End::Finished),
            Over::Silent => {}
            Over::Refused(refusal) => {
                self.reject(Rejection::Refused { refusal, decision: None }).await;
            }
        }
    }

    /// Ends the stream. What must not be said on it is recorded, so that the end can name the record; that
    /// somebody else took the stream over is no fault of the subscriber's.
    async fn reject(&self, rejection: Rejection) {
        let rejection = match rejection {
            Rejection::Refused { refusal, .. } if refusal.reason != Reason::Fenced => {
                self.ledger.refuse_on_stream(self.caller.clone(), refusal).await
            }
            Rejection::Busy
            | Rejection::RateExceeded { .. }
            | Rejection::Refused { .. }
            | Rejection::Unavailable(_) => rejection,
        };
        self.ending.end(match rejection {
            Rejection::Refused { refusal, decision } => End::Refused(refusal, decision),
            Rejection::Busy | Rejection::RateExceeded { .. } | Rejection::Unavailable(_) => {
                End::Unavailable
            }
        });
    }
}

fn acknowledged(ledger: &Ledger, key: StreamKey, position: &[u8]) -> Result<u64, Refusal> {
    let forged = Refusal::at(Reason::PositionForged, "position");
    let position = ledger.position(position).map_err(|_| forged)?;
    if position.subscription == key.subscription { Ok(position.number) } else { Err(forged) }
}
