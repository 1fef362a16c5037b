//! `Exchange`: publish and subscribe.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::{Answer, Broker, bulk, caller, convert, status};
use crate::domain::{Act, Reason, Refusal};
use crate::feed::{self, Asked};
use crate::identity::Peer;
use crate::pb::v1::{self as pb, exchange_server::Exchange, subscribe_request::Message};

/// How long a new stream may take to say what it opens.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Serves `portway.v1.Exchange`.
#[derive(Clone, Debug)]
pub struct ExchangeService(pub Broker);

type Deliveries = Pin<Box<dyn Stream<Item = Result<pb::SubscribeResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Exchange for ExchangeService {
    type PublishManyStream = bulk::Outcomes;
    type SubscribeStream = Deliveries;

    async fn publish(&self, request: Request<pb::PublishRequest>) -> Answer<pb::PublishResponse> {
        let by = caller::peer(&request)?.caller;
        let request = request.into_inner();
        let ledger = &self.0.ledger;
        let read = convert::publish(&request.request_id, request.alert.as_ref());
        let (id, draft) = self.0.checked(&by, Act::Publish, read).await?;
        let answer = ledger.publish(by, id, draft).await.map_err(status::of)?;
        let (index, size) = (answer.receipt.index(), answer.receipt.commit().size);
        let known = request.known_size.min(size);
        let inclusion = ledger.inclusion(index, size).map_err(|it| status::internal(&it))?;
        let consistency = ledger.consistency(known, size).map_err(|it| status::internal(&it))?;
        let receipt = convert::receipt(&request.request_id, answer, (&inclusion, &consistency));
        Ok(Response::new(pb::PublishResponse { receipt: Some(receipt) }))
    }

    async fn publish_many(
        &self,
        request: Request<Streaming<pb::PublishManyRequest>>,
    ) -> Answer<Self::PublishManyStream> {
        let by = caller::peer(&request)?.caller;
        Ok(Response::new(bulk::publish(&self.0, by, request.into_inner())))
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
        let known = if open.checkpoint.is_empty() {
            0
        } else {
            let shown = self.0.ledger.shown(&open.checkpoint);
            shown.map_err(|_| Refusal::at(Reason::CheckpointInvalid, "checkpoint"))?
        };
        Ok(Asked { name, purpose, credit, resume: open.resume, known })
    }

    async fn open(
        &self,
        peer: &Peer,
        asked: Asked,
        said: Streaming<pb::SubscribeRequest>,
    ) -> Result<Deliveries, Status> {
        let bounds = (Arc::clone(&self.0.clock), self.0.drain.clone());
        let opened = feed::open(&self.0.ledger, peer, asked, bounds).await.map_err(status::of)?;
        // A connection that broke is silent; bytes that are no message are a fault.
        let said = said.map_while(|it| match it {
            Ok(request) => Some(Ok(request)),
            Err(status) => status::unread(&status).map(Err),
        });
        self.0.tasks.spawn("feed-follow", feed::follow(opened.follower, said));
        Ok(Box::pin(opened.stream.map(|message| message.map_err(status::closed))))
    }
}
