//! The way to ask for another generation of certificates, CAs, CRLs, agency table and rules.

use tokio::sync::{mpsc, oneshot};

use crate::domain::{Caller, ReloadCause};

/// A generation that came into force.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Index of its record.
    pub index: u64,
    /// SHA-256 over the content of its files.
    pub digest: [u8; 32],
    /// Connections that it does not let in, and that were cut.
    pub cut: usize,
}

/// Somebody asks for a generation to be read.
#[derive(Debug)]
pub struct Asked {
    /// Who; nobody where a signal was sent.
    pub by: Option<Caller>,
    /// Why.
    pub cause: ReloadCause,
    /// The way to answer: with the file and its fault, where the generation is refused.
    pub answer: Option<oneshot::Sender<Result<Taken, String>>>,
}

/// The way to ask. Clones ask the same.
#[derive(Clone, Debug)]
pub struct Reloading(mpsc::Sender<Asked>);

impl Reloading {
    /// Makes the way to ask, and where it is answered.
    pub fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (asks, asked) = mpsc::channel(ASKED_MAX);
        (Self(asks), asked)
    }

    /// Asks for an operator. Returns what is wrong where the generation is refused, and nothing where the broker
    /// stops.
    pub async fn ask(&self, by: Caller) -> Option<Result<Taken, String>> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked { by: Some(by), cause: ReloadCause::Request, answer: Some(answer) };
        self.0.send(asked).await.ok()?;
        answered.await.ok()
    }

    /// Asks because a signal was sent. One that waits already will do for this one too.
    pub fn signal(&self) {
        let asked = Asked { by: None, cause: ReloadCause::Signal, answer: None };
        if self.0.try_send(asked).is_err() {
            tracing::warn!("a reload is waiting already");
        }
    }
}

/// How many may wait to be asked.
const ASKED_MAX: usize = 16;
