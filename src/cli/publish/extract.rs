//! `portway publish --csv`: rows of an extract. A row that is not understood or refused is reported, and the
//! others go on; an interrupted run is gone on with, and publishes nothing twice.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{
    PublishArgs,
    kept::named,
    progress::Progress,
    report::{Entry, Report},
    send::{self, BLOCK, Outcome},
    tally::Tally,
};
use crate::{
    adapters::{
        csv::{Map, Row, RowFault, Rows},
        run::{Receipts, Run, RunError},
        token::TokenKey,
    },
    cli::{
        Global,
        output::{Failure, Output},
    },
    client::{Connection, Submission, json},
    domain::{Clock, StaffReference, SystemClock},
    identity, record,
};

/// Publishes the rows of an extract.
pub(super) async fn run(
    csv: &Path,
    map: &Path,
    args: &PublishArgs,
    (global, out): (&Global, Output),
) -> Result<(), Failure> {
    overwrites_nothing(csv, map, args)?;
    let text = fs::read_to_string(map).map_err(|error| Failure::usage(named(map, &error)))?;
    let mapped = |error| Failure::usage(format_args!("{}: {error}", map.display()));
    let map = Map::parse(&text).map_err(mapped)?;
    let key = token_key(args.token_key.as_deref(), global)?;
    let rows = Rows::open(open(csv)?, &map, &key).map_err(|faults| unfit(csv, &faults))?;
    let connection = global.connect().await?;
    if connection.identity().agency() != Some(map.agency()) {
        return Err(Failure::usage("the map is of another agency than the identity"));
    }
    let receipts = args.receipts.as_deref().map(Receipts::open).transpose()?;
    let now = SystemClock.now();
    let run = match (&args.receipts, &receipts) {
        (Some(path), Some(receipts)) => Run::begin(path, receipts, now)?,
        _ => Run::unkept(now),
    };
    if run.is_resumed() {
        out.say("an interrupted run is gone on with");
    }
    let work = Work {
        rows,
        run,
        receipts,
        report: Report::open(args.report.as_deref(), out)?,
        tally: Tally::default(),
        progress: Progress::over(csv, out),
        staff: args.on_behalf_of.clone(),
        out,
    };
    work.finish(&connection).await
}

/// The work, from the first row to the last.
struct Work<'a> {
    rows: Rows<'a>,
    run: Run,
    receipts: Option<Receipts>,
    report: Report,
    tally: Tally,
    progress: Progress,
    /// On whose behalf, where a row names nobody.
    staff: Option<StaffReference>,
    out: Output,
}

impl Work<'_> {
    async fn finish(mut self, connection: &Connection) -> Result<(), Failure> {
        let done = self.publish(connection).await;
        let Self { run, receipts, report, tally, progress, out, .. } = self;
        drop(progress);
        let kept = || {
            receipts.as_ref().map_or(Ok(()), Receipts::sync)?;
            if done.is_ok() { run.end() } else { Ok(()) }
        };
        let kept = kept().map_err(Failure::from);
        let done = done.and(kept).and(report.close());
        out.say(if out.json { tally.document().to_string() } else { tally.to_string() });
        tally.finish(done)
    }

    async fn publish(&mut self, connection: &Connection) -> Result<(), Failure> {
        loop {
            self.run.refresh(SystemClock.now())?;
            let block = self.gather()?;
            if block.is_empty() {
                return Ok(());
            }
            // On disk before anything of it can leave: a crash from here on is one that is remembered.
            self.run.send(&block)?;
            let alerts = block.iter().map(submission).collect();
            let take = |place, outcome| match block.get(place) {
                Some(row) => self.take(row, outcome),
                None => Ok(()),
            };
            send::send(connection, alerts, take).await?;
        }
    }

    /// Reads rows until there are enough to send; none at the end of the extract.
    fn gather(&mut self) -> Result<Vec<Row>, Failure> {
        let mut block = Vec::new();
        while block.len() < BLOCK {
            let Some(row) = self.rows.next(self.run.play()) else { break };
            self.tally.rows += 1;
            match row {
                Err(fault) => {
                    self.tally.faults += 1;
                    self.tell(&Entry::fault(fault))?;
                }
                Ok(row) if self.receipts.as_ref().is_some_and(|it| it.holds(row.event)) => {
                    self.tally.done_before += 1;
                }
                Ok(row) if self.run.is_uncertain(row.event) => {
                    self.tally.uncertain += 1;
                    self.tell(&Entry::uncertain(row.line))?;
                }
                Ok(mut row) => {
                    row.draft.on_behalf_of = row.draft.on_behalf_of.or_else(|| self.staff.clone());
                    block.push(row);
                }
            }
        }
        self.progress.show(self.rows.bytes_read(), self.tally.to_string());
        Ok(block)
    }

    fn take(&mut self, row: &Row, outcome: Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Published(receipt) => {
                let receipt = json::to_value(receipt.as_ref())?;
                // First kept, then counted as answered: the other way round a crash would forget it.
                if let Some(receipts) = &mut self.receipts {
                    receipts.add(&receipt.to_string())?;
                }
                self.run.published(row);
                self.tally.published += 1;
                let out = self.out;
                self.progress.beside_stdout(|| out.document(&receipt));
            }
            Outcome::Refused { failure, at } => {
                self.run.refused(row)?;
                self.tally.refused += 1;
                self.tell(&Entry::refused(row.line, failure, at))?;
            }
        }
        self.progress.show(self.rows.bytes_read(), self.tally.to_string());
        Ok(())
    }

    fn tell(&mut self, entry: &Entry) -> Result<(), Failure> {
        let Self { progress, report, .. } = self;
        if report.is_a_file() {
            report.add(entry)
        } else {
            progress.beside_stderr(|| report.add(entry))
        }
    }
}

fn submission(row: &Row) -> Submission {
    let request_id = Uuid::from_bytes(*row.request_id.as_bytes());
    Submission { request_id, alert: record::draft_to_pb(&row.draft) }
}

fn open(csv: &Path) -> Result<Box<dyn Read>, Failure> {
    if csv == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(csv).map_err(|error| Failure::usage(named(csv, &error)))?;
    Ok(Box::new(file))
}

/// A report begins anew each time, in place of whatever the file held.
fn overwrites_nothing(csv: &Path, map: &Path, args: &PublishArgs) -> Result<(), Failure> {
    let Some(report) = &args.report else { return Ok(()) };
    let state = args.receipts.as_deref().map(Run::path);
    let others = [Some(csv), Some(map), args.receipts.as_deref(), state.as_deref()];
    let others = others.into_iter().chain([args.token_key.as_deref()]).flatten();
    if others.map(place).any(|other| other == place(report)) {
        let report = report.display();
        return Err(Failure::usage(format_args!("{report}: the report would overwrite it")));
    }
    Ok(())
}

/// Where a file is, whatever it is called; it need not exist.
fn place(path: &Path) -> PathBuf {
    let beside = || {
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let dir = dir.unwrap_or(Path::new(".")).canonicalize();
        Some(dir.ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

/// Reads the partnership's key: beside the identity, unless it is said where.
fn token_key(path: Option<&Path>, global: &Global) -> Result<TokenKey, Failure> {
    let beside = global.identity.as_ref().map(|dir| dir.join("token.key"));
    let path = path.or(beside.as_deref());
    let path = path.ok_or_else(|| Failure::usage("no token key: give --token-key FILE"))?;
    let text = identity::read_private(path).map_err(Failure::usage)?;
    let text = str::from_utf8(&text).unwrap_or_default();
    TokenKey::from_hex(text.trim()).ok_or_else(|| {
        Failure::usage(format_args!("{}: not a token key of 64 hex digits", path.display()))
    })
}

/// The header does not fit: every column is named at once.
fn unfit(csv: &Path, faults: &[RowFault]) -> Failure {
    let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::usage(format_args!("{}: {}", csv.display(), all.join("; ")))
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::usage(error)
    }
}
