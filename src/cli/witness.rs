//! `portway witness`: cosigns the checkpoints of logs, for whoever does not want to take a broker's word.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::output::{Failure, Output};
use crate::{
    config,
    domain::SystemClock,
    endpoint::Endpoint,
    server,
    tasks::Tasks,
    witness::{self, Witness, WitnessError},
};

/// Arguments of `witness`.
#[derive(Args, Debug)]
pub struct WitnessArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Least level of log lines on stderr
    #[arg(long, default_value = "info", value_parser = ["error", "warn", "info", "debug"], value_name = "LEVEL")]
    log_level: String,
}

/// Runs `portway witness`: prints where it listens and its key, and answers until SIGTERM or SIGINT.
pub(super) async fn run(args: WitnessArgs, out: Output) -> Result<(), Failure> {
    let settings = config::witness(&args.config)?;
    server::log_to_stderr(&args.log_level);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let witness = Witness::open(&settings, Arc::new(SystemClock))?;
    let endpoint = Endpoint::bind(settings.listen).await;
    let endpoint = endpoint.map_err(|error| WitnessError::Listen(settings.listen, error))?;
    let (listening, vkey) = (endpoint.local_addr().to_string(), witness.key().to_string());
    tracing::info!(listening, vkey, logs = settings.logs.len(), "witnessing");
    out.document(&json!({ "listening": listening, "vkey": vkey }));
    let (tasks, stop) = (Tasks::new(), CancellationToken::new());
    let running = witness::serve(endpoint, Arc::new(witness), (tasks.clone(), stop.clone()));
    tasks.keep("witness", stop.clone(), running);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    tasks.drained().await;
    Ok(())
}

impl From<WitnessError> for Failure {
    fn from(error: WitnessError) -> Self {
        match error {
            WitnessError::Home(_) | WitnessError::Log { .. } => Self::usage(error),
            WitnessError::Listen(..) => Self::failed(error),
        }
    }
}
