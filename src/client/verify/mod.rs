//! Verifies, offline and without trusting anybody, what was kept: an export directory, receipts, records
//! that were shown. It names the first fault. It asks no broker and changes nothing.

mod directory;
mod finding;
mod links;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod omissions;
mod origins;
mod papers;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use finding::{Finding, What};

use super::export::Manifest;
use crate::{
    domain::AgencyId,
    merkle::{Chain, Hash, Verifier, WitnessKey},
    record::Rotation,
};

/// What was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// The origin of the log.
    pub origin: String,
    /// Size of the largest tree that was verified.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// How many records were held against it.
    pub records: u64,
    /// Whether the log's key was given; else it was taken from what was verified, which is its own claim.
    pub key_was_given: bool,
    /// Whether it was signed for a tree before a handover that is known: by a key that may have been in others' hands
    /// since. It is as good as the word of whoever kept it.
    pub before_rotation: bool,
    /// Of which agencies and ranges every linked record is there.
    pub complete: Vec<Complete>,
}

/// A range of which every record linked to an agency is there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Complete {
    /// The agency.
    pub agency: AgencyId,
    /// First index.
    pub start: u64,
    /// One past the last index.
    pub end: u64,
    /// How many records are linked to the agency there.
    pub records: u64,
}

/// What is known of the log before anything is verified.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// One of its keys; none where the claim of what is verified has to do.
    pub key: Option<Verifier>,
    /// The rotations that are known, oldest first: what a key signed after its time is refused by them.
    pub rotations: Vec<Rotation>,
    /// The witnesses that have to have cosigned what is verified, all of them.
    pub witnesses: Vec<WitnessKey>,
}

impl Trust {
    /// Trusts a key.
    pub const fn key(key: Verifier) -> Self {
        Self { key: Some(key), rotations: Vec::new(), witnesses: Vec::new() }
    }

    /// Tells whether a tree is smaller than one in which a key is known to have handed over.
    fn is_before_rotation(&self, size: u64) -> bool {
        self.rotations.iter().any(|rotation| size < rotation.size())
    }

    /// Returns the keys of the log; none where none was given.
    fn chain(&self) -> Result<Option<Chain>, Finding> {
        let unfit = |error| Finding::new("the rotations given", What::Rotation(error));
        let chain = self.key.as_ref().map(|key| Rotation::chain(key, &self.rotations));
        chain.transpose().map_err(unfit)
    }
}

/// Verifies what stands at `path`: an export directory, its `records.jsonl`, a proof of completeness, or a file of
/// receipts, shown records or proofs of consistency, one JSON document behind the other. `since` is an older signed checkpoint that the log has to extend.
///
/// # Errors
///
/// The first [`Finding`].
pub fn verify(path: &Path, log: &Trust, since: Option<&str>) -> Result<Verified, Finding> {
    if path.is_dir() {
        return directory::verify(path, log, since);
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    if path.file_name().is_some_and(|name| name == "records.jsonl")
        && parent.join(Manifest::PATH).is_file()
    {
        // Records prove nothing by themselves: the tree stands beside them.
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        return directory::verify(parent, log, since);
    }
    papers::verify(path, log, since)
}
