//! `portway audit breach`: what a breach touches, counted by the broker.

use clap::Args;

use super::{
    Global, code,
    output::{Failure, Output},
    query,
};
use crate::{
    client::json,
    domain::{
        AgencyId, AlertId, AlertType, Field, Fingerprint, Purpose, QueryPurpose, SubjectCategory,
        Timestamp,
    },
    pb::v1 as pb,
    record,
};

/// Arguments of `audit breach`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("scope").required(true).multiple(true).args(["certificate", "agency", "alert", "from", "to"]))]
pub struct BreachArgs {
    /// What this certificate of the own agency sent or received; for an auditor of any agency: its SHA-256, 64 hex digits
    #[arg(long, value_parser = code::fingerprint, value_name = "HEX")]
    certificate: Option<Fingerprint>,
    /// What this agency sent or received
    #[arg(long)]
    agency: Option<AgencyId>,
    /// What became of this alert
    #[arg(long, value_name = "ID")]
    alert: Option<AlertId>,
    /// Recorded at this time or later, RFC 3339
    #[arg(long, value_parser = query::time, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Recorded before this time, RFC 3339
    #[arg(long, value_parser = query::time, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Why the log is read; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "INTEGRITY_AND_SECURITY", value_name = "CODE")]
    purpose: QueryPurpose,
}

/// Runs `portway audit breach`.
pub(super) async fn run(args: &BreachArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let text = |text: Option<String>| text.unwrap_or_default();
    let request = pb::AssessBreachRequest {
        purpose: args.purpose.number().into(),
        certificate: args.certificate.map(|it| it.0.to_vec().into()).unwrap_or_default(),
        agency: text(args.agency.as_ref().map(ToString::to_string)),
        alert: text(args.alert.as_ref().map(ToString::to_string)),
        from: args.from.map(record::timestamp_to_pb),
        to: args.to.map(record::timestamp_to_pb),
    };
    let found = global.connect().await?.assess_breach(request).await?;
    if out.json {
        out.document(&json::to_value(&found)?);
        return Ok(());
    }
    let codes = |numbers: &[i32], code: fn(i32) -> Option<&'static str>| -> String {
        let codes: Vec<_> = numbers.iter().filter_map(|it| code(*it)).collect();
        if codes.is_empty() { "none".to_owned() } else { codes.join(" ") }
    };
    let category = |it| SubjectCategory::from_number(it).ok().map(SubjectCategory::code);
    let kind = |it| AlertType::from_number(it).ok().map(AlertType::code);
    let purpose = |it| Purpose::from_number(it).ok().map(Purpose::code);
    let field = |it| Field::from_number(it).ok().map(Field::code);
    out.text(format_args!("people affected: {}", found.people));
    out.text(format_args!(
        "alerts: {}, of which {} have people who cannot be counted",
        found.alerts, found.alerts_without_people
    ));
    out.text(format_args!(
        "disclosures: {}, sent again: {}",
        found.disclosures, found.redeliveries
    ));
    out.text(format_args!("categories: {}", codes(&found.subject_categories, category)));
    out.text(format_args!("types: {}", codes(&found.types, kind)));
    out.text(format_args!("purposes: {}", codes(&found.purposes, purpose)));
    out.text(format_args!("times: {}", times(found.first, found.last)));
    for it in &found.recipients {
        let (agency, views, people) = (&it.agency, it.disclosures, it.people);
        out.text(format_args!(
            "{agency}: {views} views of {people} people, {}",
            times(it.first, it.last)
        ));
        out.text(format_args!("  fields: {}", codes(&it.fields, field)));
    }
    Ok(())
}

fn times(first: Option<prost_types::Timestamp>, last: Option<prost_types::Timestamp>) -> String {
    let time = |time| record::timestamp_from_pb(time, "").map(|it| it.to_string());
    match (time(first), time(last)) {
        (Ok(first), Ok(last)) => format!("{first} to {last}"),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => "none".to_owned(),
    }
}
