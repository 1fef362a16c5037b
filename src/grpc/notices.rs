//! `Exchange.PullNotices`: what an agency has to be told of alerts that it received. P2: each was recorded first.

use tonic::Status;

use super::{convert, status};
use crate::domain::{AlertNotice, Reason, Refusal};
use crate::exchange::Asked;
use crate::ledger::{Ledger, NoticesAnswer, SentNotice};
use crate::pb::v1 as pb;
use crate::record;

/// The most notices that one answer holds.
const NOTICES_MAX: u32 = 100;

/// Reads what is asked for, all but its checkpoint.
pub(super) fn asked(request: &pb::PullNoticesRequest) -> Result<Asked, Refusal> {
    if request.max > NOTICES_MAX {
        return Err(Refusal::at(Reason::OutOfBounds, "max"));
    }
    let limit = usize::try_from(request.max).unwrap_or(usize::MAX);
    Ok(Asked { acknowledged: request.acknowledged, limit })
}

/// Writes notices with their proofs, from the tree of `known` entries on.
///
/// # Errors
///
/// INTERNAL where one cannot be proven.
pub(super) fn answer(
    ledger: &Ledger,
    answer: NoticesAnswer,
    known: u64,
) -> Result<pb::PullNoticesResponse, Status> {
    let size = answer.commit.size;
    let known = known.min(size);
    let consistency = ledger.consistency(known, size).map_err(|it| status::internal(&it))?;
    let prove = |it: SentNotice| {
        let proof = ledger.inclusion(it.letter.index, size).map_err(|it| status::internal(&it))?;
        Ok(pb::PulledNotice { inclusion: record::proof_to_pb(&proof), ..notice(it) })
    };
    Ok(pb::PullNoticesResponse {
        acknowledged: answer.acknowledged,
        notices: answer.notices.into_iter().map(prove).collect::<Result<_, Status>>()?,
        more: answer.more,
        checkpoint: answer.commit.checkpoint.clone(),
        consistency: record::proof_to_pb(&consistency),
    })
}

fn notice(it: SentNotice) -> pb::PulledNotice {
    let SentNotice { letter, record, salt } = it;
    let mut notice = pb::PulledNotice {
        number: letter.number,
        alert: letter.alert.id.to_string(),
        publisher: letter.alert.publisher.to_string(),
        kind: letter.notice.kind().number().into(),
        index: letter.index,
        record,
        salt: convert::bytes(&salt),
        ..pb::PulledNotice::default()
    };
    match letter.notice {
        AlertNotice::Recalled(reason) => notice.recall_reason = reason.number().into(),
        AlertNotice::Rectified(by) => notice.rectified_by = by.to_string(),
        AlertNotice::Restricted(reason) => notice.restriction_reason = reason.number().into(),
        AlertNotice::Delete | AlertNotice::RestrictionLifted => {}
    }
    notice
}
