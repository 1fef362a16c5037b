//! Why nothing was measured.

use std::fmt::Display;

use tonic::Status;

use crate::{client, config::ConfigError, pki::PkiError};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A call of the typed client failed.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The broker refused what it should take.
    #[error("the broker refused a message: {0}")]
    Refused(String),
    /// A server did not start or cannot be looked at.
    #[error("a server did not run: {0}")]
    Server(String),
    /// A call failed.
    #[error("a call failed: {0}")]
    Status(#[from] Box<Status>),
    /// The load did not come to its end: of which system, and how it was published.
    #[error("messages are missing, and none has come for a minute: {0}")]
    Stalled(String),
    /// Part of the measurement ended badly.
    #[error("the measurement ended badly: {0}")]
    Task(String),
    /// What came back is not what was asked for.
    #[error("what came back is not right: {0}")]
    Wrong(&'static str),
}

impl BenchError {
    pub(super) fn task(error: impl Display) -> Self {
        Self::Task(error.to_string())
    }

    /// Says of which system it is, where a load stalled.
    pub(super) fn of(self, system: &str) -> Self {
        if let Self::Stalled(pace) = self {
            return Self::Stalled(format!("{system}, {pace}"));
        }
        self
    }
}

impl From<Status> for BenchError {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}
