//! The signing side of a key. The secret part stays in here: nothing returns, prints or copies it.

use std::fmt;

use ring::signature::{Ed25519KeyPair, KeyPair};

use super::{
    Signature,
    key::{KeyError, KeyName},
    verifier::Verifier,
};

/// An Ed25519 key with its name: signs the texts of notes.
pub struct Signer {
    pair: Ed25519KeyPair,
    verifier: Verifier,
}

impl Signer {
    /// Gives a key pair its name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] where the name cannot stand in a note.
    pub fn new(name: &str, pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Encoding)?;
        Ok(Self { pair, verifier: Verifier::new(name, public_key)? })
    }

    /// Reads a key from PKCS#8 DER, with the public key (RFC 5958) or without it (RFC 5208, as
    /// `openssl genpkey` writes it).
    ///
    /// # Errors
    ///
    /// [`KeyError::Encoding`] where the bytes are not an Ed25519 key, [`KeyError::Name`] where
    /// the name cannot stand in a note.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::Encoding)?;
        Self::new(name, pair)
    }

    /// Signs `text` as it stands. What it may say is the caller's to decide: a log that signs
    /// two trees that do not extend each other is caught by it.
    pub fn sign(&self, text: &str) -> Signature {
        Signature {
            name: KeyName::from(self.name()),
            key_id: self.verifier.key_id(),
            bytes: self.pair.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }

    /// Returns the name of the key.
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// Returns the public side of the key.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Returns the public side of the key as the one line others keep.
    pub fn vkey(&self) -> String {
        self.verifier.to_string()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("verifier", &self.verifier).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;
    use crate::merkle::{Note, NoteError};

    #[test]
    fn what_a_key_signs_its_vkey_verifies() {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let signer = Signer::from_pkcs8("example.org/log", pkcs8.as_ref()).unwrap();
        let verifier: Verifier = signer.vkey().parse().unwrap();

        let note = Note::new("text\n", vec![signer.sign("text\n")]).unwrap();
        let other = Note::new("texts\n", vec![signer.sign("text\n")]).unwrap();

        assert_eq!(verifier.verify(&note), Ok(()));
        assert_eq!(verifier.verify(&other), Err(NoteError::BadSignature));
    }

    #[test]
    fn a_key_without_its_public_half_is_taken_too() {
        let seed = [0; 32];
        let header = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
        let pkcs8 = [header.as_slice(), &seed].concat();

        let read = Signer::from_pkcs8("log", &pkcs8).unwrap();
        let made = Signer::new("log", Ed25519KeyPair::from_seed_unchecked(&seed).unwrap()).unwrap();

        assert_eq!(read.vkey(), made.vkey());
    }

    #[test]
    fn what_is_not_a_named_key_is_refused() {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();

        assert_eq!(Signer::from_pkcs8("log", b"key").err(), Some(KeyError::Encoding));
        for name in ["", "a log", "a+log", "a\nlog", "a\u{2003}log"] {
            let refused = Signer::from_pkcs8(name, pkcs8.as_ref()).err();
            assert_eq!(refused, Some(KeyError::Name), "{name:?}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[0x5a; 32]).unwrap();
        let shown = format!("{:?}", Signer::new("log", pair).unwrap());

        assert!(shown.starts_with("Signer"));
        assert!(!shown.contains("90, 90") && !shown.to_lowercase().contains("5a5a"));
    }
}
