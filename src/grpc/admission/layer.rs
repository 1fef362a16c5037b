//! The layer around all services. It reads headers only; the body is read by whoever is let in.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{BoxFuture, Service},
};
use tower::Layer;

use super::{
    deadline,
    kind::{Kind, Kinds},
    room::{InProgress, Limits, Room, Rooms},
    turned_away::TurnedAway,
};
use crate::grpc::status;
use crate::identity::Peer;
use crate::pb;

/// How soon to try again where calls, or streams, of the same agency have to end first.
const CALL_AGAIN: Duration = Duration::from_millis(100);
const STREAM_AGAIN: Duration = Duration::from_secs(1);

/// Lets requests in. Clones share what they count.
#[derive(Clone, Debug)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    kinds: Kinds,
    rooms: Rooms,
    call_timeout: Duration,
    turned_away: TurnedAway,
}

impl Admission {
    /// Makes the layer.
    ///
    /// # Errors
    ///
    /// `prost::DecodeError` where the descriptors that were compiled in are damaged.
    pub fn new(limits: Limits) -> Result<Self, prost::DecodeError> {
        let kinds = Kinds::read(&[
            pb::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ])?;
        let call_timeout = limits.call_timeout;
        let (rooms, turned_away) = (Rooms::new(limits), TurnedAway::default());
        Ok(Self(Arc::new(Shared { kinds, rooms, call_timeout, turned_away })))
    }

    /// Returns what each agency has in progress.
    pub fn in_progress(&self) -> Vec<InProgress> {
        self.0.rooms.in_progress()
    }

    /// Returns how many requests were turned away since the start, by reason.
    pub fn turned_away(&self) -> Vec<(&'static str, u64)> {
        self.0.turned_away.counts()
    }

    /// Writes a log line for each agency that was turned away since the last time.
    pub fn report(&self) {
        self.0.rooms.report();
    }
}

impl<S> Layer<S> for Admission {
    type Service = Admitting<S>;

    fn layer(&self, inner: S) -> Admitting<S> {
        Admitting { inner, shared: Arc::clone(&self.0) }
    }
}

/// A service that lets requests in.
#[derive(Clone, Debug)]
pub struct Admitting<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request<Body>> for Admitting<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Held>;
    type Error = S::Error;
    type Future = BoxFuture<Response<Held>, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (room, place) = match self.shared.admit(&request) {
            Ok(admitted) => admitted,
            Err(status) => return Box::pin(std::future::ready(Ok(Held::refusal(status)))),
        };
        let within = deadline::of(request.headers(), self.shared.call_timeout);
        let answer = self.inner.call(request);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let Ok(answered) = tokio::time::timeout(within, answer).await else {
                return Ok(Held::refusal(status::too_slow()));
            };
            let mut response = answered?;
            if let Some(status) = turned_away(response.headers()) {
                room.count();
                shared.turned_away.count(&status);
            }
            if let Some(unread) = response.extensions_mut().remove::<Status>()
                && let Some(status) = status::of_unread(&unread)
            {
                return Ok(Held::refusal(status));
            }
            Ok(response.map(|body| Held { body, _place: Some(place) }))
        })
    }
}

impl Shared {
    fn admit(&self, request: &Request<Body>) -> Result<(Arc<Room>, OwnedSemaphorePermit), Status> {
        // Deny by default: a request that did not come over one of our connections has no peer.
        let peer = request.extensions().get::<Peer>().ok_or_else(status::unknown_caller)?;
        let kind = self.kinds.of(request.uri().path());
        let room = self.rooms.of(&peer.caller.seat);
        let Some(place) = room.enter(kind) else {
            room.count();
            let status = match kind {
                Kind::Call | Kind::Governance => status::too_many("TOO_MANY_CALLS", CALL_AGAIN),
                Kind::Stream => status::too_many("TOO_MANY_STREAMS", STREAM_AGAIN),
            };
            self.turned_away.count(&status);
            return Err(status);
        };
        Ok((room, place))
    }
}

/// Tells an answer that is a refusal for load, such as `BUSY` or `RATE_EXCEEDED`: it has no body, so that its
/// status stands in the headers.
fn turned_away(headers: &HeaderMap) -> Option<Status> {
    Status::from_header_map(headers).filter(|it| it.code() == Code::ResourceExhausted)
}

/// The body of an answer, and the place that it takes until it has been sent or dropped.
#[derive(Debug)]
pub struct Held {
    body: Body,
    _place: Option<OwnedSemaphorePermit>,
}

impl Held {
    fn refusal(status: Status) -> Response<Self> {
        status.into_http().map(|body| Self { body, _place: None })
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
