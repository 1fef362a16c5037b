//! Measures the broker on this machine, and beside it, in turns within the same run, what the machine could do
//! at most: so that every figure is also a ratio. It never says what a figure should be.

mod broker;
mod child;
mod disk;
mod error;
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

use std::{path::Path, time::Duration};

pub use error::BenchError;
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
