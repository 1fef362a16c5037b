//! What is remembered of the log: its newest verified checkpoint, beside the identity.
//!
//! Everything remembered lies on one history. A checkpoint joins it only by a proof, and what
//! contradicts it is written down as evidence. It never asks the broker for anything.

mod file;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Error, fault::Fault, identity::wrong};
use crate::merkle::{Chain, Checkpoint, Hash, Note, Verifier, generation_of, verify_consistency};
use crate::record::{Rotation, RotationError};
use file::Locked;

/// How many checkpoints are held, so that calls that end out of order need no proof of their own.
const VERIFIED_MAX: usize = 512;

/// A checkpoint that the log signed, with the note that proves it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
}

impl Seen {
    /// Opens a signed checkpoint.
    ///
    /// # Errors
    ///
    /// [`Fault::Checkpoint`] where the log did not sign it.
    pub fn open(note: &str, log: &Chain) -> Result<Self, Fault> {
        match log.open(note) {
            Ok(checkpoint) => Ok(Self { checkpoint, note: note.to_owned() }),
            Err(error) => Err(restored_as(note, log.origin()).unwrap_or(error.into())),
        }
    }

    /// Returns the number of entries.
    pub const fn size(&self) -> u64 {
        self.checkpoint.size
    }

    fn is_same_tree(&self, other: &Self) -> bool {
        self.checkpoint == other.checkpoint
    }
}

/// What became of a checkpoint that was to be remembered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Adoption {
    /// It lies on the history that is remembered.
    Done,
    /// That is not proven yet: a proof between it and this one is wanted.
    Unproven(Arc<Seen>),
}

/// The memory of one identity. Processes that share the identity share it through its file.
#[derive(Debug)]
pub struct Memory {
    dir: PathBuf,
    log: Verifier,
    keys: Mutex<Keys>,
    history: Mutex<History>,
}

/// The keys of the log that are known, and how each came to be one.
#[derive(Clone, Debug)]
struct Keys {
    rotations: Vec<Rotation>,
    chain: Arc<Chain>,
    /// The tree in which the last of them handed over: whatever is believed contains it, or is a part of it. The key
    /// before may be in others' hands, and signs smaller trees for ever.
    handover: Option<Arc<Seen>>,
}

impl Keys {
    fn new(log: &Verifier, rotations: Vec<Rotation>) -> Result<Self, RotationError> {
        let chain = Rotation::chain(log, &rotations)?;
        let open = |last: &Rotation| Seen::open(&last.checkpoint, &chain).map(Arc::new);
        let handover = rotations.last().map(open).transpose();
        let handover = handover.map_err(|_| RotationError::OtherKey)?;
        Ok(Self { rotations, chain: chain.into(), handover })
    }
}

/// Checkpoints that are known to lie on one history, the newest one apart.
#[derive(Debug, Default)]
struct History {
    newest: Option<Arc<Seen>>,
    verified: BTreeMap<u64, Arc<Seen>>,
}

impl Memory {
    /// Reads what is remembered in `dir` of the log whose key is `log`.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where the directory cannot be written, or what is remembered there is
    /// not this log's.
    pub fn open(dir: &Path, log: Verifier) -> Result<Self, Error> {
        let file = Locked::lock(dir)?;
        file.set_aside(&log)?;
        let rotations = file.read_rotations()?;
        let keys =
            Keys::new(&log, rotations).map_err(|error| wrong(&dir.join(Rotation::FILE), error))?;
        let memory =
            Self { dir: dir.to_owned(), log, keys: Mutex::new(keys), history: Mutex::default() };
        let handover = memory.handover();
        match (memory.stored(&file)?, handover) {
            (Some(stored), Some(handover))
                if stored.size() == handover.size() && !stored.is_same_tree(&handover) =>
            {
                let fault = Fault::Fork { size: stored.size() };
                return Err(memory.contradiction(fault, &handover, &stored));
            }
            (Some(stored), _) => memory.history().renew(stored),
            (None, Some(handover)) => memory.history().renew_with(handover),
            (None, None) => {}
        }
        Ok(memory)
    }

    /// Returns the key of the log that was handed over at enrolment.
    pub const fn verifier(&self) -> &Verifier {
        &self.log
    }

    /// Returns the keys of the log, as far as they were followed.
    pub fn chain(&self) -> Arc<Chain> {
        Arc::clone(&self.keys().chain)
    }

    /// Returns the rotations of the log's key that were followed, oldest first.
    pub fn rotations(&self) -> Vec<Rotation> {
        self.keys().rotations.clone()
    }

    /// Remembers rotations, those known among them. Each was held against the history before.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where they are not those known and what follows from them,
    /// [`Error::Configuration`] where the file cannot be written.
    pub fn follow(&self, rotations: Vec<Rotation>) -> Result<(), Error> {
        let file = Locked::lock(&self.dir)?;
        self.renew_keys(&file)?;
        let known = self.rotations();
        let common = known.len().min(rotations.len());
        if known.get(..common) != rotations.get(..common) {
            return Err(Fault::Rotation(RotationError::OtherKey).into());
        }
        // Another process may have gone further.
        if known.len() >= rotations.len() {
            return Ok(());
        }
        let keys = Keys::new(&self.log, rotations).map_err(Fault::Rotation)?;
        file.write_rotations(&keys.rotations)?;
        *self.keys() = keys;
        Ok(())
    }

    /// Takes up the rotations that another process has followed.
    fn renew_keys(&self, file: &Locked) -> Result<(), Error> {
        let rotations = file.read_rotations()?;
        if rotations.len() > self.keys().rotations.len() {
            let keys = Keys::new(&self.log, rotations).map_err(Fault::Rotation)?;
            *self.keys() = keys;
        }
        Ok(())
    }

    /// Reads the checkpoint that is kept, whichever process wrote it.
    fn stored(&self, file: &Locked) -> Result<Option<Seen>, Error> {
        let Some(note) = file.read()? else { return Ok(None) };
        if let Ok(seen) = Seen::open(&note, &self.chain()) {
            return Ok(Some(seen));
        }
        self.renew_keys(file)?;
        Seen::open(&note, &self.chain()).map(Some).map_err(|fault| file.unfit(fault))
    }

    /// Returns the newest checkpoint.
    pub fn known(&self) -> Option<Arc<Seen>> {
        self.history().newest.clone()
    }

    /// Returns the tree in which the log's key handed over last, and what is remembered, where that is not known to
    /// be a part of it yet: it has to be proven before anything else is adopted.
    pub fn unproven_handover(&self) -> Option<(Arc<Seen>, Option<Arc<Seen>>)> {
        let newest = self.known();
        let size = newest.as_ref().map_or(0, |newest| newest.size());
        let handover = self.handover().filter(|handover| size < handover.size())?;
        Some((handover, newest))
    }

    fn handover(&self) -> Option<Arc<Seen>> {
        self.keys().handover.clone()
    }

    /// Returns the size of the newest checkpoint; 0 where there is none.
    pub fn known_size(&self) -> u64 {
        self.known().map_or(0, |seen| seen.size())
    }

    /// Verifies a checkpoint by itself and against `since`, what was known when it was asked for: signed,
    /// not older, and proven to extend it, where a proof came with it.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`], with both checkpoints written down where they contradict each other.
    pub fn check(
        &self,
        since: Option<&Seen>,
        note: &str,
        proof: Option<&[Hash]>,
    ) -> Result<Seen, Error> {
        let seen = Seen::open(note, &self.chain())?;
        let Some(since) = since else { return Ok(seen) };
        let (size, known) = (seen.size(), since.size());
        if size < known {
            return Err(self.contradiction(Fault::Older { size, known }, since, &seen));
        }
        if size == known && !since.is_same_tree(&seen) {
            return Err(self.contradiction(Fault::Fork { size }, since, &seen));
        }
        if let Some(proof) = proof {
            self.bridge(since, &seen, proof)?;
        }
        Ok(seen)
    }

    /// Verifies that `newer` extends `older`.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`], with both checkpoints written down.
    pub fn bridge(&self, older: &Seen, newer: &Seen, proof: &[Hash]) -> Result<(), Error> {
        let (from, to) = (older.size(), newer.size());
        verify_consistency(from, &older.checkpoint.root, to, &newer.checkpoint.root, proof).map_err(
            |error| self.contradiction(Fault::Inconsistent { from, to, error }, older, newer),
        )
    }

    /// Remembers a checkpoint that was checked. `proven` is another one with which it was shown to lie on
    /// one history, whichever is the older.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where it contradicts what is remembered, [`Error::Configuration`] where
    /// the file cannot be written.
    pub fn adopt(&self, seen: &Arc<Seen>, proven: Option<&Seen>) -> Result<Adoption, Error> {
        let mut history = self.history();
        if let Some(adoption) = self.find(&history, seen)? {
            return Ok(adoption);
        }
        // Another process may have gone ahead: what it wrote, it verified.
        let file = Locked::lock(&self.dir)?;
        if let Some(newest) = self.stored(&file)? {
            history.renew(newest);
            if let Some(adoption) = self.find(&history, seen)? {
                return Ok(adoption);
            }
        }
        let newest = history.newest.clone();
        let size = newest.as_ref().map_or(0, |newest| newest.size());
        let handover = self.handover().filter(|handover| size < handover.size());
        if let Some(handover) = handover.filter(|handover| !handover.is_same_tree(seen)) {
            return Ok(Adoption::Unproven(handover));
        }
        let joint = proven.filter(|proven| history.holds(proven));
        match (newest, joint) {
            // A part of something that lies on the history lies on it too.
            (Some(_), Some(joint)) if seen.size() <= joint.size() => history.add(Arc::clone(seen)),
            (Some(newest), Some(joint)) if newest.is_same_tree(joint) => {
                file.write(seen)?;
                history.renew_with(Arc::clone(seen));
            }
            (Some(newest), _) => return Ok(Adoption::Unproven(newest)),
            (None, _) => {
                file.write(seen)?;
                history.renew_with(Arc::clone(seen));
            }
        }
        Ok(Adoption::Done)
    }

    /// Looks the checkpoint up among those verified before.
    fn find(&self, history: &History, seen: &Seen) -> Result<Option<Adoption>, Error> {
        // Every tree extends the empty one: there is nothing in it to remember.
        if seen.size() == 0 {
            return Ok(Some(Adoption::Done));
        }
        match history.verified.get(&seen.size()) {
            Some(known) if known.is_same_tree(seen) => Ok(Some(Adoption::Done)),
            Some(known) => Err(self.contradiction(Fault::Fork { size: seen.size() }, known, seen)),
            None => Ok(None),
        }
    }

    /// Writes both checkpoints down: signed by the same key, they convict the log without any witness.
    fn contradiction(&self, fault: Fault, known: &Seen, shown: &Seen) -> Error {
        let path = self.dir.join(format!("fork-{}.txt", shown.size()));
        let text = format!("known:\n{}\nshown:\n{}", known.note, shown.note);
        let written = std::fs::write(&path, text);
        Error::Verification { fault, evidence: written.ok().map(|()| path) }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        // Whole values are stored, never halves: a thread that panicked left nothing broken behind.
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells that a note names a later origin of the log: nothing is believed of it, it only says why.
fn restored_as(note: &str, origin: &str) -> Option<Fault> {
    let shown = origin_of(note)?;
    let ((base, generation), (known, before)) = (generation_of(&shown), generation_of(origin));
    (base == known && generation > before).then_some(Fault::Restored { generation })
}

/// Returns the origin that a note names, unverified.
fn origin_of(note: &str) -> Option<String> {
    let note = Note::parse(note).ok()?;
    Checkpoint::parse(note.text()).ok().map(|checkpoint| checkpoint.origin)
}

impl History {
    fn holds(&self, seen: &Seen) -> bool {
        self.verified.get(&seen.size()).is_some_and(|known| known.is_same_tree(seen))
    }

    /// Takes up what another process remembered, where that is more.
    fn renew(&mut self, stored: Seen) {
        if stored.size() > self.newest.as_ref().map_or(0, |newest| newest.size()) {
            self.renew_with(Arc::new(stored));
        }
    }

    fn renew_with(&mut self, newest: Arc<Seen>) {
        self.newest = Some(Arc::clone(&newest));
        self.add(newest);
    }

    fn add(&mut self, seen: Arc<Seen>) {
        self.verified.insert(seen.size(), seen);
        if self.verified.len() > VERIFIED_MAX {
            self.verified.pop_first();
        }
    }
}
