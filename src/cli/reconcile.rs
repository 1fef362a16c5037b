//! `portway reconcile`: what an agency kept against what the log says of it, both ways.

use std::{fs, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Global, code,
    output::{Exit, Failure, Output},
};
use crate::{
    client::{
        export::Export,
        json::{self, Document},
        reconcile::{Difference, Kept, Papers, Place, Reconciled, Window, reconcile},
    },
    domain::{QueryPurpose, Timestamp},
};

/// Compares an agency's kept receipts and deliveries with the log's records about it, both ways
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  portway reconcile --receipts receipts.jsonl --deliveries deliveries.jsonl"
)]
pub struct ReconcileArgs {
    /// Receipts that `publish --receipts` kept
    #[arg(long, value_name = "FILE")]
    receipts: Vec<PathBuf>,
    /// Deliveries that `follow --keep` kept
    #[arg(long, value_name = "FILE")]
    deliveries: Vec<PathBuf>,
    /// Expects files for what was recorded at this time or later only, RFC 3339
    #[arg(long, value_parser = code::moment, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Expects files for what was recorded before this time only, RFC 3339
    #[arg(long, value_parser = code::moment, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Why the log is read; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "INTEGRITY_AND_SECURITY", value_name = "CODE")]
    purpose: QueryPurpose,
}

/// Runs `portway reconcile`.
pub(super) async fn run(args: ReconcileArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let papers = Papers { receipts: read(&args.receipts)?, deliveries: read(&args.deliveries)? };
    let connection = global.connect().await?;
    let no_agency = || Failure::usage("an operator's identity has no receipts and no deliveries");
    let agency = connection.identity().agency().ok_or_else(no_agency)?.clone();
    let export = Export::gather(&connection, args.purpose).await?;
    let window = Window { from: args.from, to: args.to };
    let reconciled = reconcile(&export, &agency, &papers, window)
        .map_err(|fault| Failure::new(Exit::Verification, fault))?;
    for difference in &reconciled.differences {
        out.either(&document(difference), text(difference));
    }
    let size = export.seen.size();
    let (receipts, deliveries) = (papers.receipts.len(), papers.deliveries.len());
    let Reconciled { differences, published, disclosed } = &reconciled;
    out.either(
        &json!({
            "size": size,
            "receipts": receipts,
            "published": published,
            "deliveries": deliveries,
            "disclosed": disclosed,
            "differences": differences.len(),
        }),
        format_args!(
            "{agency} against {size} entries: {receipts} receipts, {published} publishes in the log; {deliveries} deliveries, \
             {disclosed} disclosures in the log; {} differences",
            differences.len()
        ),
    );
    verdict(&reconciled)
}

fn verdict(reconciled: &Reconciled) -> Result<(), Failure> {
    let all = &reconciled.differences;
    let against = all.iter().filter(|it| it.is_against_the_log()).count();
    if against > 0 {
        let said = format_args!("{against} differences speak against the log");
        return Err(Failure::new(Exit::Verification, said));
    }
    if all.is_empty() {
        return Ok(());
    }
    let said = format_args!("files lack {} of what the log has", all.len());
    Err(Failure::new(Exit::Partly, said))
}

/// Reads files of one JSON document a line.
pub(super) fn read<T: Document>(files: &[PathBuf]) -> Result<Vec<Kept<T>>, Failure> {
    let mut kept = Vec::new();
    for path in files {
        let file = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format_args!("{file}: {error}")))?;
        for (line, text) in (1..).zip(text.lines()) {
            let paper = serde_json::from_str::<Value>(text).ok();
            let paper = paper.and_then(|it| json::from_value(it).ok()).ok_or_else(|| {
                Failure::usage(format_args!("{file}: line {line}: not what was to be kept there"))
            })?;
            kept.push(Kept { file: file.clone(), line, paper });
        }
    }
    Ok(kept)
}

fn document(difference: &Difference) -> Value {
    let kind = difference.code();
    let at = |place: &Place| json!({ "kind": kind, "file": place.file, "line": place.line, "index": place.index });
    match difference {
        Difference::Forked(place) | Difference::NotInLog(place) => at(place),
        Difference::Contradicts(place, what) => {
            let mut document = at(place);
            if let Some(keys) = document.as_object_mut() {
                keys.insert("what".to_owned(), (*what).into());
            }
            document
        }
        Difference::NumberMissing { subscription, number, last } => {
            json!({ "kind": kind, "subscription": subscription, "number": number, "last": last })
        }
        Difference::ReceiptMissing { index, alert } => {
            json!({ "kind": kind, "index": index, "alert": alert })
        }
        Difference::DeliveryMissing { index, subscription, number, acknowledged } => json!({
            "kind": kind,
            "index": index,
            "subscription": subscription,
            "number": number,
            "acknowledged": acknowledged,
        }),
    }
}

fn text(difference: &Difference) -> String {
    let at = |place: &Place| format!("{} line {}, record {}", place.file, place.line, place.index);
    match difference {
        Difference::Forked(place) => {
            format!(
                "{}: the log's key signed for it, and the log does not hold it: it has forked",
                at(place)
            )
        }
        Difference::NotInLog(place) => {
            format!("{}: not in the log, and not signed by it", at(place))
        }
        Difference::Contradicts(place, what) => format!("{}: {what}", at(place)),
        Difference::NumberMissing { subscription, number, last } => {
            let to = if last > number { format!(" to {last}") } else { String::new() };
            format!(
                "number {number}{to} of subscription {subscription}: the log says nothing of it"
            )
        }
        Difference::ReceiptMissing { index, alert } => {
            format!("record {index}: no receipt of alert {alert} was kept")
        }
        Difference::DeliveryMissing { index, subscription, number, acknowledged } => {
            let acknowledged = if *acknowledged { "acknowledged" } else { "not acknowledged" };
            format!(
                "record {index}: no delivery of number {number} of subscription {subscription} was kept; {acknowledged}"
            )
        }
    }
}
