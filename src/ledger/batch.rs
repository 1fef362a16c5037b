//! What one turn of the writer gathers before it is durable: frames, answers, releases, cuts.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Commit, Outgoing, Outlet, Rejection,
    command::{Answer, Command},
    rotation::Rotating,
};
use crate::journal::Frame;
use crate::merkle::{Hash, Signer};
use crate::policy::Rules;

/// Something to do once the batch is durable, or known not to be.
pub(super) type Afterwards = Box<dyn FnOnce(Result<&Arc<Commit>, &Rejection>) + Send>;

/// A turn's work.
#[derive(Default)]
pub(super) struct Work {
    pub(super) frames: Vec<Frame>,
    pub(super) hashes: Vec<Hash>,
    /// Answers to those who published: they wait for no release.
    pub(super) receipts: Vec<Afterwards>,
    pub(super) afterwards: Vec<Afterwards>,
    /// What each subscription's stream is sent, in the order of numbers.
    pub(super) releases: BTreeMap<u64, (Arc<dyn Outlet>, Vec<Ready>)>,
    /// Streams to cut before anything is answered; with the connection to spare.
    pub(super) cuts: Vec<(Arc<dyn Outlet>, Option<u64>)>,
    /// Streams that another has taken the place of.
    pub(super) fenced: Vec<Arc<dyn Outlet>>,
    /// A rotation of the log's key that was asked for.
    pub(super) rotating: Option<Rotating>,
    /// The key to which the batch hands over.
    pub(super) next: Option<Signer>,
    /// Slots whose keys are destroyed once the batch is durable.
    pub(super) slots: Vec<u64>,
    /// What is done once they are.
    pub(super) destroyed: Vec<Afterwards>,
    /// The rules that were in force before the batch, where it changes them.
    pub(super) replaced: Option<Arc<Rules>>,
}

/// Something to release once the batch is durable.
pub(super) struct Ready {
    pub(super) outgoing: Outgoing,
    pub(super) number: u64,
    pub(super) position: bytes::Bytes,
    /// Index of the record that the release waits for.
    pub(super) index: u64,
}

impl Work {
    /// Answers with what `value` makes of the commit, once there is one.
    pub(super) fn answer<T: Send + 'static>(
        &mut self,
        answer: Answer<T>,
        value: impl FnOnce(&Arc<Commit>) -> T + Send + 'static,
    ) {
        self.afterwards.push(answering(answer, value));
    }

    /// Answers who published likewise, before anything is released.
    pub(super) fn receipt<T: Send + 'static>(
        &mut self,
        answer: Answer<T>,
        value: impl FnOnce(&Arc<Commit>) -> T + Send + 'static,
    ) {
        self.receipts.push(answering(answer, value));
    }

    /// P5: answers once the batch is durable and the keys that it erases are destroyed.
    pub(super) fn answer_destroyed<T: Send + 'static>(&mut self, answer: Answer<T>, value: T) {
        self.destroyed.push(Box::new(move |outcome| {
            drop(answer.send(outcome.map(|_| value).map_err(Clone::clone)));
        }));
    }

    /// Answers a command that is not done, once the record of that is durable.
    pub(super) fn reject_command(&mut self, command: Command, rejection: Rejection) {
        self.afterwards.push(Box::new(move |outcome| {
            command.reject(outcome.err().unwrap_or(&rejection));
        }));
    }

    /// Answers with a rejection, once the record of it is durable.
    pub(super) fn reject<T: Send + 'static>(&mut self, answer: Answer<T>, rejection: Rejection) {
        self.afterwards.push(Box::new(move |outcome| {
            let result = Err(outcome.err().copied().unwrap_or(rejection));
            drop(answer.send(result));
        }));
    }
}

fn answering<T: Send + 'static>(
    answer: Answer<T>,
    value: impl FnOnce(&Arc<Commit>) -> T + Send + 'static,
) -> Afterwards {
    Box::new(move |outcome| {
        let result = outcome.map(value).map_err(Clone::clone);
        // A caller that went away needs no answer.
        drop(answer.send(result));
    })
}
