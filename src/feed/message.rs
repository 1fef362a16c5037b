//! A release as a message: the view, and the proof that its disclosure was recorded first.

use bytes::Bytes;

use crate::domain::{Reason, Timestamp};
use crate::ledger::{Commit, Delivery, Ledger, LedgerError, Outgoing, Release};
use crate::merkle::Hash;
use crate::pb::{
    Written,
    v1::{self as pb, subscribe_response::Message},
};
use crate::record::{self, Wire};

/// What a message with a delivery takes beside view and record, about: a path of twenty hashes, a checkpoint.
const AROUND_BYTES: usize = 1280;

/// The number of a delivery's field, as `exchange.proto` has it.
const DELIVERY: u32 = 2;

/// Writes a release. `known` is the size of the last checkpoint that the stream was sent; returns what it is then.
///
/// P1, P2: a release holds the permit and the receipt, which only `policy` and the ledger's commit make.
pub(super) fn release(
    release: &Release,
    ledger: &Ledger,
    known: u64,
) -> Result<(Written, u64), LedgerError> {
    match &release.outgoing {
        Outgoing::Delivery(it) => {
            let own = release.receipt.commit();
            // A stream never goes back: what waited for a witness may be of a tree before the last that was sent.
            let newest = (own.size < known).then(|| ledger.newest());
            let commit = newest.as_ref().unwrap_or(own);
            let consistency = ledger.consistency(known.min(commit.size), commit.size)?;
            let told = (commit.checkpoint.as_str(), consistency.as_slice());
            let inclusion = inclusion(it, ledger, commit.size)?;
            Ok((delivery(DELIVERY, (release, it), &inclusion, told), commit.size))
        }
        // It brings no checkpoint.
        Outgoing::Skipped(reason) => Ok((said(Message::Skipped(skipped(release, *reason))), known)),
    }
}

/// Writes a message that is not sent with every alert.
pub(super) fn said(message: Message) -> Written {
    Written::from(&pb::SubscribeResponse { message: Some(message) })
}

/// Writes a number that is not delivered.
pub(super) fn skipped(release: &Release, reason: Reason) -> pb::Skipped {
    pb::Skipped {
        number: release.number,
        position: release.position.clone(),
        reason: reason.code().to_owned(),
    }
}

/// Writes, as one of a list in `field`, a delivery with its place in the tree of `size`, and without that tree's
/// checkpoint.
pub(super) fn listed(
    field: u32,
    (release, it): (&Release, &Delivery),
    (ledger, size): (&Ledger, u64),
) -> Result<Written, LedgerError> {
    let inclusion = inclusion(it, ledger, size)?;
    Ok(delivery(field, (release, it), &inclusion, ("", &[])))
}

/// Proves the place of a delivery's record, which leaves next.
fn inclusion(it: &Delivery, ledger: &Ledger, size: u64) -> Result<Vec<Hash>, LedgerError> {
    tracing::debug!(
        alert = %it.facts.id,
        index = it.index,
        fields = it.permit.released().bits(),
        "released"
    );
    ledger.inclusion(it.index, size)
}

/// Writes a `Delivery` as one field of a message.
fn delivery(
    field: u32,
    (release, it): (&Release, &Delivery),
    inclusion: &[Hash],
    (checkpoint, consistency): (&str, &[Hash]),
) -> Written {
    let mut wire = Wire::of(it.view.len() + it.record.len() + AROUND_BYTES);
    wire.message(field, |wire| {
        wire.number(1, release.number);
        wire.bytes(2, &release.position);
        wire.bytes(3, &it.view);
        wire.bytes(4, &it.view_key);
        wire.number(5, it.index);
        wire.bytes(6, &it.record);
        wire.bytes(7, &it.salt);
        wire.hashes(8, inclusion);
        wire.text(9, checkpoint);
        wire.hashes(10, consistency);
        wire.number(11, it.redelivery);
    });
    wire.written()
}

/// Writes a heartbeat.
pub(super) fn heartbeat(
    position: Bytes,
    commit: &Commit,
    ledger: &Ledger,
    known: u64,
) -> Result<Written, LedgerError> {
    Ok(said(Message::Heartbeat(pb::Heartbeat {
        position,
        checkpoint: commit.checkpoint.clone(),
        consistency: record::proof_to_pb(&ledger.consistency(known.min(commit.size), commit.size)?),
    })))
}

/// Writes a notice.
pub(super) fn notice(kind: pb::NoticeKind, at: Option<Timestamp>) -> pb::Notice {
    pb::Notice { kind: kind.into(), at: at.map(record::timestamp_to_pb) }
}
