//! The typed client: connects as an identity, calls the broker, and believes nothing it is told before it
//! has verified it. What it remembers of the log stands beside the identity, so that a broker that
//! forgets, forks or rewrites its log is caught by the next call. It never decides what may be shared.

mod access;
mod audit;
mod backoff;
mod certificates;
mod complete;
mod connection;
mod delivery;
mod entry;
mod error;
pub mod export;
mod fault;
mod follow;
mod gaps;
mod governance;
mod identity;
pub mod json;
mod keys;
mod log;
mod memory;
mod notices;
mod operate;
mod publish;
mod publish_many;
mod pull;
mod query;
mod receipt;
pub mod reconcile;
mod retention;
mod rights;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
pub mod verify;
mod witnessed;

pub use audit::{Seal, Sealed};
pub use backoff::Backoff;
pub use complete::{Complete, Range};
pub use connection::Connection;
pub use error::{Error, Retry};
pub use fault::Fault;
pub use follow::{CREDIT_MAX, Delivered, FollowOptions, Follower, Incoming};
pub use identity::Identity;
pub use memory::{Adoption, Memory, Seen};
pub use notices::{NOTICES_MAX, PulledNotices};
pub use operate::Operator;
pub use publish_many::{Outcome, Publishing, Submission};
pub use pull::{PullOptions, Pulled};
pub use query::{Page, Query};
pub use receipt::{Asked, verify_receipt};
pub use witnessed::{Witnessed, witness_keys};
