//! The content of alerts that are being delivered: the newest in memory, others unsealed from the journal.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use super::{LedgerError, secrets::Secrets};
use crate::domain::Draft;
use crate::journal::{Frame, Journal, KeyError, SlotKey};
use crate::record;

/// How many alerts' contents stay in memory: at least as many as a batch can publish.
const KEPT: usize = 4096;

/// An alert's content and its key.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) draft: Draft,
    pub(super) key: SlotKey,
}

/// Contents by the index of their alert's record; the oldest goes first.
#[derive(Debug, Default)]
pub(super) struct Contents {
    kept: HashMap<u64, Arc<Content>>,
    order: VecDeque<u64>,
}

impl Contents {
    pub(super) fn insert(&mut self, index: u64, content: Arc<Content>) {
        if self.kept.insert(index, content).is_none() {
            self.order.push_back(index);
        }
        while self.order.len() > KEPT {
            if let Some(oldest) = self.order.pop_front() {
                self.kept.remove(&oldest);
            }
        }
    }

    /// P5: forgets an alert that is erased.
    pub(super) fn remove(&mut self, index: u64) {
        if self.kept.remove(&index).is_some() {
            self.order.retain(|it| *it != index);
        }
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.order.clear();
    }

    /// Returns an alert's content; nothing where its key was erased.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the journal or the keys cannot be read, or do not fit.
    pub(super) fn of(
        &mut self,
        index: u64,
        slot: u64,
        journal: &dyn Journal,
        secrets: &Secrets,
    ) -> Result<Option<Arc<Content>>, LedgerError> {
        if let Some(content) = self.kept.get(&index) {
            return Ok(Some(Arc::clone(content)));
        }
        let Some(frame) = journal.read(index..index + 1, 1)?.pop() else {
            return Err(LedgerError::unreadable(index));
        };
        let Some((bytes, key)) = unsealed(&frame, slot, secrets, index)? else { return Ok(None) };
        let draft = record::draft_from_bytes(&bytes)
            .map_err(|_| LedgerError::Damaged { index, what: "its content is no alert" })?;
        let content = Arc::new(Content { draft, key });
        self.insert(index, Arc::clone(&content));
        Ok(Some(content))
    }
}

/// Opens a frame's body; nothing where its key was erased.
///
/// # Errors
///
/// `LedgerError` where the keys cannot be read, or the body is not what was sealed.
pub(super) fn unsealed(
    frame: &Frame,
    slot: u64,
    secrets: &Secrets,
    index: u64,
) -> Result<Option<(Vec<u8>, SlotKey)>, LedgerError> {
    let key = match secrets.keys.slot(slot) {
        Ok(key) => key,
        Err(KeyError::Erased { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let bytes = Secrets::unseal(key.as_bytes(), slot, &frame.body)
        .ok_or(LedgerError::Damaged { index, what: "its body does not open" })?;
    Ok(Some((bytes, key)))
}
