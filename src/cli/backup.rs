//! `portway backup`: copies of the log's journal and keys, beside a running broker.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::{Failure, Output};
use crate::{
    config::Settings,
    domain::{Clock, SystemClock},
    ledger::{self, LedgerError},
};

/// Arguments of `backup`.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// Configuration file of the broker, which may be running
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Directory for the journal, empty or with an earlier backup of it
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Directory for the wrapped keys, on another disk than the journal's. The master key is never copied
    #[arg(long, value_name = "DIR")]
    keys_to: PathBuf,
}

/// Runs `portway backup`.
pub(super) fn run(args: &BackupArgs, out: Output) -> Result<(), Failure> {
    let settings = Settings::read(&args.config)?.ledger;
    let now = SystemClock.now();
    let done = ledger::back_up(&settings, (&args.to, &args.keys_to), now)?;
    let (size, bytes) = (done.journal.size, done.bytes);
    let files = done.journal.files.len() + done.keys.files.len();
    out.either(
        &json!({
            "to": args.to,
            "keys_to": args.keys_to,
            "origin": done.journal.origin,
            "size": size,
            "files": files,
            "bytes_written": bytes,
            "checkpoint": done.journal.checkpoint,
            "master_key": settings.master_key,
        }),
        format_args!("backed up: {size} entries in {files} files, {bytes} bytes written"),
    );
    out.say(format_args!(
        "{} is in no backup: keep a copy of it where neither backup is",
        settings.master_key.display()
    ));
    Ok(())
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::failed(error)
    }
}
