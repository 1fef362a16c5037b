//! The exchange as a pure state machine: a decision makes events from the state and a request, and
//! `apply` makes the next state from an event, the same way live and at a start. No I/O, no clock, no
//! async. It holds what is live, not history. P1, P3 and P4 are decided here.

mod apply;
mod bar;
mod deliver;
mod explain;
mod govern;
mod interest;
mod kept;
mod needed;
mod publish;
mod refuse;
mod retention;
mod rights;
mod snapshot;
mod state;
mod subscribe;
#[cfg(test)]
mod tests;
mod versions;

pub use apply::Content;
pub use deliver::{Disclosure, Step};
pub use explain::{Explained, Inquiry};
pub use kept::{Due, Hold, Order};
pub use needed::Needed;
pub use publish::{Publication, Submission};
pub use refuse::{Limiter, Refusing};
pub use retention::{Candidate, Holding, Holds, Loss, Orders, Release, TARGETS_MAX, Target};
pub use rights::{
    Asked, Handed, Letter, NoticeFilter, NoticeStanding, ObjectionFilter, ObjectionStanding, Owed,
    Pull,
};
pub use snapshot::{NotAState, Restoring, revision};
pub use state::{AgreementStanding, Standing, State, SubscriptionStanding, VersionState};
pub use subscribe::{CREDIT_MAX, UNACKNOWLEDGED_MAX};
