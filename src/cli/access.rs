//! `portway audit request`, `requests`, `report` and `release`: how a person's request for access is answered. A person's
//! token is read from a file, and is in nothing that is written.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Global,
    output::{Failure, Output},
    query, reconcile,
};
use crate::{
    client::{Connection, Query, json},
    domain::{AgencyId, Clock, QueryPurpose, RecordKind, SystemClock, Timestamp},
    pb::v1 as pb,
    record::{self, Event, Record, RequestId},
    reports::{Draft, Sources},
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
    /// Deliveries that `follow --keep` kept: of what others published, the log tells the agency neither type nor categories
    #[arg(long, value_name = "FILE")]
    deliveries: Vec<PathBuf>,
    /// File to make; without it the draft goes to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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
                let what = if release.corrects > 0 { "corrected" } else { "released" };
                let (at, by) = (moment(release.released_at), &release.released_by);
                format!("{what} {at} by {by}: record {}", release.index)
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
    let (mut sources, size) = gather(&connection, &agency, tokens).await?;
    let kept = reconcile::read::<pb::Delivery>(&args.deliveries)?;
    let views = kept.iter().filter(|it| sources.take_view(&it.paper)).count();
    let draft = Draft::of((request, &agency), &sources, (size, SystemClock.now()));
    let text = serde_json::to_string_pretty(&draft).map_err(Failure::failed)? + "\n";
    match &args.out {
        None => out.raw(text.as_bytes()),
        Some(path) => fs::write(path, text).map_err(|error| unusable(path, error))?,
    }
    if !out.json {
        out.say(format_args!("{} entries, of the first {size} of the log", draft.entries.len()));
        if !kept.is_empty() {
            out.say(format_args!("of {} deliveries {views} are about the person", kept.len()));
        }
    }
    Ok(())
}

/// Finds the records about a person, and the agreements that they were decided by.
async fn gather(
    connection: &Connection,
    agency: &AgencyId,
    tokens: Vec<pb::SubjectToken>,
) -> Result<(Sources, u64), Failure> {
    let mut sources = Sources::default();
    let mut size = 0;
    for token in tokens {
        let filter = pb::RecordFilter { subject: Some(token), ..pb::RecordFilter::default() };
        size = size.max(ask(connection, filter, |_| true, &mut sources).await?);
    }
    let received = sources.received(agency);
    if !received.is_empty() {
        // What its publisher did about an alert others know by what they were told; no token leads there.
        let kind = Some(RecordKind::NoticeSent.number().into());
        let filter = pb::RecordFilter { kind, ..pb::RecordFilter::default() };
        let is_of_it = |record: &Record| {
            let Event::Rights(event) = &record.event else { return false };
            event.alert().is_some_and(|it| received.contains(&it.published))
        };
        ask(connection, filter, is_of_it, &mut sources).await?;
    }
    let mut agreements = BTreeMap::new();
    for index in sources.agreements_due() {
        let (_, record) = read(connection.show_record(index, PURPOSE).await?)?;
        let Event::AgreementProposed { proposed, .. } = record.event else {
            return Err(Failure::failed(format_args!("record {index} proposes no agreement")));
        };
        agreements.insert(index, proposed.agreement.as_ref().clone());
    }
    sources.agreements = agreements;
    Ok((sources, size))
}

/// Entries of Part 3 are read as a check of lawfulness (DPA 2018 s.62(4)).
const PURPOSE: QueryPurpose = QueryPurpose::Lawfulness;

/// Asks for records and keeps those that are wanted; returns how much of the log was asked.
async fn ask(
    connection: &Connection,
    filter: pb::RecordFilter,
    is_wanted: impl Fn(&Record) -> bool,
    sources: &mut Sources,
) -> Result<u64, Failure> {
    let mut query = Query::new(PURPOSE, filter, 1000, Vec::new().into());
    loop {
        let page = query.next(connection).await?;
        for shown in page.records {
            let (index, record) = read(shown)?;
            if is_wanted(&record) {
                sources.records.insert(index, record);
            }
        }
        if page.next_page_token.is_empty() {
            return Ok(page.size);
        }
    }
}

fn read(shown: pb::ShowRecordResponse) -> Result<(u64, Record), Failure> {
    let shown = shown.record.ok_or_else(|| Failure::failed("an answer without a record"))?;
    Ok((shown.index, record::decode(&shown.record).map_err(Failure::failed)?))
}

pub(super) fn unusable(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format_args!("{}: {why}", path.display()))
}

pub(super) fn moment(time: Option<prost_types::Timestamp>) -> String {
    record::timestamp_from_pb(time, "").map(|it| it.to_string()).unwrap_or_default()
}

/// Whole days until a request is due; negative once it is overdue.
fn days_left(due: Option<prost_types::Timestamp>, now: Timestamp) -> i64 {
    let due = record::timestamp_from_pb(due, "").unwrap_or_default();
    let days =
        |time: std::time::Duration| i64::try_from(time.as_secs() / 86_400).unwrap_or(i64::MAX);
    if due >= now { days(due.since(now)) } else { -days(now.since(due)) - 1 }
}
