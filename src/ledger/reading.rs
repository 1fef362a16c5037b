//! A start opens the journal and reads the state: from the newest snapshot that can be trusted and the
//! entries after it, or else from all of them. Whatever is wrong with a snapshot only costs time.

use std::{path::Path, sync::Arc};

use super::{
    LedgerError,
    replay::{Base, Pace, Replay, Replayed},
    secrets::Secrets,
    snapshot::{self, Parts, Untrusted},
    tree::Tree,
};
use crate::domain::Timestamp;
use crate::exchange::State;
use crate::journal::{
    Anchor, Journal, Keys, Recovery, Segments, Settings, SlotSet, Snapshot, SnapshotFiles, TailCut,
};
use crate::record::SnapshotTaken;

/// Where the log is, and what is known of it before it is read.
pub(super) struct Place<'a> {
    pub(super) dir: &'a Path,
    pub(super) settings: Settings,
    pub(super) anchor: &'a Anchor,
    pub(super) secrets: &'a Secrets,
    pub(super) now: Timestamp,
}

/// A log that was opened and read.
#[derive(Debug)]
pub(super) struct ReadLog {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) tree: Arc<Tree>,
    pub(super) replayed: Replayed,
    /// The torn end that was cut off.
    pub(super) cut: Option<TailCut>,
    /// The snapshot that was gone on from.
    pub(super) known: Option<SnapshotTaken>,
}

impl Place<'_> {
    /// Makes the journal of a new log.
    ///
    /// # Errors
    ///
    /// `LedgerError` says what stands in the way.
    pub(super) fn create(&self) -> Result<ReadLog, LedgerError> {
        let journal = Segments::create(self.dir, &self.settings)?;
        reapply_erasures(&self.secrets.keys, self.anchor)?;
        ReadLog::whole(Arc::new(journal), self.secrets, self.now)
    }

    /// Opens the journal and reads it, from a snapshot of `files` where one can be trusted.
    ///
    /// # Errors
    ///
    /// `LedgerError` says what is wrong with the journal.
    pub(super) fn read(&self, files: Option<&SnapshotFiles>) -> Result<ReadLog, LedgerError> {
        let mut cut = None;
        for size in files.map(sizes).unwrap_or_default() {
            let Some(files) = files else { break };
            match self.resume(files, size, &mut cut) {
                Ok(log) => return Ok(log),
                Err(error) => tracing::warn!(size, %error, "a snapshot is not used"),
            }
        }
        let (journal, recovery) = Segments::open(self.dir, &self.settings, self.anchor.size)?;
        reapply_erasures(&self.secrets.keys, self.anchor)?;
        let log = ReadLog::whole(Arc::new(journal), self.secrets, self.now)?;
        Ok(ReadLog { cut: cut.or(recovery.cut), ..log })
    }

    /// Reads a journal from a snapshot on. A torn end that was cut off is told even where it cannot.
    fn resume(
        &self,
        files: &SnapshotFiles,
        size: u64,
        cut: &mut Option<TailCut>,
    ) -> Result<ReadLog, Untrusted> {
        let snapshot = files.read(size).map_err(LedgerError::from)?;
        let parts = Parts::from_bytes(snapshot.content.clone()).ok_or(Untrusted::Content)?;
        let at = (size, parts.bearings.as_ref());
        let opened = Segments::open_at(self.dir, &self.settings, self.anchor.size, at);
        let (journal, recovery): (Segments, Recovery) =
            opened.map_err(LedgerError::from)?.ok_or(Untrusted::Content)?;
        *cut = cut.or(recovery.cut);
        reapply_erasures(&self.secrets.keys, self.anchor)?;
        let read = (&snapshot, &parts);
        let log = ReadLog::resume(Arc::new(journal), self.secrets, read, self.now)?;
        Ok(ReadLog { cut: *cut, ..log })
    }
}

impl ReadLog {
    /// Reads a journal from its first entry.
    ///
    /// # Errors
    ///
    /// `LedgerError` says what is wrong with it.
    pub(super) fn whole(
        journal: Arc<dyn Journal>,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let tree = Tree::new(Arc::clone(&journal));
        let replayed =
            Replay::new(&journal, secrets, &tree, now)?.run(Base::default(), &Pace::FULL)?;
        Ok(Self { journal, tree: Arc::new(tree), replayed, cut: None, known: None })
    }

    /// Reads a journal from a snapshot on.
    ///
    /// # Errors
    ///
    /// [`Untrusted`] says why it has to be read from its first entry.
    pub(super) fn resume(
        journal: Arc<dyn Journal>,
        secrets: &Secrets,
        (snapshot, parts): (&Snapshot, &Parts),
        now: Timestamp,
    ) -> Result<Self, Untrusted> {
        let (tree, replayed) = snapshot::start(&journal, secrets, (snapshot, parts), now)?;
        let known = replayed.taken.iter().find(|it| it.digest == snapshot.digest).copied();
        Ok(Self { journal, tree: Arc::new(tree), replayed, cut: None, known })
    }
}

/// A directory that cannot be read holds no snapshot.
fn sizes(files: &SnapshotFiles) -> Vec<u64> {
    files.sizes().unwrap_or_else(|error| {
        tracing::warn!(%error, "the snapshots cannot be listed");
        Vec::new()
    })
}

/// A restored backup may hold keys that were erased since: the anchor remembers which.
fn reapply_erasures(keys: &Keys, anchor: &Anchor) -> Result<(), LedgerError> {
    let Some(end) = anchor.erased.ranges().last().map(|range| range.end) else { return Ok(()) };
    keys.reserve(end)?;
    let again = keys.erase_again(&anchor.erased)?;
    if again > 0 {
        tracing::warn!(again, "keys that the anchor knows to be erased were there again");
    }
    Ok(())
}

/// P5: a crash may have come between the record of an erasure and the end of the keys. Returns all that are erased.
///
/// # Errors
///
/// `LedgerError` where they cannot be destroyed: nothing may be served then.
pub(super) fn finish_erasures(
    keys: &Keys,
    state: &State,
    anchored: &SlotSet,
) -> Result<SlotSet, LedgerError> {
    let mut erased = anchored.clone();
    let left: Vec<u64> = state.erased().slots().filter(|it| !anchored.contains(*it)).collect();
    if let Some(last) = left.last() {
        keys.reserve(last + 1)?;
        // Written and synced whether they are zeros or not: the zeros may not be durable yet.
        keys.erase(&left)?;
        tracing::info!(keys = left.len(), "erasures that a stop had interrupted are finished");
    }
    erased.extend(left);
    Ok(erased)
}
