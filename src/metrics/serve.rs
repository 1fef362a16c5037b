//! HTTP/1.1 on the loopback: one path, one method, no body read, few connections, each with an end.

use std::{convert::Infallible, time::Duration};

use http::{Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time};
use tokio_util::sync::CancellationToken;

use super::Watched;
use crate::{endpoint::Endpoint, tasks::Tasks};

/// Where the page stands.
pub const PATH: &str = "/metrics";

const CONNECTIONS_MAX: usize = 8;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
const BUFFER_BYTES_MAX: usize = 16 << 10;
/// Version 0.0.4 of the text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Shows what is watched to whoever asks, until `stop` fires.
pub fn serve(endpoint: Endpoint, watched: Watched, tasks: &Tasks, stop: CancellationToken) {
    let ends = stop.clone();
    let answer_one = move |socket| {
        let (watched, ends) = (watched.clone(), ends.clone());
        async move {
            let answering = time::timeout(CONNECTION_TIMEOUT, answer(socket, watched));
            // One that takes too long, or that the stop finds open, is closed.
            let _ended = ends.run_until_cancelled(answering).await;
        }
    };
    let place = ("metrics-connection", CONNECTIONS_MAX);
    let serving = endpoint.run(place, (tasks.clone(), stop.clone()), answer_one);
    tasks.keep("metrics", stop, serving);
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
