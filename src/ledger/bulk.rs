//! Commands of a caller that asks for many things at once and bounds them itself: they wait for a place in
//! the queue instead of being told that it is full, and their answers are fetched later.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::oneshot;

use super::{Ledger, PublishAnswer, Rejection, command::Command};
use crate::domain::{Act, AlertId, AlertRef, Caller, Draft, Refusal};

/// The answer to a command that is in the queue. Dropping it takes nothing back.
#[derive(Debug)]
pub struct Answered<T>(pub(super) oneshot::Receiver<Result<T, Rejection>>);

impl<T> Future for Answered<T> {
    type Output = Result<T, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let stopped = Err(Rejection::Unavailable("the writer stopped"));
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(stopped))
    }
}

impl Ledger {
    /// Puts an alert into the queue to be published, once the agency's rate and its bulk lane have room. The
    /// answer is never [`Rejection::Busy`] or [`Rejection::RateExceeded`]. Alerts are published in the order in which they were given places.
    pub async fn publish_in_turn(
        &self,
        by: Caller,
        id: AlertId,
        (draft, rectifies): (Draft, Option<AlertRef>),
    ) -> Answered<PublishAnswer> {
        self.keep_to_the_rate(&by).await;
        let (asker, draft) = (by.clone(), Box::new(draft));
        self.submit_in_turn(&asker, |answer| Command::Publish { by, id, draft, rectifies, answer })
            .await
    }

    /// Puts a refusal that was found before the ledger was asked into the queue to be recorded, once there
    /// is a place for it. The answer is a rejection: of it, or that it could not be recorded.
    pub async fn refuse_in_turn(&self, by: Caller, act: Act, refusal: Refusal) -> Answered<()> {
        self.submit_in_turn(&by.clone(), |answer| Command::Refuse { by, act, refusal, answer })
            .await
    }
}
