//! A broker for tests: answers from a log built by hand, honestly unless it was told otherwise.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio_stream::{Stream, StreamExt, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Endpoint, Server},
};

use crate::{
    client::{
        Connection, Identity,
        sample::{self, Log},
    },
    pb::v1::{
        self as pb, exchange_server::ExchangeServer, log_server::LogServer,
        subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
    record::Rotation,
};

type Reply<T> = Result<Response<T>, Status>;
type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// What the broker knows, and what was asked of it.
pub(super) struct Known {
    pub(super) log: Log,
    /// Answers to give before any honest one.
    pub(super) failures: VecDeque<Status>,
    /// What a receipt or delivery is turned into before it leaves.
    pub(super) spoil: fn(&mut pb::Receipt),
    pub(super) spoil_delivery: fn(&mut pb::Delivery),
    /// Entries are sent without an end.
    pub(super) endless: bool,
    /// Rotations to show instead of the log's own.
    pub(super) rotations: Option<Vec<Rotation>>,
    pub(super) published: Vec<pb::PublishRequest>,
    pub(super) consistency_asked: u32,
    pub(super) acknowledged: Vec<Bytes>,
    /// Deliveries of the stream.
    pub(super) deliveries: u64,
    /// The most deliveries that were ever allowed at once.
    pub(super) credit_seen: u32,
}

#[derive(Clone)]
pub(super) struct Broker(Arc<Mutex<Known>>);

impl Broker {
    pub(super) fn new(log: Log) -> Self {
        Self(Arc::new(Mutex::new(Known {
            log,
            failures: VecDeque::new(),
            spoil: |_| (),
            spoil_delivery: |_| (),
            endless: false,
            rotations: None,
            published: Vec::new(),
            consistency_asked: 0,
            acknowledged: Vec::new(),
            deliveries: 0,
            credit_seen: 0,
        })))
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap()
    }

    /// Runs `work` against the broker, with an identity that sits as `seat`.
    pub(super) async fn serve<T>(&self, seat: &str, work: impl AsyncFnOnce(Connection) -> T) -> T {
        let dir = sample::identity_dir_of(seat);
        let identity = Identity::load(dir.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder()
            .add_service(ExchangeServer::new(self.clone()))
            .add_service(LogServer::new(self.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let work = async {
            let channel = Endpoint::from_shared(target).unwrap().connect().await.unwrap();
            work(Connection::over(channel, identity)).await
        };
        tokio::select! {
            ended = server => panic!("the broker ended: {ended:?}"),
            result = work => result,
        }
    }
}

fn proof(known: &Known, from: u64) -> Vec<Bytes> {
    let size = known.log.size();
    if from == 0 || from == size {
        Vec::new()
    } else {
        sample::as_bytes(&known.log.consistency(from, size))
    }
}

#[tonic::async_trait]
impl pb::exchange_server::Exchange for Broker {
    async fn publish(&self, request: Request<pb::PublishRequest>) -> Reply<pb::PublishResponse> {
        let request = request.into_inner();
        let mut known = self.known();
        known.published.push(request.clone());
        if let Some(failure) = known.failures.pop_front() {
            return Err(failure);
        }
        let id = request.request_id.parse().unwrap();
        let mut receipt = known.log.publish(&request.alert.unwrap(), id);
        receipt.consistency = proof(&known, request.known_size);
        (known.spoil)(&mut receipt);
        Ok(Response::new(pb::PublishResponse { receipt: Some(receipt) }))
    }

    async fn pull_notices(
        &self,
        _: Request<pb::PullNoticesRequest>,
    ) -> Reply<pb::PullNoticesResponse> {
        Err(Status::unimplemented("no notices here"))
    }

    type PublishManyStream = Replies<pb::PublishManyResponse>;

    /// One outcome a message, or the next failure, which ends the stream. An alert without an area is refused.
    async fn publish_many(
        &self,
        request: Request<Streaming<pb::PublishManyRequest>>,
    ) -> Reply<Self::PublishManyStream> {
        let (broker, mut sent) = (self.clone(), 0);
        let answers = request.into_inner().map(move |request| {
            let request = request?;
            let mut known = broker.known();
            sent = sent.max(request.known_size);
            let alert = request.alert.unwrap();
            let failure = known.failures.pop_front();
            known.published.push(pb::PublishRequest {
                request_id: request.request_id.clone(),
                alert: Some(alert.clone()),
                known_size: request.known_size,
            });
            if let Some(failure) = failure {
                return Err(failure);
            }
            if alert.area.is_empty() {
                let refusal = pb::PublishRefusal {
                    code: tonic::Code::InvalidArgument.into(),
                    reason: "MISSING_FIELD".to_owned(),
                    at: "area".to_owned(),
                    decision: Some(41),
                    message: "no".to_owned(),
                };
                let outcome = Some(pb::publish_many_response::Outcome::Refusal(refusal));
                return Ok(pb::PublishManyResponse { outcome });
            }
            let mut receipt = known.log.publish(&alert, request.request_id.parse().unwrap());
            receipt.consistency = proof(&known, sent);
            sent = known.log.size();
            (known.spoil)(&mut receipt);
            let outcome = Some(pb::publish_many_response::Outcome::Receipt(receipt));
            Ok(pb::PublishManyResponse { outcome })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn pull(&self, request: Request<pb::PullRequest>) -> Reply<pb::PullResponse> {
        let request = request.into_inner();
        let mut known = self.known();
        known.acknowledged.extend(Some(request.resume).filter(|it| !it.is_empty()));
        let wanted = known.deliveries.min(request.max.into());
        let deliveries: Vec<_> =
            (1..=wanted).map(|number| known.log.disclose(number, &sample::view())).collect();
        let size = known.log.size();
        let deliveries = deliveries.into_iter().map(|it| {
            let inclusion = known.log.inclusion(it.index, size);
            let mut delivery = pb::Delivery { inclusion, checkpoint: String::new(), ..it };
            (known.spoil_delivery)(&mut delivery);
            delivery
        });
        let since = request.checkpoint.lines().nth(1).map_or(0, |size| size.parse().unwrap());
        Ok(Response::new(pb::PullResponse {
            deliveries: deliveries.collect(),
            position: vec![9; 48].into(),
            checkpoint: known.log.note(size),
            consistency: proof(&known, since),
            more: known.deliveries > wanted,
            ..pb::PullResponse::default()
        }))
    }

    type SubscribeStream = Replies<pb::SubscribeResponse>;

    async fn subscribe(
        &self,
        request: Request<Streaming<pb::SubscribeRequest>>,
    ) -> Reply<Self::SubscribeStream> {
        let mut requests = request.into_inner();
        let Some(Ask::Open(open)) = requests.message().await?.and_then(|it| it.message) else {
            return Err(Status::invalid_argument("not opened"));
        };
        let stream =
            State { broker: self.clone(), requests, credit: open.credit, number: 0, sent: 0 };
        let (opened, stream) = stream.open(&open.checkpoint);
        let rest = tokio_stream::iter([Ok(opened)]).chain(unfold(stream));
        Ok(Response::new(Box::pin(rest)))
    }
}

/// One stream: delivers within the credit, and listens while there is none.
struct State {
    broker: Broker,
    requests: Streaming<pb::SubscribeRequest>,
    credit: u32,
    number: u64,
    /// Size of the last checkpoint sent.
    sent: u64,
}

impl State {
    fn open(mut self, checkpoint: &str) -> (pb::SubscribeResponse, Self) {
        let known = self.broker.known();
        let size = checkpoint.lines().nth(1).map_or(0, |size| size.parse().unwrap());
        let opened = pb::Opened {
            checkpoint: known.log.note(known.log.size()),
            consistency: proof(&known, size),
            ..pb::Opened::default()
        };
        self.sent = known.log.size();
        drop(known);
        (answer(Answer::Opened(opened)), self)
    }

    async fn next(mut self) -> Option<(Result<pb::SubscribeResponse, Status>, Self)> {
        loop {
            let is_due = self.number < self.broker.known().deliveries;
            if is_due && self.credit > 0 {
                self.credit -= 1;
                self.number += 1;
                let delivery = self.deliver();
                return Some((Ok(answer(Answer::Delivery(delivery))), self));
            }
            match self.requests.message().await.ok()??.message? {
                Ask::Open(_) => return Some((Err(Status::invalid_argument("twice")), self)),
                Ask::Credit(credit) => self.credit += credit.more,
                Ask::Finish(_) => return None,
                Ask::Acknowledge(it) => self.broker.known().acknowledged.push(it.position),
            }
            let mut known = self.broker.known();
            known.credit_seen = known.credit_seen.max(self.credit);
        }
    }

    fn deliver(&mut self) -> pb::Delivery {
        let mut known = self.broker.known();
        let mut delivery = known.log.disclose(self.number, &sample::view());
        delivery.position = vec![u8::try_from(self.number).unwrap(); 48].into();
        delivery.consistency = proof(&known, self.sent);
        (known.spoil_delivery)(&mut delivery);
        self.sent = known.log.size();
        delivery
    }
}

fn unfold(state: State) -> impl Stream<Item = Result<pb::SubscribeResponse, Status>> + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let feed = async move {
        let mut state = state;
        while let Some((answer, rest)) = state.next().await {
            state = rest;
            if sender.send(answer).await.is_err() {
                return;
            }
        }
    };
    // The feed has no items of its own: it is polled along with the stream, and ends with it.
    let feed = Box::pin(feed);
    tokio_stream::wrappers::ReceiverStream::new(receiver)
        .merge(StreamExt::filter_map(Once(Some(feed)), |()| None))
}

/// A future as a stream of one item.
struct Once<F>(Option<F>);

impl<F: Future<Output = ()> + Unpin> Stream for Once<F> {
    type Item = ();

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<()>> {
        let Some(future) = self.0.as_mut() else { return std::task::Poll::Ready(None) };
        Pin::new(future).poll(context).map(|()| {
            self.0 = None;
            None
        })
    }
}

fn answer(message: Answer) -> pb::SubscribeResponse {
    pb::SubscribeResponse { message: Some(message) }
}

#[tonic::async_trait]
impl pb::log_server::Log for Broker {
    async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> Reply<pb::GetCheckpointResponse> {
        let known = self.known();
        let consistency = proof(&known, request.into_inner().known_size);
        let checkpoint = known.log.note(known.log.size());
        Ok(Response::new(pb::GetCheckpointResponse {
            checkpoint,
            consistency,
            cosigned: Vec::new(),
        }))
    }

    async fn prove_inclusion(
        &self,
        request: Request<pb::ProveInclusionRequest>,
    ) -> Reply<pb::ProveInclusionResponse> {
        let (known, index) = (self.known(), request.into_inner().index);
        let size = known.log.size();
        Ok(Response::new(pb::ProveInclusionResponse {
            leaf: known.log.shown_at(index).leaf,
            size,
            inclusion: known.log.inclusion(index, size),
            checkpoint: known.log.note(size),
        }))
    }

    async fn prove_consistency(
        &self,
        request: Request<pb::ProveConsistencyRequest>,
    ) -> Reply<pb::ProveConsistencyResponse> {
        let pb::ProveConsistencyRequest { from, to } = request.into_inner();
        let mut known = self.known();
        known.consistency_asked += 1;
        let consistency = sample::as_bytes(&known.log.consistency(from, to));
        Ok(Response::new(pb::ProveConsistencyResponse { consistency }))
    }

    async fn list_key_rotations(
        &self,
        request: Request<pb::ListKeyRotationsRequest>,
    ) -> Reply<pb::ListKeyRotationsResponse> {
        let after = request.into_inner().after;
        let known = self.known();
        let rotations = known.rotations.clone().unwrap_or_else(|| known.log.rotations());
        let mut due = rotations.iter().filter(|it| after < it.size()).map(Rotation::to_pb);
        // One at a time, as if there were many.
        let rotations = due.next().into_iter().collect();
        Ok(Response::new(pb::ListKeyRotationsResponse { rotations, more: due.next().is_some() }))
    }

    type ReadEntriesStream = Replies<pb::ReadEntriesResponse>;

    async fn read_entries(
        &self,
        request: Request<pb::ReadEntriesRequest>,
    ) -> Reply<Self::ReadEntriesStream> {
        let end = usize::try_from(request.into_inner().end).unwrap();
        if self.known().endless {
            let page = |page| {
                Ok(pb::ReadEntriesResponse { start: page * 5, entries: vec![7; 160].into() })
            };
            return Ok(Response::new(Box::pin(tokio_stream::iter((0_u64..).map(page)))));
        }
        let entries = self.known().log.entries();
        let pages: Vec<_> = (0_u64..)
            .zip(entries[..end].chunks(5))
            .map(|(page, chunk)| {
                Ok(pb::ReadEntriesResponse { start: page * 5, entries: chunk.concat().into() })
            })
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(pages))))
    }
}
