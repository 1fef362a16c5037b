//! `portway publish`: alerts from a file or rows of an extract, each with its verified receipt. Both go the
//! same way out, in order, and what was refused is told one by one.

mod alerts;
mod documents;
mod extract;
mod kept;
mod progress;
mod report;
mod send;
mod tally;

use std::path::PathBuf;

use clap::Args;

use super::{
    Global,
    output::{Failure, Output},
};
use crate::domain::StaffReference;

/// Publishes alerts, and prints the receipt of each once it is verified
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  portway publish --file alerts.jsonl --receipts receipts.jsonl\n  \
    portway publish --csv extract.csv --map map.toml --receipts receipts.jsonl --report report.jsonl"
)]
pub struct PublishArgs {
    /// Alerts as JSON (portway.v1.AlertDraft), one or one per line; - is stdin
    #[arg(long, value_name = "FILE", required_unless_present = "csv")]
    file: Option<PathBuf>,
    /// Rows of a case system's extract, as alerts; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with = "file", requires = "map")]
    csv: Option<PathBuf>,
    /// What the extract's columns and words mean
    #[arg(long, value_name = "TOML", requires = "csv", conflicts_with = "file")]
    map: Option<PathBuf>,
    /// Key that subject tokens are made with, 64 hex digits; token.key of the identity without it
    #[arg(long, value_name = "FILE", requires = "csv")]
    token_key: Option<PathBuf>,
    /// Member of staff on whose behalf, as their agency knows them; for alerts that name none themselves
    #[arg(long, value_name = "REFERENCE")]
    on_behalf_of: Option<StaffReference>,
    /// Keeps the receipts too, at the end of this file; rows that it has receipts of are not sent again
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Writes the rows that were not published to this file, one JSON line each, instead of to stderr
    #[arg(long, value_name = "FILE", requires = "csv")]
    report: Option<PathBuf>,
}

/// Runs `portway publish`.
pub(super) async fn run(args: PublishArgs, global: &Global, out: Output) -> Result<(), Failure> {
    match (&args.file, &args.csv, &args.map) {
        (_, Some(csv), Some(map)) => extract::run(csv, map, &args, (global, out)).await,
        (Some(file), ..) => alerts::run(file, &args, (global, out)).await,
        _ => Err(Failure::usage("nothing to publish: give --file, or --csv with --map")),
    }
}
