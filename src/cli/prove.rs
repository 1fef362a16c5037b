//! `portway audit prove`: proofs to be kept, and verified offline by whoever has a key of the log.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{
    Global, audit, code,
    output::{Failure, Output},
    query,
};
use crate::{
    client::{Complete, json},
    domain::{AgencyId, QueryPurpose, Timestamp},
    pb::v1 as pb,
    record,
};

/// Arguments of `audit prove`.
#[derive(Args, Debug)]
pub struct ProveArgs {
    #[command(flatten)]
    what: What,
    /// Of this agency; for an auditor, who has none
    #[arg(long, requires = "complete")]
    agency: Option<AgencyId>,
    /// First index, from 0
    #[arg(long, requires = "complete", value_name = "INDEX", conflicts_with = "from")]
    start: Option<u64>,
    /// One past the last index; without it up to this very question
    #[arg(long, requires = "complete", value_name = "INDEX", conflicts_with = "to")]
    end: Option<u64>,
    /// Recorded at this time or later, RFC 3339
    #[arg(long, requires = "complete", value_parser = query::time, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Recorded before this time, RFC 3339; not in the future
    #[arg(long, requires = "complete", value_parser = query::time, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Why the log is read; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "LAWFULNESS", value_name = "CODE")]
    purpose: QueryPurpose,
    /// File to make; without it the proof goes to stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is to be proven.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct What {
    /// That this record stands in the log, by its index
    #[arg(long, value_name = "INDEX")]
    record: Option<u64>,
    /// That the newest checkpoint extends the older one in this file
    #[arg(long, value_name = "FILE")]
    consistency: Option<PathBuf>,
    /// That every record linked to the agency in a range is shown
    #[arg(long)]
    complete: bool,
}

/// Runs `portway audit prove`.
pub(super) async fn run(args: &ProveArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let older = args.what.consistency.as_deref().map(audit::text).transpose()?;
    let connection = global.connect().await?;
    let unwritable = |error| Failure::failed(format_args!("the proof: {error}"));
    let proof = if let Some(index) = args.what.record {
        let shown = connection.show_record(index, args.purpose).await?;
        json::to_text(&shown).map_err(unwritable)? + "\n"
    } else if let Some(older) = older {
        let proof = connection.prove_extension(&older).await?;
        json::to_text(&proof).map_err(unwritable)? + "\n"
    } else {
        let complete = connection.prove_complete(request(args)).await?;
        say(&complete, out);
        complete.to_lines().map_err(unwritable)?
    };
    match &args.out {
        None => out.raw(proof.as_bytes()),
        Some(path) => fs::write(path, proof)
            .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?,
    }
    Ok(())
}

fn request(args: &ProveArgs) -> pb::ProveCompleteRequest {
    pb::ProveCompleteRequest {
        purpose: args.purpose.number().into(),
        start: args.start.unwrap_or_default(),
        end: args.end,
        from: args.from.map(record::timestamp_to_pb),
        to: args.to.map(record::timestamp_to_pb),
        agency: args.agency.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

/// Says on stderr what the proof covers.
fn say(complete: &Complete, out: Output) {
    let pb::Completeness { agency, start, end, .. } = &complete.claim;
    let within = |proven: &&pb::ProvenRecord| {
        proven.record.as_ref().is_some_and(|it| (*start..*end).contains(&it.index))
    };
    let records = complete.records.iter().filter(within).count();
    if !out.json {
        if let Some(erased) = &complete.claim.erased {
            let index = erased.record.as_ref().map_or(0, |it| it.index);
            out.say(format_args!(
                "records at the end of the log's retention are erased, as record {index} says: of those none is shown"
            ));
        }
        out.say(format_args!(
            "every record linked to {agency} from index {start} to before {end}: {records}"
        ));
    }
}
