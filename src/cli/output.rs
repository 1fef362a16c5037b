//! The command line's one printer and its one kind of failure. Data goes to stdout, messages to
//! stderr, and every failure has the exit status that CONTRACT promises (docs/cli.md).

use std::{
    fmt::Display,
    io::{self, Write},
};

use serde_json::{Value, json};

/// Prints data and messages.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// One JSON document, or one per line, instead of text for people.
    pub json: bool,
}

impl Output {
    /// Prints a line of data for people, or nothing with `--json`.
    pub fn text(self, line: impl Display) {
        if !self.json {
            write_line(io::stdout().lock(), &line);
        }
    }

    /// Prints a JSON document on one line, whatever the mode: for data that has one form only.
    pub fn document(self, value: &Value) {
        write_line(io::stdout().lock(), value);
    }

    /// Prints a JSON document of which somebody relies on having it.
    ///
    /// # Errors
    ///
    /// [`Failure`] where stdout takes nothing more: it is not printed.
    pub fn deliver(self, value: &Value) -> Result<(), Failure> {
        writeln!(io::stdout().lock(), "{value}")
            .map_err(|error| Failure::failed(format_args!("stdout: {error}")))
    }

    /// Prints a JSON document with `--json`, or `text` without.
    pub fn either(self, value: &Value, text: impl Display) {
        if self.json { self.document(value) } else { self.text(text) }
    }

    /// Prints data as it is, without a line end.
    pub fn raw(self, data: &[u8]) {
        settle(io::stdout().lock().write_all(data));
    }

    /// Tells the person at the terminal something that is not data.
    pub fn say(self, message: impl Display) {
        write_line(io::stderr().lock(), &message);
    }

    /// Reports why the command failed.
    pub fn fail(self, failure: &Failure) {
        if self.json {
            write_line(
                io::stderr().lock(),
                &json!({
                    "code": failure.exit.name(),
                    "reason": failure.reason,
                    "decision": failure.decision,
                    "message": failure.message,
                }),
            );
        } else {
            self.say(format_args!("portway: {}", failure.message));
        }
    }
}

fn write_line(mut to: impl Write, line: &impl Display) {
    settle(writeln!(to, "{line}"));
}

/// A reader that went away (`portway ... | head`) is no failure of ours, and there is nobody to tell.
fn settle(result: io::Result<()>) {
    drop(result);
}

/// The exit status of a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// 1: failed.
    Failed,
    /// 2: usage or configuration.
    Usage,
    /// 3: refused by policy.
    Refused,
    /// 4: verification failed.
    Verification,
    /// 5: not reachable or not authenticated.
    Unreachable,
    /// 6: partly done.
    Partly,
}

impl Exit {
    /// Returns the number.
    pub const fn status(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Verification => 4,
            Self::Unreachable => 5,
            Self::Partly => 6,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Usage => "USAGE",
            Self::Refused => "REFUSED",
            Self::Verification => "VERIFICATION",
            Self::Unreachable => "UNREACHABLE",
            Self::Partly => "PARTLY",
        }
    }
}

/// Why a command failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    /// The stable reason, where the broker gave one; else the exit's name.
    pub reason: String,
    /// The index of the refusal's record, where there is one.
    pub decision: Option<u64>,
    /// For people.
    pub message: String,
}

impl Failure {
    /// Makes a failure without a broker's reason.
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, reason: exit.name().to_owned(), decision: None, message: message.to_string() }
    }

    /// Something about the command line, a file or the configuration is wrong.
    pub fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The work failed.
    pub fn failed(message: impl Display) -> Self {
        Self::new(Exit::Failed, message)
    }
}
