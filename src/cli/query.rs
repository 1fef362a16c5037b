//! `portway audit query`: finds records in the log. A person's token is read from a file, because a command line
//! can be seen by others.

use std::{fs, path::PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use serde_json::json;

use super::{
    Global, code, event,
    output::{Failure, Output},
};
use crate::{
    client::{Query, json},
    domain::{
        AgencyId, AgreementId, AlertId, Direction, Fingerprint, Outcome, Purpose, QueryPurpose,
        Reason, RecordKind, Timestamp,
    },
    pb::v1 as pb,
    record,
};

/// Arguments of `audit query`.
#[derive(Args, Debug)]
pub struct QueryArgs {
    /// Recorded at this time or later, RFC 3339
    #[arg(long, value_parser = time, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Recorded before this time, RFC 3339
    #[arg(long, value_parser = time, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Names this agency
    #[arg(long)]
    agency: Option<AgencyId>,
    /// Is about an alert or a subscription of this purpose
    #[arg(long, value_parser = code::purpose, value_name = "CODE")]
    alert_purpose: Option<Purpose>,
    /// Is of an alert that the own agency sent, or received
    #[arg(long, value_parser = code::direction, value_name = "DIRECTION")]
    direction: Option<Direction>,
    /// Says that an alert was delivered, acknowledged, refused or skipped
    #[arg(long, value_parser = code::outcome, value_name = "OUTCOME")]
    outcome: Option<Outcome>,
    /// Is of this kind, such as DISCLOSED or REFUSED
    #[arg(long, value_parser = code::record_kind, value_name = "KIND", hide_possible_values = true)]
    kind: Option<RecordKind>,
    /// Is about this alert
    #[arg(long, value_name = "ID")]
    alert: Option<AlertId>,
    /// Is about this agreement, or was decided by it
    #[arg(long, value_name = "ID")]
    agreement: Option<AgreementId>,
    /// Refuses or skips for this reason
    #[arg(long, value_parser = code::reason, value_name = "REASON")]
    reason: Option<Reason>,
    /// File with one `SubjectToken` as JSON: is about this person. The token is not recorded
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Was caused by this certificate of the own agency: its SHA-256, 64 hex digits
    #[arg(long, value_parser = code::fingerprint, value_name = "HEX")]
    certificate: Option<Fingerprint>,
    /// Why the log is read; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "LAWFULNESS", value_name = "CODE")]
    purpose: QueryPurpose,
    /// How many records a page may hold
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000), default_value_t = 100, value_name = "COUNT")]
    page_size: u32,
    /// Goes on after a page of the same question, with the token that it ended with
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
    /// Reads all pages
    #[arg(long)]
    all: bool,
}

/// Runs `portway audit query`.
pub(super) async fn run(args: QueryArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let token = args.page_token.as_deref().map(|it| BASE64_STANDARD.decode(it)).transpose();
    let token =
        token.map_err(|_| Failure::usage("--page-token: not one that a page ended with"))?;
    let filter = filter(&args)?;
    let token = token.unwrap_or_default().into();
    let mut query = Query::new(args.purpose, filter, args.page_size, token);
    let connection = global.connect().await?;
    loop {
        let page = query.next(&connection).await?;
        for shown in &page.records {
            print(shown, out)?;
        }
        let is_last = page.next_page_token.is_empty();
        if is_last || !args.all {
            let token = BASE64_STANDARD.encode(&page.next_page_token);
            say_end(page.size, (!is_last).then_some(token.as_str()), out);
            return Ok(());
        }
    }
}

fn filter(args: &QueryArgs) -> Result<pb::RecordFilter, Failure> {
    let text = |text: Option<String>| text.unwrap_or_default();
    Ok(pb::RecordFilter {
        from: args.from.map(record::timestamp_to_pb),
        to: args.to.map(record::timestamp_to_pb),
        agency: text(args.agency.as_ref().map(ToString::to_string)),
        purpose: args.alert_purpose.map(|it| it.number().into()),
        direction: args.direction.map(|it| it.number().into()),
        outcome: args.outcome.map(|it| it.number().into()),
        kind: args.kind.map(|it| it.number().into()),
        alert: text(args.alert.as_ref().map(ToString::to_string)),
        agreement: text(args.agreement.as_ref().map(ToString::to_string)),
        reason: text(args.reason.map(|it| it.code().to_owned())),
        subject: args.token_file.as_ref().map(token).transpose()?,
        certificate: args.certificate.map(|it| it.0.to_vec().into()).unwrap_or_default(),
    })
}

/// Reads a person's token; what is wrong with it is said without repeating it.
pub(super) fn token(path: &PathBuf) -> Result<pb::SubjectToken, Failure> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("{shown}: {error}")))?;
    let mut tokens = json::documents(&text).unwrap_or_default();
    match (tokens.pop(), tokens.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_) | None, _) => {
            Err(Failure::usage(format_args!("{shown}: it does not hold one SubjectToken")))
        }
    }
}

fn print(shown: &pb::ShowRecordResponse, out: Output) -> Result<(), Failure> {
    if out.json {
        out.document(&json::to_value(shown)?);
        return Ok(());
    }
    let stored = shown.record.as_ref().map(|it| (it.index, &it.record));
    let (index, stored) = stored.ok_or_else(|| Failure::failed("an answer without a record"))?;
    let record = record::decode(stored).map_err(Failure::failed)?;
    let (at, kind) = (record.at, record.event.kind());
    let said = event::describe(&record.event);
    out.text(format_args!("{index:>8}  {at:<24}  {kind:<20}  {said}"));
    Ok(())
}

/// Says on stderr what the answer covers, and how to go on.
fn say_end(size: u64, token: Option<&str>, out: Output) {
    if out.json {
        out.say(json!({ "size": size, "next_page_token": token }));
    } else {
        out.say(format_args!("of the first {size} entries of the log"));
        if let Some(token) = token {
            out.say(format_args!("there may be more: --page-token {token}"));
        }
    }
}

/// Reads a time of the command line.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .ok_or_else(|| "not an RFC 3339 time, such as 2026-11-23T09:00:00Z".to_owned())
}
