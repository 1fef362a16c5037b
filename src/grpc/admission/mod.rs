//! What is checked of every request before any of it is read: how much its agency has in progress, and how
//! long it may take. What is refused here is load, never policy: it is told, logged as a count, and not recorded.

mod deadline;
mod kind;
mod layer;
mod room;
mod turned_away;

pub use layer::{Admission, Admitting, Held};
pub use room::{InProgress, Limits};
