//! `portway demo`: the whole exchange on one machine, and a short account of it.

use std::path::PathBuf;

use clap::Args;

use super::output::{Exit, Failure, Output};
use crate::demo::{self, Account, DemoError, Options};

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Directory to leave everything in; it must be empty or not exist
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Directory of extracts to play, one CSV file per agency, instead of the project's own
    #[arg(long, value_name = "EXTRACTS")]
    data: Option<PathBuf>,
    /// Keeps the temporary directory, where no --dir is given, and says where it is
    #[arg(long)]
    keep: bool,
}

/// Runs `portway demo`.
pub(super) async fn run(args: DemoArgs, out: Output) -> Result<(), Failure> {
    let temporary = match &args.dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(Failure::failed)?),
    };
    let dir = match (&args.dir, &temporary) {
        (Some(dir), _) => dir.clone(),
        (None, Some(temporary)) => temporary.path().to_owned(),
        (None, None) => return Err(Failure::failed("there is no directory to work in")),
    };
    let options = Options { dir: dir.clone(), data: args.data };
    let played = demo::run(&options, |step| out.say(step)).await;
    match temporary {
        Some(temporary) if args.keep => {
            out.say(format_args!("kept: {}", temporary.keep().display()));
        }
        Some(_) => {}
        None => out.say(format_args!("left in {}", dir.display())),
    }
    let account = played?;
    out.either(&account.json(), &account);
    settle(&account)
}

/// Exit 0 only if every check held.
fn settle(account: &Account) -> Result<(), Failure> {
    match account.faults.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(
            Exit::Verification,
            format_args!(
                "{} of the demo's checks failed; the first: {first}",
                account.faults.len()
            ),
        )),
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Client(error) => error.into(),
            DemoError::Server(error) => error.into(),
            DemoError::Config(error) => error.into(),
            DemoError::Document { .. } | DemoError::Directory { .. } => Self::usage(error),
            DemoError::Pki(_)
            | DemoError::Finding(_)
            | DemoError::Stalled { .. }
            | DemoError::Task(_) => Self::failed(error),
        }
    }
}
