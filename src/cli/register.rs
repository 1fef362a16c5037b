//! `portway audit register`: the record of processing, from the agreements in force.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{
    Global,
    output::{Failure, Output},
};
use crate::{
    domain::{Clock, SystemClock},
    record,
    reports::Register,
};

/// Arguments of `audit register`.
#[derive(Args, Debug)]
pub struct RegisterArgs {
    /// As a page to be printed
    #[arg(long, conflicts_with = "csv")]
    html: bool,
    /// As a table; with neither as JSON
    #[arg(long)]
    csv: bool,
    /// File to make; without it the register goes to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs `portway audit register`.
pub(super) async fn run(args: &RegisterArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    let agency = connection.identity().agency();
    let agency = agency.ok_or_else(|| Failure::usage("a register is an agency's own"))?;
    let mut agreements = Vec::new();
    for status in connection.list_agreements().await? {
        if status.in_force {
            let agreement = record::agreement_from_pb(&status.agreement.unwrap_or_default());
            agreements.push((status.version, agreement.map_err(Failure::failed)?));
        }
    }
    let register = Register::of(agency, &agreements, SystemClock.now());
    let text = if args.html {
        register.page().to_html()
    } else if args.csv {
        register.page().to_csv().map_err(Failure::failed)?
    } else {
        serde_json::to_string(&register).map_err(Failure::failed)? + "\n"
    };
    match &args.out {
        None => out.raw(text.as_bytes()),
        Some(path) => fs::write(path, text)
            .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?,
    }
    Ok(())
}
