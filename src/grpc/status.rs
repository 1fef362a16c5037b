//! Errors to status, in one place: the class decides the code, `ErrorInfo` names the reason, and nothing
//! that was sent is repeated.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::domain::{Class, Reason, Refusal};
use crate::feed::Closed;
use crate::ledger::{LedgerError, Rejection};

const DOMAIN: &str = "portway";

/// Turns a rejection into a status.
pub(super) fn of(rejection: Rejection) -> Status {
    match rejection {
        Rejection::Busy => retry(Code::ResourceExhausted, "BUSY", Duration::from_millis(100)),
        Rejection::RateExceeded { after } => retry(Code::ResourceExhausted, "RATE_EXCEEDED", after),
        Rejection::Refused { refusal, decision } => {
            refused(code(refusal.reason), refusal, decision)
        }
        Rejection::Unavailable(why) => {
            tracing::debug!(why, "unavailable");
            retry(Code::Unavailable, "UNAVAILABLE", Duration::from_secs(1))
        }
    }
}

/// Turns a rejection into a status that says more: for an operator, about files of the operator's own.
pub(super) fn with_message(rejection: Rejection, message: &str) -> Status {
    let status = of(rejection);
    Status::with_details_and_metadata(
        status.code(),
        message,
        Bytes::copy_from_slice(status.details()),
        status.metadata().clone(),
    )
}

/// The answer of a broker that stops.
pub(super) fn stopping() -> Status {
    of(Rejection::Unavailable("the broker stops"))
}

/// Turns the end of a stream into a status.
pub(super) fn closed(closed: Closed) -> Status {
    match closed {
        Closed::Refused(refusal, decision) => refused(code(refusal.reason), refusal, decision),
        Closed::Unavailable => retry(Code::Unavailable, "UNAVAILABLE", Duration::from_millis(200)),
        Closed::Broken(error) => internal(&error),
    }
}

/// Turns an error of ours into a status that says nothing about it.
pub(super) fn internal(error: &LedgerError) -> Status {
    tracing::error!(%error, "a request failed");
    Status::with_error_details(Code::Internal, "internal error", info("INTERNAL", HashMap::new()))
}

/// Returns what the transport could not read; nothing where it could, or broke. To prost that is an internal
/// error, but it is the caller's.
pub(super) fn unread(status: &Status) -> Option<Refusal> {
    if status.code() == Code::OutOfRange {
        return Some(Refusal::at(Reason::OutOfBounds, "message"));
    }
    let is_unreadable = status.code() == Code::Internal && status.message().starts_with(UNREADABLE);
    is_unreadable.then_some(Refusal::at(Reason::Malformed, "message"))
}

/// Turns what the transport says of what it could not read into a status of ours. Nothing is recorded: what a
/// caller meant is not known.
pub(super) fn of_unread(status: &Status) -> Option<Status> {
    let refusal = unread(status)?;
    let code =
        if status.code() == Code::OutOfRange { Code::OutOfRange } else { code(refusal.reason) };
    Some(refused(code, refusal, None))
}

/// How prost begins to say that bytes are not a message.
const UNREADABLE: &str = "failed to decode Protobuf message";

/// The answer to who has too much in progress.
pub(super) fn too_many(reason: &str, again: Duration) -> Status {
    retry(Code::ResourceExhausted, reason, again)
}

/// The answer after the time that a call may take. Whether it was done is not known.
pub(super) fn too_slow() -> Status {
    let details = info("DEADLINE_EXCEEDED", HashMap::new());
    Status::with_error_details(Code::DeadlineExceeded, "it took too long", details)
}

/// The answer to whom no certificate names.
pub(super) fn unknown_caller() -> Status {
    Status::unauthenticated("the caller is not known")
}

fn refused(code: Code, refusal: Refusal, decision: Option<u64>) -> Status {
    let mut metadata = HashMap::new();
    if let Some(decision) = decision {
        metadata.insert("decision".to_owned(), decision.to_string());
    }
    if !refusal.at.is_empty() {
        metadata.insert("at".to_owned(), refusal.at.to_owned());
    }
    Status::with_error_details(code, refusal.to_string(), info(refusal.reason.code(), metadata))
}

/// Returns the code of a refusal.
pub(super) const fn code(reason: Reason) -> Code {
    match reason.class() {
        Class::Aborted => Code::Aborted,
        Class::Denied => Code::PermissionDenied,
        Class::Exists => Code::AlreadyExists,
        Class::Invalid => Code::InvalidArgument,
        Class::NotFound => Code::NotFound,
        Class::Precondition => Code::FailedPrecondition,
    }
}

fn retry(code: Code, reason: &str, after: Duration) -> Status {
    let mut details = info(reason, HashMap::new());
    details.set_retry_info(Some(after));
    Status::with_error_details(code, "try again", details)
}

fn info(reason: &str, metadata: HashMap<String, String>) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, DOMAIN, metadata)
}
