//! Backups of the log: journal and keys are copied beside a running broker, verified as a log and not only as files,
//! and put back so that nothing that was erased since comes back with them (P5).

mod again;
mod restore;
mod take;
mod verify;

pub use restore::{Behind, RestoreFrom, Restored, restore, standing};
pub use take::{BackedUp, back_up};
pub use verify::{VerifiedBackup, journal_of_backup, verify_backup};
