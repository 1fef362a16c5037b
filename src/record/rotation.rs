//! The proof that the log's key handed over to another: the record, and the checkpoint that both signed. Who
//! believes one of the keys can verify the other by it, and needs to trust nobody in between.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Event, commitment, decode, proof_to_pb};
use crate::merkle::{
    Chain, ChainError, Checkpoint, Hash, ProofError, Verifier, leaf_hash, verify_inclusion,
};
use crate::pb::v1 as pb;

/// A record names two keys and who rotated; each has less than 512 bytes.
const RECORD_BYTES_MAX: usize = 4 << 10;
/// A checkpoint with both signatures, and room for those of witnesses.
const CHECKPOINT_BYTES_MAX: usize = 16 << 10;
/// No tree has more levels (RFC 9162 §2.1.3).
const PATH_MAX: usize = 64;

/// A [`Rotation`] as JSON.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    index: String,
    record: String,
    salt: String,
    inclusion: Vec<String>,
    checkpoint: String,
}

/// A rotation of the log's key, not verified yet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rotation {
    /// Index of the record: the last of the tree that hands over.
    pub index: u64,
    /// The record's bytes.
    pub record: Bytes,
    /// The entry's salt.
    pub salt: [u8; 32],
    /// Audit path in the tree that ends with the record.
    pub inclusion: Vec<Hash>,
    /// The checkpoint of that tree, signed by both keys.
    pub checkpoint: String,
}

impl Rotation {
    /// The file that keeps the rotations of a log, one a line: with the keys, in an identity and in an export.
    pub const FILE: &str = "log.rotations";

    /// Reads a message. Many are held before the first is verified, so that none may be larger than a true one.
    ///
    /// # Errors
    ///
    /// [`RotationError::Form`] where a value has another length, or the record, the path or the checkpoint is longer
    /// than it can be.
    pub fn from_pb(it: &pb::KeyRotation) -> Result<Self, RotationError> {
        let is_larger = it.record.len() > RECORD_BYTES_MAX
            || it.checkpoint.len() > CHECKPOINT_BYTES_MAX
            || it.inclusion.len() > PATH_MAX;
        if is_larger {
            return Err(RotationError::Form);
        }
        let hash = |bytes: &Bytes| Hash::try_from(bytes.as_ref()).map_err(|_| RotationError::Form);
        Ok(Self {
            index: it.index,
            record: it.record.clone(),
            salt: it.salt.as_ref().try_into().map_err(|_| RotationError::Form)?,
            inclusion: it.inclusion.iter().map(hash).collect::<Result<_, _>>()?,
            checkpoint: it.checkpoint.clone(),
        })
    }

    /// Writes it as a message.
    pub fn to_pb(&self) -> pb::KeyRotation {
        pb::KeyRotation {
            index: self.index,
            record: self.record.clone(),
            salt: Bytes::copy_from_slice(&self.salt),
            inclusion: proof_to_pb(&self.inclusion),
            checkpoint: self.checkpoint.clone(),
        }
    }

    /// Reads what [`to_line`](Self::to_line) wrote, all lines of a text.
    ///
    /// # Errors
    ///
    /// [`RotationError::Form`] where a line is none.
    pub fn from_lines(text: &str) -> Result<Vec<Self>, RotationError> {
        let bytes = |text: &String| STANDARD.decode(text).map_err(|_| RotationError::Form);
        text.lines()
            .map(|line| {
                let line: Line = serde_json::from_str(line).map_err(|_| RotationError::Form)?;
                let inclusion = line.inclusion.iter().map(|hash| Ok(bytes(hash)?.into()));
                Self::from_pb(&pb::KeyRotation {
                    index: line.index.parse().map_err(|_| RotationError::Form)?,
                    record: bytes(&line.record)?.into(),
                    salt: bytes(&line.salt)?.into(),
                    inclusion: inclusion.collect::<Result<_, RotationError>>()?,
                    checkpoint: line.checkpoint,
                })
            })
            .collect()
    }

    /// Writes it as a line of text: the message's canonical protobuf JSON, with its newline.
    pub fn to_line(&self) -> String {
        let line = Line {
            index: self.index.to_string(),
            record: STANDARD.encode(&self.record),
            salt: STANDARD.encode(self.salt),
            inclusion: self.inclusion.iter().map(|hash| STANDARD.encode(hash)).collect(),
            checkpoint: self.checkpoint.clone(),
        };
        // Strings alone: there is nothing in it that could not be written.
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }

    /// Returns the number of entries of the tree that hands over.
    pub const fn size(&self) -> u64 {
        self.index.saturating_add(1)
    }

    /// Verifies that the newest key of `chain` handed over to another, which follows it in what is returned:
    /// both signed one tree, and its last entry names both.
    ///
    /// # Errors
    ///
    /// [`RotationError`]: the chain goes on in no other way than before.
    pub fn follow(&self, chain: &Chain) -> Result<(Chain, Checkpoint), RotationError> {
        let (old, new) = self.keys()?;
        if old != *chain.newest() {
            return Err(RotationError::OtherKey);
        }
        let (next, checkpoint) = chain.followed_by(new, &self.checkpoint)?;
        if checkpoint.size != self.size() {
            return Err(RotationError::Size);
        }
        let leaf = leaf_hash(&commitment::record(&self.salt, &self.record));
        verify_inclusion(&leaf, self.index, checkpoint.size, &self.inclusion, &checkpoint.root)?;
        Ok((next, checkpoint))
    }

    /// Verifies all rotations from the oldest on, and that `trusted` is one of the keys.
    ///
    /// # Errors
    ///
    /// The first [`RotationError`].
    pub fn chain(trusted: &Verifier, rotations: &[Self]) -> Result<Chain, RotationError> {
        let Some(first) = rotations.first() else { return Ok(Chain::new(trusted.clone())) };
        let (oldest, _) = first.keys()?;
        let mut chain = Chain::new(oldest);
        for rotation in rotations {
            chain = rotation.follow(&chain)?.0;
        }
        // Whichever it is: every step was signed by the key before it and the key after it.
        if chain.holds(trusted) { Ok(chain) } else { Err(RotationError::OtherKey) }
    }

    /// Reads the old key and the new one.
    fn keys(&self) -> Result<(Verifier, Verifier), RotationError> {
        let record = decode(&self.record).map_err(|_| RotationError::Form)?;
        let Event::KeyRotated { old, new, .. } = record.event else {
            return Err(RotationError::Form);
        };
        let key = |vkey: String| vkey.parse().map_err(|_| RotationError::Form);
        Ok((key(old)?, key(new)?))
    }
}

/// Why a rotation shows nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RotationError {
    /// The new key does not follow.
    #[error("{0}")]
    Chain(#[from] ChainError),
    /// The bytes are not the record of a rotation.
    #[error("not the record of a rotation")]
    Form,
    /// The record is not in the tree that both signed.
    #[error("the record is not in the tree that hands over: {0}")]
    Inclusion(#[from] ProofError),
    /// It is of a key that is not the one trusted.
    #[error("a rotation of another key than the one that is known")]
    OtherKey,
    /// The checkpoint is of another tree than the one that ends with the record.
    #[error("the checkpoint is not of the tree that ends with the record")]
    Size,
    /// More than anybody would make.
    #[error("more rotations than a log can have had")]
    TooMany,
}
