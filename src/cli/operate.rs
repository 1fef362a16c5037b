//! `portway operate`: what those who run the broker do to it while it runs.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Global, code,
    output::{Failure, Output},
};
use crate::{
    client::Operator,
    domain::{AgencyId, Fingerprint, Hex},
    identity::key_of_authority,
};

/// Reloads, revokes, suspends and reinstates.
#[derive(Debug, Subcommand)]
pub enum OperateCommand {
    /// Says that the clock is right, where erasure by term waits for that
    #[command(after_help = "Example:\n  portway operate confirm-clock --socket run/operate.sock")]
    ConfirmClock(SocketArgs),
    /// Lets a suspended agency take part again
    #[command(after_help = "Example:\n  portway operate reinstate --agency housing")]
    Reinstate(AgencyArgs),
    /// Reads certificates, CAs, CRLs, agency table and rules anew
    #[command(after_help = "Example:\n  portway operate reload --socket run/operate.sock")]
    Reload(SocketArgs),
    /// Revokes a certificate, a CA or an agency for good
    #[command(after_help = "Example:\n  portway operate revoke --ca old-provider/ca.pem")]
    Revoke(RevokeArgs),
    /// Suspends an agency until it is reinstated
    #[command(after_help = "Example:\n  portway operate suspend --agency housing")]
    Suspend(AgencyArgs),
}

/// Over which way.
#[derive(Args, Debug)]
pub struct SocketArgs {
    /// The broker's local socket, where no certificate is needed; without it --connect and --identity
    #[arg(long, env = "PORTWAY_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Arguments of `operate suspend` and `operate reinstate`.
#[derive(Args, Debug)]
pub struct AgencyArgs {
    /// Id of the agency
    #[arg(long)]
    agency: AgencyId,
    /// Over which way.
    #[command(flatten)]
    way: SocketArgs,
}

/// Arguments of `operate revoke`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["agency", "ca", "certificate"]))]
pub struct RevokeArgs {
    /// Id of the agency: no certificate speaks for it any more, and its subscriptions end
    #[arg(long)]
    agency: Option<AgencyId>,
    /// File with the certificate of the CA, PEM; every certificate of its key is meant
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// SHA-256 of the certificate, 64 hex digits
    #[arg(long, value_name = "FINGERPRINT", value_parser = code::fingerprint)]
    certificate: Option<Fingerprint>,
    /// Over which way.
    #[command(flatten)]
    way: SocketArgs,
}

/// Runs `portway operate`.
pub(super) async fn run(
    command: OperateCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    match command {
        OperateCommand::ConfirmClock(way) => {
            let index = way.operator(global).await?.confirm_clock().await?;
            out.either(&json!({ "index": index }), format_args!("confirmed: record {index}"));
        }
        OperateCommand::Reinstate(AgencyArgs { agency, way }) => {
            let index = way.operator(global).await?.reinstate_agency(agency.as_str()).await?;
            out.either(&json!({ "index": index }), format_args!("reinstated: record {index}"));
        }
        OperateCommand::Reload(way) => {
            let taken = way.operator(global).await?.reload().await?;
            let (index, cut) = (taken.index, taken.connections_cut);
            let generation = Hex(&taken.generation).to_string();
            out.either(
                &json!({ "index": index, "generation": generation, "connections_cut": cut }),
                format_args!("in force: record {index}, generation {generation}, {cut} cut"),
            );
        }
        OperateCommand::Revoke(RevokeArgs { agency, ca, certificate, way }) => {
            let key = ca.as_deref().map(authority).transpose()?;
            let operator = way.operator(global).await?;
            let done = if let Some(agency) = agency {
                operator.revoke_agency(agency.as_str()).await?
            } else if let Some(key) = key {
                operator.revoke_authority(key.0).await?
            } else if let Some(certificate) = certificate {
                operator.revoke_certificate(certificate.0).await?
            } else {
                return Err(Failure::usage("nothing to revoke"));
            };
            say("revoked", done, out);
        }
        OperateCommand::Suspend(AgencyArgs { agency, way }) => {
            let done = way.operator(global).await?.suspend_agency(agency.as_str()).await?;
            say("suspended", done, out);
        }
    }
    Ok(())
}

impl SocketArgs {
    async fn operator(&self, global: &Global) -> Result<Operator, Failure> {
        Ok(match &self.socket {
            Some(socket) => Operator::local(socket).await?,
            None => Operator::over(&global.connect().await?),
        })
    }
}

fn authority(path: &Path) -> Result<Fingerprint, Failure> {
    key_of_authority(path).map_err(Failure::usage)
}

fn say(what: &str, (index, cut): (u64, u64), out: Output) {
    out.either(
        &json!({ "index": index, "connections_cut": cut }),
        format_args!("{what}: record {index}; connections cut: {cut}"),
    );
}
