//! Reads a question of the log. What it asks for is bound to its page tokens; a refusal names the field.

use std::sync::Arc;

use prost::Message;

use super::{caller::asker, convert::query_purpose};
use crate::domain::{
    Caller, Direction, Fingerprint, Outcome, Purpose, QueryPurpose, Reason, RecordKind, Refusal,
};
use crate::pb::v1 as pb;
use crate::record;
use crate::views::{Asker, Place, Question, Views};

/// The most records that a page may hold.
const PAGE_MAX: u32 = 1000;

/// A question, as it was asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) by: Asker,
    pub(super) purpose: QueryPurpose,
    pub(super) question: Arc<Question>,
    /// How many records the page may hold.
    pub(super) limit: usize,
    /// Where to go on; nothing at the start.
    pub(super) place: Option<Place>,
    /// What page tokens are bound to: whose question it is, and what it asks.
    pub(super) bound: Vec<u8>,
}

/// Reads a question.
///
/// # Errors
///
/// `WRONG_ROLE` for one who may not read the log, and for a field that is not for an auditor; `PAGE_TOKEN_FORGED` for a page token that was not given to this
/// agency for this question; else the field that is missing, unknown or out of its bounds.
pub(super) fn read(
    request: &pb::QueryRequest,
    by: &Caller,
    views: &Views,
) -> Result<Asked, Refusal> {
    let by = asker(by)?;
    let purpose = query_purpose(request.purpose)?;
    if !(1..=PAGE_MAX).contains(&request.page_size) {
        return Err(Refusal::at(Reason::OutOfBounds, "page_size"));
    }
    let limit = usize::try_from(request.page_size).unwrap_or(usize::MAX);
    let filter = request.filter.clone().unwrap_or_default();
    let question = Arc::new(question(&filter)?);
    let agency = by.agency();
    let not_for_auditors = [
        ("filter.subject", question.subject.is_some()),
        ("filter.direction", question.direction.is_some()),
    ];
    let barred = not_for_auditors.into_iter().find(|(_, is_set)| *is_set && agency.is_none());
    if let Some((at, _)) = barred {
        return Err(Refusal::at(Reason::WrongRole, at));
    }
    // No agency has an empty name: what is bound to none is bound to auditors.
    let mut bound = agency.map_or_else(Vec::new, |it| it.as_str().as_bytes().to_vec());
    bound.push(0);
    bound.extend(filter.encode_to_vec());
    let forged = |_| Refusal::at(Reason::PageTokenForged, "page_token");
    let place = match request.page_token.as_ref() {
        [] => None,
        token => Some(views.place(token, &bound).map_err(forged)?),
    };
    Ok(Asked { by, purpose, question, limit, place, bound })
}

fn question(filter: &pb::RecordFilter) -> Result<Question, Refusal> {
    let time = |time: Option<prost_types::Timestamp>, at| {
        time.map(|time| record::timestamp_from_pb(Some(time), at)).transpose()
    };
    let question = Question {
        from: time(filter.from, "filter.from")?,
        to: time(filter.to, "filter.to")?,
        agency: optional(&filter.agency, Reason::Malformed, "filter.agency")?,
        purpose: filter
            .purpose
            .map(|it| record::code(it, Purpose::from_number, "filter.purpose"))
            .transpose()?,
        kind: filter
            .kind
            .map(|it| record::code(it, RecordKind::from_number, "filter.kind"))
            .transpose()?,
        alert: optional(&filter.alert, Reason::Malformed, "filter.alert")?,
        agreement: optional(&filter.agreement, Reason::Malformed, "filter.agreement")?,
        reason: optional(&filter.reason, Reason::UnknownCode, "filter.reason")?,
        subject: filter
            .subject
            .as_ref()
            .map(|it| record::token_from_pb(it, "filter.subject"))
            .transpose()?,
        certificate: certificate(&filter.certificate)?,
        linked: false,
        direction: filter
            .direction
            .map(|it| record::code(it, Direction::from_number, "filter.direction"))
            .transpose()?,
        outcome: filter
            .outcome
            .map(|it| record::code(it, Outcome::from_number, "filter.outcome"))
            .transpose()?,
    };
    match (question.from, question.to) {
        (Some(from), Some(to)) if from >= to => Err(Refusal::at(Reason::OutOfBounds, "filter.to")),
        (Some(_) | None, Some(_) | None) => Ok(question),
    }
}

fn optional<T: std::str::FromStr>(
    text: &str,
    reason: Reason,
    at: &'static str,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() { Ok(None) } else { record::parsed(text, reason, at).map(Some) }
}

fn certificate(bytes: &[u8]) -> Result<Option<Fingerprint>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let bytes = bytes.try_into();
    bytes
        .map(|bytes| Some(Fingerprint(bytes)))
        .map_err(|_| Refusal::at(Reason::Malformed, "filter.certificate"))
}
