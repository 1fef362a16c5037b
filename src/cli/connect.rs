//! Who and where: the options that every command shares, and what a failed call means for the exit status.

use std::path::PathBuf;

use clap::Args;

use super::output::{Exit, Failure, Output};
use crate::client::{self, Connection, Identity, json::JsonError};
use crate::domain::{Clock, SystemClock};

/// How long before its end a certificate's holder is warned; as long before as a broker tells its streams.
const WARNED_DAYS: u64 = 14;
const DAY_SECONDS: u64 = 24 * 3600;

/// Who, where, and in which form.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Broker to connect to
    #[arg(long, global = true, env = "PORTWAY_CONNECT", value_name = "HOST:PORT")]
    pub connect: Option<String>,
    /// Identity directory: cert.pem, key.pem, ca.pem and log.vkey
    #[arg(long, global = true, env = "PORTWAY_IDENTITY", value_name = "DIR")]
    pub identity: Option<PathBuf>,
    /// Prints JSON, one document or one per line, and errors as JSON on stderr
    #[arg(long, global = true)]
    pub json: bool,
}

impl Global {
    /// Connects to the broker as the identity.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let identity = self.identity.as_deref().ok_or_else(|| {
            Failure::usage("no identity: give --identity DIR or set PORTWAY_IDENTITY")
        })?;
        let target = self.connect.as_deref().ok_or_else(|| {
            Failure::usage("no broker: give --connect HOST:PORT or set PORTWAY_CONNECT")
        })?;
        let identity = Identity::load(identity)?;
        self.warn(&identity);
        Ok(Connection::connect(target, identity).await?)
    }

    /// Tells whoever holds a certificate that it ends soon: nobody else can renew it.
    fn warn(&self, identity: &Identity) {
        let (now, end) = (SystemClock.now(), identity.not_after());
        let left = end.since(now).as_secs() / DAY_SECONDS;
        let out = Output { json: self.json };
        if end < now {
            out.say(format_args!(
                "warning: the certificate of {} has ended, {end}",
                identity.seat()
            ));
        } else if left < WARNED_DAYS {
            let days = if left == 1 { "day" } else { "days" };
            let seat = identity.seat();
            out.say(format_args!(
                "warning: the certificate of {seat} ends in {left} {days}, {end}: renew it"
            ));
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let message = error.to_string();
        match error {
            client::Error::Configuration(_) => Self::usage(message),
            client::Error::Failed { reason, .. } => {
                Self { exit: Exit::Failed, reason, decision: None, message }
            }
            client::Error::Refused { reason, decision, .. } => {
                Self { exit: Exit::Refused, reason, decision, message }
            }
            client::Error::Unreachable { .. } => Self::new(Exit::Unreachable, message),
            client::Error::Verification { .. } => Self::new(Exit::Verification, message),
        }
    }
}

/// A text that came from the command line.
impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self::usage(error)
    }
}
