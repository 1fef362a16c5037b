//! `portway publish`: alerts from a file, one after the other, each with its verified receipt.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    Global,
    output::{Exit, Failure, Output},
};
use crate::{
    client::{Connection, json},
    pb::v1 as pb,
};

/// Publishes alerts, and prints the receipt of each once it is verified
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  portway publish --file alerts.jsonl --receipts receipts.jsonl")]
pub struct PublishArgs {
    /// Alerts as JSON (portway.v1.AlertDraft), one or one per line; - is stdin
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// Keeps the receipts too, at the end of this file; `audit verify` reads it
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
}

/// Runs `portway publish`.
pub(super) async fn run(args: PublishArgs, global: &Global, out: Output) -> Result<(), Failure> {
    // All are read before the first is published: half a file that cannot be read helps nobody.
    let drafts: Vec<pb::AlertDraft> = json::documents(&read(&args.file)?)?;
    if drafts.is_empty() {
        return Err(Failure::usage(format_args!("{}: holds no alert", args.file.display())));
    }
    let mut kept = args.receipts.as_deref().map(Kept::open).transpose()?;
    let connection = global.connect().await?;
    let mut tally = Tally { total: drafts.len(), ..Tally::default() };
    for draft in drafts {
        if let Err(failure) = publish(&connection, draft, kept.as_mut(), out).await {
            tally.add(failure, out)?;
        } else {
            tally.published += 1;
        }
    }
    kept.map_or(Ok(()), Kept::close)?;
    tally.finish()
}

async fn publish(
    connection: &Connection,
    draft: pb::AlertDraft,
    kept: Option<&mut Kept<'_>>,
    out: Output,
) -> Result<(), Failure> {
    let receipt = connection.publish(draft, None).await?;
    let receipt = json::to_value(&receipt)?;
    out.document(&receipt);
    kept.map_or(Ok(()), |kept| kept.add(&receipt))
}

/// How many alerts went which way.
#[derive(Default)]
struct Tally {
    total: usize,
    published: u64,
    refused: Vec<Failure>,
}

impl Tally {
    /// A refusal is of one alert, and the next may pass; anything else stops the work.
    fn add(&mut self, failure: Failure, out: Output) -> Result<(), Failure> {
        if failure.exit == Exit::Refused {
            // Of a single alert the command's own failure tells.
            if self.total > 1 {
                out.fail(&failure);
            }
            self.refused.push(failure);
            return Ok(());
        }
        if self.published > 0 && failure.exit == Exit::Unreachable {
            let message = format!("{} published, then: {}", self.published, failure.message);
            return Err(Failure { exit: Exit::Partly, message, ..failure });
        }
        Err(failure)
    }

    fn finish(mut self) -> Result<(), Failure> {
        let refused = self.refused.len();
        match self.refused.pop() {
            None => Ok(()),
            Some(_) if self.published > 0 => Err(Failure::new(
                Exit::Partly,
                format_args!("{} published, {refused} refused", self.published),
            )),
            Some(only) if self.total == 1 => Err(only),
            Some(_) => Err(Failure::new(Exit::Refused, format_args!("all {refused} refused"))),
        }
    }
}

/// The file that receipts are kept in.
struct Kept<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Kept<'a> {
    fn open(path: &'a Path) -> Result<Self, Failure> {
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|error| Failure::usage(named(path, &error)))?;
        Ok(Self { path, file })
    }

    fn add(&mut self, receipt: &serde_json::Value) -> Result<(), Failure> {
        writeln!(self.file, "{receipt}").map_err(|error| Failure::failed(named(self.path, &error)))
    }

    fn close(self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| Failure::failed(named(self.path, &error)))
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    text.map_err(|error| Failure::usage(named(path, &error)))
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
