//! `portway serve` and `portway config check`: the broker's own commands.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::{Failure, Output};
use crate::config::{ConfigError, Settings};
use crate::domain::{Clock, SystemClock};
use crate::identity::Trust;
use crate::pki::Issuers;
use crate::server::{self, Server, ServerError};
use crate::views::ViewsError;

/// Arguments of `serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Least level of log lines on stderr
    #[arg(long, default_value = "info", value_parser = ["error", "warn", "info", "debug"], value_name = "LEVEL")]
    log_level: String,
    /// Goes on without an anchor, once: only when the anchor's disk is lost. Its list of erased keys is lost with it
    #[arg(long)]
    accept_lost_anchor: bool,
    /// What of the journal is read and checked first: what follows the newest snapshot, or all of it
    #[arg(long, default_value = "tail", value_parser = ["tail", "full"], value_name = "PART")]
    check: String,
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Checks a configuration file, its certificates and its CAs, and changes nothing
    #[command(after_help = "Example:\n  portway config check --config config/portway.toml")]
    Check {
        /// Configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Runs `portway serve`: prints where it listens, and serves until SIGTERM or SIGINT.
pub(super) async fn serve(args: ServeArgs, out: Output) -> Result<(), Failure> {
    let mut settings = Settings::read(&args.config)?;
    settings.ledger.accept_lost_anchor = args.accept_lost_anchor;
    settings.ledger.check_full = args.check == "full";
    server::log_to_stderr(&args.log_level);
    server::reserve(&settings);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::failed)?;
    let mut too_large = size_limit()?;
    let server = Server::start(settings, Arc::new(SystemClock)).await?;
    let listening = server.address().to_string();
    match server.metrics() {
        None => out.document(&json!({ "listening": listening })),
        Some(it) => out.document(&json!({ "listening": listening, "metrics": it.to_string() })),
    }
    let reloading = server.reloading();
    let stop = async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                // Left to themselves these signals would end the process and every stream with it.
                _ = too_large.recv() => tracing::error!("a file has reached the limit of its size"),
                _ = hangup.recv() => reloading.signal(),
            }
        }
    };
    Ok(server.run(stop).await?)
}

/// Listens to the signal that a file has reached the limit of its size.
pub(super) fn size_limit() -> Result<Signal, Failure> {
    signal(SignalKind::from_raw(SIGXFSZ)).map_err(Failure::failed)
}

/// "File size limit exceeded" (signal(7) on Linux). Once somebody listens to it, the write fails instead, like
/// one for which the disk has no space.
const SIGXFSZ: i32 = 25;

/// Runs `portway config`.
pub(super) fn config(command: &ConfigCommand, out: Output) -> Result<(), Failure> {
    let ConfigCommand::Check { config } = command;
    let settings = Settings::read(config)?;
    Trust::load(&settings.trust, SystemClock.now()).map_err(Failure::usage)?;
    Issuers::load(&settings.trust.domain, &settings.issuers, SystemClock.now())
        .map_err(Failure::usage)?;
    let agencies: Vec<String> = settings.trust.agencies.keys().map(ToString::to_string).collect();
    out.either(
        &json!({ "config": config, "origin": settings.ledger.origin, "agencies": agencies }),
        format_args!(
            "{}: good; log {}, {} agencies",
            config.display(),
            settings.ledger.origin,
            agencies.len()
        ),
    );
    Ok(())
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Issuer(_)
            | ServerError::Trust(_)
            | ServerError::Views(ViewsError::Io { .. }) => Self::usage(error),
            ServerError::Listen(..)
            | ServerError::Socket(..)
            | ServerError::Ledger(_)
            | ServerError::Transport(_)
            | ServerError::Views(_) => Self::failed(error),
        }
    }
}
