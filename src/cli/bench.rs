//! `portway bench`: measures the broker on this machine beside the machine's own limits.

use std::{path::PathBuf, time::Duration};

use clap::{Args, value_parser};
use serde_json::json;
use tokio::signal;

use super::output::{Failure, Output};
use crate::bench::{self, BenchError, Options};

/// Arguments of `bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Streams that publish
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u16).range(1..=16))]
    publishers: u16,
    /// Subscriptions that are followed, each over a connection of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = value_parser!(u16).range(1..=64))]
    subscribers: u16,
    /// Alerts of each publisher that are on their way at saturation
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = value_parser!(u16).range(1..=4096))]
    in_flight: u16,
    /// Alerts a second for the latencies
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How long each part of a round publishes
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = value_parser!(u64).range(1..=300))]
    seconds: u64,
    /// Alerts that each part of a round publishes at most
    #[arg(long, value_name = "N", default_value_t = 2_000_000, value_parser = value_parser!(u64).range(1..=20_000_000))]
    count: u64,
    /// How often everything is measured; figures are medians
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Directory to measure in, where another disk is meant than that of temporary files; it is left empty
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Serves the floor with this configuration: how the command runs itself
    #[arg(long, hide = true, value_name = "FILE", requires = "floor_dir")]
    floor_config: Option<PathBuf>,
    /// Where the floor's store stands
    #[arg(long, hide = true, value_name = "DIR", requires = "floor_config")]
    floor_dir: Option<PathBuf>,
}

/// Runs `portway bench`.
pub(super) async fn run(args: BenchArgs, out: Output) -> Result<(), Failure> {
    if let (Some(config), Some(dir)) = (&args.floor_config, &args.floor_dir) {
        let listening = |address: &str| out.document(&json!({ "listening": address }));
        return Ok(bench::serve_floor(config, dir, listening).await?);
    }
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let dir = dir.map_err(Failure::usage)?;
    let options = Options {
        publishers: args.publishers.into(),
        subscribers: args.subscribers.into(),
        in_flight: args.in_flight.into(),
        rate: args.rate,
        time: Duration::from_secs(args.seconds),
        count: args.count,
        rounds: args.rounds.into(),
    };
    let measured = tokio::select! {
        measured = bench::run(dir.path(), &options, |step| out.say(step)) => measured?,
        interrupted = signal::ctrl_c() => {
            interrupted.map_err(Failure::failed)?;
            return Err(Failure::failed("interrupted"));
        }
    };
    out.either(&measured.json(), &measured);
    Ok(())
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Client(error) => error.into(),
            BenchError::Config(error) => error.into(),
            BenchError::Pki(_)
            | BenchError::Refused(_)
            | BenchError::Server(_)
            | BenchError::Status(_)
            | BenchError::Stalled
            | BenchError::Task(_)
            | BenchError::Wrong(_) => Self::failed(error),
        }
    }
}
