//! What the log commits to: HMAC-SHA-256 under a key that only those entitled are given, each kind
//! under a label of its own. CONTRACT "Log" fixes the record's; docs/log-format.md lists them all.

use std::fmt;

use hmac::{Hmac, Mac, digest::MacError};
use sha2::{Digest, Sha256};

/// A 32-byte key of a commitment: a salt, or a key derived from an alert's key.
pub type Key = [u8; 32];

const RECORD: &[u8] = b"portway/v1/record\0";
const CONTENT: &[u8] = b"portway/v1/content\0";
const VIEW: &[u8] = b"portway/v1/view\0";
const LINK: &[u8] = b"portway/v1/link\0";

/// Commits to a record's stored bytes: the log entry `C`, whose leaf hash is SHA-256(0x00 || C).
pub fn record(salt: &Key, stored: &[u8]) -> [u8; 32] {
    mac(salt, &[RECORD, stored])
}

/// Commits to an alert's content, the bytes of its `AlertDraft` or `Filter`.
pub fn content(key: &Key, bytes: &[u8]) -> [u8; 32] {
    mac(key, &[CONTENT, bytes])
}

/// Commits to the exact bytes of a view.
pub fn view(key: &Key, bytes: &[u8]) -> [u8; 32] {
    mac(key, &[VIEW, bytes])
}

/// Commits to an agency's running number and to the index of its record before, plus 1 (0 = none).
pub fn link(nonce: &Key, agency: &str, number: u64, previous: u64) -> [u8; 32] {
    let (number, previous) = (number.to_be_bytes(), previous.to_be_bytes());
    mac(nonce, &[LINK, agency.as_bytes(), b"\0", &number, &previous])
}

/// Derives the key of content commitments from an alert's key.
pub fn content_key(alert: &Key) -> Key {
    mac(alert, &[b"portway/v1/content-key\0"])
}

/// Derives the key that an alert's body is sealed under.
pub fn body_key(alert: &Key) -> Key {
    mac(alert, &[b"portway/v1/body-key\0"])
}

/// Derives the key of the commitment to one shape of view: a recipient's key opens no other shape.
pub fn view_key(alert: &Key, released: u32, regime_change: bool) -> Key {
    mac(alert, &[b"portway/v1/view-key\0", &released.to_be_bytes(), &[u8::from(regime_change)]])
}

/// A secret that many values are derived from, set up once.
pub struct Secret(Hmac<Sha256>);

impl Secret {
    /// Sets a secret up.
    pub fn new(secret: &Key) -> Self {
        Self(keyed(secret))
    }

    /// Derives a value of 32 bytes from the parts, one behind the other.
    pub fn derive(&self, parts: &[&[u8]]) -> Key {
        finished(fed(self.0.clone(), parts))
    }

    /// Verifies that `tag` was derived from `part`, in constant time.
    ///
    /// # Errors
    ///
    /// `MacError`, which says nothing more.
    pub fn verify(&self, part: &[u8], tag: &[u8]) -> Result<(), MacError> {
        self.0.clone().chain_update(part).verify_slice(tag)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(withheld)")
    }
}

/// Derives the key that nonces of links are derived from, and nothing else, from the log's link secret.
pub fn nonce_key(secret: &Key) -> Key {
    mac(secret, &[b"portway/v1/link-nonce-key\0"])
}

/// Derives the nonce of one agency's link in one record: `SHA-256(nonce key || index || agency)`. One hash and no HMAC,
/// as there are two of these in each disclosure's record. It need not be one: key and index have a fixed length and no
/// agency's name goes on as the padding of SHA-256 does, so that nobody can go on from a nonce that was given out.
pub fn link_nonce(key: &Key, agency: &str, index: u64) -> Key {
    let hash = Sha256::new_with_prefix(key).chain_update(index.to_be_bytes());
    hash.chain_update(agency).finalize().into()
}

/// Derives the key that positions are authenticated under from the log's link secret.
pub fn position_key(secret: &Key) -> Key {
    mac(secret, &[b"portway/v1/position-key\0"])
}

/// Derives the key that page tokens are authenticated under from the log's link secret.
pub fn page_key(secret: &Key) -> Key {
    mac(secret, &[b"portway/v1/page-key\0"])
}

/// Derives the key that what is left of erased records is authenticated under from the log's link secret.
pub fn stub_key(secret: &Key) -> Key {
    mac(secret, &[b"portway/v1/stub-key\0"])
}

/// Authenticates what is left of the erased record of an entry.
pub fn stub(key: &Key, (index, leaf): (u64, &[u8; 32]), left: &[u8]) -> [u8; 32] {
    finished(stub_mac(key, (index, leaf), left))
}

/// Tells whether that was authenticated by `tag`, in constant time.
pub fn is_stub(key: &Key, (index, leaf): (u64, &[u8; 32]), left: &[u8], tag: &[u8]) -> bool {
    stub_mac(key, (index, leaf), left).verify_slice(tag).is_ok()
}

fn stub_mac(key: &Key, (index, leaf): (u64, &[u8; 32]), left: &[u8]) -> Hmac<Sha256> {
    fed(keyed(key), &[b"portway/v1/stub\0", &index.to_be_bytes(), leaf, left])
}

/// Authenticates a place in the answer to one question.
pub fn page(key: &Key, place: &[u8], question: &[u8]) -> [u8; 32] {
    finished(page_mac(key, place, question))
}

/// Tells whether a place in the answer to a question was authenticated by `tag`, in constant time.
pub fn is_page(key: &Key, place: &[u8], question: &[u8], tag: &[u8]) -> bool {
    page_mac(key, place, question).verify_slice(tag).is_ok()
}

fn page_mac(key: &Key, place: &[u8], question: &[u8]) -> Hmac<Sha256> {
    let length = u64::try_from(place.len()).unwrap_or(u64::MAX).to_be_bytes();
    fed(keyed(key), &[b"portway/v1/page\0", &length, place, question])
}

fn mac(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    finished(fed(keyed(key), parts))
}

/// A key of HMAC is a block of the hash: a shorter one is filled up with zeros (RFC 2104 §2).
fn keyed(key: &Key) -> Hmac<Sha256> {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    Hmac::new(&block.into())
}

fn fed(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> Hmac<Sha256> {
    for part in parts {
        mac.update(part);
    }
    mac
}

fn finished(mac: Hmac<Sha256>) -> [u8; 32] {
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with Python: `hmac.new(bytes(32), b"portway/v1/record\0" + b"abc", "sha256")`.
    #[test]
    fn the_record_commitment_is_what_the_contract_says() {
        let hex = crate::domain::Hex(&record(&[0; 32], b"abc")).to_string();
        assert_eq!(hex, "39cc438d0e070aac3fc1fe112f3aac8481277a59d5d0f11749dd672d61e77f78");
    }

    /// Computed with Python: `hashlib.sha256(hmac.new(bytes(32), b"portway/v1/link-nonce-key\0", "sha256").digest() +
    /// (258).to_bytes(8) + b"police").hexdigest()`.
    #[test]
    fn the_nonce_of_a_link_is_what_it_was_in_every_log() {
        let nonce = link_nonce(&nonce_key(&[0; 32]), "police", 258);
        let hex = crate::domain::Hex(&nonce).to_string();
        assert_eq!(hex, "53744d56d25b556a9ebdb839c071324ea04c8fc1e99e38f2e0620f2f76740ff9");
    }

    #[test]
    fn kinds_of_commitment_never_meet() {
        let key = [7; 32];
        let all = [record(&key, b"x"), content(&key, b"x"), view(&key, b"x")];
        assert!(all[0] != all[1] && all[1] != all[2] && all[0] != all[2]);
        assert_ne!(view_key(&key, 1, false), view_key(&key, 1, true));
        assert_ne!(link(&key, "a", 1, 2), link(&key, "a", 2, 1));
    }
}
