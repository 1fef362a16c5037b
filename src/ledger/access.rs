//! The record of a person's request for access, and of its answer.

use ring::rand::SecureRandom;

use super::{
    Ledger, LedgerError, Rejection, command::Answer, command::Command, handle::Done, writer::Writer,
};
use crate::domain::{Act, Caller, Timestamp};
use crate::record::{Access, Event, Released, RequestId};

impl Access {
    /// Returns what is asked for with it.
    pub(super) const fn act(&self) -> Act {
        match self {
            Self::Opened { .. } => Act::OpenAccess,
            Self::Released(_) => Act::ReleaseReport,
        }
    }
}

impl Ledger {
    /// Opens a person's request that was received then, under a random id; returns it, when it is due, and the index
    /// of its record.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn open_access(
        &self,
        by: Caller,
        received_at: Timestamp,
    ) -> Done<(RequestId, Timestamp, u64)> {
        let mut id = [0; 16];
        let filled = self.shared.secrets.random.fill(&mut id);
        filled.map_err(|_| Rejection::Unavailable("the system gives no random numbers"))?;
        let (request, due_at) = (RequestId(id), received_at.plus_month());
        let opened = Access::Opened { by: by.clone(), request, received_at, due_at };
        let (index, _) = self.record_access(&by, opened).await?;
        Ok((request, due_at, index))
    }

    /// Records that a report was released; returns the index of the record, and its time.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn release_report(&self, released: Released) -> Done<(u64, Timestamp)> {
        self.record_access(&released.by.clone(), Access::Released(released)).await
    }

    async fn record_access(&self, by: &Caller, access: Access) -> Done<(u64, Timestamp)> {
        let access = Box::new(access);
        self.submit(by, |answer| Command::Access { access, answer }).await
    }
}

impl Writer {
    /// Records what an officer does about a person's request.
    pub(super) fn access(
        &mut self,
        access: Access,
        answer: Answer<(u64, Timestamp)>,
    ) -> Result<(), LedgerError> {
        let (by, act) = (access.by().clone(), access.act());
        match by.officer() {
            Ok(_) => {
                let index = self.record(Event::Access(access))?;
                let now = self.now;
                self.work.answer(answer, move |_| (index, now));
            }
            Err(refusal) => {
                let rejection = self.refuse(&by, act, refusal, None)?;
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }
}
