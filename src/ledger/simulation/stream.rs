//! A subscriber's side of a stream: what it was promised, what it has got.

use crate::domain::{AgencyId, AgreementId};
use crate::ledger::StreamKey;

/// A stream as its subscriber knows it.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) agency: AgencyId,
    pub(super) key: Option<StreamKey>,
    /// It was asked for and has not ended.
    pub(super) open: bool,
    /// Its subscriber has closed it.
    pub(super) closed: bool,
    /// Its connection was cut: nothing that it was given leaves any more.
    pub(super) cut: bool,
    /// The credit given in sum.
    pub(super) credit: u64,
    pub(super) deliveries: u64,
    /// The number that comes next; none before the opening was answered.
    pub(super) next: Option<u64>,
    pub(super) got: Vec<Got>,
}

/// A number that came.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) number: u64,
    /// The agreement it came under; none where it was told as skipped.
    pub(super) agreement: Option<AgreementId>,
    /// The record that published it; none where it was told as skipped.
    pub(super) published: Option<u64>,
    pub(super) position: bytes::Bytes,
}

impl Stream {
    pub(super) fn new(agency: AgencyId, credit: u64) -> Self {
        let (key, next, got) = (None, None, Vec::new());
        let (closed, cut) = (false, false);
        Self { agency, key, open: true, closed, cut, credit, deliveries: 0, next, got }
    }

    pub(super) fn last(&self) -> u64 {
        self.got.last().map_or(0, |it| it.number)
    }

    /// Tells whether anything may still come on it.
    pub(super) const fn listens(&self) -> bool {
        self.open && !self.closed
    }

    pub(super) fn is_of(&self, subscription: u64) -> bool {
        self.key.is_some_and(|key| key.subscription == subscription)
    }
}
