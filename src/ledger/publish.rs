//! The writer's part of a publish: key, commitment, decision, record.

use std::sync::Arc;

use super::{
    LedgerError, PublishAnswer, Receipt, Rejection, command::Answer, contents::Content as Kept,
    seal::Body, writer::Writer,
};
use crate::domain::{Act, AlertId, AlertRef, Caller, Draft, Reason, Refusal};
use crate::exchange::{Content, Publication, Submission};
use crate::journal::{Frame, KeyError, SlotKey};
use crate::record::{self, commitment};

impl Writer {
    pub(super) fn publish(
        &mut self,
        by: &Caller,
        id: AlertId,
        (draft, rectifies): (Draft, Option<&AlertRef>),
        answer: Answer<PublishAnswer>,
    ) -> Result<(), LedgerError> {
        let known = by.seat.agency().and_then(|agency| self.state.remembered_slot(agency, id));
        let found = match known {
            Some(slot) => self.secrets.keys.slot(slot).map(|key| (slot, key)),
            None => self.free_slot(),
        };
        let (slot, key) = match found {
            Ok(found) => found,
            Err(KeyError::Erased { .. }) => {
                // Whether the content is the same can no longer be told.
                let erased = Refusal::at(Reason::Erased, "request_id");
                let rejection = self.refuse(by, Act::Publish, erased, Some(&draft.agreement))?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let bytes = record::draft_bytes(&draft);
        let content_key = commitment::content_key(key.as_bytes());
        let content = commitment::content(&content_key, &bytes);
        let submission = Submission { by, id, draft: &draft, slot, content, rectifies };
        let (index, repeated) = match self.state.publish(&submission, self.now) {
            Ok(Publication::Known { index, .. }) => (index, true),
            Ok(Publication::New(event)) => {
                let body = Body { key: key.as_bytes(), slot, content: &bytes };
                let index = self.record_with(*event, Some(body), Content::Draft(&draft))?;
                self.contents.insert(index, Arc::new(Kept { draft, key }));
                if let Some(rectified) = rectifies {
                    self.stop(rectified);
                }
                (index, false)
            }
            Err(refusal) => {
                let rejection = self.refuse(by, Act::Publish, refusal, Some(&draft.agreement))?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
        };
        let Some(Frame { leaf, salt, record, .. }) = self.frame(index)? else {
            self.work.reject(answer, Rejection::Unavailable("the record cannot be read"));
            return Ok(());
        };
        self.work.receipt(answer, move |commit| PublishAnswer {
            receipt: Receipt::new(index, Arc::clone(commit)),
            leaf,
            record,
            salt,
            content_key,
            repeated,
        });
        Ok(())
    }

    /// Returns the first slot that no record has used and whose key is not destroyed. A log that goes on from a backup
    /// has slots of what it lost, whose keys were not put back.
    ///
    /// # Errors
    ///
    /// [`KeyError`], but never that it is erased.
    pub(super) fn free_slot(&mut self) -> Result<(u64, SlotKey), KeyError> {
        let first = self.state.slots();
        let mut slot = first.max(self.free);
        loop {
            match self.secrets.keys.slot(slot) {
                Err(KeyError::Erased { .. }) => {
                    slot += 1;
                    // Whoever is refused uses none, and the next one need not look at these again.
                    self.free = slot;
                }
                Err(KeyError::NotReserved { .. }) if slot > first => {
                    self.secrets.keys.reserve(slot + 1)?;
                }
                key => return key.map(|key| (slot, key)),
            }
        }
    }

    /// Returns an entry, of this batch or of the journal.
    pub(super) fn frame(&self, index: u64) -> Result<Option<Frame>, LedgerError> {
        let committed = self.state.size() - self.work.frames.len() as u64;
        if let Some(place) = index.checked_sub(committed) {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            return Ok(self.work.frames.get(place).cloned());
        }
        Ok(self.journal.read(index..index + 1, 1)?.pop())
    }
}
