//! Opens a stream at the ledger, and follows what the subscriber says on it: credit and acknowledgements.

use std::sync::Arc;

use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;

use super::{
    message,
    outlet::{End, Ending, StreamOutlet},
    stream::FeedStream,
};
use crate::domain::{Act, Caller, Clock, Name, Purpose, Reason, Refusal};
use crate::identity::Peer;
use crate::ledger::{Ledger, Opening, Position, Rejection, StreamKey};
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
    /// Size of the newest checkpoint that the subscriber knows.
    pub known: u64,
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
    (clock, drain): (Arc<dyn Clock>, CancellationToken),
) -> Result<Opened, Rejection> {
    let now = clock.now();
    let ending = Ending::new();
    let (outlet, releases) = StreamOutlet::new(Arc::clone(&ending), Arc::clone(&peer.connection));
    let opening = Opening {
        by: peer.caller.clone(),
        name: asked.name,
        purpose: asked.purpose,
        credit: asked.credit,
        resume: asked.resume,
        outlet,
    };
    let answer = ledger.open_stream(opening).await?;
    let place = Position { subscription: answer.key.subscription, number: answer.acknowledged };
    let position: bytes::Bytes = ledger.position_bytes(place).into();
    let consistency = ledger
        .consistency(asked.known, answer.commit.size)
        .map_err(|_| Rejection::Unavailable("a proof could not be made"))?;
    let mut stream = FeedStream::new(ledger.clone(), releases, Arc::clone(&ending), (clock, drain));
    stream.known = answer.commit.size;
    stream.position = position.clone();
    stream.first.push_back(Message::Opened(pb::Opened {
        acknowledged: answer.acknowledged,
        position,
        checkpoint: answer.commit.checkpoint.clone(),
        consistency: message::hashes(&consistency),
        expires_at: Some(record::timestamp_to_pb(answer.expires_at)),
    }));
    let endings = message::endings(answer.expires_at, peer.not_after, now);
    stream.first.extend(endings.map(Message::Notice));
    let follower =
        Follower { ledger: ledger.clone(), key: answer.key, caller: peer.caller.clone(), ending };
    Ok(Opened { stream, follower })
}

/// Follows the subscriber until it goes away, the stream ends, or it says something it must not.
pub async fn follow<S, E>(follower: Follower, mut said: S)
where
    S: Stream<Item = Result<pb::SubscribeRequest, E>> + Unpin,
{
    let Follower { ledger, key, caller, ending } = follower;
    while let Some(Some(Ok(request))) = ending.ended.run_until_cancelled(said.next()).await {
        let heard = match request.message {
            Some(Said::Credit(credit)) => ledger.credit(key, credit.more).await,
            Some(Said::Acknowledge(it)) => match acknowledged(&ledger, key, &it.position) {
                Ok(number) => ledger.acknowledge(key, number).await,
                Err(refusal) => Err(Rejection::Refused { refusal, decision: None }),
            },
            Some(Said::Finish(_)) => {
                ending.end(End::Finished);
                Ok(())
            }
            Some(Said::Open(_)) | None => {
                let refusal = Refusal::at(Reason::OutOfOrder, "message");
                Err(Rejection::Refused { refusal, decision: None })
            }
        };
        match heard {
            Ok(()) => {}
            Err(Rejection::Refused { refusal, .. }) => {
                ending.end(refused(&ledger, &caller, refusal).await);
            }
            Err(Rejection::Busy | Rejection::Unavailable(_)) => ending.end(End::Unavailable),
        }
    }
    // The subscriber may have finished speaking and still be reading: the stream says when it ends.
    ending.ended.cancelled().await;
    ledger.close_stream(key).await;
}

/// Records what must not be said on a stream, so that its end can name the record. That somebody else
/// took the stream over is no fault of the subscriber's.
async fn refused(ledger: &Ledger, caller: &Caller, refusal: Refusal) -> End {
    if refusal.reason == Reason::Fenced {
        return End::Refused(refusal, None);
    }
    match ledger.refuse(caller.clone(), Act::FollowStream, refusal).await {
        Rejection::Refused { refusal, decision } => End::Refused(refusal, decision),
        Rejection::Busy | Rejection::Unavailable(_) => End::Unavailable,
    }
}

fn acknowledged(ledger: &Ledger, key: StreamKey, position: &[u8]) -> Result<u64, Refusal> {
    let forged = Refusal::at(Reason::PositionForged, "position");
    let position = ledger.position(position).map_err(|_| forged)?;
    if position.subscription == key.subscription { Ok(position.number) } else { Err(forged) }
}
