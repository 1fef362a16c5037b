//! `add-checkpoint` over HTTP/1.1: one path, one method, bodies up to a bound, few connections, each with an end. Without
//! TLS: what is sent is signed, and what is answered too.

use std::{convert::Infallible, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time};
use tokio_util::sync::CancellationToken;

use super::{
    cosign::{Refused, Witness},
    request::{BODY_BYTES_MAX, PATH, SIZE_TYPE},
};
use crate::{endpoint::Endpoint, tasks::Tasks};

const CONNECTIONS_MAX: usize = 64;
/// How long a connection may take to begin a request, the first or another.
const HEADER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one connection is kept, so that nobody holds a place for ever; what it has begun by then may end.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
const LAST_ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
const BUFFER_BYTES_MAX: usize = 16 << 10;
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers for the witness until `stop` fires; what is being answered then is answered.
pub async fn serve(
    endpoint: Endpoint,
    witness: Arc<Witness>,
    (tasks, stop): (Tasks, CancellationToken),
) {
    let ends = stop.clone();
    let answer = |socket| answer_all(socket, Arc::clone(&witness), ends.clone());
    endpoint.run(("witness-connection", CONNECTIONS_MAX), (tasks, stop), answer).await;
}

async fn answer_all(socket: TcpStream, witness: Arc<Witness>, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let witness = Arc::clone(&witness);
        async move { Ok::<_, Infallible>(respond(request, witness).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return note(served),
        () = stop.cancelled() => {}
        () = time::sleep(CONNECTION_TIMEOUT) => {}
    }
    connection.as_mut().graceful_shutdown();
    // One that takes longer than this is closed.
    if let Ok(served) = time::timeout(LAST_ANSWER_TIMEOUT, connection).await {
        note(served);
    }
}

fn note(served: Result<(), hyper::Error>) {
    if let Err(error) = served {
        tracing::debug!(%error, "a connection broke");
    }
}

async fn respond(request: Request<Incoming>, witness: Arc<Witness>) -> Response<String> {
    match (request.uri().path(), request.method()) {
        (PATH, &Method::POST) => {}
        // For whoever looks whether it lives. Its key is not told here: it would be believed.
        ("/", &Method::GET) => return text(StatusCode::OK, "portway witness\n".to_owned()),
        (PATH, _) => return not_allowed("POST"),
        ("/", _) => return not_allowed("GET"),
        _ => return text(StatusCode::NOT_FOUND, String::new()),
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let body = match time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return text(StatusCode::PAYLOAD_TOO_LARGE, String::new()),
        Err(_) => return text(StatusCode::REQUEST_TIMEOUT, String::new()),
    };
    // It waits for the disk: off the runtime's threads.
    let added = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body)).await;
    match added {
        Ok(Ok(line)) => text(StatusCode::OK, line),
        Ok(Err(refused)) => refusal(&refused),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    }
}

fn refusal(refused: &Refused) -> Response<String> {
    let said = format!("{refused}\n");
    match refused {
        Refused::BadProof => text(StatusCode::UNPROCESSABLE_ENTITY, said),
        Refused::Conflict { size } => {
            answer(StatusCode::CONFLICT, format!("{size}\n"), HeaderValue::from_static(SIZE_TYPE))
        }
        Refused::Malformed => text(StatusCode::BAD_REQUEST, said),
        Refused::Memory(error) => {
            tracing::error!(%error, "nothing can be cosigned");
            text(StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
        Refused::NotSigned => text(StatusCode::FORBIDDEN, said),
        Refused::UnknownLog => text(StatusCode::NOT_FOUND, said),
    }
}

fn not_allowed(method: &'static str) -> Response<String> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, String::new());
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(method));
    response
}

fn text(status: StatusCode, body: String) -> Response<String> {
    answer(status, body, HeaderValue::from_static(TEXT))
}

fn answer(status: StatusCode, body: String, kind: HeaderValue) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
