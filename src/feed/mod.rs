//! From the durable record to a view in the stream: proofs, running numbers, heartbeats, notices, and the
//! end of it all. P2 and P4: it sends only what the ledger released, and drops what is withdrawn.

mod endings;
mod follow;
mod held;
mod message;
mod outlet;
mod pull;
mod stream;

pub use follow::{Asked, Follower, Opened, follow, open};
pub use held::Witnessed;
pub use pull::{Batch, pull};
pub use stream::{Closed, FeedStream};
