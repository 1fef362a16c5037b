//! The content that is sealed: an alert's draft, a filter's tokens. Checks every field on the way in;
//! a refusal names the field and repeats nothing of it.

use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message;

use super::{
    read::{code, codes, parsed},
    wire::Wire,
};
use crate::domain::{
    AlertId, AlertType, Area, Assertion, CaseReference, Certainty, Contact, Draft, Filter, Grading,
    HandlingCode, HandlingCondition, Indicator, IntelligenceAssessment, Purpose, Reason, Refusal,
    RequestedAction, Route, SourceEvaluation, StaffReference, SubjectCategory, SubjectToken,
    Timestamp, TokenKind, Urgency, alert::SUBJECT_TOKENS_MAX, subscription,
};
use crate::merkle::Hash;
use crate::pb::v1 as pb;

/// What a draft takes, about.
const DRAFT_BYTES: usize = 512;

/// Reads a draft as it came in.
///
/// # Errors
///
/// `MISSING_FIELD`, `UNKNOWN_CODE`, `MALFORMED` or `OUT_OF_BOUNDS`, with the name of the field.
pub fn draft_from_pb(draft: &pb::AlertDraft) -> Result<Draft, Refusal> {
    let categories =
        codes(&draft.subject_categories, SubjectCategory::from_number, "subject_categories")?;
    if categories.is_empty() {
        return Err(Refusal::at(Reason::MissingField, "subject_categories"));
    }
    if draft.subject.len() > SUBJECT_TOKENS_MAX {
        return Err(Refusal::at(Reason::OutOfBounds, "subject"));
    }
    Ok(Draft {
        agreement: parsed(&draft.agreement, Reason::Malformed, "agreement")?,
        purpose: code(draft.purpose, Purpose::from_number, "purpose")?,
        kind: code(draft.r#type, AlertType::from_number, "type")?,
        subject: tokens(&draft.subject, "subject")?.into_iter().collect(),
        categories,
        indicators: codes(&draft.indicators, Indicator::from_number, "indicators")?,
        certainty: code(draft.certainty, Certainty::from_number, "certainty")?,
        assertion: code(draft.assertion, Assertion::from_number, "assertion")?,
        grading: draft.grading.map(grading).transpose()?,
        urgency: code(draft.urgency, Urgency::from_number, "urgency")?,
        route: draft.route.map(|it| code(it, Route::from_number, "route")).transpose()?,
        area: optional::<Area>(&draft.area, "area")?,
        action: draft
            .requested_action
            .map(|it| code(it, RequestedAction::from_number, "requested_action"))
            .transpose()?,
        time: timestamp_from_pb(draft.time, "time")?,
        as_of: timestamp_from_pb(draft.as_of, "as_of")?,
        expires_at: timestamp_from_pb(draft.expires_at, "expires_at")?,
        contact: draft.contact.as_ref().map(contact).transpose()?,
        handling: codes(
            &draft.handling_conditions,
            HandlingCondition::from_number,
            "handling_conditions",
        )?,
        restricted: draft.restricted,
        case_reference: optional::<CaseReference>(&draft.case_reference, "case_reference")?,
        on_behalf_of: optional::<StaffReference>(&draft.on_behalf_of, "on_behalf_of")?,
        rectifies: optional::<AlertId>(&draft.rectifies, "rectifies")?,
    })
}

/// Writes a draft as protobuf: the one form that is sealed and committed to.
pub fn draft_to_pb(draft: &Draft) -> pb::AlertDraft {
    pb::AlertDraft {
        agreement: draft.agreement.to_string(),
        purpose: draft.purpose.number().into(),
        r#type: draft.kind.number().into(),
        subject: draft.subject.iter().map(token_to_pb).collect(),
        subject_categories: draft.categories.iter().map(|it| it.number().into()).collect(),
        indicators: draft.indicators.iter().map(|it| it.number().into()).collect(),
        certainty: draft.certainty.number().into(),
        assertion: draft.assertion.number().into(),
        grading: draft.grading.map(grading_to_pb),
        urgency: draft.urgency.number().into(),
        route: draft.route.map(|it| it.number().into()),
        area: draft.area.as_ref().map(ToString::to_string).unwrap_or_default(),
        requested_action: draft.action.map(|it| it.number().into()),
        time: Some(timestamp_to_pb(draft.time)),
        as_of: Some(timestamp_to_pb(draft.as_of)),
        expires_at: Some(timestamp_to_pb(draft.expires_at)),
        contact: draft.contact.as_ref().map(contact_to_pb),
        handling_conditions: draft.handling.iter().map(|it| it.number().into()).collect(),
        restricted: draft.restricted,
        case_reference: draft.case_reference.as_ref().map(ToString::to_string).unwrap_or_default(),
        on_behalf_of: draft.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
        rectifies: draft.rectifies.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Encodes a draft: the bytes of [`draft_to_pb`].
pub fn draft_bytes(draft: &Draft) -> Bytes {
    let mut wire = Wire::of(DRAFT_BYTES);
    wire.text(1, draft.agreement.as_str());
    wire.number(2, draft.purpose.number());
    wire.number(3, draft.kind.number());
    draft.subject.iter().for_each(|token| wire.token(4, token));
    wire.numbers(5, draft.categories.iter().map(|it| it.number()));
    wire.numbers(6, draft.indicators.iter().map(|it| it.number()));
    wire.number(7, draft.certainty.number());
    wire.number(8, draft.assertion.number());
    draft.grading.into_iter().for_each(|grading| wire.grading(9, grading));
    wire.number(10, draft.urgency.number());
    wire.number(11, draft.route.map_or(0, Route::number));
    wire.text(12, draft.area.as_ref().map_or("", |it| it.as_str()));
    wire.number(13, draft.action.map_or(0, RequestedAction::number));
    wire.moment(14, draft.time);
    wire.moment(15, draft.as_of);
    wire.moment(16, draft.expires_at);
    draft.contact.iter().for_each(|contact| wire.contact(17, contact));
    wire.numbers(18, draft.handling.iter().map(|it| it.number()));
    wire.number(19, draft.restricted);
    wire.text(20, draft.case_reference.as_ref().map_or("", |it| it.as_str()));
    wire.text(21, draft.on_behalf_of.as_ref().map_or("", |it| it.as_str()));
    wire.text(22, &draft.rectifies.as_ref().map(ToString::to_string).unwrap_or_default());
    wire.end()
}

/// Decodes a draft that was sealed.
///
/// # Errors
///
/// As [`draft_from_pb`]; `MALFORMED` where the bytes are no draft.
pub fn draft_from_bytes(bytes: &[u8]) -> Result<Draft, Refusal> {
    let draft = pb::AlertDraft::decode(bytes).map_err(|_| Refusal::from(Reason::Malformed))?;
    draft_from_pb(&draft)
}

/// Reads a filter as it came in.
///
/// # Errors
///
/// As [`draft_from_pb`].
pub fn filter_from_pb(filter: &pb::Filter) -> Result<Filter, Refusal> {
    if filter.areas.len() > subscription::AREAS_MAX {
        return Err(Refusal::at(Reason::OutOfBounds, "filter.areas"));
    }
    if filter.tokens.len() > subscription::TOKENS_MAX {
        return Err(Refusal::at(Reason::OutOfBounds, "filter.tokens"));
    }
    Ok(Filter {
        types: codes(&filter.types, AlertType::from_number, "filter.types")?,
        areas: filter
            .areas
            .iter()
            .map(|area| parsed(area, Reason::Malformed, "filter.areas"))
            .collect::<Result<_, _>>()?,
        tokens: tokens(&filter.tokens, "filter.tokens")?,
    })
}

/// Writes a filter as protobuf.
pub fn filter_to_pb(filter: &Filter) -> pb::Filter {
    pb::Filter {
        types: filter.types.iter().map(|it| it.number().into()).collect(),
        areas: filter.areas.iter().map(ToString::to_string).collect(),
        tokens: filter.tokens.iter().map(token_to_pb).collect(),
    }
}

/// Encodes a filter's tokens, the part of it that is sealed.
pub fn filter_bytes(filter: &Filter) -> Bytes {
    let tokens = filter.tokens.iter().map(token_to_pb).collect();
    pb::Filter { tokens, ..pb::Filter::default() }.encode_to_vec().into()
}

/// Decodes the tokens that were sealed.
///
/// # Errors
///
/// `MALFORMED` where the bytes are no filter.
pub fn filter_from_bytes(bytes: &[u8]) -> Result<Filter, Refusal> {
    let filter = pb::Filter::decode(bytes).map_err(|_| Refusal::from(Reason::Malformed))?;
    filter_from_pb(&filter)
}

/// Reads a time.
///
/// # Errors
///
/// `MISSING_FIELD`, or `OUT_OF_BOUNDS` before 1970, after 9999 or with nanoseconds out of range.
pub fn timestamp_from_pb(
    time: Option<prost_types::Timestamp>,
    at: &'static str,
) -> Result<Timestamp, Refusal> {
    let time = time.ok_or(Refusal::at(Reason::MissingField, at))?;
    let bounded = || {
        let seconds = u64::try_from(time.seconds).ok().filter(|it| *it < 253_402_300_800)?;
        let nanos = u64::try_from(time.nanos).ok().filter(|it| *it < 1_000_000_000)?;
        Some(Timestamp::from_ms(seconds * 1000 + nanos / 1_000_000))
    };
    bounded().ok_or(Refusal::at(Reason::OutOfBounds, at))
}

/// Writes a time.
pub fn timestamp_to_pb(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: i64::try_from(time.ms() / 1000).unwrap_or(i64::MAX),
        nanos: i32::try_from(time.ms() % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// Writes a proof, in one allocation.
pub fn proof_to_pb(hashes: &[Hash]) -> Vec<Bytes> {
    let mut all = Vec::with_capacity(hashes.len() * Hash::LEN);
    for hash in hashes {
        all.extend_from_slice(hash.as_bytes());
    }
    let mut all = Bytes::from(all);
    hashes.iter().map(|_| all.split_to(Hash::LEN.min(all.len()))).collect()
}

fn optional<T: std::str::FromStr>(text: &str, at: &'static str) -> Result<Option<T>, Refusal> {
    if text.is_empty() { Ok(None) } else { parsed(text, Reason::Malformed, at).map(Some) }
}

fn tokens(
    tokens: &[pb::SubjectToken],
    at: &'static str,
) -> Result<BTreeSet<SubjectToken>, Refusal> {
    let mut set = BTreeSet::new();
    for token in tokens {
        if !set.insert(token_from_pb(token, at)?) {
            return Err(Refusal::at(Reason::Malformed, at));
        }
    }
    Ok(set)
}

/// Reads a token.
///
/// # Errors
///
/// `MISSING_FIELD` or `UNKNOWN_CODE` for its kind, `MALFORMED` where its epoch is 0 or its value not 32 bytes.
pub fn token_from_pb(token: &pb::SubjectToken, at: &'static str) -> Result<SubjectToken, Refusal> {
    let malformed = Refusal::at(Reason::Malformed, at);
    let kind = code(token.kind, TokenKind::from_number, at)?;
    let value = token.value.as_ref().try_into().map_err(|_| malformed)?;
    if token.epoch == 0 {
        return Err(malformed);
    }
    Ok(SubjectToken { kind, epoch: token.epoch, value })
}

pub(super) fn token_to_pb(token: &SubjectToken) -> pb::SubjectToken {
    pb::SubjectToken {
        kind: token.kind.number().into(),
        epoch: token.epoch,
        value: token.value.to_vec().into(),
    }
}

fn grading(grading: pb::SourceGrading) -> Result<Grading, Refusal> {
    let at = "grading";
    Ok(Grading {
        source: code(grading.source, SourceEvaluation::from_number, at)?,
        assessment: code(grading.assessment, IntelligenceAssessment::from_number, at)?,
        handling: code(grading.handling, HandlingCode::from_number, at)?,
    })
}

pub(super) fn grading_to_pb(grading: Grading) -> pb::SourceGrading {
    pb::SourceGrading {
        source: grading.source.number().into(),
        assessment: grading.assessment.number().into(),
        handling: grading.handling.number().into(),
    }
}

fn contact(contact: &pb::Contact) -> Result<Contact, Refusal> {
    Contact::new(&contact.role, &contact.number)
        .map_err(|_| Refusal::at(Reason::Malformed, "contact"))
}

pub(super) fn contact_to_pb(contact: &Contact) -> pb::Contact {
    pb::Contact { role: contact.role().to_owned(), number: contact.number().to_owned() }
}
