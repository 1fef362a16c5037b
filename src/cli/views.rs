//! `portway views`: the index of a log whose broker is stopped. The log itself is only read.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{Failure, Output};
use crate::{
    config::Settings,
    ledger::Reader,
    views::{Standing, Views, ViewsError},
};

/// What to do with the views.
#[derive(Debug, Subcommand)]
pub enum ViewsCommand {
    /// Throws the index away and makes it anew from the log, under a new key; the broker has to be stopped
    #[command(after_help = "Example:\n  portway views rebuild --config config/portway.toml")]
    Rebuild(ViewsArgs),
    /// Shows how far the index has come; the broker has to be stopped
    #[command(after_help = "Example:\n  portway views status --config config/portway.toml")]
    Status(ViewsArgs),
}

/// Where the views are.
#[derive(Args, Debug)]
pub struct ViewsArgs {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Runs `portway views`.
pub(super) fn run(command: ViewsCommand, out: Output) -> Result<(), Failure> {
    match command {
        ViewsCommand::Rebuild(args) => {
            let settings = Settings::read(&args.config)?;
            let reader = Reader::open(&settings.ledger).map_err(ViewsError::from)?;
            let views = Views::anew(&settings.views_dir, reader)?;
            views.catch_up(&|| false)?;
            views.flush();
            print(views.standing(), &settings, out);
        }
        ViewsCommand::Status(args) => {
            let settings = Settings::read(&args.config)?;
            let reader = Reader::open(&settings.ledger).map_err(ViewsError::from)?;
            print(Views::look(&settings.views_dir, reader)?, &settings, out);
        }
    }
    Ok(())
}

fn print(standing: Standing, settings: &Settings, out: Output) {
    let (indexed, size, bytes) = (standing.indexed, standing.size, standing.bytes);
    let dir = &settings.views_dir;
    out.either(
        &json!({ "dir": dir, "indexed": indexed, "size": size, "bytes": bytes }),
        format_args!("{}: {indexed} of {size} entries indexed, {bytes} bytes", dir.display()),
    );
}

impl From<ViewsError> for Failure {
    fn from(error: ViewsError) -> Self {
        Self::failed(error)
    }
}
