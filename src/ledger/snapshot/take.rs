//! A snapshot is taken: from the one before it and the entries since.

use prost::Message;

use super::{Parts, Untrusted, restore};
use crate::exchange::State;
use crate::journal::{Journal, SnapshotFiles};
use crate::ledger::{
    LedgerError,
    replay::{Base, Pace, Replay},
    tree::Tree,
};
use crate::merkle::ProofError;
use crate::record::SnapshotTaken;

/// Takes a snapshot at the replay's end, going on from `known`, and writes it. It counts once it is recorded.
///
/// # Errors
///
/// `LedgerError` where the journal cannot be read or the file not be written.
pub(in crate::ledger) fn take(
    replay: Replay<'_>,
    known: Option<&SnapshotTaken>,
    files: &SnapshotFiles,
    pace: &Pace<'_>,
) -> Result<SnapshotTaken, LedgerError> {
    let base = known.and_then(|known| base(&replay, known, files)).unwrap_or_default();
    let (journal, tree) = (replay.journal, replay.tree);
    let replayed = replay.run(base, pace)?;
    write(&replayed.state, (journal.as_ref(), tree), files)
}

/// Writes the snapshot of a state at the end of a batch.
///
/// # Errors
///
/// As [`take`].
pub(in crate::ledger) fn write(
    state: &State,
    (journal, tree): (&dyn Journal, &Tree),
    files: &SnapshotFiles,
) -> Result<SnapshotTaken, LedgerError> {
    let size = state.size();
    let root = tree.root(size).map_err(ProofError::from)?;
    let (tiles, leaves) = tree.tiles(size).map_err(ProofError::from)?;
    let parts =
        Parts::new(&tiles, &leaves, journal.bearings(size)?, state.to_bytes(state.recorded_at()));
    let digest = files.write(size, &parts.encode_to_vec())?;
    Ok(SnapshotTaken { size, root: *root.as_bytes(), digest })
}

/// The state of a snapshot that was taken or trusted by this process. Where it is gone, all is read again.
fn base(replay: &Replay<'_>, taken: &SnapshotTaken, files: &SnapshotFiles) -> Option<Base> {
    let snapshot = files.read(taken.size).ok().filter(|it| it.digest == taken.digest)?;
    let restored = Parts::from_bytes(snapshot.content)
        .ok_or(Untrusted::Content)
        .and_then(|parts| restore(replay, &parts, snapshot.size));
    match restored {
        Ok(base) => Some(base),
        Err(error) => {
            tracing::warn!(%error, size = snapshot.size, "a snapshot cannot be gone on from");
            None
        }
    }
}
