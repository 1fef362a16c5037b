//! Retention as others see it: what officers ask for, and what is done because its time is over.

use super::{
    Approved, Ledger, LedgerError, command::Command, handle::Done, retention::RetentionCommand,
};
use crate::domain::{Caller, ErasureReason, Timestamp};
use crate::exchange::{Candidate, Due, Holding, Holds, Orders, Target};
use crate::record::{Event, Published, Sealed};

/// How many entries of the log make a block.
const BLOCK: u64 = 1024;

impl Target {
    /// Takes what is asked of an alert from its record.
    pub fn of(index: u64, published: &Published) -> Self {
        Self {
            sealed: Sealed { index, slot: published.slot },
            publisher: published.facts.publisher.clone(),
            delete_after: published.facts.delete_after,
        }
    }
}

impl Ledger {
    /// Orders an erasure; returns the index of its record.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn order_erasure(
        &self,
        by: Caller,
        reason: ErasureReason,
        targets: Vec<Target>,
    ) -> Done<u64> {
        self.retain(&by.clone(), |answer| RetentionCommand::Order { by, reason, targets, answer })
            .await
    }

    /// Approves an order. P5: once this is answered, the keys of what is erased are destroyed.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish). `Rejection::Unavailable` may also mean that a key could not be destroyed
    /// yet; that is tried again until it is.
    pub async fn approve_erasure(&self, by: Caller, order: u64) -> Done<Approved> {
        self.retain(&by.clone(), |answer| RetentionCommand::Approve { by, order, answer }).await
    }

    /// Withdraws an order; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn withdraw_erasure(&self, by: Caller, order: u64) -> Done<u64> {
        self.retain(&by.clone(), |answer| RetentionCommand::Withdraw { by, order, answer }).await
    }

    /// Holds an alert; returns the index of the record. P4: once this is answered, it is not disclosed any more.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn hold_evidence(&self, by: Caller, target: Target, holding: Holding) -> Done<u64> {
        self.retain(&by.clone(), |answer| RetentionCommand::Hold { by, target, holding, answer })
            .await
    }

    /// Releases an alert; returns the index of the record, and whether it was erased at once.
    ///
    /// # Errors
    ///
    /// As [`approve_erasure`](Self::approve_erasure).
    pub async fn release_hold(&self, by: Caller, published: u64) -> Done<(u64, bool)> {
        self.retain(&by.clone(), |answer| RetentionCommand::Release { by, published, answer }).await
    }

    /// Lists the agency's orders that are not done, and its holds.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn erasures(&self, by: Caller) -> Done<(Orders, Holds)> {
        self.retain(&by.clone(), |answer| RetentionCommand::List { by, answer }).await
    }

    /// Records that an operator found the clock right; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn confirm_clock(&self, by: Caller) -> Done<u64> {
        self.retain(&by.clone(), |answer| RetentionCommand::Confirm { by, answer }).await
    }

    /// Says what is due, up to `limit` blocks, and by which time.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn due(&self, limit: usize) -> Done<(Timestamp, Due)> {
        self.retain(&Caller::local(), |answer| RetentionCommand::Due { limit, answer }).await
    }

    /// Reads what may be due of a block by `now`. Reads the journal: not for a thread that must not block.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub fn due_in(&self, block: u64, now: Timestamp) -> Result<Candidate, LedgerError> {
        let (mut next, end) = (block * BLOCK, (block + 1) * BLOCK);
        let size = self.shared.journal.head().size;
        let (mut targets, mut later) = (Vec::new(), None::<Timestamp>);
        while next < end.min(size) {
            let stood = self.reader().read(next..end.min(size))?;
            if stood.is_empty() {
                return Err(LedgerError::unreadable(next));
            }
            for stood in stood {
                next = stood.index() + 1;
                let Some(entry) = stood.entry() else { continue };
                let Event::Published(it) = &entry.record.event else { continue };
                let due = it.facts.delete_after;
                if due <= now {
                    targets.push(Target::of(entry.index, it));
                } else {
                    later = Some(later.map_or(due, |later| later.min(due)));
                }
            }
        }
        // Of a block that still grows, what is due next is not known.
        Ok(Candidate { targets, swept: (end <= size).then_some((block, later)) })
    }

    /// Erases what of a block is due; returns how many alerts that were. P5: as
    /// [`approve_erasure`](Self::approve_erasure).
    ///
    /// # Errors
    ///
    /// As [`approve_erasure`](Self::approve_erasure).
    pub async fn erase_due(&self, candidate: Candidate) -> Done<usize> {
        self.retain(&Caller::local(), |answer| RetentionCommand::EraseDue { candidate, answer })
            .await
    }

    /// Erases tokens of subscriptions that have ended; returns how many filters that were.
    ///
    /// # Errors
    ///
    /// As [`approve_erasure`](Self::approve_erasure).
    pub async fn erase_spent(&self) -> Done<usize> {
        self.retain(&Caller::local(), |answer| RetentionCommand::EraseSpent { answer }).await
    }

    pub(super) async fn retain<T>(
        &self,
        by: &Caller,
        command: impl FnOnce(super::command::Answer<T>) -> RetentionCommand,
    ) -> Done<T> {
        self.submit(by, |answer| Command::Retention(command(answer))).await
    }
}
