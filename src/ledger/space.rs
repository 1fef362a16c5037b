//! Want of space. The first batch that does not fit costs the private state, like any that is not kept; after it
//! nothing is decided until the disk has room again, so that nothing has to be thrown away again.

use std::time::Duration;

use super::{LedgerError, Rejection, writer::Writer};
use crate::domain::Timestamp;

/// How often the disk is asked.
const AGAIN: Duration = Duration::from_secs(1);
/// The least room to go on with, in bytes.
const ROOM_BYTES_MIN: u64 = 1 << 20;

/// That there was no space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full {
    /// When to ask the disk again.
    again: Timestamp,
    /// How much has to fit.
    bytes: u64,
}

/// What callers are told.
pub(super) const FULL: &str = "there is no space left for the journal";

impl Writer {
    /// Remembers that a batch of so many bytes did not fit.
    pub(super) fn note_full(&mut self, bytes: u64) {
        let bytes = bytes.saturating_mul(2).max(ROOM_BYTES_MIN);
        tracing::error!(bytes, "no space left: nothing is recorded or disclosed until there is");
        self.full = Some(Full { again: self.now.after(AGAIN), bytes });
    }

    /// Says why nothing can be written for want of space, in the journal or for keys made ahead.
    ///
    /// # Errors
    ///
    /// `LedgerError` where keys cannot be made for another reason.
    pub(super) fn lacks_space(
        &mut self,
        wall: Timestamp,
    ) -> Result<Option<Rejection>, LedgerError> {
        let lacks = Ok(Some(Rejection::Unavailable(FULL)));
        match self.full {
            Some(full) if wall < full.again => return lacks,
            Some(full) if !self.journal.has_room(full.bytes) => {
                self.full = Some(Full { again: wall.after(AGAIN), ..full });
                return lacks;
            }
            Some(_) | None => {}
        }
        match self.reserve_slots() {
            Err(LedgerError::Key(error)) if error.is_full() => {
                if self.full.is_none() {
                    tracing::error!(%error, "no space left for keys: nothing can be published");
                }
                self.full = Some(Full { again: wall.after(AGAIN), bytes: ROOM_BYTES_MIN });
                return lacks;
            }
            reserved => reserved?,
        }
        if self.full.take().is_some() {
            tracing::warn!("there is space again");
        }
        Ok(None)
    }
}
