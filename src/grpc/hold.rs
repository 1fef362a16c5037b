//! Holds an answer to the moment until which it may leave, or to its withdrawal. P1 is about the moment of
//! leaving: a large answer waits for its reader above the socket, and what has not been read by then is not
//! handed out.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Frame;
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};

use crate::domain::{Clock, Timestamp};

/// How much is handed on at a time: what may be on its way to a reader that has stopped reading, in bytes.
const PART_BYTES: usize = 16 << 10;

/// Until when an answer may leave: stands among its extensions.
#[derive(Clone, Debug)]
pub(super) struct Until {
    pub(super) at: Timestamp,
    pub(super) clock: Arc<dyn Clock>,
    /// Fires where it may not leave any more, whatever the time.
    pub(super) ended: CancellationToken,
}

/// Holds an answer that says until when it may leave.
pub fn hold(mut response: http::Response<Body>) -> http::Response<Body> {
    match response.extensions_mut().remove::<Until>() {
        None => response,
        Some(until) => {
            response.map(|whole| Body::new(Held { whole, rest: Bytes::new(), until: Some(until) }))
        }
    }
}

struct Held {
    whole: Body,
    rest: Bytes,
    /// None once its time was over.
    until: Option<Until>,
}

type Part = Option<Result<Frame<Bytes>, Status>>;

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Part> {
        let Some(until) = self.until.clone() else { return Poll::Ready(None) };
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.whole).poll_frame(context)) {
                Some(Ok(frame)) => frame.into_data(),
                other => return Poll::Ready(other),
            };
            match frame {
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        if until.ended.is_cancelled() || until.at <= until.clock.now() {
            (self.until, self.rest) = (None, Bytes::new());
            return Poll::Ready(Some(Err(Status::unavailable("it may not leave any more"))));
        }
        let size = self.rest.len().min(PART_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(size)))))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::atomic::{AtomicU64, Ordering},
    };

    use http_body::Body as _;

    use super::*;

    #[derive(Debug, Default)]
    struct Hands(AtomicU64);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(self.0.load(Ordering::Relaxed))
        }
    }

    /// Gives these frames.
    struct Frames(VecDeque<Frame<Bytes>>);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Part> {
            Poll::Ready(self.0.pop_front().map(Ok))
        }
    }

    /// An answer of two and a half parts that may leave until 10, the clock, and what ends it before.
    fn answer() -> (Body, Arc<Hands>, CancellationToken) {
        let clock = Arc::new(Hands::default());
        let data = Frame::data(Bytes::from(vec![7; PART_BYTES * 5 / 2]));
        let frames = [data, Frame::trailers(http::HeaderMap::new())];
        let mut response = http::Response::new(Body::new(Frames(frames.into())));
        let ended = CancellationToken::new();
        let at = Timestamp::from_ms(10);
        let until = Until { at, clock: Arc::<Hands>::clone(&clock), ended: ended.clone() };
        response.extensions_mut().insert(until);
        (hold(response).into_body(), clock, ended)
    }

    fn next(body: &mut Body) -> Part {
        match Pin::new(body).poll_frame(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(part) => part,
            Poll::Pending => panic!("nothing to wait for"),
        }
    }

    fn size(body: &mut Body) -> usize {
        next(body).expect("a frame").expect("no error").into_data().expect("data").len()
    }

    #[test]
    fn an_answer_that_is_read_in_time_is_whole() {
        let (mut body, clock, _) = answer();
        assert_eq!([size(&mut body), size(&mut body)], [PART_BYTES; 2]);
        clock.0.store(9, Ordering::Relaxed);
        assert_eq!(size(&mut body), PART_BYTES / 2);
        // What it is about has left: its end may come later.
        clock.0.store(10, Ordering::Relaxed);
        assert!(next(&mut body).expect("trailers").expect("no error").is_trailers());
        assert!(next(&mut body).is_none());
    }

    #[test]
    fn what_was_not_read_in_time_is_not_handed_out() {
        let (mut body, clock, _) = answer();
        size(&mut body);
        clock.0.store(10, Ordering::Relaxed);
        next(&mut body).expect("an end").expect_err("too late");
        assert!(next(&mut body).is_none());
    }

    #[test]
    fn what_was_not_read_before_it_was_withdrawn_is_not_handed_out() {
        let (mut body, _, ended) = answer();
        size(&mut body);
        ended.cancel();
        next(&mut body).expect("an end").expect_err("withdrawn");
        assert!(next(&mut body).is_none());
    }

    #[test]
    fn an_answer_without_an_end_is_left_alone() {
        let data = Frame::data(Bytes::from(vec![7; PART_BYTES * 3]));
        let response = http::Response::new(Body::new(Frames([data].into())));
        assert_eq!(size(&mut hold(response).into_body()), PART_BYTES * 3);
    }
}
