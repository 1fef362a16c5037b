//! Checkpoints as C2SP tlog-checkpoint defines them: the root of one tree size, signed by the
//! log. Portway's log key carries the origin as its name, so the two are always compared.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    hash::{Hash, empty_root},
    note::{Note, NoteError, Signer, Verifier},
};

/// What a log says about itself at one moment: so many entries, under this root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// Which log says so: `<trust-domain>/portway/<log name>`.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root of the tree with that many leaves.
    pub root: Hash,
}

impl Checkpoint {
    /// Opens a signed checkpoint: reads the note, verifies the signature of the log's key, and
    /// reads the text. The way to take a checkpoint from anybody.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: the checkpoint shows nothing.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, CheckpointError> {
        Self::open_note(&Note::parse(note)?, verifier)
    }

    /// Opens a signed checkpoint whose note was read.
    pub(super) fn open_note(note: &Note, verifier: &Verifier) -> Result<Self, CheckpointError> {
        verifier.verify(note)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin == verifier.name() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin)
        }
    }

    /// Signs the checkpoint and returns the whole signed note.
    ///
    /// # Errors
    ///
    /// As [`signed`](Self::signed).
    pub fn sign(&self, signer: &Signer) -> Result<String, CheckpointError> {
        self.signed(&[signer]).map(|note| note.to_string())
    }

    /// Signs the checkpoint with several keys of the same log, as a key rotation wants it. A
    /// witness adds its line with [`Note::push`].
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Origin`] where a key is not of this log, [`CheckpointError::Note`]
    /// where there is no key or more than a note can carry.
    pub fn signed(&self, signers: &[&Signer]) -> Result<Note, CheckpointError> {
        if signers.iter().any(|signer| signer.name() != self.origin) {
            return Err(CheckpointError::Origin);
        }
        let text = self.text();
        let signatures = signers.iter().map(|signer| signer.sign(&text)).collect();
        Ok(Note::new(text, signatures)?)
    }

    /// Returns the three lines that are signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads the text of a checkpoint that has no signature, or whose signature was verified.
    /// Extension lines are read over: the log writes none.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Text`] where it is not one by the letter of C2SP tlog-checkpoint, or
    /// states a root for the empty tree that the empty tree does not have.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Text)?;
        let mut lines = body.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Text);
        let (origin, size, root) = (line()?, line()?, line()?);
        if lines.any(str::is_empty) || body.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(CheckpointError::Text);
        }
        let size = decimal(size).ok_or(CheckpointError::Text)?;
        let root = STANDARD.decode(root).map_err(|_| CheckpointError::Text)?;
        let root = Hash::try_from(root.as_slice()).map_err(|_| CheckpointError::Text)?;
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::Text);
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

/// Splits an origin: that of the log when it began, `<trust domain>/portway/<log name>`, and how often it went on under
/// another one, from 1. A restored log has the number behind its origin, from 2.
pub fn generation_of(origin: &str) -> (&str, u64) {
    let numbered = origin.rsplit_once('/').and_then(|(base, number)| {
        let number = decimal(number).filter(|number| *number >= 2)?;
        (base.matches('/').count() == 2).then_some((base, number))
    });
    numbered.unwrap_or((origin, 1))
}

/// Returns the origin under which a log goes on after one.
pub fn next_origin(origin: &str) -> String {
    let (base, number) = generation_of(origin);
    format!("{base}/{}", number.saturating_add(1))
}

/// Why a checkpoint is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is malformed, or not signed by the log.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The origin is not the name of the key: another log's checkpoint.
    #[error("checkpoint of another log")]
    Origin,
    /// The text is not that of a checkpoint.
    #[error("malformed checkpoint")]
    Text,
}

/// Reads ASCII decimal digits without leading zeros, so that each number has one spelling.
pub fn decimal(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|number: &u64| number.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use ring::signature::Ed25519KeyPair;

    use super::*;
    use crate::merkle::leaf_hash;

    fn signer(name: &str, seed: u8) -> Signer {
        Signer::new(name, Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: "example.org/portway/log".into(), size: 7, root: leaf_hash(b"root") }
    }

    #[test]
    fn a_signed_checkpoint_opens_to_what_was_signed() {
        let signer = signer("example.org/portway/log", 1);
        let note = checkpoint().sign(&signer).unwrap();

        assert_eq!(Checkpoint::open(&note, signer.verifier()), Ok(checkpoint()));
        let altered = note.replacen("\n7\n", "\n8\n", 1);
        let refused = CheckpointError::Note(NoteError::BadSignature);
        assert_eq!(Checkpoint::open(&altered, signer.verifier()), Err(refused));
    }

    #[test]
    fn in_a_rotation_both_keys_vouch_for_the_checkpoint() {
        let [old, new] = [1, 2].map(|seed| signer("example.org/portway/log", seed));
        let witness = signer("witness.example.org", 3);
        let mut note = checkpoint().signed(&[&old, &new]).unwrap();
        note.push(witness.sign(note.text())).unwrap();

        for key in [&old, &new] {
            let opened = Checkpoint::open(&note.to_string(), key.verifier());
            assert_eq!(opened, Ok(checkpoint()));
        }
        assert_eq!(witness.verifier().verify(&note), Ok(()));
    }

    #[test]
    fn the_checkpoint_of_another_log_is_refused() {
        let other = signer("example.org/portway/other", 1);
        let text = checkpoint().text();
        let note = Note::new(text.clone(), vec![other.sign(&text)]).unwrap().to_string();

        assert_eq!(Checkpoint::open(&note, other.verifier()), Err(CheckpointError::Origin));
        assert_eq!(checkpoint().sign(&other), Err(CheckpointError::Origin));
        let unsigned = CheckpointError::Note(NoteError::Malformed);
        assert_eq!(checkpoint().signed(&[]), Err(unsigned));
    }

    #[test]
    fn a_restored_log_is_told_from_another_one() {
        let log = "example.org/portway/log";
        assert_eq!(generation_of(log), (log, 1));
        assert_eq!(next_origin(log), "example.org/portway/log/2");
        assert_eq!(generation_of(&next_origin(log)), (log, 2));
        assert_eq!(next_origin("example.org/portway/log/9"), "example.org/portway/log/10");
        for other in ["example.org/portway/2", "example.org/portway/log/1", "a/b/c/02", "a/b/c/d/2"]
        {
            assert_eq!(generation_of(other), (other, 1), "{other}");
        }
    }

    #[test]
    fn extension_lines_are_read_over() {
        let extended = format!("{}one more\nand another\n", checkpoint().text());

        assert_eq!(Checkpoint::parse(&extended), Ok(checkpoint()));
        assert_eq!(Checkpoint::parse(&format!("{extended}\n")), Err(CheckpointError::Text));
    }

    #[test]
    fn what_is_not_a_checkpoint_by_the_letter_is_refused() {
        let root = STANDARD.encode(leaf_hash(b"root"));
        let good = ["log", "7", &root];
        let with = |place: usize, line: &str| {
            let mut lines = good.map(str::to_owned);
            lines[place] = line.to_owned();
            lines.join("\n") + "\n"
        };

        assert!(Checkpoint::parse(&with(1, "18446744073709551615")).is_ok());
        let sizes =
            ["", "07", "00", "+7", "-7", " 7", "7 ", "0x7", "7.0", "٧", "18446744073709551616"];
        for size in sizes {
            assert_eq!(Checkpoint::parse(&with(1, size)), Err(CheckpointError::Text), "{size}");
        }
        let long = STANDARD.encode([0; 33]);
        let unpadded = root.trim_end_matches('=');
        for root in ["", "AAAA", unpadded, &long, &format!("{root} ")] {
            assert_eq!(Checkpoint::parse(&with(2, root)), Err(CheckpointError::Text), "{root}");
        }
        for text in ["", "\n", "log\n7\n", &good.join("\n"), &with(0, ""), &with(0, "lo\tg")] {
            assert_eq!(Checkpoint::parse(text), Err(CheckpointError::Text), "{text:?}");
        }
    }

    #[test]
    fn the_empty_tree_has_one_root() {
        let empty = Checkpoint { origin: "log".into(), size: 0, root: empty_root() };
        let lie = Checkpoint { root: leaf_hash(b"root"), ..empty.clone() };

        assert_eq!(Checkpoint::parse(&empty.text()), Ok(empty));
        assert_eq!(Checkpoint::parse(&lie.text()), Err(CheckpointError::Text));
    }
}
