//! `portway bench`: measures the broker on this machine beside the machine's own limits.

use std::{fs, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, value_parser};
use serde_json::json;
use tokio::signal;

use super::output::{Failure, Output};
use crate::bench::{
    self, BenchError, Options,
    history::{self, History},
    questions::{self, Questions},
};

/// What else is measured.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Writes a log with a history of months to measure on: a broker's directory that can be served
    #[command(after_help = "Example:\n  portway bench history --records 1000000 --dir history")]
    History(HistoryArgs),
    /// Measures how long officers wait for answers, over a log that `bench history` wrote
    #[command(after_help = "Example:\n  portway bench questions --dir history")]
    Questions(QuestionsArgs),
}

/// Arguments of `bench history`.
#[derive(Args, Debug)]
pub(super) struct HistoryArgs {
    /// Directory to make
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Entries that the log has in the end, at least
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = value_parser!(u64).range(50_000..=100_000_000))]
    records: u64,
    /// People that the alerts are about
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = value_parser!(u64).range(1_000..=10_000_000))]
    people: u64,
    /// Days that it spans, up to now
    #[arg(long, value_name = "DAYS", default_value_t = 360, value_parser = value_parser!(u64).range(31..=360))]
    days: u64,
}

/// Arguments of `bench questions`.
#[derive(Args, Debug)]
pub(super) struct QuestionsArgs {
    /// What `bench history` left
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// How often each question is asked
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(1..=100_000))]
    warm: u32,
    /// How often each is asked of a broker that has just started; as root, with nothing of its files in memory
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = value_parser!(u32).range(0..=100))]
    cold: u32,
}

/// Arguments of `bench`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    command: Option<BenchCommand>,
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
    match args.command {
        Some(BenchCommand::History(args)) => return write_history(&args, out).await,
        Some(BenchCommand::Questions(args)) => return ask(&args, out).await,
        None => {}
    }
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

async fn write_history(args: &HistoryArgs, out: Output) -> Result<(), Failure> {
    let dir = &args.dir;
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format_args!("{}: is not empty", dir.display())));
    }
    fs::create_dir_all(dir)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", dir.display())))?;
    let history = History { records: args.records, people: args.people, days: args.days };
    let size = history::write(dir, history, |step| out.say(step)).await?;
    out.either(
        &json!({ "dir": dir, "records": size }),
        format_args!("{size} entries in {}", dir.display()),
    );
    Ok(())
}

async fn ask(args: &QuestionsArgs, out: Output) -> Result<(), Failure> {
    let asked = Questions { warm: args.warm, cold: args.cold };
    let answered = questions::run(&args.dir, asked, |step| out.say(step)).await?;
    out.either(&answered.json(), &answered);
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
            | BenchError::Stalled(_)
            | BenchError::Task(_)
            | BenchError::Wrong(_) => Self::failed(error),
        }
    }
}
