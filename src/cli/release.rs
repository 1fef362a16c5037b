//! `portway audit release`: the answer that a person is given, as an officer decided on each entry. Its release is on
//! record before it has its place, and what is on record is never thrown away.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempDir;

use super::{
    Global,
    access::unusable,
    output::{Failure, Output},
};
use crate::{
    client::{Connection, Error},
    domain::{Clock, Hex, SystemClock, Timestamp},
    pb::v1 as pb,
    record,
    reports::{Decided, Decisions, Draft, Report},
};

/// Arguments of `audit release`.
#[derive(Args, Debug)]
pub struct ReleaseArgs {
    /// The draft that `audit report` made
    #[arg(long, value_name = "FILE")]
    draft: PathBuf,
    /// What an officer decided on each entry, as JSON
    #[arg(long, value_name = "FILE")]
    decisions: PathBuf,
    /// Answers that the agency neither confirms nor denies that there is anything
    #[arg(long)]
    neither_confirm_nor_deny: bool,
    /// Takes the place of an earlier answer: the index of its release, the newest of the request
    #[arg(long, value_name = "INDEX")]
    corrects: Option<u64>,
    /// Directory to make: report.json, report.csv and report.html, for the person
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs `portway audit release`.
pub(super) async fn run(args: &ReleaseArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let draft: Draft = document(&args.draft)?;
    let decisions: Decisions = document(&args.decisions)?;
    let now = SystemClock.now();
    let decided = decisions.on(&draft, args.neither_confirm_nor_deny, now);
    let decided = decided.map_err(Failure::usage)?;
    if args.out.exists() {
        return Err(unusable(&args.out, "exists already"));
    }
    let connection = global.connect().await?;
    let officer = connection.identity().seat().to_string();
    let replaced = replaced(&connection.list_access().await?, &draft.request, args.corrects)?;
    let report = Report::of(&draft, &decided, (officer, now), replaced);
    let (written, digest) = write(&args.out, &report)?;
    let request = released(&draft, &decided, (digest, args.corrects));
    let index = record_release(&connection, request, (written, &args.out)).await?;
    let dir = args.out.display();
    let digest = Hex(&digest).to_string();
    out.either(
        &json!({ "dir": args.out, "index": index, "report": digest, "corrects": args.corrects,
            "entries": decided.entries, "withheld": decided.withheld.len(),
            "neither_confirms_nor_denies": decided.neither }),
        format_args!("released in {dir}: record {index}, report {digest}"),
    );
    Ok(())
}

/// Writes the answer beside where it is to be; returns its directory and the SHA-256 of the report.
fn write(out: &Path, report: &Report) -> Result<(TempDir, [u8; 32]), Failure> {
    let json = serde_json::to_string_pretty(report).map_err(Failure::failed)? + "\n";
    let digest = sha256(json.as_bytes());
    let page = report.page();
    let csv = page.to_csv().map_err(Failure::failed)?;
    let files = [("report.json", json), ("report.csv", csv), ("report.html", page.to_html())];
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let written = tempfile::Builder::new().prefix(".report-").tempdir_in(parent);
    let written = written.map_err(|error| unusable(parent, error))?;
    for (name, content) in files {
        let path = written.path().join(name);
        fs::write(&path, content).map_err(|error| unusable(&path, error))?;
    }
    Ok((written, digest))
}

/// Has the release recorded, and gives the answer its place; returns the index of the record.
async fn record_release(
    connection: &Connection,
    request: pb::ReleaseReportRequest,
    (written, out): (TempDir, &Path),
) -> Result<u64, Failure> {
    let index = match connection.release_report(request).await {
        Ok(released) => released.index,
        Err(error @ (Error::Refused { .. } | Error::Configuration(_))) => return Err(error.into()),
        Err(error) => {
            // It may be on record all the same, and the very report cannot be made a second time.
            let kept = written.keep();
            let mut failure = Failure::from(error);
            failure.message = format!(
                "{}; whether it is released is not known: the answer is in {}, and `portway audit requests --json` has the \
                 SHA-256 of every report.json that was released",
                failure.message,
                kept.display()
            );
            return Err(failure);
        }
    };
    let written = written.keep();
    fs::rename(&written, out).map_err(|error| {
        let (out, kept) = (out.display(), written.display());
        let said = format_args!("it is released, record {index}, and is in {kept}");
        Failure::failed(format_args!("{out}: {error}; {said}"))
    })?;
    Ok(index)
}

/// Returns when the answer was released that another one takes the place of. The broker refuses what does not fit; this
/// says what to do instead.
fn replaced(
    requests: &[pb::AccessStatus],
    request: &str,
    corrects: Option<u64>,
) -> Result<Option<Timestamp>, Failure> {
    let status = requests.iter().find(|status| status.request == request);
    let status = status.ok_or_else(|| Failure::usage("the agency has no such request"))?;
    let newest = status.releases.last();
    match (newest, corrects) {
        (None, None) => Ok(None),
        (Some(newest), Some(index)) if newest.index == index => {
            record::timestamp_from_pb(newest.released_at, "").map(Some).map_err(Failure::failed)
        }
        (Some(newest), _) => Err(Failure::usage(format_args!(
            "the request was answered by the release of record {0}: another answer takes its place, with --corrects {0}",
            newest.index
        ))),
        (None, Some(_)) => Err(Failure::usage("--corrects: the request was not answered yet")),
    }
}

fn released(
    draft: &Draft,
    decided: &Decided,
    (digest, corrects): ([u8; 32], Option<u64>),
) -> pb::ReleaseReportRequest {
    pb::ReleaseReportRequest {
        request: draft.request.clone(),
        report: digest.to_vec().into(),
        entries: decided.entries,
        withheld: u32::try_from(decided.withheld.len()).unwrap_or(u32::MAX),
        // Decided is only what was looked at entry by entry.
        third_party_checked: decided.entries,
        neither_confirms_nor_denies: decided.neither,
        corrects: corrects.unwrap_or_default(),
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    out
}

/// Reads a document; what is wrong with it is said without repeating it.
fn document<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = fs::read_to_string(path).map_err(|error| unusable(path, error))?;
    serde_json::from_str(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        unusable(path, format_args!("not as it has to be, at line {line}, column {column}"))
    })
}
