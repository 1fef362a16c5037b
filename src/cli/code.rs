//! Reads codes of closed lists from the command line; whoever mistypes one is shown the list.

use crate::domain::{
    AlertType, Direction, ErasureReason, Field, Fingerprint, HoldReason, ObjectionGround,
    ObjectionKind, ObjectionOutcome, Outcome, Purpose, QueryPurpose, Reason, RecallReason,
    RecordKind, RestrictionReason, SubjectCategory, Timestamp,
};

/// Reads a purpose.
pub(super) fn purpose(text: &str) -> Result<Purpose, String> {
    listed(text, Purpose::ALL, Purpose::code)
}

/// Reads an alert type.
pub(super) fn alert_type(text: &str) -> Result<AlertType, String> {
    listed(text, AlertType::ALL, AlertType::code)
}

/// Reads a category of subject.
pub(super) fn subject_category(text: &str) -> Result<SubjectCategory, String> {
    listed(text, SubjectCategory::ALL, SubjectCategory::code)
}

/// Reads a field.
pub(super) fn field(text: &str) -> Result<Field, String> {
    listed(text, Field::ALL, Field::code)
}

/// Reads why the log is read.
pub(super) fn query_purpose(text: &str) -> Result<QueryPurpose, String> {
    listed(text, QueryPurpose::ALL, QueryPurpose::code)
}

/// Reads which way an alert went.
pub(super) fn direction(text: &str) -> Result<Direction, String> {
    listed(text, Direction::ALL, Direction::code)
}

/// Reads what became of an alert.
pub(super) fn outcome(text: &str) -> Result<Outcome, String> {
    listed(text, Outcome::ALL, Outcome::code)
}

/// Reads why an alert is restricted.
pub(super) fn restriction(text: &str) -> Result<RestrictionReason, String> {
    listed(text, RestrictionReason::ALL, RestrictionReason::code)
}

/// Reads why an alert is recalled.
pub(super) fn recall(text: &str) -> Result<RecallReason, String> {
    listed(text, RecallReason::ALL, RecallReason::code)
}

/// Reads what the person asks for.
pub(super) fn objection(text: &str) -> Result<ObjectionKind, String> {
    listed(text, ObjectionKind::ALL, ObjectionKind::code)
}

/// Reads what came of an objection.
pub(super) fn objection_outcome(text: &str) -> Result<ObjectionOutcome, String> {
    listed(text, ObjectionOutcome::ALL, ObjectionOutcome::code)
}

/// Reads why an objection came to its outcome.
pub(super) fn ground(text: &str) -> Result<ObjectionGround, String> {
    listed(text, ObjectionGround::ALL, ObjectionGround::code)
}

/// Reads a moment.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| "an RFC 3339 time, such as 2027-01-31T00:00:00Z".to_owned())
}

/// Reads a kind of record.
pub(super) fn record_kind(text: &str) -> Result<RecordKind, String> {
    listed(text, RecordKind::ALL, RecordKind::code)
}

/// Reads the reason of a refusal.
pub(super) fn reason(text: &str) -> Result<Reason, String> {
    listed(text, Reason::ALL, Reason::code)
}

/// Reads why an erasure is ordered.
pub(super) fn erasure_reason(text: &str) -> Result<ErasureReason, String> {
    listed(text, ErasureReason::ALL, ErasureReason::code)
}

/// Reads why an alert is held.
pub(super) fn hold_reason(text: &str) -> Result<HoldReason, String> {
    listed(text, HoldReason::ALL, HoldReason::code)
}

fn listed<T: Copy>(text: &str, all: &[T], code: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|it| code(*it) == text).ok_or_else(|| {
        let codes: Vec<_> = all.iter().copied().map(code).collect();
        format!("one of {}", codes.join(", "))
    })
}

/// Reads the SHA-256 of a certificate.
pub(super) fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    let wrong = || "not 64 hex digits".to_owned();
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pairs: &[[u8; 2]; 32] = pairs.try_into().map_err(|_| wrong())?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        // A sign would be read as a number too.
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return Err(wrong());
        }
        let digits = str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    if rest.is_empty() { Ok(Fingerprint(bytes)) } else { Err(wrong()) }
}
