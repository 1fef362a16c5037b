//! What the ledger knows and nobody else: the log's signing key, the link secret, the alerts' keys.

use std::{fmt, path::Path};

use ring::{
    aead::{self, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use zeroize::Zeroizing;

use super::{LedgerError, signing::Signing};
use crate::journal::{JournalId, KeyError, Keys, MasterKey};
use crate::merkle::Chain;
use crate::record::commitment::{self, Key, Secret};

const LINKS: &str = "links";
const BODY: &[u8] = b"portway/v1/body\0";
const NONCE_BYTES: usize = 12;

/// The secrets of one log.
pub(super) struct Secrets {
    pub(super) keys: Keys,
    pub(super) signing: Signing,
    pub(super) random: SystemRandom,
    nonces: Zeroizing<Key>,
    positions: Secret,
    pages: Zeroizing<Key>,
    stubs: Zeroizing<Key>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(withheld)")
    }
}

impl Secrets {
    /// Makes the secrets of a new log in a keys directory that was never used.
    pub(super) fn create(keys: Keys, origin: &str) -> Result<Self, LedgerError> {
        let random = SystemRandom::new();
        let mut links = Zeroizing::new([0; 32]);
        random.fill(links.as_mut()).map_err(|_| KeyError::Random)?;
        keys.seal_secret(LINKS, links.as_ref())?;
        let signing = Signing::create(&keys, origin)?;
        Self::of(keys, signing)
    }

    /// Opens the secrets of a log. Which key signs is told by the log.
    pub(super) fn open(
        dir: &Path,
        journal: JournalId,
        master: &MasterKey,
        origin: &str,
    ) -> Result<Self, LedgerError> {
        Self::of(Keys::open(dir, journal, master)?, Signing::closed(origin))
    }

    fn of(keys: Keys, signing: Signing) -> Result<Self, LedgerError> {
        let sealed = keys.open_secret(LINKS)?;
        let links: Key = sealed
            .as_slice()
            .try_into()
            .map_err(|_| LedgerError::Signing("the link secret is not 32 bytes"))?;
        let links = Zeroizing::new(links);
        let positions = Zeroizing::new(commitment::position_key(&links));
        let pages = Zeroizing::new(commitment::page_key(&links));
        let stubs = Zeroizing::new(commitment::stub_key(&links));
        Ok(Self {
            keys,
            signing,
            random: SystemRandom::new(),
            nonces: Zeroizing::new(commitment::nonce_key(&links)),
            positions: Secret::new(&positions),
            pages,
            stubs,
        })
    }

    /// Signs from now on by the key that the log tells of. Keys that were never used are destroyed, and those that
    /// handed over by the tree of `anchored` entries. Only while nobody makes a key.
    pub(super) fn sign_as_told(
        &self,
        chain: Option<Chain>,
        anchored: u64,
    ) -> Result<(), LedgerError> {
        self.signing.follow(&self.keys, chain)?;
        self.signing.tidy(&self.keys, anchored)
    }

    /// Returns the nonce of an agency's link in a record.
    pub(super) fn link_nonce(&self, agency: &str, index: u64) -> Key {
        commitment::link_nonce(&self.nonces, agency, index)
    }

    /// Returns the key that positions are authenticated under.
    pub(super) fn positions(&self) -> &Secret {
        &self.positions
    }

    /// Returns the key that page tokens are authenticated under.
    pub(super) fn pages(&self) -> &Key {
        &self.pages
    }

    /// Returns the key that what is left of erased records is authenticated under.
    pub(super) fn stubs(&self) -> &Key {
        &self.stubs
    }

    /// Seals a body under an alert's key (ChaCha20-Poly1305, RFC 8439; nonce first). The nonce is taken from `random`
    /// bytes that were drawn for it, because a slot whose batch was lost is used again.
    pub(super) fn seal(
        key: &Key,
        slot: u64,
        content: &[u8],
        random: &Key,
    ) -> Result<Vec<u8>, KeyError> {
        let (nonce, _) = random.split_first_chunk::<NONCE_BYTES>().ok_or(KeyError::Random)?;
        let mut body = Vec::with_capacity(NONCE_BYTES + content.len() + aead::MAX_TAG_LEN);
        body.extend_from_slice(nonce);
        body.extend_from_slice(content);
        let sealed = body.get_mut(NONCE_BYTES..).and_then(|content| {
            let nonce = Nonce::assume_unique_for_key(*nonce);
            cipher(key)?.seal_in_place_separate_tag(nonce, Aad::from(aad(slot)), content).ok()
        });
        body.extend_from_slice(sealed.ok_or(KeyError::Random)?.as_ref());
        Ok(body)
    }

    /// Opens a body; nothing where it was tampered with or the key is another.
    pub(super) fn unseal(key: &Key, slot: u64, body: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = body.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut content = sealed.to_vec();
        let length =
            cipher(key)?.open_in_place(nonce, Aad::from(aad(slot)), &mut content).ok()?.len();
        content.truncate(length);
        Some(content)
    }
}

fn cipher(key: &Key) -> Option<LessSafeKey> {
    let body = Zeroizing::new(commitment::body_key(key));
    UnboundKey::new(&aead::CHACHA20_POLY1305, body.as_ref()).ok().map(LessSafeKey::new)
}

fn aad(slot: u64) -> Vec<u8> {
    [BODY, &slot.to_be_bytes()].concat()
}
