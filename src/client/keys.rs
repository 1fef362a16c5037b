//! The log's keys, as a client follows them: from the key that was handed over at enrolment to the one that signs
//! now, by checkpoints that two keys signed. It believes no key that the one before it, or the one after it, does
//! not vouch for, and none whose trees are not on the history that it knows.

use std::sync::Arc;

use super::{Connection, Error, Seen, fault::Fault};
use crate::{
    merkle::{Chain, CheckpointError, NoteError},
    pb::v1::{self as pb, operations_client::OperationsClient},
    record::{Rotation, RotationError},
};

/// How many rotations a log may have had: a broker that shows more of them shows nothing.
const ROTATIONS_MAX: usize = Chain::ROTATIONS_MAX;

impl Connection {
    /// Asks for the rotations of the log's key that are not known yet, verifies them, and remembers them.
    /// Tells whether there were any.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where a key does not follow from those known, or hands over in a tree that is
    /// not on the history that is remembered.
    pub async fn follow_keys(&self) -> Result<bool, Error> {
        let memory = self.identity().memory();
        let known = memory.rotations();
        let rotations = self.rotations_after(&known).await?;
        if rotations.len() == known.len() {
            return Ok(false);
        }
        let chain = Rotation::chain(memory.verifier(), &rotations).map_err(Fault::Rotation)?;
        let before = memory.known();
        let mut joint = before.clone();
        for rotation in rotations.iter().skip(known.len()) {
            let note = rotation.checkpoint.clone();
            let seen = Arc::new(Seen { checkpoint: chain.open(&note).map_err(Fault::from)?, note });
            if let Some(other) = &joint {
                self.prove(&seen, other).await?;
            }
            if joint.as_ref().is_none_or(|joint| joint.size() < seen.size()) {
                joint = Some(seen);
            }
        }
        // The keys first: a checkpoint that is remembered has to be read again by them.
        memory.follow(rotations)?;
        if let Some(joint) = joint {
            self.join(&joint, before).await?;
        }
        Ok(true)
    }

    /// Has the log's key rotated; returns the index of the record. The new key is followed before this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for whoever is no operator, [`Error::Verification`] where the key is not shown to follow.
    pub async fn rotate_log_key(&self) -> Result<u64, Error> {
        let known = self.known();
        let mut operations = OperationsClient::new(self.channel());
        let answer = operations.rotate_log_key(pb::RotateLogKeyRequest {}).await?.into_inner();
        self.settle(known.as_deref(), &answer.checkpoint, None).await?;
        self.follow_keys().await?;
        let index = answer.index;
        let mut spans = self.identity().memory().rotations().into_iter();
        if spans.any(|rotation| rotation.index == index) {
            Ok(index)
        } else {
            Err(Fault::Record { index, what: "it is no rotation of the log's key" }.into())
        }
    }

    async fn rotations_after(&self, known: &[Rotation]) -> Result<Vec<Rotation>, Error> {
        let mut rotations = known.to_vec();
        loop {
            let after = rotations.last().map_or(0, Rotation::size);
            let request = pb::ListKeyRotationsRequest { after };
            let answer = self.log_client().list_key_rotations(request).await?.into_inner();
            let is_last = !answer.more || answer.rotations.is_empty();
            for rotation in &answer.rotations {
                rotations.push(Rotation::from_pb(rotation).map_err(Fault::Rotation)?);
            }
            if rotations.len() > ROTATIONS_MAX {
                return Err(Fault::Rotation(RotationError::TooMany).into());
            }
            if is_last {
                return Ok(rotations);
            }
        }
    }
}

/// Tells whether a checkpoint failed because the key that signed it is not known: another may have followed.
pub(super) const fn is_unknown_key(error: &Error) -> bool {
    matches!(
        error,
        Error::Verification {
            fault: Fault::Checkpoint(CheckpointError::Note(NoteError::NotSigned)),
            ..
        }
    )
}
