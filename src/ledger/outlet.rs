//! Where released views go. The ledger knows only that there is something that takes them and can be cut.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use bytes::Bytes;

use super::Receipt;
use crate::domain::{Bars, DeliveryCondition, Facts, Reason, Timestamp};
use crate::policy::Permit;
use crate::record::commitment::Key;

/// An open stream, as the ledger sees it: `feed` makes the real one, the simulation another.
///
/// # Contract
///
/// - `release` never blocks, and is called once for what one batch has for the stream. Whoever cannot take what its own credit allows is ended by itself.
/// - P4: when `cut` returns, nothing that was released is handed to the kernel any more, except
///   where `spare` names the connection that the stream itself runs on: then the stream is ended.
pub trait Outlet: Debug + Send + Sync {
    /// Takes what may leave, in the order of numbers.
    fn release(&self, releases: Vec<Release>);

    /// Cuts the connection. `spare` is the connection of the caller that must still be answered.
    fn cut(&self, spare: Option<u64>);

    /// Ends the stream with a reason.
    fn end(&self, reason: Reason);

    /// Ends the stream because the broker lost its state or stops: the subscriber comes back.
    fn unavailable(&self);

    /// Returns the number of the connection that the stream runs on, never used twice.
    fn connection(&self) -> u64;

    /// Tells whether whoever holds the connection may not take part any more.
    fn is_barred(&self, bars: &Bars) -> bool;

    /// Tells whether somebody still reads the stream.
    fn is_read(&self) -> bool;

    /// Tells whether the connection is cut or gone: nothing more can leave, of this stream or another.
    fn is_over(&self) -> bool;
}

/// Something that may leave, with the evidence that it may: P1 and P2 held by types.
#[derive(Clone, Debug)]
pub struct Release {
    /// What leaves.
    pub outgoing: Outgoing,
    /// That the record of it is durable.
    pub receipt: Receipt,
    /// Number in the subscription.
    pub number: u64,
    /// Position to acknowledge.
    pub position: Bytes,
}

/// What leaves.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A view.
    Delivery(Delivery),
    /// A number that is not delivered, and why.
    Skipped(Reason),
}

impl Outgoing {
    /// Returns until when it may leave; nothing where it tells of no alert.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Delivery(delivery) => Some(delivery.permit.until()),
            Self::Skipped(_) => None,
        }
    }
}

/// A view that may leave.
#[derive(Clone)]
pub struct Delivery {
    /// The passed check.
    pub permit: Permit,
    /// What has to be before it leaves, beside its record: whoever hands it on waits for that.
    pub condition: DeliveryCondition,
    /// The alert's facts, for the log line.
    pub facts: Arc<Facts>,
    /// The exact bytes.
    pub view: Bytes,
    /// Key of the commitment to them.
    pub view_key: Key,
    /// Index of the record that commits to them.
    pub index: u64,
    /// That record as stored.
    pub record: Bytes,
    /// Salt of its commitment.
    pub salt: Key,
    /// It was sent before.
    pub redelivery: bool,
}

/// Neither the view nor its key stands in a log line.
impl Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("index", &self.index).finish_non_exhaustive()
    }
}
