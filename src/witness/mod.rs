//! Witnesses, as C2SP tlog-witness has them: whoever cosigns the checkpoints of a log, and never two of which neither
//! extends the other. Both sides stand here: the witness that an agency runs, and the broker's asking of witnesses.

mod ask;
mod cosign;
mod home;
mod memory;
mod request;
mod serve;
#[cfg(test)]
mod tests;

pub use ask::{Address, Asking, Cosigned, Fault, InvalidAddress, Standing, Witnesses};
pub use cosign::{KnownLog, Refused, Settings, Witness, WitnessError};
pub use home::{HomeError, KEY_FILE, VKEY_FILE};
pub use memory::MemoryError;
pub use serve::serve;
