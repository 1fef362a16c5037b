//! Cosignatures of witnesses as C2SP tlog-cosignature defines them (`cosignature/v1`, Ed25519): a witness says when
//! it saw a checkpoint, and that it has seen no larger tree of that log which this one does not extend.

use std::{fmt, str::FromStr};

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::{
    Note, NoteError, Signature,
    key::{COSIGNATURE, KeyError, KeyId, KeyName, Named},
};

/// The time stands before the signature, in seconds since 1970.
const TIME_BYTES: usize = 8;
/// C2SP tlog-cosignature allows no later time.
const SECONDS_MAX: u64 = i64::MAX as u64;

/// The public side of a witness's key. [`Display`](fmt::Display) gives the vkey line
/// `<name>+<key id in hex>+<base64(0x04 || public key)>`, which [`FromStr`] reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WitnessKey(Named);

impl WitnessKey {
    /// Returns the name of the witness.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the id of the key.
    pub const fn key_id(&self) -> KeyId {
        self.0.key_id
    }

    /// Verifies that this witness cosigned the note; returns when, the latest where it did several times, in seconds
    /// since 1970. Signatures of others are passed over.
    ///
    /// # Errors
    ///
    /// [`NoteError::NotSigned`] where no line is this key's, [`NoteError::BadSignature`] where one is and does not
    /// verify, whatever the others say.
    pub fn verify(&self, note: &Note) -> Result<u64, NoteError> {
        let own = note.signatures().iter().filter(|signature| self.0.names(signature));
        let times: Vec<u64> =
            own.map(|signature| self.check(note.text(), signature)).collect::<Result<_, _>>()?;
        times.into_iter().max().ok_or(NoteError::NotSigned)
    }

    /// Puts a witness's answer under the checkpoint that it was asked to cosign, this key's line of it alone; returns
    /// that with the time.
    ///
    /// # Errors
    ///
    /// [`NoteError`] where either is malformed, or this key did not cosign this checkpoint.
    pub fn cosigned(&self, checkpoint: &str, answer: &str) -> Result<(Note, u64), NoteError> {
        let mut note = Note::parse(checkpoint)?;
        let joined = Note::parse(&format!("{checkpoint}{answer}"))?;
        if joined.text() != note.text() {
            return Err(NoteError::Malformed);
        }
        let seconds = self.verify(&joined)?;
        let known = note.signatures().len();
        let added = joined.signatures().iter().skip(known);
        let own = added.filter(|signature| self.0.names(signature));
        for signature in own {
            note.push(signature.clone())?;
        }
        Ok((note, seconds))
    }

    fn check(&self, text: &str, signature: &Signature) -> Result<u64, NoteError> {
        let (time, bytes) =
            signature.bytes.split_first_chunk::<TIME_BYTES>().ok_or(NoteError::BadSignature)?;
        let seconds = u64::from_be_bytes(*time);
        let verified = UnparsedPublicKey::new(&ED25519, &self.0.public_key)
            .verify(message(text, seconds).as_bytes(), bytes);
        match verified {
            Ok(()) if seconds <= SECONDS_MAX => Ok(seconds),
            Ok(()) | Err(_) => Err(NoteError::BadSignature),
        }
    }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.vkey(COSIGNATURE))
    }
}

impl FromStr for WitnessKey {
    type Err = KeyError;

    /// Reads a vkey line, without a newline.
    ///
    /// # Errors
    ///
    /// [`KeyError`]. A vkey is trusted by whoever configured it, so any doubt about what was meant is an error.
    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        Named::from_vkey(vkey, COSIGNATURE).map(Self)
    }
}

/// A witness's key: cosigns the texts of checkpoints. The secret part stays in here.
pub struct Cosigner {
    pair: Ed25519KeyPair,
    key: WitnessKey,
}

impl Cosigner {
    /// Reads a key from PKCS#8 DER and gives it its name. It has to be used for nothing else: what is signed does not
    /// hold the name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Encoding`] where the bytes are not an Ed25519 key, [`KeyError::Name`] where the name cannot stand
    /// in a note.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let pair =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| KeyError::Encoding)?;
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| KeyError::Encoding)?;
        Ok(Self { pair, key: WitnessKey(Named::new(name, COSIGNATURE, public_key)?) })
    }

    /// Cosigns the text of a checkpoint as of a moment, in seconds since 1970. Whether it may is the caller's to
    /// decide: a witness that cosigns two trees of which neither extends the other is none.
    pub fn cosign(&self, text: &str, seconds: u64) -> Signature {
        let signed = self.pair.sign(message(text, seconds).as_bytes());
        let bytes = [seconds.to_be_bytes().as_slice(), signed.as_ref()].concat();
        Signature { name: KeyName::from(self.key.name()), key_id: self.key.key_id(), bytes }
    }

    /// Returns the public side.
    pub const fn key(&self) -> &WitnessKey {
        &self.key
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What is signed: when, and the checkpoint's whole text.
fn message(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    const TEXT: &str = "example.org/log\n7\nroot\n";

    fn cosigner(name: &str) -> Cosigner {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Cosigner::from_pkcs8(name, pkcs8.as_ref()).unwrap()
    }

    fn note(text: &str, signatures: Vec<Signature>) -> Note {
        Note::new(text, signatures).unwrap()
    }

    #[test]
    fn what_a_witness_cosigns_its_vkey_verifies() {
        let witness = cosigner("witness.example.org");
        let key: WitnessKey = witness.key().to_string().parse().unwrap();

        assert_eq!(key.verify(&note(TEXT, vec![witness.cosign(TEXT, 7)])), Ok(7));
        let twice = vec![witness.cosign(TEXT, 9), witness.cosign(TEXT, 8)];
        assert_eq!(key.verify(&note(TEXT, twice)), Ok(9));
    }

    #[test]
    fn another_text_time_or_key_is_refused() {
        let witness = cosigner("witness.example.org");
        let key = witness.key();
        let signature = witness.cosign(TEXT, 7);
        let longer = format!("{TEXT}extension\n");
        assert_eq!(
            key.verify(&note(&longer, vec![signature.clone()])),
            Err(NoteError::BadSignature)
        );
        let mut later = signature.clone();
        later.bytes[7] += 1;
        assert_eq!(key.verify(&note(TEXT, vec![later])), Err(NoteError::BadSignature));
        let beyond = witness.cosign(TEXT, SECONDS_MAX + 1);
        assert_eq!(key.verify(&note(TEXT, vec![beyond])), Err(NoteError::BadSignature));
        let other = cosigner("witness.example.org");
        assert_eq!(other.key().verify(&note(TEXT, vec![signature])), Err(NoteError::NotSigned));
        for bytes in [1, 8, 71, 73] {
            let short = Signature { bytes: vec![0; bytes], ..witness.cosign(TEXT, 7) };
            assert_eq!(key.verify(&note(TEXT, vec![short])), Err(NoteError::BadSignature));
        }
    }

    #[test]
    fn only_the_own_line_of_an_answer_is_taken_over() {
        let [own, other, log] = ["own.example", "other.example", "log"].map(cosigner);
        let checkpoint = note(TEXT, vec![log.cosign(TEXT, 1)]).to_string();
        let lines = format!("{}\n{}\n", other.cosign(TEXT, 2), own.cosign(TEXT, 3));

        let (cosigned, seconds) = own.key().cosigned(&checkpoint, &lines).unwrap();

        let names: Vec<&str> = cosigned.signatures().iter().map(Signature::name).collect();
        assert_eq!((names, seconds), (vec!["log", "own.example"], 3));
        let wrong = [
            (String::new(), NoteError::NotSigned),
            (format!("{}\n", other.cosign(TEXT, 2)), NoteError::NotSigned),
            (format!("{}\n", own.cosign("other\n", 2)), NoteError::BadSignature),
            (own.cosign(TEXT, 2).to_string(), NoteError::Malformed),
            (format!("\nmore\n\n{}\n", own.cosign(TEXT, 2)), NoteError::Malformed),
        ];
        for (answer, error) in wrong {
            assert_eq!(own.key().cosigned(&checkpoint, &answer).err(), Some(error), "{answer}");
        }
    }

    #[test]
    fn the_key_of_a_log_is_no_key_of_a_witness() {
        let vkey = cosigner("witness.example.org").key().to_string();

        assert_eq!(vkey.parse::<super::super::Verifier>(), Err(KeyError::Algorithm));
        let log = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(log.parse::<WitnessKey>(), Err(KeyError::Algorithm));
    }
}
