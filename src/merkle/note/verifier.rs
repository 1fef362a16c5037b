//! The public side of a key: reads and writes the vkey line, and passes the notes it signed.

use std::{fmt, str::FromStr};

use ring::signature::{ED25519 as ALGORITHM, UnparsedPublicKey};

use super::{
    Note, NoteError, Signature,
    key::{ED25519, KeyError, KeyId, Named, PUBLIC_KEY_LEN},
};

/// An Ed25519 public key with its name. [`Display`](fmt::Display) gives the vkey line
/// `<name>+<key id in hex>+<base64(0x01 || public key)>`, which [`FromStr`] reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verifier(Named);

impl Verifier {
    /// Gives a public key (RFC 8032 encoding) its name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`] where the name cannot stand in a note.
    pub fn new(name: &str, public_key: [u8; PUBLIC_KEY_LEN]) -> Result<Self, KeyError> {
        Named::new(name, ED25519, public_key).map(Self)
    }

    /// Verifies that this key signed the note. Signatures of other keys are passed over, even
    /// where they share the name or the id (C2SP signed-note, "Signatures").
    ///
    /// # Errors
    ///
    /// [`NoteError::NotSigned`] where no line is this key's, [`NoteError::BadSignature`] where
    /// one is and does not verify, whatever the others say.
    pub fn verify(&self, note: &Note) -> Result<(), NoteError> {
        let mut own = note.signatures().iter().filter(|signature| self.0.names(signature));
        let first = own.next().ok_or(NoteError::NotSigned)?;
        self.check(note, first)?;
        own.try_for_each(|signature| self.check(note, signature))
    }

    /// Returns the name of the key.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the id of the key.
    pub const fn key_id(&self) -> KeyId {
        self.0.key_id
    }

    fn check(&self, note: &Note, signature: &Signature) -> Result<(), NoteError> {
        UnparsedPublicKey::new(&ALGORITHM, &self.0.public_key)
            .verify(note.text().as_bytes(), &signature.bytes)
            .map_err(|_| NoteError::BadSignature)
    }
}

impl Named {
    /// Tells whether a line says that it is this key's.
    pub(super) fn names(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.key_id == self.key_id
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.vkey(ED25519))
    }
}

impl FromStr for Verifier {
    type Err = KeyError;

    /// Reads a vkey line, without a newline.
    ///
    /// # Errors
    ///
    /// [`KeyError`]. A vkey is trusted by whoever configured it, so any doubt about what was
    /// meant is an error.
    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        Named::from_vkey(vkey, ED25519).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use ring::signature::Ed25519KeyPair;

    use super::*;
    use crate::merkle::Signer;

    const TEXT: &str = "text\n";

    fn signer(name: &str, seed: u8) -> Signer {
        Signer::new(name, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
    }

    #[test]
    fn signatures_of_other_keys_are_passed_over() {
        let [old, new, witness] = [signer("log", 1), signer("log", 2), signer("witness", 3)];
        let signatures = vec![witness.sign("lies\n"), new.sign(TEXT), old.sign(TEXT)];
        let note = Note::new(TEXT, signatures).unwrap();

        assert_eq!(old.verifier().verify(&note), Ok(()));
        assert_eq!(new.verifier().verify(&note), Ok(()));
        assert_eq!(witness.verifier().verify(&note), Err(NoteError::BadSignature));
        assert_eq!(signer("log", 4).verifier().verify(&note), Err(NoteError::NotSigned));
        assert_eq!(signer("other", 1).verifier().verify(&note), Err(NoteError::NotSigned));
    }

    #[test]
    fn one_bad_signature_of_the_key_outweighs_a_good_one() {
        let key = signer("log", 1);
        for signatures in [[TEXT, "lies\n"], ["lies\n", TEXT]] {
            let signatures = signatures.map(|text| key.sign(text)).to_vec();
            let note = Note::new(TEXT, signatures).unwrap();

            assert_eq!(key.verifier().verify(&note), Err(NoteError::BadSignature));
        }
    }

    #[test]
    fn a_signature_of_the_wrong_length_is_bad() {
        let key = signer("log", 1);
        for bytes in [1, 63, 65] {
            let signature = Signature { bytes: vec![0; bytes], ..key.sign(TEXT) };
            let note = Note::new(TEXT, vec![signature]).unwrap();

            assert_eq!(key.verifier().verify(&note), Err(NoteError::BadSignature));
        }
    }

    #[test]
    fn a_vkey_that_is_not_to_the_letter_is_refused() {
        let vkey = signer("log", 1).vkey();
        let [name, key_id, key] = vkey.splitn(3, '+').collect::<Vec<_>>().try_into().unwrap();
        let bytes = STANDARD.decode(key).unwrap();
        let encode =
            |algorithm: u8, rest: &[u8]| STANDARD.encode([[algorithm].as_slice(), rest].concat());
        let line = |name: &str, key_id: &str, key: &str| format!("{name}+{key_id}+{key}");
        let refused = [
            (KeyError::Encoding, String::new()),
            (KeyError::Encoding, "log".into()),
            (KeyError::Encoding, format!("{name}+{key_id}")),
            (KeyError::Encoding, line(name, key_id, "")),
            (KeyError::Encoding, line(name, key_id, &format!("{key}="))),
            (KeyError::Encoding, format!("{vkey}\n")),
            (KeyError::Encoding, line(name, key_id, &encode(1, &bytes[1..32]))),
            (KeyError::Algorithm, line(name, key_id, &encode(4, &bytes[1..]))),
            (KeyError::Name, line("", key_id, key)),
            (KeyError::Name, line("a log", key_id, key)),
            (KeyError::KeyId, line("blog", key_id, key)),
            (KeyError::KeyId, line(name, &key_id.to_uppercase(), key)),
            (KeyError::KeyId, line(name, &format!("0{key_id}"), key)),
        ];

        assert_eq!(vkey.parse::<Verifier>().as_ref(), Ok(signer("log", 1).verifier()));
        assert_ne!(key_id, key_id.to_uppercase());
        for (error, vkey) in refused {
            assert_eq!(vkey.parse::<Verifier>(), Err(error), "{vkey}");
        }
    }
}
