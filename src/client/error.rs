//! Why a call did not give what it was asked for, in five kinds: one for each thing a caller can do about it.

use std::{error::Error as StdError, io, path::PathBuf, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::fault::Fault;

/// The domain of the reasons that a broker gives (`google.rpc.ErrorInfo`).
const DOMAIN: &str = "portway";

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the identity, or something else on this side, is missing or wrong: mend it.
    #[error("{0}")]
    Configuration(String),
    /// The work failed.
    #[error("{message}")]
    Failed {
        /// The broker's reason, or the name of the status code.
        reason: String,
        /// For people.
        message: String,
    },
    /// The broker refused, by policy or because the request is not well formed.
    #[error("refused: {message}{}", record_note(*decision))]
    Refused {
        /// The status code.
        code: Code,
        /// The stable reason.
        reason: String,
        /// The field of the request that it concerns; empty = the whole request.
        at: String,
        /// Index of the refusal's record, where it was recorded.
        decision: Option<u64>,
        /// For people.
        message: String,
    },
    /// There is no connection, it was lost, or the broker does not know who is calling.
    #[error("not reachable or not authenticated: {message}")]
    Unreachable {
        /// For people.
        message: String,
        /// Whether trying again can help.
        retry: Retry,
    },
    /// What came back does not prove what it claims. Not to be tried again: somebody has to look into it.
    #[error("verification failed: {fault}{}", evidence_note(evidence.as_ref()))]
    Verification {
        /// What is wrong.
        fault: Fault,
        /// The file that holds both signed checkpoints, where two of them contradict each other.
        evidence: Option<PathBuf>,
    },
}

/// Whether trying again can help.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// It may, after the time that the broker named, where it named one.
    Later(Option<Duration>),
    /// It cannot: the certificate was turned away.
    Never,
}

impl Error {
    /// Says what the caller's own side got wrong.
    pub(super) fn configuration(message: impl Into<String>) -> Self {
        Self::Configuration(message.into())
    }

    /// Says that the connection is of no use at the moment.
    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self::Unreachable { message: message.into(), retry: Retry::Later(None) }
    }

    /// Returns whether the same call may be tried again.
    pub(super) const fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { retry, .. } => *retry,
            Self::Configuration(_)
            | Self::Failed { .. }
            | Self::Refused { .. }
            | Self::Verification { .. } => Retry::Never,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Verification { fault, evidence: None }
    }
}

/// A status with a source was made on this side, out of a connection that could not be made or was
/// lost; one without came from the broker.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        if let Some(source) = status.source() {
            return lost(source);
        }
        let message = status.message().to_owned();
        let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let is_busy = status.code() == Code::ResourceExhausted && delay.is_some();
        if status.code() == Code::Unavailable || is_busy {
            return Self::Unreachable { message, retry: Retry::Later(delay) };
        }
        if status.code() == Code::Unauthenticated {
            return Self::Unreachable { message, retry: Retry::Never };
        }
        let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
        let Some(info) = info else {
            return Self::Failed { reason: code_name(status.code()).to_owned(), message };
        };
        let decision = info.metadata.get("decision").and_then(|index| index.parse().ok());
        // Above ten identical refusals a second the broker counts: those have no record of their own.
        if decision.is_some() || is_refusal(status.code()) {
            let at = info.metadata.get("at").cloned().unwrap_or_default();
            return Self::Refused {
                code: status.code(),
                reason: info.reason,
                at,
                decision,
                message,
            };
        }
        Self::Failed { reason: info.reason, message }
    }
}

const fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::InvalidArgument
            | Code::NotFound
            | Code::PermissionDenied
    )
}

impl From<tonic::transport::Error> for Error {
    fn from(error: tonic::transport::Error) -> Self {
        lost(&error)
    }
}

/// Says in the words of the innermost cause why there is no connection.
fn lost(error: &(dyn StdError + 'static)) -> Error {
    let mut cause = error;
    let mut was_rejected = is_rejection(cause);
    while let Some(source) = cause.source() {
        was_rejected |= is_rejection(source);
        cause = source;
    }
    let retry = if was_rejected { Retry::Never } else { Retry::Later(None) };
    Error::Unreachable { message: cause.to_string(), retry }
}

/// Tells whether TLS itself said no, on either side. In TLS 1.3 a client whose certificate is turned away
/// hears of it only with its first read.
fn is_rejection(error: &(dyn StdError + 'static)) -> bool {
    let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.is::<rustls::Error>()
        || within.is_some_and(<dyn StdError + Send + Sync>::is::<rustls::Error>)
}

fn code_name(code: Code) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    usize::try_from(i32::from(code)).ok().and_then(|n| NAMES.get(n)).copied().unwrap_or("UNKNOWN")
}

fn record_note(decision: Option<u64>) -> String {
    decision.map(|index| format!(" (record {index})")).unwrap_or_default()
}

fn evidence_note(evidence: Option<&PathBuf>) -> String {
    evidence.map(|path| format!("; both checkpoints are in {}", path.display())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, reason: &str, decision: Option<&str>) -> Status {
        let metadata: HashMap<String, String> =
            decision.map(|index| ("decision".to_owned(), index.to_owned())).into_iter().collect();
        let details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
        Status::with_error_details(code, "no", details)
    }

    #[test]
    fn a_recorded_refusal_names_its_record() {
        let error = Error::from(status(Code::PermissionDenied, "PURPOSE_NOT_AGREED", Some("41")));
        assert!(
            matches!(&error, Error::Refused { reason, decision: Some(41), .. } if reason == "PURPOSE_NOT_AGREED"),
            "{error:?}"
        );
    }

    #[test]
    fn a_request_that_is_not_well_formed_is_refused_without_a_record() {
        let error = Error::from(status(Code::InvalidArgument, "MALFORMED", None));
        assert!(matches!(error, Error::Refused { decision: None, .. }), "{error:?}");
    }

    /// A refusal that was only counted, because there were too many like it.
    #[test]
    fn a_counted_refusal_is_one_without_a_record() {
        for code in [Code::PermissionDenied, Code::NotFound, Code::FailedPrecondition] {
            let error = Error::from(status(code, "NOT_A_PARTY", None));
            assert!(
                matches!(&error, Error::Refused { reason, decision: None, .. } if reason == "NOT_A_PARTY"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn what_is_neither_is_a_failure_with_its_reason() {
        let error = Error::from(status(Code::Aborted, "FENCED", None));
        assert!(matches!(&error, Error::Failed { reason, .. } if reason == "FENCED"));
        let error = Error::from(Status::new(Code::PermissionDenied, "said by somebody in between"));
        assert!(matches!(&error, Error::Failed { reason, .. } if reason == "PERMISSION_DENIED"));
        let error = Error::from(Status::new(Code::ResourceExhausted, "too much"));
        assert!(matches!(&error, Error::Failed { reason, .. } if reason == "RESOURCE_EXHAUSTED"));
    }

    #[test]
    fn an_unavailable_broker_may_be_asked_again_and_an_unknown_caller_may_not() {
        let mut details = ErrorDetails::with_error_info("BUSY", DOMAIN, HashMap::new());
        details.set_retry_info(Some(Duration::from_millis(250)));
        for code in [Code::Unavailable, Code::ResourceExhausted] {
            let busy = Error::from(Status::with_error_details(code, "busy", details.clone()));
            assert_eq!(busy.retry(), Retry::Later(Some(Duration::from_millis(250))));
        }
        assert_eq!(Error::from(Status::unauthenticated("who")).retry(), Retry::Never);
        assert!(matches!(Error::from(Status::unauthenticated("who")), Error::Unreachable { .. }));
    }

    #[test]
    fn a_lost_connection_may_be_tried_again_unless_tls_said_no() {
        let io = |inner: Box<dyn StdError + Send + Sync>| {
            Error::from(Status::from_error(Box::new(io::Error::other(inner))))
        };
        assert_eq!(io("reset".into()).retry(), Retry::Later(None));
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRevoked);
        assert_eq!(io(Box::new(alert)).retry(), Retry::Never);
    }
}
