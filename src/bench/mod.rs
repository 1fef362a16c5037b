//! Measures the broker on this machine, and beside it, in turns within the same run, what the machine could do
//! at most: so that every figure is also a ratio. It never says what a figure should be.

mod broker;
mod child;
mod disk;
mod floor;
pub mod history;
mod latency;
mod load;
mod papers;
mod plain;
pub mod questions;
mod report;
mod rounds;
mod sample;
mod stage;
mod usage;
mod wire;

use std::{fmt::Display, path::Path, time::Duration};

use tonic::Status;

use crate::{client, config::ConfigError, pki::PkiError};

pub use report::Report;

/// What to measure. Whoever makes one has checked the bounds.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many streams publish.
    pub publishers: usize,
    /// How many subscriptions are followed, each over a connection of its own.
    pub subscribers: usize,
    /// How many messages of each publisher are on their way in a closed loop.
    pub in_flight: usize,
    /// Messages a second in the open loop.
    pub rate: u32,
    /// How long each part of a round publishes.
    pub time: Duration,
    /// How many messages each part publishes at most.
    pub count: u64,
    /// How often everything is measured.
    pub rounds: usize,
}

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
    fn task(error: impl Display) -> Self {
        Self::Task(error.to_string())
    }

    /// Says of which system it is, where a load stalled.
    fn of(self, system: &str) -> Self {
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

/// Measures in a directory that is empty. `say` is told of each step.
///
/// # Errors
///
/// [`BenchError`] where something could not be measured, or a message was lost, repeated or unproven.
pub async fn run(dir: &Path, options: &Options, say: impl Fn(&str)) -> Result<Report, BenchError> {
    let mut stage = stage::build(dir, options).await?;
    say("the broker and the floor are running");
    let rounds = rounds::run(&mut stage, options, &say).await?;
    let verified = stage.samples.verify(&stage.log)?;
    Ok(Report { options: options.clone(), rounds, verified })
}

/// Runs the floor as a server with a broker's configuration, its store in `dir`, until the process ends.
/// `listening` is told the address.
///
/// # Errors
///
/// [`BenchError`] where it cannot be served.
pub async fn serve_floor(
    config: &Path,
    dir: &Path,
    listening: impl FnOnce(&str),
) -> Result<(), BenchError> {
    let floor = floor::serve(config, dir).await?;
    listening(&floor.address);
    floor.run().await
}
