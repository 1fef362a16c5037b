//! The broker as a process: builds each room once, runs them, and stops them in order within a bound.

mod build;
mod descriptors;
mod local;
mod notices;
mod reload;
mod telemetry;

pub use build::{Server, ServerError};
pub use descriptors::reserve;
pub use telemetry::log_to_stderr;
