//! Whoever asks for too much is told so, and when to come again; nobody else notices, and nothing is recorded of it.

mod kept;
mod load;
mod places;
mod space;
mod unreadable;

use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Checks that a limit of load was met: what it is, and when to come again.
fn check_load(status: &Status, reason: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let told = status.get_error_details();
    let info = told.error_info().expect("ErrorInfo");
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("portway", reason));
    assert_eq!(info.metadata.get("decision"), None, "nothing was decided");
    let again = told.retry_info().and_then(|it| it.retry_delay).expect("RetryInfo");
    assert!(Duration::ZERO < again && again <= Duration::from_secs(1), "{again:?}");
}

/// Something that goes on beside the test.
struct Aside<T>(JoinSet<T>, AbortHandle);

impl<T: Send + 'static> Aside<T> {
    fn begin(work: impl Future<Output = T> + Send + 'static) -> Self {
        let mut set = JoinSet::new();
        let handle = set.spawn(work);
        Self(set, handle)
    }

    fn is_finished(&self) -> bool {
        self.1.is_finished()
    }

    async fn end(mut self) -> T {
        self.0.join_next().await.expect("it was begun").unwrap()
    }
}
