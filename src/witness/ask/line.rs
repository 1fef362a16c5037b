//! HTTP/1.1 to one witness, over a connection that is kept as long as both sides like.

use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

use super::{Address, Fault};
use crate::tasks::Tasks;

/// How long one question and its answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer: cosignatures of some keys.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// The way to a witness.
#[derive(Debug)]
pub(super) struct Line {
    address: Address,
    tasks: Tasks,
    open: Option<SendRequest<String>>,
}

/// What a witness answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Line {
    pub(super) const fn new(address: Address, tasks: Tasks) -> Self {
        Self { address, tasks, open: None }
    }

    /// Asks, and returns the answer. To ask twice is as good as once.
    pub(super) async fn post(&mut self, body: &str) -> Result<Answer, Fault> {
        let answer = time::timeout(TIMEOUT, self.try_twice(body)).await;
        let answer = answer.map_err(|_| Fault::TooSlow).flatten();
        if answer.is_err() {
            self.open = None;
        }
        answer
    }

    /// A connection that was kept may have been closed by the other side: that says nothing about the witness.
    async fn try_twice(&mut self, body: &str) -> Result<Answer, Fault> {
        if let Some(open) = self.open.take()
            && let Ok(answer) = self.post_over(open, body).await
        {
            return Ok(answer);
        }
        let fresh = self.connect().await?;
        self.post_over(fresh, body).await
    }

    async fn connect(&self) -> Result<SendRequest<String>, Fault> {
        let tcp = TcpStream::connect(self.address.socket()).await;
        let tcp = tcp.map_err(|_| Fault::Unreachable)?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(tcp)).await.map_err(|_| Fault::Unreachable)?;
        self.tasks.spawn("witness-line", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to a witness broke");
            }
        });
        Ok(sender)
    }

    async fn post_over(
        &mut self,
        mut open: SendRequest<String>,
        body: &str,
    ) -> Result<Answer, Fault> {
        open.ready().await.map_err(|_| Fault::Unreachable)?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.address.path())
            .header(header::HOST, self.address.authority())
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(body.to_owned())
            .map_err(|_| Fault::Answer)?;
        let response = open.send_request(request).await.map_err(|_| Fault::Unreachable)?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|_| Fault::Answer)?.to_bytes();
        let body = str::from_utf8(&body).map_err(|_| Fault::Answer)?.to_owned();
        self.open = Some(open);
        Ok(Answer { status: head.status, body })
    }
}
