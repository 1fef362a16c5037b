//! The floor as a server: the real acceptor, and three calls without generated code.

use std::{
    convert::Infallible,
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::{Request as HttpRequest, Response as HttpResponse};
use tokio::sync::{mpsc, watch};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    server::{Grpc, NamedService},
    transport::server::Server,
};
use tower::{Service, service_fn};

use super::{
    FLOW, PUBLISH, SUBSCRIBE, number,
    store::{self, Delivered, Job, Queue},
};
use crate::{
    bench::{BenchError, plain::Plain},
    config::Settings,
    domain::{Clock, SystemClock},
    identity::{Acceptor, Trust},
    tasks::Tasks,
};

/// A server of the floor, listening.
#[derive(Debug)]
pub(in crate::bench) struct Listening {
    /// Where.
    pub(in crate::bench) address: String,
    serving: Pin<Box<Serving>>,
}

struct Serving(Pin<Box<dyn Future<Output = Result<(), tonic::transport::Error>> + Send>>);

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Serving")
    }
}

impl Listening {
    /// Serves until the process ends.
    pub(in crate::bench) async fn run(mut self) -> Result<(), BenchError> {
        self.serving.as_mut().0.as_mut().await.map_err(BenchError::task)
    }
}

/// Starts the floor with a broker's certificates and CAs, and its store in `dir`.
pub(in crate::bench) async fn serve(config: &Path, dir: &Path) -> Result<Listening, BenchError> {
    let settings = Settings::read(config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let trust = Trust::load(&settings.trust, clock.now()).map_err(BenchError::task)?;
    let trust = watch::Sender::new(Arc::new(trust));
    let nobody = watch::channel(Arc::default()).1;
    let acceptor = Acceptor::bind(settings.acceptor, (trust.subscribe(), nobody), clock);
    let acceptor = acceptor.map_err(BenchError::task)?;
    let address = acceptor.local_addr().to_string();
    let queue = store::start(dir).map_err(BenchError::task)?;
    let floor = Floor { queue, parties: Arc::default() };
    let serving = async move {
        let incoming = acceptor.accept(&Tasks::new(), CancellationToken::new());
        let served = Server::builder().add_service(floor).serve_with_incoming(incoming).await;
        // Kept until here: the acceptor's trust ends with it.
        drop(trust);
        served
    };
    Ok(Listening { address, serving: Box::pin(Serving(Box::pin(serving))) })
}

#[derive(Clone, Debug)]
struct Floor {
    queue: Arc<Queue>,
    /// How many publishers and consumers there have been.
    parties: Arc<AtomicU64>,
}

impl NamedService for Floor {
    const NAME: &'static str = "portway.bench.Floor";
}

impl Service<HttpRequest<Body>> for Floor {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let floor = self.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let call = service_fn(move |request: Request<Streaming<Bytes>>| {
                let (floor, path) = (floor.clone(), path.clone());
                async move { floor.answer(&path, request.into_inner()) }
            });
            Ok(Grpc::new(Plain).streaming(call, request).await)
        })
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<Bytes, Status>> + Send>>;

impl Floor {
    fn answer(&self, path: &str, said: Streaming<Bytes>) -> Result<Response<Answers>, Status> {
        match path {
            PUBLISH => Ok(Response::new(self.publish(said))),
            SUBSCRIBE => Ok(Response::new(self.subscribe(said))),
            FLOW => Ok(Response::new(flow(said))),
            _ => Err(Status::unimplemented("no such call")),
        }
    }

    fn publish(&self, mut said: Streaming<Bytes>) -> Answers {
        let (answers, queue) = mpsc::channel(store::WAITING_MAX);
        let publisher = self.parties.fetch_add(1, Ordering::Relaxed);
        self.queue.push(Job::Publisher { publisher, answers });
        let floor = self.clone();
        Tasks::new().spawn("floor-publisher", async move {
            while let Some(Ok(payload)) = said.next().await {
                floor.queue.push(Job::Message { publisher, payload });
            }
            floor.queue.push(Job::Gone { who: publisher });
        });
        Box::pin(ReceiverStream::new(queue).map(Ok))
    }

    /// The first answer, without a message, says that the stream is open.
    fn subscribe(&self, mut said: Streaming<Bytes>) -> Answers {
        let (deliveries, queue) = mpsc::channel::<Delivered>(store::WAITING_MAX);
        let consumer = self.parties.fetch_add(1, Ordering::Relaxed);
        self.queue.push(Job::Consumer { consumer, deliveries });
        let floor = self.clone();
        Tasks::new().spawn("floor-consumer", async move {
            while let Some(Ok(position)) = said.next().await {
                if let Some((number, _)) = number(&position) {
                    floor.queue.push(Job::Acknowledged { consumer, number });
                }
            }
            floor.queue.push(Job::Gone { who: consumer });
        });
        let opened = tokio_stream::once(Ok(Bytes::new()));
        Box::pin(opened.chain(Deliveries { queue, batch: None }))
    }
}

/// Deliveries one by one.
struct Deliveries {
    queue: mpsc::Receiver<Delivered>,
    /// The number of the next, the messages, and the place of the next.
    batch: Option<(u64, Arc<[Bytes]>, usize)>,
}

impl Stream for Deliveries {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some((number, messages, place)) = &mut self.batch
                && let Some(message) = messages.get(*place)
            {
                let mut delivery = BytesMut::with_capacity(8 + message.len());
                delivery.put_u64(*number);
                delivery.extend_from_slice(message);
                *number += 1;
                *place += 1;
                return Poll::Ready(Some(Ok(delivery.freeze())));
            }
            match self.queue.poll_recv(context) {
                Poll::Ready(Some((first, messages))) => self.batch = Some((first, messages, 0)),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// The same message again and again: the bare stream. The first thing said is how many.
fn flow(mut said: Streaming<Bytes>) -> Answers {
    let (sender, receiver) = mpsc::channel(1);
    Tasks::new().spawn("floor-flow", async move {
        // Whoever asks for nothing gets nothing.
        if let Some(Ok(asked)) = said.next().await
            && let Some((count, message)) = number(&asked)
        {
            drop(sender.send((count, Bytes::copy_from_slice(message))).await);
        }
    });
    Box::pin(Flow { asked: receiver, left: None })
}

struct Flow {
    asked: mpsc::Receiver<(u64, Bytes)>,
    left: Option<(u64, Bytes)>,
}

impl Stream for Flow {
    type Item = Result<Bytes, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left.is_none() {
            match self.asked.poll_recv(context) {
                Poll::Ready(asked) => self.left = asked,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(match &mut self.left {
            Some((left, message)) if *left > 0 => {
                *left -= 1;
                Some(Ok(message.clone()))
            }
            Some(_) | None => None,
        })
    }
}
