//! The keys of one log, oldest first: each signs the trees up to the one that hands over to the next, and
//! that one carries the signatures of both. What a key signs beyond its time shows nothing. A log that was restored goes on
//! under another origin and with a chain of its own, which begins with the tree that says so.

use super::{
    checkpoint::{Checkpoint, CheckpointError},
    note::{Note, Verifier},
};

/// The keys of a log. There is always one at least.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Chain {
    /// Size of the first tree that is of this origin; 0 where the log was never restored.
    begins: u64,
    past: Vec<Past>,
    newest: Verifier,
}

/// A key that handed over.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Past {
    key: Verifier,
    /// Size of the last tree that it signed, the first of the next key.
    last: u64,
}

/// A key and the sizes of the trees that it signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Span<'a> {
    /// The key.
    pub key: &'a Verifier,
    /// Size of the first tree.
    pub first: u64,
    /// Size of the last tree; none for the newest key.
    pub last: Option<u64>,
}

impl Chain {
    /// How often a log's key may hand over: who verifies the keys verifies all of them, and nobody holds more.
    pub const ROTATIONS_MAX: usize = 4096;

    /// Begins with a key that is trusted, and signs everything as long as no other follows.
    pub const fn new(key: Verifier) -> Self {
        Self::beginning(key, 0)
    }

    /// Begins with the key of a log that goes on under another origin, and with the tree of `size` entries.
    pub const fn beginning(key: Verifier, size: u64) -> Self {
        Self { begins: size, past: Vec::new(), newest: key }
    }

    /// Returns the size of the first tree of this origin; 0 where the log was never restored.
    pub const fn begins(&self) -> u64 {
        self.begins
    }

    /// Returns the name that all keys have: the origin of the log.
    pub fn origin(&self) -> &str {
        self.newest.name()
    }

    /// Returns the key that signs now.
    pub const fn newest(&self) -> &Verifier {
        &self.newest
    }

    /// Returns the size of the first tree that the newest key signed; 0 where it may sign all.
    pub fn newest_from(&self) -> u64 {
        self.past.last().map_or(self.begins, |past| past.last)
    }

    /// Tells whether the key has handed over as often as it may: no client follows another.
    pub const fn is_full(&self) -> bool {
        self.past.len() >= Self::ROTATIONS_MAX
    }

    /// Tells whether it is one of the keys.
    pub fn holds(&self, key: &Verifier) -> bool {
        self.newest == *key || self.past.iter().any(|past| past.key == *key)
    }

    /// Lists the keys, oldest first.
    pub fn spans(&self) -> impl Iterator<Item = Span<'_>> {
        let firsts =
            std::iter::once(self.begins.max(1)).chain(self.past.iter().map(|past| past.last));
        let past = self.past.iter().map(|past| (&past.key, Some(past.last)));
        let keys = past.chain([(&self.newest, None)]);
        firsts.zip(keys).map(|(first, (key, last))| Span { key, first, last })
    }

    /// Returns the key that seals what covers the tree of `size`: of two that signed it, the newer.
    pub fn at(&self, size: u64) -> &Verifier {
        let past = self.past.iter().find(|past| size < past.last);
        past.map_or(&self.newest, |past| &past.key)
    }

    /// Opens a signed checkpoint: the keys whose time it is have to have signed it, all of them. Others'
    /// signatures are passed over, those of keys whose time is over as well.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: the checkpoint shows nothing.
    pub fn open(&self, note: &str) -> Result<Checkpoint, CheckpointError> {
        let note = Note::parse(note)?;
        // Which key is due stands in the text, and nothing else is believed of it yet.
        let size = Checkpoint::parse(note.text())?.size;
        if size < self.begins {
            return Err(CheckpointError::Origin);
        }
        for past in self.past.iter().filter(|past| past.last == size) {
            Checkpoint::open_note(&note, &past.key)?;
        }
        Checkpoint::open_note(&note, self.at(size))
    }

    /// Returns the chain with one key more, to which the newest handed over with the checkpoint that both
    /// signed, and that checkpoint. That its tree says so too is for the caller to prove.
    ///
    /// # Errors
    ///
    /// [`ChainError`]: the key does not follow.
    pub fn followed_by(
        &self,
        next: Verifier,
        note: &str,
    ) -> Result<(Self, Checkpoint), ChainError> {
        if next.name() != self.origin() {
            return Err(ChainError::OtherLog);
        }
        if self.holds(&next) {
            return Err(ChainError::KnownKey);
        }
        let note = Note::parse(note).map_err(CheckpointError::from)?;
        let checkpoint = Checkpoint::open_note(&note, &self.newest)?;
        Checkpoint::open_note(&note, &next)?;
        if checkpoint.size <= self.newest_from() {
            return Err(ChainError::Order);
        }
        let mut past = self.past.clone();
        past.push(Past { key: self.newest.clone(), last: checkpoint.size });
        Ok((Self { begins: self.begins, past, newest: next }, checkpoint))
    }
}

/// Why a key does not follow another.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChainError {
    /// The checkpoint is not signed by both keys.
    #[error("the checkpoint that hands over: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The key has had its time already.
    #[error("a key that was used before")]
    KnownKey,
    /// The tree is no later than the one that the key was given.
    #[error("keys out of order")]
    Order,
    /// The key has another name.
    #[error("a key of another log")]
    OtherLog,
}

#[cfg(test)]
mod tests {
    use ring::signature::Ed25519KeyPair;

    use super::*;
    use crate::merkle::{Signer, leaf_hash};

    fn signer(name: &str, seed: u8) -> Signer {
        Signer::new(name, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
    }

    /// A log's key hands over as often as clients follow, and no more often.
    #[test]
    fn a_chain_is_full_when_no_client_would_follow() {
        let origin = "example.org/portway/log";
        let key = |number: usize| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
            Signer::new(origin, Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()).unwrap()
        };
        let mut signer = key(0);
        let mut chain = Chain::new(signer.verifier().clone());
        for number in 1..=Chain::ROTATIONS_MAX {
            assert!(!chain.is_full(), "after {number}");
            let (size, root) = (number as u64, leaf_hash(b"root"));
            let checkpoint = Checkpoint { origin: origin.to_owned(), size, root };
            let next = key(number);
            let note = checkpoint.signed(&[&signer, &next]).unwrap().to_string();
            chain = chain.followed_by(next.verifier().clone(), &note).unwrap().0;
            signer = next;
        }
        assert!(chain.is_full());
    }

    /// Of a restored log, no tree from before is believed under its new origin, and its keys hand over as any do.
    #[test]
    fn a_chain_begins_where_a_log_goes_on() {
        let origin = "example.org/portway/log/2";
        let [first, second] = [1, 2].map(|seed| signer(origin, seed));
        let chain = Chain::beginning(first.verifier().clone(), 8);
        let note = |size, signers: &[&Signer]| {
            let root = leaf_hash(b"root");
            let checkpoint = Checkpoint { origin: origin.to_owned(), size, root };
            checkpoint.signed(signers).unwrap().to_string()
        };
        assert_eq!(chain.open(&note(7, &[&first])), Err(CheckpointError::Origin));
        assert!(chain.open(&note(8, &[&first])).is_ok());
        assert_eq!((chain.begins(), chain.newest_from()), (8, 8));
        let handover = note(9, &[&first, &second]);
        let (next, _) = chain.followed_by(second.verifier().clone(), &handover).unwrap();
        assert_eq!(next.open(&note(7, &[&first])), Err(CheckpointError::Origin));
        assert!(next.open(&note(8, &[&first])).is_ok());
        let spans: Vec<_> = next.spans().map(|span| (span.first, span.last)).collect();
        assert_eq!(spans, [(8, Some(9)), (9, None)]);
    }
}
