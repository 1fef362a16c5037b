//! `Exchange`: publish, subscribe, pull and pull notices.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{Answer, Broker, bulk, caller, convert, hold::Until, notices, status};
use crate::domain::{Act, Reason, Refusal};
use crate::feed::{self, Asked, Batch};
use crate::identity::Peer;
use crate::ledger::Rejection;
use crate::pb::{
    Written,
    v1::{self as pb, subscribe_request::Message, written::exchange_server::Exchange},
};

/// How long a new stream may take to say what it opens.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Serves `portway.v1.Exchange`.
#[derive(Clone, Debug)]
pub struct ExchangeService(pub Broker);

type Deliveries = Pin<Box<dyn Stream<Item = Result<Written, Status>> + Send>>;

#[tonic::async_trait]
impl Exchange for ExchangeService {
    type PublishManyStream = bulk::Outcomes;
    type SubscribeStream = Deliveries;

    async fn publish(&self, request: Request<pb::PublishRequest>) -> Answer<Written> {
        let (by, ledger) = self.0.asked(&request)?;
        let request = request.into_inner();
        let read = convert::publish(&request.request_id, request.alert.as_ref());
        let (id, draft) = self.0.checked(&by, Act::Publish, read).await?;
        let rectifies = self.0.rectified(&by, &draft).await?;
        let answer = ledger.publish(by, id, (draft, rectifies)).await.map_err(status::of)?;
        let (index, size) = (answer.receipt.index(), answer.receipt.commit().size);
        let known = request.known_size.min(size);
        let inclusion = ledger.inclusion(index, size).map_err(|it| status::internal(&it))?;
        let consistency = ledger.consistency(known, size).map_err(|it| status::internal(&it))?;
        let proofs = (inclusion.as_slice(), consistency.as_slice());
        Ok(Response::new(convert::receipt(&request.request_id, &answer, proofs)))
    }

    async fn publish_many(
        &self,
        request: Request<Streaming<pb::PublishManyRequest>>,
    ) -> Answer<Self::PublishManyStream> {
        let (by, ledger) = self.0.asked(&request)?;
        Ok(Response::new(bulk::publish(&self.0, (by, ledger), request.into_inner())))
    }

    async fn pull(&self, request: Request<pb::PullRequest>) -> Answer<Written> {
        let peer = caller::peer(&request)?;
        let read = self.asked_once(request.into_inner());
        let asked = self.0.checked(&peer.caller, Act::OpenStream, read).await?;
        let batch = self.take(peer, asked).await?;
        let mut response = Response::new(batch.answer);
        if let Some(at) = batch.until {
            let clock = Arc::clone(&self.0.clock);
            response.extensions_mut().insert(Until { at, clock, ended: batch.ended });
        }
        Ok(response)
    }

    async fn pull_notices(
        &self,
        request: Request<pb::PullNoticesRequest>,
    ) -> Answer<pb::PullNoticesResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let request = request.into_inner();
        let read = notices::asked(&request)
            .and_then(|asked| Ok((asked, self.shown(&request.checkpoint)?)));
        let (asked, known) = self.0.checked(&by, Act::PullNotices, read).await?;
        let answer = ledger.pull_notices(by, asked).await.map_err(status::of)?;
        Ok(Response::new(notices::answer(&ledger, answer, known)?))
    }

    async fn subscribe(
        &self,
        request: Request<Streaming<pb::SubscribeRequest>>,
    ) -> Answer<Self::SubscribeStream> {
        let peer = caller::peer(&request)?;
        let mut said = request.into_inner();
        let first = tokio::time::timeout(OPEN_WITHIN, said.next()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("nothing was opened"))?;
        let read = self.asked(first.transpose()?);
        let asked = self.0.checked(&peer.caller, Act::OpenStream, read).await?;
        let deliveries = self.open(&peer, asked, said).await?;
        Ok(Response::new(deliveries))
    }
}

impl ExchangeService {
    /// Reads the opening. The subscriber's checkpoint is looked at before anything else is done.
    fn asked(&self, first: Option<pb::SubscribeRequest>) -> Result<Asked, Refusal> {
        let Some(Message::Open(open)) = first.and_then(|request| request.message) else {
            return Err(Refusal::at(Reason::OutOfOrder, "message"));
        };
        let (name, purpose, credit) = convert::open(&open)?;
        let on_behalf_of = convert::staff(&open.on_behalf_of)?;
        let known = self.shown(&open.checkpoint)?;
        Ok(Asked { name, purpose, credit, resume: open.resume, on_behalf_of, known })
    }

    fn asked_once(&self, request: pb::PullRequest) -> Result<Asked, Refusal> {
        let (name, purpose, credit) = convert::pull(&request)?;
        let on_behalf_of = convert::staff(&request.on_behalf_of)?;
        let known = self.shown(&request.checkpoint)?;
        Ok(Asked { name, purpose, credit, resume: request.resume, on_behalf_of, known })
    }

    /// Looks at the checkpoint that a subscriber knows; returns its size.
    fn shown(&self, checkpoint: &str) -> Result<u64, Refusal> {
        if checkpoint.is_empty() {
            return Ok(0);
        }
        let shown = self.0.ledger.shown(checkpoint);
        shown.map_err(|_| Refusal::at(Reason::CheckpointInvalid, "checkpoint"))
    }

    /// Takes the batch in a task of its own: a caller that goes away leaves no stream open.
    async fn take(&self, peer: Peer, asked: Asked) -> Result<Batch, Status> {
        let (ledger, clock) = (self.0.ledger_over(&peer), Arc::clone(&self.0.clock));
        let witnessed = self.0.witnesses.witnessed();
        let (tell, told) = oneshot::channel();
        self.0.tasks.spawn("feed-pull", async move {
            let batch = feed::pull(&ledger, &peer, asked, (clock.as_ref(), witnessed)).await;
            // Nobody waits where the caller went away.
            drop(tell.send(batch));
        });
        let stopped = || Rejection::Unavailable("the broker stops");
        told.await.unwrap_or_else(|_| Err(stopped())).map_err(status::of)
    }

    async fn open(
        &self,
        peer: &Peer,
        asked: Asked,
        said: Streaming<pb::SubscribeRequest>,
    ) -> Result<Deliveries, Status> {
        let (clock, drain) = (Arc::clone(&self.0.clock), self.0.drain.clone());
        let bounds = (clock, drain, self.0.witnesses.witnessed());
        let ledger = self.0.ledger_over(peer);
        let opened = feed::open(&ledger, peer, asked, bounds).await.map_err(status::of)?;
        // A connection that broke is silent; bytes that are no message are a fault.
        let said = said.map_while(|it| match it {
            Ok(request) => Some(Ok(request)),
            Err(status) => status::unread(&status).map(Err),
        });
        self.0.tasks.spawn("feed-follow", feed::follow(opened.follower, said));
        Ok(Box::pin(opened.stream.map(|message| message.map_err(status::closed))))
    }
}
