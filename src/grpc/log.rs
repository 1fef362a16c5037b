//! `Log`: sizes, roots, commitments and proofs, for anybody on the exchange.

use std::pin::Pin;

use bytes::{BufMut, BytesMut};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::{Answer, Broker, caller, convert, status};
use crate::domain::{Act, Caller, Reason, Refusal};
use crate::ledger::Ledger;
use crate::pb::v1::{self as pb, log_server::Log};
use crate::record::{self, Rotation};

/// How many commitments one message carries.
const ENTRIES_MAX: u64 = 1024;

/// Serves `portway.v1.Log`.
#[derive(Clone, Debug)]
pub struct LogService(pub Broker);

type Entries = Pin<Box<dyn Stream<Item = Result<pb::ReadEntriesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Log for LogService {
    type ReadEntriesStream = Entries;

    async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> Answer<pb::GetCheckpointResponse> {
        let by = caller::peer(&request)?.caller;
        let pb::GetCheckpointRequest { known_size: known, cosigned } = request.into_inner();
        // Before the newest checkpoint, so that none of them is newer.
        let cosigned = if cosigned { self.cosigned() } else { Vec::new() };
        let commit = self.0.ledger.newest();
        self.within(&by, known <= commit.size, "known_size").await?;
        let proof = self.0.ledger.consistency(known, commit.size);
        let consistency = record::proof_to_pb(&proof.map_err(|error| status::internal(&error))?);
        let checkpoint = commit.checkpoint.clone();
        Ok(Response::new(pb::GetCheckpointResponse { checkpoint, consistency, cosigned }))
    }

    async fn prove_inclusion(
        &self,
        request: Request<pb::ProveInclusionRequest>,
    ) -> Answer<pb::ProveInclusionResponse> {
        let by = caller::peer(&request)?.caller;
        let pb::ProveInclusionRequest { index, size } = request.into_inner();
        let commit = self.0.ledger.newest();
        let (size, checkpoint) = if size == 0 {
            (commit.size, commit.checkpoint.clone())
        } else {
            (size, String::new())
        };
        self.within(&by, index < size && size <= commit.size, "index").await?;
        let ledger = &self.0.ledger;
        let proof = ledger.inclusion(index, size).map_err(|error| status::internal(&error))?;
        let leaves = ledger.leaves(index..index + 1).map_err(|error| status::internal(&error))?;
        let leaf = leaves.first().map(convert::bytes).unwrap_or_default();
        let inclusion = record::proof_to_pb(&proof);
        Ok(Response::new(pb::ProveInclusionResponse { leaf, size, inclusion, checkpoint }))
    }

    async fn prove_consistency(
        &self,
        request: Request<pb::ProveConsistencyRequest>,
    ) -> Answer<pb::ProveConsistencyResponse> {
        let by = caller::peer(&request)?.caller;
        let pb::ProveConsistencyRequest { from, to } = request.into_inner();
        let bounded = 0 < from && from <= to && to <= self.0.ledger.newest().size;
        self.within(&by, bounded, "to").await?;
        let proof = self.0.ledger.consistency(from, to);
        let consistency = record::proof_to_pb(&proof.map_err(|error| status::internal(&error))?);
        Ok(Response::new(pb::ProveConsistencyResponse { consistency }))
    }

    async fn read_entries(
        &self,
        request: Request<pb::ReadEntriesRequest>,
    ) -> Answer<Self::ReadEntriesStream> {
        let by = caller::peer(&request)?.caller;
        let pb::ReadEntriesRequest { start, end } = request.into_inner();
        let bounded = start <= end && end <= self.0.ledger.newest().size;
        self.within(&by, bounded, "end").await?;
        Ok(Response::new(Box::pin(entries(self.0.ledger.clone(), start, end))))
    }

    async fn list_key_rotations(
        &self,
        request: Request<pb::ListKeyRotationsRequest>,
    ) -> Answer<pb::ListKeyRotationsResponse> {
        let by = caller::peer(&request)?.caller;
        let after = request.into_inner().after;
        self.within(&by, after <= self.0.ledger.newest().size, "after").await?;
        let listed = self.0.ledger.key_rotations(after);
        let (rotations, more) = listed.map_err(|error| status::internal(&error))?;
        let rotations = rotations.iter().map(Rotation::to_pb).collect();
        Ok(Response::new(pb::ListKeyRotationsResponse { rotations, more }))
    }
}

impl LogService {
    fn cosigned(&self) -> Vec<String> {
        let standing = self.0.witnesses.standing().into_iter();
        standing.filter_map(|witness| Some(witness.cosigned?.note)).collect()
    }

    async fn within(&self, by: &Caller, it_is: bool, at: &'static str) -> Result<(), Status> {
        let within = it_is.then_some(()).ok_or(Refusal::at(Reason::BeyondTheLog, at));
        self.0.checked(by, Act::ReadLog, within).await
    }
}

/// Reads chunk by chunk, as the reader takes them.
fn entries(
    ledger: Ledger,
    mut start: u64,
    end: u64,
) -> impl Stream<Item = Result<pb::ReadEntriesResponse, Status>> {
    let chunks = std::iter::from_fn(move || {
        if start >= end {
            return None;
        }
        let chunk = ledger.leaves(start..end.min(start + ENTRIES_MAX));
        let first = start;
        start = chunk.as_ref().map_or(end, |leaves| start + leaves.len() as u64);
        Some(chunk.map_err(|error| status::internal(&error)).map(|leaves| {
            let mut entries = BytesMut::with_capacity(leaves.len() * 32);
            for leaf in &leaves {
                entries.put_slice(leaf);
            }
            pb::ReadEntriesResponse { start: first, entries: entries.freeze() }
        }))
    });
    tokio_stream::iter(chunks)
}
