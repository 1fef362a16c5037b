//! HTTP/1.1 on the loopback: one path, one method, no body read, few connections, each with an end.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time,
};
use tokio_util::sync::CancellationToken;

use super::Watched;
use crate::tasks::Tasks;

/// Where the page stands.
pub const PATH: &str = "/metrics";

const CONNECTIONS_MAX: usize = 8;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
const BUFFER_BYTES_MAX: usize = 16 << 10;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Version 0.0.4 of the text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A bound socket.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    local_address: SocketAddr,
}

impl Endpoint {
    /// Binds the socket.
    ///
    /// # Errors
    ///
    /// The system's, where the address cannot be bound.
    pub async fn bind(listen: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let local_address = listener.local_addr()?;
        Ok(Self { listener, local_address })
    }

    /// Returns the address it is bound to.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_address
    }

    /// Shows what is watched to whoever asks, until `stop` fires.
    pub fn serve(self, watched: Watched, tasks: &Tasks, stop: CancellationToken) {
        let serving = self.run(watched, tasks.clone(), stop.clone());
        tasks.keep("metrics", stop, serving);
    }

    async fn run(self, watched: Watched, tasks: Tasks, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while let Some(Ok(place)) =
            stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await
        {
            let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await else {
                return;
            };
            match accepted {
                Ok((socket, _)) => {
                    let (watched, stop) = (watched.clone(), stop.clone());
                    tasks.spawn("metrics-connection", async move {
                        let answering = time::timeout(CONNECTION_TIMEOUT, answer(socket, watched));
                        // One that takes too long, or that the stop finds open, is closed.
                        let _ended = stop.run_until_cancelled(answering).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn answer(socket: TcpStream, watched: Watched) {
    let service = service_fn(move |request| {
        let response = respond(&request, &watched);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        // One answer each: nobody keeps a place between two of them.
        .keep_alive(false)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection for metrics broke");
    }
}

fn respond(request: &Request<Incoming>, watched: &Watched) -> Response<String> {
    let status = match (request.uri().path(), request.method()) {
        (PATH, &Method::GET) => StatusCode::OK,
        (PATH, _) => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::NOT_FOUND,
    };
    let is_found = status == StatusCode::OK;
    let mut response = Response::new(if is_found { watched.page() } else { String::new() });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(CONTENT_TYPE));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, header::HeaderValue::from_static("GET"));
    }
    response
}
