//! Signed notes as C2SP signed-note v1.0.0 defines them: a text and the signatures under it.
//!
//! A [`Note`] is well formed, and no more than that: its text means nothing before a
//! [`Verifier`] has passed it.

mod cosigner;
mod key;
mod signer;
mod verifier;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

pub use cosigner::{Cosigner, WitnessKey};
pub use key::{KeyError, KeyId};
use key::{KeyName, is_key_name};
pub use signer::Signer;
pub use verifier::Verifier;

/// A text with one or more signatures under it. [`Display`](fmt::Display) gives the note's form
/// on the wire, which [`parse`](Self::parse) reads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// The largest note taken: 1 MiB, in bytes.
    pub const BYTES_MAX: usize = 1 << 20;

    /// How many signatures a note may carry: 100 (C2SP signed-note wants 16 at least).
    pub const SIGNATURES_MAX: usize = 100;

    /// Puts signatures under a text, which ends with a newline.
    ///
    /// # Errors
    ///
    /// [`NoteError`] where the result is not a note by the letter of C2SP signed-note, or above
    /// the limits.
    pub fn new(text: impl Into<String>, signatures: Vec<Signature>) -> Result<Self, NoteError> {
        let note = Self { text: text.into(), signatures };
        note.check()?;
        Ok(note)
    }

    /// Reads a note. Strict: what is read and written again is the same bytes.
    ///
    /// # Errors
    ///
    /// [`NoteError::Malformed`], [`NoteError::TooLarge`] or [`NoteError::TooManySignatures`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > Self::BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        // The text may hold empty lines, the signatures cannot: the last one parts them.
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        if lines.split('\n').nth(Self::SIGNATURES_MAX).is_some() {
            return Err(NoteError::TooManySignatures);
        }
        let signatures = lines
            .split('\n')
            .map(|line| Signature::parse(line).ok_or(NoteError::Malformed))
            .collect::<Result<_, _>>()?;
        Self::new(format!("{text}\n"), signatures)
    }

    /// Adds one more signature over the same text: the next key of a rotation, or a witness.
    ///
    /// # Errors
    ///
    /// [`NoteError`] where the note would grow beyond its limits; it is unchanged then.
    pub fn push(&mut self, signature: Signature) -> Result<(), NoteError> {
        self.signatures.push(signature);
        self.check().inspect_err(|_| drop(self.signatures.pop()))
    }

    /// Returns the signed text, its last newline included.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the signatures in their order, verified or not.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    fn check(&self) -> Result<(), NoteError> {
        if self.signatures.len() > Self::SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        let note = self.to_string();
        if note.len() > Self::BYTES_MAX {
            return Err(NoteError::TooLarge);
        }
        let is_plain = note.bytes().all(|byte| byte >= b' ' || byte == b'\n');
        if is_plain && self.text.ends_with('\n') && !self.signatures.is_empty() {
            Ok(())
        } else {
            Err(NoteError::Malformed)
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

/// One signature line: who signed, with which key, and the signature's bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signature {
    name: KeyName,
    key_id: KeyId,
    bytes: Vec<u8>,
}

impl Signature {
    /// Returns the name of the key that is said to have signed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id of the key that is said to have signed.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Reads one line, without its newline: em dash, name, base64 of key id and signature.
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key_id, bytes) = decoded.split_first_chunk()?;
        let is_whole = is_key_name(name) && !bytes.is_empty();
        is_whole.then(|| Self {
            name: name.into(),
            key_id: KeyId::from_bytes(*key_id),
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([self.key_id.as_bytes().as_slice(), &self.bytes].concat());
        write!(f, "— {} {encoded}", self.name)
    }
}

/// Why a note is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// A signature that claims to be of the trusted key is not.
    #[error("signature of a known key does not verify")]
    BadSignature,
    /// Not a signed note by the letter of C2SP signed-note.
    #[error("not a signed note")]
    Malformed,
    /// No signature of the trusted key is there.
    #[error("not signed by the known key")]
    NotSigned,
    /// More bytes than [`Note::BYTES_MAX`].
    #[error("note is too large")]
    TooLarge,
    /// More signatures than [`Note::SIGNATURES_MAX`].
    #[error("note has too many signatures")]
    TooManySignatures,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "one\n\ntwo\n\n— log AAAAAAE=\n— witness AAAAAQI=\n";

    #[test]
    fn the_last_empty_line_parts_text_and_signatures() {
        let note = Note::parse(NOTE).unwrap();

        assert_eq!(note.text(), "one\n\ntwo\n");
        let names = note.signatures().iter().map(Signature::name).collect::<Vec<_>>();
        assert_eq!(names, ["log", "witness"]);
        assert_eq!(note.signatures()[1].key_id(), KeyId::from_bytes([0, 0, 0, 1]));
        assert_eq!(note.to_string(), NOTE);
    }

    #[test]
    fn what_is_not_a_note_by_the_letter_is_refused() {
        let wrong = [
            ("no blank line", "text\n— log AAAAAAE=\n"),
            ("no text", "\n— log AAAAAAE=\n"),
            ("no signature", "text\n\n"),
            ("signature line without newline", "text\n\n— log AAAAAAE="),
            ("hyphen for em dash", "text\n\n- log AAAAAAE=\n"),
            ("two spaces", "text\n\n—  log AAAAAAE=\n"),
            ("no name", "text\n\n—  AAAAAAE=\n"),
            ("plus in the name", "text\n\n— lo+g AAAAAAE=\n"),
            ("no-break space in the name", "text\n\n— lo\u{a0}g AAAAAAE=\n"),
            ("key id alone", "text\n\n— log AAAAAA==\n"),
            ("no padding", "text\n\n— log AAAAAAE\n"),
            ("stray bits behind the last byte", "text\n\n— log AAAAAAF=\n"),
            ("url alphabet", "text\n\n— log AAAAA_E=\n"),
            ("trailing space", "text\n\n— log AAAAAAE= \n"),
            ("carriage return", "text\r\n\n— log AAAAAAE=\n"),
            ("tab in the text", "te\txt\n\n— log AAAAAAE=\n"),
            ("text behind the signatures", "text\n\n— log AAAAAAE=\nmore\n"),
        ];

        for (what, note) in wrong {
            assert_eq!(Note::parse(note), Err(NoteError::Malformed), "{what}");
        }
    }

    #[test]
    fn a_note_above_its_limits_is_refused() {
        let line = "— log AAAAAAE=\n";
        let head = |bytes: usize| format!("{}\n\n{line}", "x".repeat(bytes));
        let rest = head(0).len();

        assert!(Note::parse(&head(Note::BYTES_MAX - rest)).is_ok());
        let large = head(Note::BYTES_MAX - rest + 1);
        assert_eq!(Note::parse(&large), Err(NoteError::TooLarge));
        let mut full = Note::parse(&format!("text\n\n{}", line.repeat(100))).unwrap();
        let over = format!("text\n\n{}", line.repeat(101));
        assert_eq!(Note::parse(&over), Err(NoteError::TooManySignatures));
        let signature = full.signatures()[0].clone();
        assert_eq!(full.push(signature), Err(NoteError::TooManySignatures));
        assert_eq!(full.signatures().len(), 100);
    }

    #[test]
    fn a_note_cannot_be_made_that_could_not_be_read() {
        let signatures = Note::parse(NOTE).unwrap().signatures().to_vec();

        for text in ["", "no newline", "bell\u{7}\n"] {
            assert_eq!(Note::new(text, signatures.clone()), Err(NoteError::Malformed), "{text:?}");
        }
        assert_eq!(Note::new("text\n", Vec::new()), Err(NoteError::Malformed));
    }
}
