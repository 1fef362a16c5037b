//! The state from the journal: at a start and after a commit of unknown outcome. Every record's
//! commitment and the last checkpoint are checked on the way.

use std::sync::Arc;

use super::{Commit, LedgerError, contents::unsealed, secrets::Secrets, tree::Tree};
use crate::domain::Timestamp;
use crate::exchange::{Content, State};
use crate::journal::{Frame, Journal};
use crate::merkle::{Checkpoint, Frontier, Hash, leaf_hash};
use crate::record::{self, Event, Record, commitment};

/// How much of the journal is read at a time.
const CHUNK_BYTES: usize = 8 << 20;

/// What a replay finds.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) state: State,
    pub(super) frontier: Frontier,
    pub(super) commit: Arc<Commit>,
    /// The origin that the first record names; none in an empty journal.
    pub(super) origin: Option<String>,
}

/// Reads the whole journal. The tree is given what it lacks: committed entries never change.
///
/// # Errors
///
/// `LedgerError` where an entry is not what was committed to, or cannot be read.
pub(super) fn replay(
    journal: &Arc<dyn Journal>,
    secrets: &Secrets,
    tree: &Tree,
    now: Timestamp,
) -> Result<Replayed, LedgerError> {
    let mut state = State::default();
    let mut frontier = Frontier::new();
    let mut origin = None;
    let head = journal.head();
    // What the last entry's time saw ended stays ended, wherever the clock stands at a start.
    let now = now.max(last_recorded_at(journal, head.size)?);
    while state.size() < head.size {
        let frames = journal.read(state.size()..head.size, CHUNK_BYTES)?;
        if frames.is_empty() {
            return Err(LedgerError::Damaged { index: state.size(), what: "it cannot be read" });
        }
        let mut hashes: Vec<Hash> = Vec::with_capacity(frames.len());
        for frame in &frames {
            hashes.push(leaf_hash(&frame.leaf));
            let record = checked(frame, state.size())?;
            if let (0, Event::LogStarted { origin: name, .. }) = (state.size(), &record.event) {
                origin = Some(name.clone());
            }
            apply(&mut state, &record, frame, secrets, now)?;
        }
        let known = tree.size().saturating_sub(frontier.size());
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        tree.extend(hashes.get(known..).unwrap_or_default());
        frontier.extend(hashes.iter().copied());
        // As a running broker does, so that a long log takes no more memory than a short one.
        state.prune(state.recorded_at());
    }
    let commit = Commit { size: head.size, root: frontier.root(), checkpoint: head.checkpoint };
    if commit.size > 0 {
        check(&commit, secrets)?;
    }
    state.prune(now);
    Ok(Replayed { state, frontier, commit: Arc::new(commit), origin })
}

fn last_recorded_at(journal: &Arc<dyn Journal>, size: u64) -> Result<Timestamp, LedgerError> {
    let Some(index) = size.checked_sub(1) else { return Ok(Timestamp::EPOCH) };
    let last = journal.read(index..size, 1)?.pop();
    let last = last.ok_or(LedgerError::Damaged { index, what: "it cannot be read" })?;
    Ok(checked(&last, index)?.at)
}

fn checked(frame: &Frame, index: u64) -> Result<Record, LedgerError> {
    if commitment::record(&frame.salt, &frame.record) != frame.leaf {
        return Err(LedgerError::Damaged { index, what: "it is not what its leaf commits to" });
    }
    record::decode(&frame.record)
        .map_err(|_| LedgerError::Damaged { index, what: "its record is not known" })
}

/// Applies a record. An alert that has ended needs no content: nobody will be sent it.
fn apply(
    state: &mut State,
    record: &Record,
    frame: &Frame,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let index = state.size();
    let unknown = |_| LedgerError::Damaged { index, what: "its content is not known" };
    let body = match record.event.slot() {
        Some(slot) if !has_ended(&record.event, now) => unsealed(frame, slot, secrets, index)?,
        Some(_) | None => None,
    };
    match (&record.event, body) {
        (Event::Published(_), Some((bytes, _))) => {
            let draft = record::draft_from_bytes(&bytes).map_err(unknown)?;
            state.apply(record, Content::Draft(&draft));
        }
        (Event::SubscriptionCreated { .. }, Some((bytes, _))) => {
            let filter = record::filter_from_bytes(&bytes).map_err(unknown)?;
            state.apply(record, Content::Tokens(&filter));
        }
        (_, Some(_) | None) => state.apply(record, Content::None),
    }
    Ok(())
}

fn has_ended(event: &Event, now: Timestamp) -> bool {
    matches!(event, Event::Published(published) if published.facts.expires_at <= now)
}

fn check(commit: &Commit, secrets: &Secrets) -> Result<(), LedgerError> {
    let what = "the last checkpoint is not of this tree and key";
    let damaged = LedgerError::Damaged { index: commit.size - 1, what };
    match Checkpoint::open(&commit.checkpoint, secrets.signer.verifier()) {
        Ok(it) if it.size == commit.size && it.root == commit.root => Ok(()),
        Ok(_) | Err(_) => Err(damaged),
    }
}
