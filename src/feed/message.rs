//! A release as a message: the view, and the proof that its disclosure was recorded first.

use bytes::Bytes;

use crate::domain::Timestamp;
use crate::ledger::{Commit, Delivery, Ledger, LedgerError, Outgoing, Release};
use crate::merkle::Hash;
use crate::pb::v1::{self as pb, subscribe_response::Message};
use crate::record;

/// Writes a release. `known` is the size of the last checkpoint that the stream was sent.
///
/// P1, P2: a release holds the permit and the receipt, which only `policy` and the ledger's commit make.
pub(super) fn release(
    release: &Release,
    ledger: &Ledger,
    known: u64,
) -> Result<Message, LedgerError> {
    match &release.outgoing {
        Outgoing::Delivery(it) => delivery(release, it, ledger, known).map(Message::Delivery),
        Outgoing::Skipped(reason) => Ok(Message::Skipped(pb::Skipped {
            number: release.number,
            position: release.position.clone(),
            reason: reason.code().to_owned(),
        })),
    }
}

fn delivery(
    release: &Release,
    delivery: &Delivery,
    ledger: &Ledger,
    known: u64,
) -> Result<pb::Delivery, LedgerError> {
    let commit = release.receipt.commit();
    tracing::debug!(
        alert = %delivery.facts.id,
        index = delivery.index,
        fields = delivery.permit.released().bits(),
        "released"
    );
    Ok(pb::Delivery {
        number: release.number,
        position: release.position.clone(),
        view: delivery.view.clone(),
        view_key: Bytes::copy_from_slice(&delivery.view_key),
        index: delivery.index,
        record: delivery.record.clone(),
        salt: Bytes::copy_from_slice(&delivery.salt),
        inclusion: hashes(&ledger.inclusion(delivery.index, commit.size)?),
        checkpoint: commit.checkpoint.clone(),
        consistency: hashes(&ledger.consistency(known.min(commit.size), commit.size)?),
        redelivery: delivery.redelivery,
    })
}

/// Writes a heartbeat.
pub(super) fn heartbeat(
    position: Bytes,
    commit: &Commit,
    ledger: &Ledger,
    known: u64,
) -> Result<Message, LedgerError> {
    Ok(Message::Heartbeat(pb::Heartbeat {
        position,
        checkpoint: commit.checkpoint.clone(),
        consistency: hashes(&ledger.consistency(known.min(commit.size), commit.size)?),
    }))
}

/// Writes a notice.
pub(super) fn notice(kind: pb::NoticeKind, at: Option<Timestamp>) -> Message {
    let at = at.map(record::timestamp_to_pb);
    Message::Notice(pb::Notice { kind: kind.into(), at })
}

pub(super) fn hashes(hashes: &[Hash]) -> Vec<Bytes> {
    hashes.iter().map(|hash| Bytes::copy_from_slice(hash.as_bytes())).collect()
}
