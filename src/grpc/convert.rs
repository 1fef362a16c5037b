//! Messages to the domain's words and back. A refusal names the field.

use bytes::Bytes;

use super::status;
use crate::domain::{
    AlertId, Caller, Draft, Fingerprint, Name, Purpose, QueryPurpose, Reason, Refusal,
    StaffReference, Subscription,
};
use crate::exchange::{AgreementStanding, CREDIT_MAX, SubscriptionStanding, VersionState};
use crate::ledger::{LinkOpening, PublishAnswer};
use crate::merkle::Hash;
use crate::pb::{Written, v1 as pb};
use crate::record::{self, ProposedAgreement, Wire};

/// The number of a receipt's field, as `exchange.proto` has it, and what one takes beside its record, about.
const RECEIPT: u32 = 1;
const RECEIPT_BYTES: usize = 1280;

/// Reads what is to be published.
pub(super) fn publish(
    request_id: &str,
    alert: Option<&pb::AlertDraft>,
) -> Result<(AlertId, Draft), Refusal> {
    let id = parsed(request_id, "request_id")?;
    let alert = alert.ok_or(Refusal::at(Reason::MissingField, "alert"))?;
    Ok((id, record::draft_from_pb(alert)?))
}

/// Writes an answer with a receipt: a `PublishResponse` or a `PublishManyResponse`, which has it in the same field.
pub(super) fn receipt(
    id: &str,
    answer: &PublishAnswer,
    (inclusion, consistency): (&[Hash], &[Hash]),
) -> Written {
    let commit = answer.receipt.commit();
    let mut wire = Wire::of(answer.record.len() + RECEIPT_BYTES);
    wire.message(RECEIPT, |wire| {
        wire.text(1, id);
        wire.number(2, answer.receipt.index());
        wire.bytes(3, &answer.leaf);
        wire.text(4, &commit.checkpoint);
        wire.hashes(5, inclusion);
        wire.hashes(6, consistency);
        wire.bytes(7, &answer.record);
        wire.bytes(8, &answer.salt);
        wire.bytes(9, &answer.content_key);
        wire.number(10, answer.repeated);
    });
    wire.written()
}

/// Writes why one alert of many was refused.
pub(super) fn publish_refusal(refusal: Refusal, decision: Option<u64>) -> pb::PublishRefusal {
    pb::PublishRefusal {
        code: status::code(refusal.reason).into(),
        reason: refusal.reason.code().to_owned(),
        at: refusal.at.to_owned(),
        decision,
        message: refusal.to_string(),
    }
}

/// Reads an opening, all but its checkpoint.
pub(super) fn open(open: &pb::Open) -> Result<(Name, Purpose, u32), Refusal> {
    if open.credit > CREDIT_MAX {
        return Err(Refusal::at(Reason::CreditOutOfBounds, "credit"));
    }
    let name = parsed(&open.subscription, "subscription")?;
    Ok((name, record::code(open.purpose, Purpose::from_number, "purpose")?, open.credit))
}

/// Reads what is asked for at once, all but its checkpoint.
pub(super) fn pull(request: &pb::PullRequest) -> Result<(Name, Purpose, u32), Refusal> {
    if request.max > CREDIT_MAX || (request.max == 0 && request.resume.is_empty()) {
        return Err(Refusal::at(Reason::CreditOutOfBounds, "max"));
    }
    let name = parsed(&request.subscription, "subscription")?;
    let purpose = record::code(request.purpose, Purpose::from_number, "purpose")?;
    Ok((name, purpose, request.max))
}

/// Reads on whose behalf something is asked; nothing where that is not said.
pub(super) fn staff(reference: &str) -> Result<Option<StaffReference>, Refusal> {
    if reference.is_empty() { Ok(None) } else { parsed(reference, "on_behalf_of").map(Some) }
}

/// Reads a subscription.
pub(super) fn subscription(request: Option<pb::Subscription>) -> Result<Subscription, Refusal> {
    let it = request.ok_or(Refusal::at(Reason::MissingField, "subscription"))?;
    Ok(Subscription {
        name: parsed(&it.name, "name")?,
        purpose: record::code(it.purpose, Purpose::from_number, "purpose")?,
        filter: it.filter.map_or_else(|| Ok(<_>::default()), |it| record::filter_from_pb(&it))?,
        expires_at: record::timestamp_from_pb(it.expires_at, "expires_at")?,
    })
}

/// Writes how a subscription stands.
pub(super) fn subscription_status(standing: SubscriptionStanding) -> pb::SubscriptionStatus {
    let subscription = standing.subscription;
    pb::SubscriptionStatus {
        subscription: Some(pb::Subscription {
            name: subscription.name.to_string(),
            purpose: subscription.purpose.number().into(),
            filter: Some(record::filter_to_pb(&subscription.filter)),
            expires_at: Some(record::timestamp_to_pb(subscription.expires_at)),
        }),
        token_count: standing.token_count,
        delivered: standing.delivered,
        acknowledged: standing.acknowledged,
        open: standing.open,
        index: standing.index,
    }
}

/// Reads an agreement, with the bytes that are stored and hashed.
pub(super) fn agreement(request: Option<pb::Agreement>) -> Result<ProposedAgreement, Refusal> {
    use prost::Message;
    let it = request.ok_or(Refusal::at(Reason::MissingField, "agreement"))?;
    let agreement = record::agreement_from_pb(&it)?;
    let bytes = record::agreement_to_pb(&agreement).encode_to_vec().into();
    Ok(ProposedAgreement { agreement: agreement.into(), bytes })
}

/// Writes how a version of an agreement stands.
pub(super) fn agreement_status(standing: &AgreementStanding) -> pb::AgreementStatus {
    let state = match standing.state {
        VersionState::Approved => pb::AgreementState::Approved,
        VersionState::Proposed => pb::AgreementState::Proposed,
        VersionState::Superseded => pb::AgreementState::Superseded,
        VersionState::Withdrawn => pb::AgreementState::Withdrawn,
    };
    pb::AgreementStatus {
        agreement: Some(record::agreement_to_pb(&standing.agreement)),
        version: standing.version.to_string(),
        state: state.into(),
        in_force: standing.in_force,
        approved_by: standing.approved_by.iter().map(ToString::to_string).collect(),
        index: standing.index,
    }
}

/// Reads why the log is read: analytics is no lawful purpose.
pub(super) fn query_purpose(number: i32) -> Result<QueryPurpose, Refusal> {
    let purpose = record::code(number, QueryPurpose::from_number, "purpose")?;
    // DPA 2018 s.62(4): logs may be used for the four others only.
    if purpose == QueryPurpose::Analytics {
        Err(Refusal::at(Reason::AnalyticsNotAPurpose, "purpose"))
    } else {
        Ok(purpose)
    }
}

/// Writes the opening of a link.
pub(super) fn link(opening: &LinkOpening) -> pb::LinkOpening {
    pb::LinkOpening {
        number: opening.number,
        previous: opening.previous,
        nonce: bytes(&opening.nonce),
    }
}

/// Writes the SPIFFE id of a caller.
pub(super) fn spiffe(origin: &str, caller: &Caller) -> String {
    let domain = origin.split('/').next().unwrap_or_default();
    format!("spiffe://{domain}/{}", caller.seat)
}

pub(super) fn parsed<T: std::str::FromStr>(text: &str, at: &'static str) -> Result<T, Refusal> {
    record::parsed(text, Reason::Malformed, at)
}

/// Reads a SHA-256. Zeros are none: they stand for whoever needs no certificate.
pub(super) fn fingerprint(bytes: &[u8], at: &'static str) -> Result<Fingerprint, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::at(Reason::MissingField, at));
    }
    let digest: [u8; 32] = bytes.try_into().map_err(|_| Refusal::at(Reason::Malformed, at))?;
    if digest == [0; 32] {
        Err(Refusal::at(Reason::Malformed, at))
    } else {
        Ok(Fingerprint(digest))
    }
}

pub(super) fn bytes(bytes: &[u8; 32]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
