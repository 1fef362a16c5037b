//! What was not published, row by row: line, place and reason, and no cell, because that may be personal data.

use std::{
    fmt,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::kept::named;
use crate::{
    adapters::csv::RowFault,
    cli::output::{Failure, Output},
};

/// A row that was not published.
pub(super) struct Entry {
    line: u64,
    column: Option<String>,
    field: Option<String>,
    reason: String,
    decision: Option<u64>,
    message: String,
}

impl Entry {
    /// A row that was not understood.
    pub(super) fn fault(fault: RowFault) -> Self {
        Self {
            line: fault.line,
            column: Some(fault.column).filter(|column| !column.is_empty()),
            field: None,
            reason: fault.reason.code().to_owned(),
            decision: None,
            message: fault.reason.to_string(),
        }
    }

    /// A row that the broker refused.
    pub(super) fn refused(line: u64, failure: Failure, at: String) -> Self {
        let Failure { reason, decision, message, .. } = failure;
        let field = Some(at).filter(|field| !field.is_empty());
        Self { line, column: None, field, reason, decision, message }
    }

    /// A row that was sent so long ago that nobody can tell whether it is published.
    pub(super) fn uncertain(line: u64) -> Self {
        let message = "sent by a run that was interrupted too long ago, and never answered: ask the \
            agency's officer whether it is published";
        let (reason, message) = ("UNCERTAIN".to_owned(), message.to_owned());
        Self { line, column: None, field: None, reason, decision: None, message }
    }

    fn document(&self) -> Value {
        json!({
            "line": self.line,
            "column": self.column,
            "field": self.field,
            "reason": self.reason,
            "decision": self.decision,
            "message": self.message,
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Where the rows that were not published are told.
pub(super) enum Report {
    File { path: PathBuf, file: BufWriter<File> },
    Stderr(Output),
}

impl Report {
    /// Starts a report, in place of the last one.
    pub(super) fn open(path: Option<&Path>, out: Output) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::Stderr(out)) };
        let file = File::create(path).map_err(|error| Failure::usage(named(path, &error)))?;
        Ok(Self::File { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(super) const fn is_a_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Failure> {
        match self {
            Self::File { path, file } => writeln!(file, "{}", entry.document())
                .map_err(|error| Failure::failed(named(path, &error))),
            Self::Stderr(out) if out.json => {
                out.say(entry.document());
                Ok(())
            }
            Self::Stderr(out) => {
                out.say(entry);
                Ok(())
            }
        }
    }

    /// Writes what is still held, and waits until it is on disk.
    pub(super) fn close(self) -> Result<(), Failure> {
        let Self::File { path, mut file } = self else { return Ok(()) };
        let written = file.flush().and_then(|()| file.get_ref().sync_all());
        written.map_err(|error| Failure::failed(named(&path, &error)))
    }
}
