//! Calls of the `Log` and `Operations` services: checkpoints, proofs, entries, and how the broker stands.

use std::sync::Arc;

use super::{
    Connection, Error, Seen,
    connection::ANSWER_BYTES_MAX,
    entry::{Entry, hashes},
    fault::Fault,
};
use crate::{
    merkle::{Frontier, Hash, leaf_hash, verify_consistency},
    pb::v1::{self as pb, log_client::LogClient, operations_client::OperationsClient},
    record::proof_to_pb,
};

impl Connection {
    /// Asks for the newest checkpoint, verifies it and remembers it.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where it does not extend what is remembered.
    pub async fn checkpoint(&self) -> Result<Arc<Seen>, Error> {
        let known = self.known();
        let known_size = known.as_ref().map_or(0, |seen| seen.size());
        let request = pb::GetCheckpointRequest { known_size, cosigned: false };
        let answer = self.log_client().get_checkpoint(request).await?.into_inner();
        self.settle(known.as_deref(), &answer.checkpoint, Some(&answer.consistency)).await
    }

    /// Proves that `leaf`, an entry's commitment, stands at `index`, in the newest tree.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where it does not, or the broker shows another.
    pub async fn prove_inclusion(&self, index: u64, leaf: &[u8; 32]) -> Result<Arc<Seen>, Error> {
        let known = self.known();
        let request = pb::ProveInclusionRequest { index, size: 0 };
        let answer = self.log_client().prove_inclusion(request).await?.into_inner();
        let seen = self.settle(known.as_deref(), &answer.checkpoint, None).await?;
        if answer.leaf.as_ref() != leaf || answer.size != seen.size() {
            return Err(Fault::Leaf { index }.into());
        }
        let proof = hashes(&answer.inclusion)?;
        Entry::verify_leaf(leaf, index, &proof, &seen.checkpoint)?;
        Ok(seen)
    }

    /// Has it proven that the newest checkpoint extends an older one, which was kept as a signed note.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where the older one is not the log's, or the newest does not extend it.
    pub async fn prove_extension(&self, older: &str) -> Result<pb::ConsistencyProof, Error> {
        // Whichever key signed the older one is followed to before it is opened.
        let newer = self.checkpoint().await?;
        let checkpoint = self.identity().memory().chain().open(older).map_err(Fault::from)?;
        let (from, to) = (checkpoint.size, newer.size());
        if from > to {
            return Err(Fault::Older { size: to, known: from }.into());
        }
        let proof = self.prove_consistency(from, to).await?;
        verify_consistency(from, &checkpoint.root, to, &newer.checkpoint.root, &proof)
            .map_err(|error| Fault::Inconsistent { from, to, error })?;
        let (older, newer) = (older.to_owned(), newer.note.clone());
        Ok(pb::ConsistencyProof { older, newer, consistency: proof_to_pb(&proof) })
    }

    /// Asks for a consistency proof. It is not verified here: only who holds both roots can.
    pub(super) async fn prove_consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
        let request = pb::ProveConsistencyRequest { from, to };
        let answer = self.log_client().prove_consistency(request).await?.into_inner();
        Ok(hashes(&answer.consistency)?)
    }

    /// Reads every entry of the tree of `seen`, and verifies that they make that tree.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where they do not.
    pub async fn read_entries(&self, seen: &Seen) -> Result<Vec<[u8; 32]>, Error> {
        let size = seen.size();
        let request = pb::ReadEntriesRequest { start: 0, end: size };
        let mut answers = self.log_client().read_entries(request).await?.into_inner();
        let mut entries: Vec<[u8; 32]> = Vec::new();
        let mut frontier = Frontier::new();
        while let Some(answer) = answers.message().await? {
            let (whole, rest) = answer.entries.as_chunks::<32>();
            if answer.start != frontier.size() || !rest.is_empty() || whole.is_empty() {
                return Err(Fault::Entries { size }.into());
            }
            frontier.extend(whole.iter().map(|entry| leaf_hash(entry)));
            entries.extend_from_slice(whole);
            // Whoever sends without an end must not fill the memory.
            if frontier.size() > size {
                return Err(Fault::Entries { size }.into());
            }
        }
        if frontier.size() == size && frontier.root() == seen.checkpoint.root {
            Ok(entries)
        } else {
            Err(Fault::Entries { size }.into())
        }
    }

    /// Asks how the broker stands. The checkpoint in the answer is verified; the rest is its word.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where the checkpoint does not extend what is remembered.
    pub async fn status(&self) -> Result<pb::GetStatusResponse, Error> {
        let known = self.known();
        let mut operations = OperationsClient::new(self.channel());
        let answer = operations.get_status(pb::GetStatusRequest {}).await?.into_inner();
        self.settle(known.as_deref(), &answer.checkpoint, None).await?;
        Ok(answer)
    }

    pub(super) fn log_client(&self) -> LogClient<tonic::transport::Channel> {
        LogClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}
