//! `portway audit request`, `requests`, `report` and `release`: how a person's request for access is answered. A person's
//! token is read from a file, and is in nothing that is written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    Global,
    output::{Failure, Output},
    query,
};
use crate::{
    client::{Connection, Query, json},
    domain::{Clock, Hex, QueryPurpose, SystemClock, Timestamp},
    pb::v1 as pb,
    record::{self, Event, Record, RequestId},
    reports::{Decided, Decisions, Draft, Report, Sources},
};

/// Arguments of `audit request`.
#[derive(Args, Debug)]
pub struct RequestArgs {
    /// When the person's request was received, RFC 3339
    #[arg(long, value_parser = query::time, value_name = "TIME")]
    received: Timestamp,
}

/// Arguments of `audit report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// File with one `SubjectToken` as JSON: the person. Several, where the person has several
    #[arg(long, required = true, value_name = "FILE")]
    subject: Vec<PathBuf>,
    /// Id of the request, as `audit request` printed it
    #[arg(long, value_name = "ID")]
    request: RequestId,
    /// File to make; without it the draft goes to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

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
    /// Directory to make: report.json, report.csv and report.html, for the person
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs `portway audit request`.
pub(super) async fn request(
    args: &RequestArgs,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    let status = global.connect().await?.open_access(args.received).await?;
    let due = moment(status.due_at);
    out.either(&json::to_value(&status)?, format_args!("{}  due {due}", status.request));
    Ok(())
}

/// Runs `portway audit requests`.
pub(super) async fn requests(global: &Global, out: Output) -> Result<(), Failure> {
    let now = SystemClock.now();
    for status in global.connect().await?.list_access().await? {
        let received = moment(status.received_at);
        let days = days_left(status.due_at, now);
        let stand = match status.releases.last() {
            Some(release) => {
                format!("released {} by {}", moment(release.released_at), release.released_by)
            }
            None if days < 0 => format!("OVERDUE by {} days", -days),
            None => format!("{days} days left"),
        };
        if out.json {
            let mut document = json::to_value(&status)?;
            if let Value::Object(fields) = &mut document {
                fields.insert("days_left".to_owned(), json!(days));
                let is_overdue = status.releases.is_empty() && days < 0;
                fields.insert("overdue".to_owned(), json!(is_overdue));
            }
            out.document(&document);
        } else {
            out.text(format_args!(
                "{}  received {received}  due {}  {stand}",
                status.request,
                moment(status.due_at)
            ));
        }
    }
    Ok(())
}

/// Runs `portway audit report`.
pub(super) async fn report(args: &ReportArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let tokens = args.subject.iter().map(query::token).collect::<Result<Vec<_>, _>>()?;
    let connection = global.connect().await?;
    let agency = connection.identity().agency().cloned();
    let agency = agency.ok_or_else(|| Failure::usage("a report is an agency's own"))?;
    let request = args.request.to_string();
    let requests = connection.list_access().await?;
    if !requests.iter().any(|status| status.request == request) {
        return Err(Failure::usage(
            "--request: the agency has no such request; open one by audit request",
        ));
    }
    let (sources, size) = gather(&connection, tokens).await?;
    let draft = Draft::of((request, &agency), &sources, (size, SystemClock.now()));
    let text = serde_json::to_string_pretty(&draft).map_err(Failure::failed)? + "\n";
    match &args.out {
        None => out.raw(text.as_bytes()),
        Some(path) => fs::write(path, text).map_err(|error| unusable(path, error))?,
    }
    if !out.json {
        out.say(format_args!("{} entries, of the first {size} of the log", draft.entries.len()));
    }
    Ok(())
}

/// Finds the records about a person, and the agreements that they were decided by.
async fn gather(
    connection: &Connection,
    tokens: Vec<pb::SubjectToken>,
) -> Result<(Sources, u64), Failure> {
    // Entries of Part 3 are read as a check of lawfulness (DPA 2018 s.62(4)).
    let purpose = QueryPurpose::Lawfulness;
    let mut sources = Sources::default();
    let mut size = 0;
    for token in tokens {
        let filter = pb::RecordFilter { subject: Some(token), ..pb::RecordFilter::default() };
        let mut query = Query::new(purpose, filter, 1000, Vec::new().into());
        loop {
            let page = query.next(connection).await?;
            size = size.max(page.size);
            for shown in page.records {
                let (index, record) = read(shown)?;
                sources.records.insert(index, record);
            }
            if page.next_page_token.is_empty() {
                break;
            }
        }
    }
    let mut agreements = BTreeMap::new();
    for index in sources.agreements_due() {
        let (_, record) = read(connection.show_record(index, purpose).await?)?;
        let Event::AgreementProposed { proposed, .. } = record.event else {
            return Err(Failure::failed(format_args!("record {index} proposes no agreement")));
        };
        agreements.insert(index, proposed.agreement.as_ref().clone());
    }
    sources.agreements = agreements;
    Ok((sources, size))
}

fn read(shown: pb::ShowRecordResponse) -> Result<(u64, Record), Failure> {
    let shown = shown.record.ok_or_else(|| Failure::failed("an answer without a record"))?;
    Ok((shown.index, record::decode(&shown.record).map_err(Failure::failed)?))
}

/// Runs `portway audit release`.
pub(super) async fn release(
    args: &ReleaseArgs,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
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
    let report = Report::of(&draft, &decided, (officer, now));
    let json = serde_json::to_string_pretty(&report).map_err(Failure::failed)? + "\n";
    let page = report.page();
    let csv = page.to_csv().map_err(Failure::failed)?;
    let files =
        [("report.json", json.clone()), ("report.csv", csv), ("report.html", page.to_html())];
    let parent = args.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    let written = tempfile::Builder::new().prefix(".report-").tempdir_in(parent);
    let written = written.map_err(|error| unusable(parent, error))?;
    for (name, content) in files {
        let path = written.path().join(name);
        fs::write(&path, content).map_err(|error| unusable(&path, error))?;
    }
    // The files are there before the release is on record, and get their name once it is.
    let digest = sha256(json.as_bytes());
    let released = connection.release_report(released(&draft, &decided, digest)).await?;
    fs::rename(written.path(), &args.out).map_err(|error| unusable(&args.out, error))?;
    drop(written.keep());
    let index = released.index;
    let dir = args.out.display();
    let digest = Hex(&digest).to_string();
    out.either(
        &json!({ "dir": args.out, "index": index, "report": digest,
            "entries": decided.entries, "withheld": decided.withheld.len(),
            "neither_confirms_nor_denies": decided.neither }),
        format_args!("released in {dir}: record {index}, report {digest}"),
    );
    Ok(())
}

fn released(draft: &Draft, decided: &Decided, digest: [u8; 32]) -> pb::ReleaseReportRequest {
    pb::ReleaseReportRequest {
        request: draft.request.clone(),
        report: digest.to_vec().into(),
        entries: decided.entries,
        withheld: u32::try_from(decided.withheld.len()).unwrap_or(u32::MAX),
        // Decided is only what was looked at entry by entry.
        third_party_checked: decided.entries,
        neither_confirms_nor_denies: decided.neither,
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

fn unusable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format_args!("{}: {why}", path.display()))
}

fn moment(time: Option<prost_types::Timestamp>) -> String {
    record::timestamp_from_pb(time, "").map(|it| it.to_string()).unwrap_or_default()
}

/// Whole days until a request is due; negative once it is overdue.
fn days_left(due: Option<prost_types::Timestamp>, now: Timestamp) -> i64 {
    let due = record::timestamp_from_pb(due, "").unwrap_or_default();
    let days =
        |time: std::time::Duration| i64::try_from(time.as_secs() / 86_400).unwrap_or(i64::MAX);
    if due >= now { days(due.since(now)) } else { -days(now.since(due)) - 1 }
}
