//! What the records of an export say of origins that the log had before: which keys signed which trees, and how much of
//! them the log still has. The records are proven entries of the tree, so that whoever trusts the newest key can hold a
//! checkpoint of an older origin against it.

use super::What;
use crate::{
    merkle::{Checkpoint, CheckpointError, Note, Verifier},
    record::Event,
};

/// The keys of one origin, each with the size of the first tree that it signed, oldest first.
type Keys = Vec<(Verifier, u64)>;

/// The origins of a log, as its records tell them.
#[derive(Debug, Default)]
pub(super) struct Origins {
    /// The keys of the newest origin.
    keys: Keys,
    past: Vec<Past>,
}

/// An origin that the log had.
#[derive(Debug)]
struct Past {
    name: String,
    keys: Keys,
    /// How many of its entries the log still has.
    size: u64,
}

impl Origins {
    /// Takes in the next record.
    pub(super) fn follow(&mut self, index: u64, event: &Event) {
        if let (Event::LogStarted { vkey, .. }, 0) = (event, index) {
            self.keys.extend(vkey.parse().ok().map(|key| (key, 0)));
        } else if let Event::KeyRotated { new, .. } = event {
            self.keys.extend(new.parse().ok().map(|key| (key, index + 1)));
        } else if let Event::LogRestored(it) = event
            && it.old_size == index
        {
            let keys = std::mem::take(&mut self.keys);
            self.past.push(Past { name: it.old_origin.clone(), keys, size: index });
            self.keys.extend(it.vkey.parse().ok().map(|key| (key, index + 1)));
        }
    }

    /// Opens a checkpoint of an origin that the log had before; nothing where it is of none of them.
    ///
    /// # Errors
    ///
    /// [`What::Checkpoint`] where the key whose time it was has not signed it, [`What::Lost`] where it is of more entries
    /// than were restored.
    pub(super) fn open(&self, note: &str) -> Option<Result<Checkpoint, What>> {
        let claimed = Checkpoint::parse(Note::parse(note).ok()?.text()).ok()?;
        let past = self.past.iter().find(|past| past.name == claimed.origin)?;
        Some(past.open(note, claimed.size))
    }
}

impl Past {
    fn open(&self, note: &str, size: u64) -> Result<Checkpoint, What> {
        let ends = self.keys.iter().skip(1).map(|(_, first)| Some(*first)).chain([None]);
        let mut opened = Err(CheckpointError::Origin);
        // Where one hands over to another, both have signed.
        for ((key, first), end) in self.keys.iter().zip(ends) {
            if *first <= size && end.is_none_or(|end| size <= end) {
                opened = Ok(Checkpoint::open(note, key).map_err(What::Checkpoint)?);
            }
        }
        let checkpoint = opened.map_err(What::Checkpoint)?;
        if checkpoint.size <= self.size {
            Ok(checkpoint)
        } else {
            Err(What::Lost { restored: self.size, since: checkpoint.size })
        }
    }
}
