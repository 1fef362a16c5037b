//! What waits for the writer: a bounded lane for each agency and kind of asking, drained in turn, so that
//! whoever asks too much fills no lane but its own. No lock is held across an await, and only the writer's
//! thread ever blocks.

mod gate;
mod lane;
mod lanes;
#[cfg(test)]
mod tests;

pub(super) use gate::{Entrance, Exit, NotQueued, queue};
pub(super) use lane::Lane;
