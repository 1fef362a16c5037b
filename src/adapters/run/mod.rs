//! A run over an extract that can be interrupted: what was sent, and what was answered. The same event is
//! published once, however often the run is begun again, and where that cannot be known it says so.

mod error;
mod receipts;
mod state;

pub use error::RunError;
pub use receipts::Receipts;
pub use state::Run;
