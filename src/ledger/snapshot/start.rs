//! A start from a snapshot and the entries after it.

use std::sync::Arc;

use super::Parts;
use crate::domain::Timestamp;
use crate::exchange::Restoring;
use crate::journal::{Journal, Snapshot};
use crate::ledger::{
    LedgerError,
    replay::{self, Base, Body, Pace, Replay, Replayed},
    secrets::Secrets,
    tree::{Tree, WIDTH},
};
use crate::merkle::{self, Frontier, leaf_hash};
use crate::record::SnapshotTaken;

/// How much of the journal is read for the records of one tile, at a time.
const TILE_BYTES: usize = 4 << 20;

/// Why a start does not go on from a snapshot. All of the journal is read then.
#[derive(Debug, thiserror::Error)]
pub(in crate::ledger) enum Untrusted {
    /// What it says cannot be read, or does not fit.
    #[error("it is not of this version, or does not hold together")]
    Content,
    /// A record that it was written without has been erased since.
    #[error("entry {0}, whose record it needs, was erased since")]
    Erased(u64),
    /// Something else failed.
    #[error("{0}")]
    Ledger(#[from] LedgerError),
    /// Nothing in the log speaks for it.
    #[error("no record of the log names it")]
    Unrecorded,
}

/// Goes on from a snapshot to the journal's head.
///
/// # Errors
///
/// [`Untrusted`] says why all of the journal has to be read.
pub(in crate::ledger) fn start(
    journal: &Arc<dyn Journal>,
    secrets: &Secrets,
    (snapshot, parts): (&Snapshot, &Parts),
    now: Timestamp,
) -> Result<(Tree, Replayed), Untrusted> {
    let (tiles, leaves) = parts.tree().ok_or(Untrusted::Content)?;
    let tree = Tree::restored(Arc::clone(journal), &tiles, &leaves);
    let size = snapshot.size;
    if tree.size() != size || journal.head().size <= size {
        return Err(Untrusted::Content);
    }
    let replay = Replay::new(journal, secrets, &tree, now)?;
    let base = restore(&replay, parts, size)?;
    let root = base.frontier.root();
    let replayed = replay.run(base, &Pace::FULL)?;
    // The tail leads from the snapshot's tree to a root that was signed, and a record in that tail, which
    // the signature covers, names the snapshot: it is the one that this log's broker took.
    let due = SnapshotTaken { size, root: *root.as_bytes(), digest: snapshot.digest };
    if replayed.taken.contains(&due) { Ok((tree, replayed)) } else { Err(Untrusted::Unrecorded) }
}

/// Makes a snapshot's state whole with the records that it was written without.
///
/// # Errors
///
/// [`Untrusted`] where it does not hold together.
pub(in crate::ledger) fn restore(
    replay: &Replay<'_>,
    parts: &Parts,
    size: u64,
) -> Result<Base, Untrusted> {
    let content = |_| Untrusted::Content;
    let mut restoring = Restoring::from_bytes(&parts.state, replay.now).map_err(content)?;
    if restoring.size() != size || size > replay.size() {
        return Err(Untrusted::Content);
    }
    let mut needs = restoring.needs().into_iter().peekable();
    let width = WIDTH as u64;
    while let Some(tile) = needs.peek().map(|index| index / width) {
        let first = tile * width;
        let frames = read_tile(replay, first..replay.tree.size().min(first + width))?;
        for (index, frame) in (first..).zip(&frames) {
            if needs.next_if_eq(&index).is_none() {
                continue;
            }
            if frame.is_erased() {
                return Err(Untrusted::Erased(index));
            }
            let record = replay::checked(frame, index)?;
            let body = Body::of(&record, frame, replay.secrets, index)?;
            restoring.supply(index, &record, body.content()).map_err(content)?;
        }
        if needs.peek().is_some_and(|index| index / width == tile) {
            return Err(Untrusted::Content);
        }
    }
    let state = restoring.finish().map_err(content)?;
    let peaks = merkle::peaks(replay.tree, size).map_err(content_of)?;
    let frontier = Frontier::restore(size, peaks).map_err(|_| Untrusted::Content)?;
    Ok(Base { state, frontier })
}

fn content_of(_: merkle::Missing) -> Untrusted {
    Untrusted::Content
}

/// Reads the entries of a tile. They have to be those of the tree: what is not read again is vouched for by
/// the tree's root, and so has to be what is.
fn read_tile(
    replay: &Replay<'_>,
    range: std::ops::Range<u64>,
) -> Result<Vec<crate::journal::Frame>, Untrusted> {
    let mut frames = Vec::with_capacity(WIDTH);
    while (range.start + frames.len() as u64) < range.end {
        let from = range.start + frames.len() as u64;
        let more = replay.journal.read(from..range.end, TILE_BYTES).map_err(LedgerError::from)?;
        if more.is_empty() {
            return Err(Untrusted::Content);
        }
        frames.extend(more);
    }
    let hashes: Vec<_> = frames.iter().map(|frame| leaf_hash(&frame.leaf)).collect();
    if replay.tree.has_leaves(range.start, &hashes) { Ok(frames) } else { Err(Untrusted::Content) }
}
