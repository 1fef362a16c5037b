//! `portway agreement`: officers propose, approve, withdraw, read, compare and try out sharing agreements.

mod diff;
mod explain;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{
    Global,
    output::{Failure, Output},
};
use crate::{
    adapters,
    client::{Connection, json},
    domain::AgreementId,
    pb::v1 as pb,
    record,
};

/// What to do with agreements.
#[derive(Debug, Subcommand)]
pub enum AgreementCommand {
    /// Approves one version for your agency; in force once every party has
    #[command(
        after_help = "Example:\n  portway agreement approve city-asb --version 9f86d081884c7d65..."
    )]
    Approve(ApproveArgs),
    /// Says who gains and who loses what between two versions
    #[command(after_help = diff::EXAMPLES)]
    Diff(diff::DiffArgs),
    /// Explains what would become of an alert, and by which rules
    #[command(after_help = explain::EXAMPLES)]
    Explain(Box<explain::ExplainArgs>),
    /// Lists the agreements your agency is a party to
    #[command(after_help = "Example:\n  portway agreement list --json")]
    List,
    /// Proposes an agreement, or a new version of one
    #[command(after_help = "Example:\n  portway agreement propose --file city-asb.toml")]
    Propose(ProposeArgs),
    /// Shows the versions of one agreement
    #[command(after_help = "Example:\n  portway agreement show city-asb --json")]
    Show(AgreementArgs),
    /// Withdraws an agreement: nothing leaves under it once this is answered
    #[command(after_help = "Example:\n  portway agreement withdraw city-asb")]
    Withdraw(AgreementArgs),
}

/// Arguments of `agreement approve`.
#[derive(Args, Debug)]
pub struct ApproveArgs {
    /// Id of the agreement
    id: AgreementId,
    /// The version you read, 64 hex digits
    #[arg(long, value_name = "HEX")]
    version: String,
}

/// Arguments of `agreement propose`.
#[derive(Args, Debug)]
pub struct ProposeArgs {
    /// The agreement as TOML, or as JSON where the name ends in .json
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

/// Arguments of `agreement show` and `agreement withdraw`.
#[derive(Args, Debug)]
pub struct AgreementArgs {
    /// Id of the agreement
    id: AgreementId,
}

/// Runs `portway agreement`.
pub(super) async fn run(
    command: AgreementCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    match command {
        AgreementCommand::Approve(args) => {
            let connection = global.connect().await?;
            show(&connection.approve_agreement(args.id.as_str(), &args.version).await?, out)
        }
        AgreementCommand::Diff(args) => diff::run(args, global, out).await,
        AgreementCommand::Explain(args) => explain::run(*args, global, out).await,
        AgreementCommand::List => {
            let agreements = global.connect().await?.list_agreements().await?;
            agreements.iter().try_for_each(|status| show(status, out))
        }
        AgreementCommand::Propose(args) => {
            // Read before connecting: a mistake in the file should not depend on the broker.
            let agreement = read_agreement(&args.file)?;
            show(&global.connect().await?.propose_agreement(agreement).await?, out)
        }
        AgreementCommand::Show(args) => {
            let versions = global.connect().await?.show_agreement(args.id.as_str()).await?;
            versions.iter().try_for_each(|status| show(status, out))
        }
        AgreementCommand::Withdraw(args) => withdraw(&args, &global.connect().await?, out).await,
    }
}

async fn withdraw(
    args: &AgreementArgs,
    connection: &Connection,
    out: Output,
) -> Result<(), Failure> {
    let index = connection.withdraw_agreement(args.id.as_str()).await?;
    let id = args.id.as_str();
    out.either(
        &serde_json::json!({ "id": id, "index": index }),
        format_args!("withdrawn: {id}, record {index}"),
    );
    Ok(())
}

/// Reads an agreement from a file: TOML, or JSON where the name ends in .json.
fn read_agreement(file: &Path) -> Result<pb::Agreement, Failure> {
    let path = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::usage(format_args!("{path}: {error}")))?;
    if file.extension().is_some_and(|extension| extension == "json") {
        let value = serde_json::from_str(&text);
        let value = value.map_err(|error| Failure::usage(format_args!("{path}: {error}")))?;
        return Ok(json::from_value(value)?);
    }
    let agreement = adapters::agreement::parse(&text)
        .map_err(|error| Failure::usage(format_args!("{path}: {error}")))?;
    Ok(record::agreement_to_pb(&agreement))
}

fn show(status: &pb::AgreementStatus, out: Output) -> Result<(), Failure> {
    if out.json {
        out.document(&json::to_value(status)?);
        return Ok(());
    }
    let agreement = status.agreement.clone().unwrap_or_default();
    let state = status.state().as_str_name().trim_start_matches("AGREEMENT_STATE_");
    let force = if status.in_force { ", in force" } else { "" };
    out.text(format_args!("{}  {}", agreement.id, agreement.title));
    out.text(format_args!("  version  {}", status.version));
    out.text(format_args!("  state    {}{force}", state.to_lowercase()));
    out.text(format_args!("  approved {}", status.approved_by.join(", ")));
    let parties: Vec<_> = agreement.parties.iter().map(|party| party.agency.as_str()).collect();
    out.text(format_args!("  parties  {}", parties.join(", ")));
    out.text(format_args!("  record   {}", status.index));
    Ok(())
}
