//! A release as a message: the view, and the proof that its disclosure was recorded first.

use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{Reason, Timestamp};
use crate::ledger::{Commit, Delivery, Ledger, LedgerError, Outgoing, Release};
use crate::pb::v1::{self as pb, subscribe_response::Message};
use crate::record;

/// Writes a release. `known` is the size of the last checkpoint that the stream was sent; returns what it is then.
///
/// P1, P2: a release holds the permit and the receipt, which only `policy` and the ledger's commit make.
pub(super) fn release(
    release: &Release,
    ledger: &Ledger,
    known: u64,
) -> Result<(Message, u64), LedgerError> {
    match &release.outgoing {
        Outgoing::Delivery(it) => {
            let own = release.receipt.commit();
            // A stream never goes back: what waited for a witness may be of a tree before the last that was sent.
            let commit = if own.size < known { ledger.newest() } else { Arc::clone(own) };
            let consistency = ledger.consistency(known.min(commit.size), commit.size)?;
            let delivery = Message::Delivery(pb::Delivery {
                checkpoint: commit.checkpoint.clone(),
                consistency: record::proof_to_pb(&consistency),
                ..delivery(release, it, ledger, commit.size)?
            });
            Ok((delivery, commit.size))
        }
        // It brings no checkpoint.
        Outgoing::Skipped(reason) => Ok((Message::Skipped(skipped(release, *reason)), known)),
    }
}

/// Writes a number that is not delivered.
pub(super) fn skipped(release: &Release, reason: Reason) -> pb::Skipped {
    pb::Skipped {
        number: release.number,
        position: release.position.clone(),
        reason: reason.code().to_owned(),
    }
}

/// Writes a delivery with its place in the tree of `size`, and without that tree's checkpoint.
pub(super) fn delivery(
    release: &Release,
    delivery: &Delivery,
    ledger: &Ledger,
    size: u64,
) -> Result<pb::Delivery, LedgerError> {
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
        inclusion: record::proof_to_pb(&ledger.inclusion(delivery.index, size)?),
        redelivery: delivery.redelivery,
        ..pb::Delivery::default()
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
        consistency: record::proof_to_pb(&ledger.consistency(known.min(commit.size), commit.size)?),
    }))
}

/// Writes a notice.
pub(super) fn notice(kind: pb::NoticeKind, at: Option<Timestamp>) -> pb::Notice {
    pb::Notice { kind: kind.into(), at: at.map(record::timestamp_to_pb) }
}
