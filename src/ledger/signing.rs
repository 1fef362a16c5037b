//! The log's signing key: which of its keys signs, and how one hands over to the next. A new key is on disk
//! before anything names it, and an old one stays there until the anchor knows the tree that handed over: a
//! crash at any moment leaves the key that the journal's last checkpoint asks for.

use std::sync::{Arc, PoisonError, RwLock};

use ring::{rand::SystemRandom, signature::Ed25519KeyPair};

use super::LedgerError;
use crate::journal::{KeyError, Keys};
use crate::merkle::{Chain, Checkpoint, Signer, Verifier};

/// The file of a log's first key; those of later keys have its id behind it.
const FIRST: &str = "log-signing";

/// The key that signs, and those before it.
#[derive(Debug)]
pub(super) struct Signing {
    origin: String,
    held: RwLock<Option<Held>>,
}

#[derive(Clone, Debug)]
struct Held {
    signer: Arc<Signer>,
    chain: Arc<Chain>,
}

impl Signing {
    /// Makes the first key of a new log.
    pub(super) fn create(keys: &Keys, origin: &str) -> Result<Self, LedgerError> {
        make(keys, FIRST)?;
        let signing = Self::closed(origin);
        signing.follow(keys, None)?;
        Ok(signing)
    }

    /// Prepares the signing of a log that is not read yet: it signs nothing before it [follows](Self::follow).
    pub(super) fn closed(origin: &str) -> Self {
        Self { origin: origin.to_owned(), held: RwLock::new(None) }
    }

    /// Opens the key that signs now, as the log says; with no chain, which is before the first entry, the first.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it is not there, or not that key.
    pub(super) fn follow(&self, keys: &Keys, chain: Option<Chain>) -> Result<(), LedgerError> {
        let (origin, name) = match &chain {
            None => (self.origin.as_str(), FIRST.to_owned()),
            Some(chain) => (chain.origin(), file_of(chain, chain.newest())),
        };
        // Nothing is read again where the key is the same: what cannot fail does not stop the broker.
        let known = self
            .held()
            .ok()
            .filter(|held| Some(held.chain.newest()) == chain.as_ref().map(Chain::newest));
        let signer = match known {
            Some(held) => held.signer,
            None => open(keys, &name, origin)?.into(),
        };
        let chain = chain.unwrap_or_else(|| Chain::new(signer.verifier().clone()));
        if chain.newest() != signer.verifier() {
            return Err(LedgerError::Signing("it is not the one that the log names"));
        }
        self.hold(Held { signer, chain: chain.into() });
        Ok(())
    }

    /// Makes the next key, on disk for its owner alone. It signs nothing before the old one has handed over.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it cannot be made or written.
    pub(super) fn make_next(&self, keys: &Keys) -> Result<Signer, LedgerError> {
        let held = self.held()?;
        let pkcs8 = generate()?;
        let next = read(&pkcs8, held.chain.origin())?;
        let name = later(next.verifier());
        // An id has four bytes only: whose file is there already is not made over.
        if held.chain.spans().any(|span| span.key.key_id() == next.verifier().key_id()) {
            return Err(LedgerError::Signing("its id is that of another; try again"));
        }
        keys.seal_secret(&name, &pkcs8)?;
        Ok(next)
    }

    /// Makes the first key of the origin under which a restored log of `size` entries goes on, and returns its chain.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it cannot be made or written.
    pub(super) fn make_again(keys: &Keys, origin: &str, size: u64) -> Result<Chain, LedgerError> {
        let pkcs8 = generate()?;
        let key = read(&pkcs8, origin)?.verifier().clone();
        keys.seal_secret(&later(&key), &pkcs8)?;
        Ok(Chain::beginning(key, size + 1))
    }

    /// Destroys the keys that handed over before the tree of `size`, and whatever was made and never used.
    /// Only while nobody makes a key.
    ///
    /// # Errors
    ///
    /// `LedgerError` where a file cannot be removed.
    pub(super) fn tidy(&self, keys: &Keys, size: u64) -> Result<(), LedgerError> {
        keys.clear_unfinished(FIRST)?;
        let chain = self.chain()?;
        let kept = chain.spans().filter(|span| span.last.is_none_or(|last| size < last));
        let kept: Vec<String> = kept.map(|span| file_of(&chain, span.key)).collect();
        for name in keys.secrets()? {
            if name.starts_with(FIRST) && !kept.contains(&name) {
                keys.remove_secret(&name)?;
            }
        }
        Ok(())
    }

    /// Destroys the keys that handed over by the tree of `size`, which outlives a crash.
    ///
    /// # Errors
    ///
    /// `LedgerError` where a file cannot be removed.
    pub(super) fn retire(&self, keys: &Keys, size: u64) -> Result<(), LedgerError> {
        let chain = self.chain()?;
        for span in chain.spans().filter(|span| span.last.is_some_and(|last| last <= size)) {
            match keys.remove_secret(&file_of(&chain, span.key)) {
                Ok(()) | Err(KeyError::Missing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Signs a checkpoint; with `next`, to which the key hands over with it, both do, the old one first.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it cannot sign.
    pub(super) fn sign(
        &self,
        (size, root): (u64, crate::merkle::Hash),
        next: Option<&Signer>,
    ) -> Result<String, LedgerError> {
        let held = self.held()?;
        let checkpoint = Checkpoint { origin: held.signer.name().to_owned(), size, root };
        let signers: Vec<&Signer> = [held.signer.as_ref()].into_iter().chain(next).collect();
        let note = checkpoint.signed(&signers);
        Ok(note.map_err(|_| LedgerError::Signing("it does not sign"))?.to_string())
    }

    /// Lets `next` sign from now on: the checkpoint that hands over is durable.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the checkpoint is not one that hands over.
    pub(super) fn hand_over(&self, next: Signer, checkpoint: &str) -> Result<(), LedgerError> {
        let held = self.held()?;
        let (chain, _) = held
            .chain
            .followed_by(next.verifier().clone(), checkpoint)
            .map_err(|_| LedgerError::Signing("it does not hand over"))?;
        self.hold(Held { signer: next.into(), chain: chain.into() });
        Ok(())
    }

    /// Returns the origin of the log.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the key that signs.
    ///
    /// # Errors
    ///
    /// `LedgerError` before the log was read.
    pub(super) fn signer(&self) -> Result<Arc<Signer>, LedgerError> {
        Ok(self.held()?.signer)
    }

    /// Returns the keys of the log.
    ///
    /// # Errors
    ///
    /// `LedgerError` before the log was read.
    pub(super) fn chain(&self) -> Result<Arc<Chain>, LedgerError> {
        Ok(self.held()?.chain)
    }

    fn held(&self) -> Result<Held, LedgerError> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or(LedgerError::Signing("the log was not read yet"))
    }

    fn hold(&self, held: Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
    }
}

fn file_of(chain: &Chain, key: &Verifier) -> String {
    // Of a restored log, the first key is that of the origin before.
    let is_first = chain.begins() == 0 && chain.spans().next().is_some_and(|span| span.key == key);
    if is_first { FIRST.to_owned() } else { later(key) }
}

fn later(key: &Verifier) -> String {
    format!("{FIRST}-{}", key.key_id())
}

fn make(keys: &Keys, name: &str) -> Result<(), LedgerError> {
    Ok(keys.seal_secret(name, &generate()?)?)
}

fn generate() -> Result<zeroize::Zeroizing<Vec<u8>>, LedgerError> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| LedgerError::Signing("it could not be made"))?;
    Ok(pkcs8.as_ref().to_vec().into())
}

fn open(keys: &Keys, name: &str, origin: &str) -> Result<Signer, LedgerError> {
    read(&keys.open_secret(name)?, origin)
}

fn read(pkcs8: &[u8], origin: &str) -> Result<Signer, LedgerError> {
    Signer::from_pkcs8(origin, pkcs8)
        .map_err(|_| LedgerError::Signing("it is not an Ed25519 key, or the origin no name"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{JournalId, MasterKey};
    use crate::merkle::empty_root;

    const ORIGIN: &str = "example.org/portway/log";

    struct Disk {
        dir: tempfile::TempDir,
        master: MasterKey,
    }

    impl Disk {
        /// A log with its first key.
        fn new() -> (Self, Signing) {
            let dir = tempfile::tempdir().unwrap();
            let master = MasterKey::create(&dir.path().join(MasterKey::FILE)).unwrap();
            let disk = Self { dir, master };
            let keys = Keys::create(disk.dir.path(), Self::id(), &disk.master).unwrap();
            let signing = Signing::create(&keys, ORIGIN).unwrap();
            (disk, signing)
        }

        fn id() -> JournalId {
            JournalId::from_bytes([3; 16])
        }

        fn keys(&self) -> Keys {
            Keys::open(self.dir.path(), Self::id(), &self.master).unwrap()
        }

        /// A start on a log that has these keys and whose anchor knows so many entries.
        fn start(&self, chain: &Chain, anchored: u64) -> Result<Signing, LedgerError> {
            let signing = Signing::closed(ORIGIN);
            signing.follow(&self.keys(), Some(chain.clone()))?;
            signing.tidy(&self.keys(), anchored)?;
            Ok(signing)
        }

        fn files(&self) -> Vec<String> {
            let mut names = self.keys().secrets().unwrap();
            names.retain(|name| name.starts_with(FIRST));
            names.sort();
            names
        }
    }

    fn sign(signing: &Signing, size: u64, next: Option<&Signer>) -> String {
        signing.sign((size, empty_root()), next).unwrap()
    }

    /// Before the record is durable a crash leaves the old key, whatever was made meanwhile; once it is, the new one,
    /// and the old one's file until the anchor knows that tree.
    #[test]
    fn a_crash_at_any_step_leaves_the_key_that_the_log_asks_for() {
        let (disk, signing) = Disk::new();
        let before = signing.chain().unwrap();
        let next = signing.make_next(&disk.keys()).unwrap();
        let vkey = next.vkey();
        assert_eq!(disk.files().len(), 2, "the new key is on disk before anything names it");
        let note = sign(&signing, 7, Some(&next));
        // A signature is not what makes it the log's: the record may have been lost.
        let old = disk.start(&before, 6).unwrap();
        assert_eq!(old.signer().unwrap().vkey(), before.newest().to_string());
        assert_eq!(disk.files(), [FIRST], "what was never used is gone");

        let next = signing.make_next(&disk.keys()).unwrap();
        assert_ne!(next.vkey(), vkey);
        let note_of_next = sign(&signing, 7, Some(&next));
        assert_ne!(note, note_of_next);
        signing.hand_over(next, &note_of_next).unwrap();
        let after = signing.chain().unwrap();
        for (anchored, files) in [(6, 2), (7, 1), (9, 1)] {
            let new = disk.start(&after, anchored).unwrap();
            assert_eq!(new.signer().unwrap().vkey(), after.newest().to_string());
            assert_eq!(disk.files().len(), files, "anchored at {anchored}");
        }
        // A journal from before the rotation has no key to go on with, and says so.
        assert!(disk.start(&before, 6).is_err());
    }

    /// The journal's torn end is cut back to before the rotation: the old key is there until the anchor forbids it.
    #[test]
    fn a_journal_that_is_cut_back_finds_its_key() {
        let (disk, signing) = Disk::new();
        let before = signing.chain().unwrap();
        let next = signing.make_next(&disk.keys()).unwrap();
        let note = sign(&signing, 7, Some(&next));
        signing.hand_over(next, &note).unwrap();
        signing.retire(&disk.keys(), 6).unwrap();

        let old = disk.start(&before, 6).unwrap();

        assert_eq!(old.signer().unwrap().vkey(), before.newest().to_string());
        assert_eq!(disk.files(), [FIRST]);
    }

    /// A crash between writing a key and giving it its name leaves the key behind, under another name.
    #[test]
    fn a_key_that_was_never_named_is_gone_at_the_next_start() {
        let (disk, signing) = Disk::new();
        let left = disk.dir.path().join("log-signing-0badc0de.sealed.tmp");
        std::fs::write(&left, "a key").unwrap();
        disk.start(&signing.chain().unwrap(), 0).unwrap();
        assert!(!left.exists());
        assert_eq!(disk.files(), [FIRST]);
    }

    /// What is retired twice is retired once; what signs now never is.
    #[test]
    fn only_keys_that_handed_over_are_retired() {
        let (disk, signing) = Disk::new();
        signing.retire(&disk.keys(), u64::MAX).unwrap();
        for size in [5, 9] {
            let next = signing.make_next(&disk.keys()).unwrap();
            let note = sign(&signing, size, Some(&next));
            signing.hand_over(next, &note).unwrap();
        }
        assert_eq!(disk.files().len(), 3);
        for (anchored, files) in [(4, 3), (5, 2), (5, 2), (8, 2), (9, 1), (9, 1)] {
            signing.retire(&disk.keys(), anchored).unwrap();
            assert_eq!(disk.files().len(), files, "anchored at {anchored}");
        }
        let chain = signing.chain().unwrap();
        assert!(chain.open(&sign(&signing, 10, None)).is_ok());
        assert!(disk.start(&chain, 9).is_ok());
    }
}
