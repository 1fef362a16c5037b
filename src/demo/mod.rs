//! The whole exchange on one machine: a throw-away PKI, the real broker, ten agencies that play their
//! extracts through it, and an account of what came of it. Nothing is believed: what each agency received is
//! computed again from the extracts and the agreements, and the log is exported and verified offline.

mod account;
mod check;
mod expect;
mod govern;
mod play;
mod samples;
mod stage;
mod token_key;
mod witnessed;

use std::path::PathBuf;

use crate::adapters::DocumentError;
use crate::client::{self, verify::Finding};
use crate::config::ConfigError;
use crate::domain::{Clock, SystemClock};
use crate::pki::PkiError;
use crate::server::ServerError;

pub use account::Account;

/// What to play, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is left; empty, or not there yet.
    pub dir: PathBuf,
    /// Other extracts than the project's own: a directory of `<agency>.csv`.
    pub data: Option<PathBuf>,
}

/// Why the demo could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The broker's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A directory or file.
    #[error("{path}: {what}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A map, an agreement or the subscriptions.
    #[error("{name}: {source}")]
    Document {
        /// Which.
        name: String,
        /// What is wrong.
        source: DocumentError,
    },
    /// The export does not verify.
    #[error("the exported log does not verify: {0}")]
    Finding(#[from] Finding),
    /// Certificates.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// The broker.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Views that had to come did not.
    #[error("{missing} views are missing, and none has come for {seconds} s")]
    Stalled {
        /// How long was waited.
        seconds: u64,
        /// How many are missing.
        missing: usize,
    },
    /// A task of the demo ended badly.
    #[error("a part of the demo ended badly: {0}")]
    Task(String),
}

/// Plays the demo. `say` is told of each step.
///
/// # Errors
///
/// [`DemoError`] where it could not be played to its end. Checks that did not hold stand in the account.
pub async fn run(options: &Options, say: impl Fn(String)) -> Result<Account, DemoError> {
    let parts = samples::read(options.data.as_deref())?;
    say(format!("extracts: {} agencies, {} bytes", parts.extracts.len(), parts.bytes()));
    let stage = stage::build(&options.dir, &parts).await?;
    say(format!("broker: {} with a throw-away PKI in {}", stage.connect, options.dir.display()));
    let agreements = govern::agree(&stage, &parts.agreements).await?;
    say(format!("agreements: {agreements} in force, approved by an officer of every party"));
    let now = SystemClock.now();
    let subscriptions = samples::subscriptions(now)?;
    let played = play::play(&stage, &parts, &subscriptions, &say).await?;
    say(format!("published: {}; views received: {}", played.published(), played.received()));
    let evidence = witnessed::export(&stage, &options.dir.join("export")).await?;
    say(format!("log: {} entries exported and verified offline", evidence.size));
    let account = check::check(&stage, &parts, &subscriptions, &played, &evidence);
    stage.stop().await?;
    account.write(&options.dir.join("demo.json"))?;
    Ok(account)
}
