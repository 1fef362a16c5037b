//! Reads codes of closed lists from the command line; whoever mistypes one is shown the list.

use crate::domain::{
    AlertType, Field, Purpose, QueryPurpose, Reason, RecordKind, SubjectCategory, Timestamp,
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

fn listed<T: Copy>(text: &str, all: &[T], code: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|it| code(*it) == text).ok_or_else(|| {
        let codes: Vec<_> = all.iter().copied().map(code).collect();
        format!("one of {}", codes.join(", "))
    })
}
