//! The state from the journal: at a start, for a snapshot, and after a commit of unknown outcome. Every
//! record's commitment and the last checkpoint are checked on the way.

use std::sync::Arc;

use bytes::Bytes;

use super::{Commit, LedgerError, contents::unsealed, rotation, secrets::Secrets, tree::Tree};
use crate::domain::{Draft, Filter, Timestamp};
use crate::exchange::{Content, State};
use crate::journal::{Frame, Head, Journal};
use crate::merkle::{Chain, Frontier, Hash, leaf_hash};
use crate::record::{self, Event, Record, Reloaded, SnapshotTaken, Stub, commitment};

/// How much of the journal is read at a time where nothing else is to be done.
const CHUNK_BYTES: usize = 8 << 20;

/// A replay up to some head of a journal.
pub(super) struct Replay<'a> {
    pub(super) journal: &'a Arc<dyn Journal>,
    pub(super) secrets: &'a Secrets,
    pub(super) tree: &'a Tree,
    /// What had ended by then needs no content. At a start what the last entry's time saw ended stays
    /// ended, wherever the clock stands.
    pub(super) now: Timestamp,
    head: Head,
}

/// What a replay goes on from; by default, nothing.
#[derive(Debug, Default)]
pub(super) struct Base {
    pub(super) state: State,
    pub(super) frontier: Frontier,
}

/// How a replay gets on: how much is read at a time, and what is done before the next.
pub(super) struct Pace<'a> {
    pub(super) chunk_bytes: usize,
    pub(super) pause: &'a dyn Fn(),
}

/// What a replay finds.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) state: State,
    pub(super) frontier: Frontier,
    pub(super) commit: Arc<Commit>,
    /// The keys of the log; none before its first entry.
    pub(super) chain: Option<Chain>,
    /// The snapshots that the entries read speak of.
    pub(super) taken: Vec<SnapshotTaken>,
    /// The rules that they name last.
    pub(super) rules: Option<[u8; 32]>,
    /// How many entries were read.
    pub(super) read: u64,
}

impl Pace<'_> {
    /// As fast as it goes.
    pub(super) const FULL: Self = Self { chunk_bytes: CHUNK_BYTES, pause: &|| {} };
}

impl<'a> Replay<'a> {
    /// Prepares a replay of all there is, at `now`.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the last entry cannot be read.
    pub(super) fn new(
        journal: &'a Arc<dyn Journal>,
        secrets: &'a Secrets,
        tree: &'a Tree,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let head = journal.head();
        let now = now.max(last_recorded_at(journal, head.size)?);
        Ok(Self { journal, secrets, tree, now, head })
    }

    /// Prepares a replay of the first `size` entries, where a batch ends, at the time of the last of them.
    ///
    /// # Errors
    ///
    /// `LedgerError` where they cannot be read.
    pub(super) fn until(
        (journal, secrets, tree): (&'a Arc<dyn Journal>, &'a Secrets, &'a Tree),
        size: u64,
    ) -> Result<Self, LedgerError> {
        let head = match size.checked_sub(1) {
            Some(last) => journal.checkpoint_covering(last)?,
            None => Head::default(),
        };
        let now = last_recorded_at(journal, head.size)?;
        Ok(Self { journal, secrets, tree, now, head })
    }

    /// Returns how many entries there are after it.
    pub(super) const fn size(&self) -> u64 {
        self.head.size
    }

    /// Applies every entry after `base`. The tree is given what it lacks: committed entries never change.
    ///
    /// # Errors
    ///
    /// `LedgerError` where an entry is not what was committed to, or cannot be read.
    pub(super) fn run(self, base: Base, pace: &Pace<'_>) -> Result<Replayed, LedgerError> {
        let Base { mut state, mut frontier } = base;
        let (start, mut taken, mut rules) = (state.size(), Vec::new(), None);
        let mut erased = None;
        while state.size() < self.head.size {
            let range = state.size()..self.head.size;
            let frames = self.journal.read(range, pace.chunk_bytes)?;
            if frames.is_empty() {
                return Err(LedgerError::unreadable(state.size()));
            }
            let mut hashes: Vec<Hash> = Vec::with_capacity(frames.len());
            for frame in &frames {
                hashes.push(leaf_hash(&frame.leaf));
                if frame.is_erased() {
                    erased = Some(state.size());
                    let left = stub(frame, state.size(), Some(self.secrets))?;
                    state.apply_erased(&left);
                    continue;
                }
                let record = checked(frame, state.size())?;
                if let Event::SnapshotTaken(it) = record.event {
                    taken.push(it);
                } else if let Event::BrokerStarted { rules: hash, .. }
                | Event::Reloaded(Reloaded { rules: hash, .. }) = record.event
                {
                    rules = Some(hash);
                }
                self.apply(&mut state, &record, frame)?;
            }
            let known = self.tree.size().saturating_sub(frontier.size());
            let known = usize::try_from(known).unwrap_or(usize::MAX);
            self.tree.extend(hashes.get(known..).unwrap_or_default());
            frontier.extend(hashes.iter().copied());
            // As a running broker does, so that a long log takes no more memory than a short one.
            state.prune(state.recorded_at());
            (pace.pause)();
        }
        is_told(erased, state.records_from())?;
        let Head { size, checkpoint } = self.head;
        let commit = Commit { size, root: frontier.root(), checkpoint };
        let log = (self.journal.as_ref(), self.tree);
        let chain = rotation::chain(log, state.rotations())?;
        if let Some(chain) = &chain {
            check(&commit, chain)?;
        }
        state.prune(self.now);
        let read = size - start;
        let commit = Arc::new(commit);
        Ok(Replayed { state, frontier, commit, chain, taken, rules, read })
    }

    /// Applies a record. An alert that has ended needs no content: nobody will be sent it.
    fn apply(&self, state: &mut State, record: &Record, frame: &Frame) -> Result<(), LedgerError> {
        if has_ended(&record.event, self.now) {
            state.apply(record, Content::None);
        } else {
            let body = Body::of(record, frame, self.secrets, state.size())?;
            state.apply(record, body.content());
        }
        Ok(())
    }
}

/// What a record's body holds, where it can be read.
pub(super) enum Body {
    Draft(Box<Draft>),
    None,
    Tokens(Filter),
}

impl Body {
    /// Opens the body of the record at `index`.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it is not what was sealed.
    pub(super) fn of(
        record: &Record,
        frame: &Frame,
        secrets: &Secrets,
        index: u64,
    ) -> Result<Self, LedgerError> {
        let unknown = |_| LedgerError::Damaged { index, what: "its content is not known" };
        let bytes = match record.event.slot() {
            Some(slot) => unsealed(frame, slot, secrets, index)?,
            None => None,
        };
        Ok(match (&record.event, bytes) {
            (Event::Published(_), Some((bytes, _))) => {
                Self::Draft(record::draft_from_bytes(&bytes).map_err(unknown)?.into())
            }
            (Event::SubscriptionCreated { .. }, Some((bytes, _))) => {
                Self::Tokens(record::filter_from_bytes(&bytes).map_err(unknown)?)
            }
            (_, Some(_) | None) => Self::None,
        })
    }

    pub(super) fn content(&self) -> Content<'_> {
        match self {
            Self::Draft(draft) => Content::Draft(draft),
            Self::None => Content::None,
            Self::Tokens(filter) => Content::Tokens(filter),
        }
    }
}

/// Returns the origin that the first record names; none in an empty journal.
///
/// # Errors
///
/// `LedgerError` where it cannot be read.
pub(super) fn origin(journal: &dyn Journal) -> Result<Option<String>, LedgerError> {
    let Some(frame) = journal.read(0..1, 1)?.pop() else { return Ok(None) };
    let record = checked(&frame, 0)?;
    Ok(if let Event::LogStarted { origin, .. } = record.event { Some(origin) } else { None })
}

fn last_recorded_at(journal: &Arc<dyn Journal>, size: u64) -> Result<Timestamp, LedgerError> {
    let Some(index) = size.checked_sub(1) else { return Ok(Timestamp::EPOCH) };
    let last = journal.read(index..size, 1)?.pop();
    let last = last.ok_or(LedgerError::unreadable(index))?;
    Ok(checked(&last, index)?.at)
}

/// Decodes a frame's record, which has to be the one that its leaf commits to.
///
/// # Errors
///
/// `LedgerError` where it is another, or of a newer version.
pub(super) fn checked(frame: &Frame, index: u64) -> Result<Record, LedgerError> {
    if frame.is_erased() {
        return Err(LedgerError::Damaged { index, what: "its record was erased" });
    }
    if commitment::record(&frame.salt, &frame.record) != frame.leaf {
        return Err(LedgerError::Damaged { index, what: "it is not what its leaf commits to" });
    }
    record::decode(&frame.record)
        .map_err(|_| LedgerError::Damaged { index, what: "its record is not known" })
}

/// Checks the last entry of which the record is gone: only the log's own word, that records below `records_from` may
/// be, tells that it was erased and not lost.
///
/// # Errors
///
/// `LedgerError` where the log does not say so.
pub(super) fn is_told(erased: Option<u64>, records_from: u64) -> Result<(), LedgerError> {
    let what = "its record is gone, and no record says that it was erased";
    match erased.filter(|index| *index >= records_from) {
        Some(index) => Err(LedgerError::Damaged { index, what }),
        None => Ok(()),
    }
}

/// Reads what is left of a record that was erased. No leaf commits to that: only the log's own secrets tell that it
/// was this log which left it, and nobody who can write the file that had a record disappear. Without secrets it is
/// read as it stands.
///
/// # Errors
///
/// `LedgerError` where that is not known, or was not left by this log.
pub(super) fn stub(
    frame: &Frame,
    index: u64,
    secrets: Option<&Secrets>,
) -> Result<Stub, LedgerError> {
    let damaged = |what| LedgerError::Damaged { index, what };
    let unknown = || damaged("what is left of it is not known");
    let (left, tag) = frame.record.split_last_chunk::<32>().ok_or_else(unknown)?;
    let entry = (index, &frame.leaf);
    if secrets.is_some_and(|it| !commitment::is_stub(it.stubs(), entry, left, tag)) {
        return Err(damaged("what is left of it was not left by this log"));
    }
    Stub::from_bytes(left).map_err(|_| unknown())
}

/// Writes what is to be left of the record of an entry.
pub(super) fn stub_of(
    record: &Record,
    (index, leaf): (u64, &[u8; 32]),
    secrets: &Secrets,
) -> Bytes {
    let mut left = Stub::of(record).to_bytes();
    let tag = commitment::stub(secrets.stubs(), (index, leaf), &left);
    left.extend_from_slice(&tag);
    left.into()
}

fn has_ended(event: &Event, now: Timestamp) -> bool {
    matches!(event, Event::Published(published) if published.facts.expires_at <= now)
}

fn check(commit: &Commit, chain: &Chain) -> Result<(), LedgerError> {
    let what = "the last checkpoint is not of this tree and key";
    let damaged = LedgerError::Damaged { index: commit.size - 1, what };
    match chain.open(&commit.checkpoint) {
        Ok(it) if it.size == commit.size && it.root == commit.root => Ok(()),
        Ok(_) | Err(_) => Err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{JournalId, Keys, MasterKey};
    use crate::record::Retention;

    /// Whoever can write the journal's files, and has no keys, can take no record out of the log's memory: that an
    /// agreement was withdrawn, say.
    #[test]
    fn nobody_else_leaves_anything_of_a_record() {
        let dir = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&dir.path().join(MasterKey::FILE)).unwrap();
        let keys = Keys::create(dir.path(), JournalId::from_bytes([3; 16]), &master).unwrap();
        let secrets = Secrets::create(keys, "example.org/log").unwrap();
        let event = Event::Retention(Retention::Halted { ahead_ms: 7, at_start: false });
        let record = Record { at: Timestamp::EPOCH, links: Vec::new(), event };
        let frame = Frame::erased([5; 32], stub_of(&record, (7, &[5; 32]), &secrets));
        let read = |frame: &Frame, index| stub(frame, index, Some(&secrets));
        assert_eq!(read(&frame, 7).unwrap(), Stub::of(&record));
        let other = Stub { ended: Some(2), ..Stub::default() };
        let tag = &frame.record[frame.record.len() - 32..];
        let forged = [&other.to_bytes(), tag].concat();
        for (forged, index) in [
            (Frame { leaf: [6; 32], ..frame.clone() }, 7),
            (Frame { record: forged.into(), ..frame.clone() }, 7),
            (Frame { record: other.to_bytes().into(), ..frame.clone() }, 7),
            (Frame { record: Bytes::new(), ..frame.clone() }, 7),
            (frame, 8),
        ] {
            assert!(matches!(read(&forged, index), Err(LedgerError::Damaged { .. })), "{index}");
        }
    }
}
