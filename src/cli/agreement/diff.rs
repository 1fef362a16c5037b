//! `portway agreement diff`: who gains and who loses what between two versions, of files or at the broker.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::read_agreement;
use crate::{
    cli::{
        Global,
        output::{Failure, Output},
    },
    domain::{Agreement, AgreementId, Field, Refusal},
    pb::v1 as pb,
    policy::{Change, Comparison, Grants, PassageChange},
    record,
};

pub(super) const EXAMPLES: &str = "The exit status is 0 whether or not they differ.\n\nExample:\n  \
    portway agreement diff city-asb.toml city-asb-2.toml\n  \
    portway agreement diff --id city-asb 9f86d081 60303ae2";

/// Arguments of `agreement diff`.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The agreement as it was: a file, or with --id a version, at least its first 8 hex digits
    old: String,
    /// The agreement as it would be, likewise
    new: String,
    /// Id of the agreement whose versions they are, at the broker
    #[arg(long, value_name = "ID")]
    id: Option<AgreementId>,
}

/// Runs `portway agreement diff`.
pub(super) async fn run(args: DiffArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let (old, new) = match &args.id {
        None => (from_file(&args.old)?, from_file(&args.new)?),
        Some(id) => {
            let versions = global.connect().await?.show_agreement(id.as_str()).await?;
            (from_versions(&versions, &args.old)?, from_versions(&versions, &args.new)?)
        }
    };
    let comparison = Comparison::between(&old, &new);
    if out.json {
        out.document(&document(&comparison));
    } else {
        show(&comparison, out);
    }
    Ok(())
}

fn from_file(path: &str) -> Result<Agreement, Failure> {
    let agreement = read_agreement(Path::new(path))?;
    read(&agreement).map_err(|refusal| Failure::usage(format_args!("{path}: {refusal}")))
}

fn from_versions(versions: &[pb::AgreementStatus], wanted: &str) -> Result<Agreement, Failure> {
    let fits = |status: &&pb::AgreementStatus| {
        wanted.len() >= PREFIX_MIN && status.version.starts_with(wanted)
    };
    // A version that was withdrawn and proposed again has one text all the same.
    let mut found: Vec<_> = versions.iter().filter(fits).collect();
    found.dedup_by(|one, other| one.version == other.version);
    match found.as_slice() {
        [one] => read(&one.agreement.clone().unwrap_or_default()).map_err(Failure::failed),
        [] => Err(Failure::usage(format_args!("{wanted}: no such version, or too few digits"))),
        [..] => Err(Failure::usage(format_args!("{wanted}: more than one version begins so"))),
    }
}

/// How many digits of a version are enough to name it.
const PREFIX_MIN: usize = 8;

fn read(agreement: &pb::Agreement) -> Result<Agreement, Refusal> {
    record::agreement_from_pb(agreement)
}

fn show(comparison: &Comparison, out: Output) {
    if comparison.is_empty() {
        out.text("no difference");
    }
    for it in &comparison.passages {
        out.text(format_args!("{} tells {} for {}", it.from, it.to, it.purpose));
        for (sign, grants) in [("+", &it.gained), ("-", &it.lost)] {
            for (what, codes) in lists(grants).into_iter().filter(|(_, codes)| !codes.is_empty()) {
                out.text(format_args!("  {sign} {what}: {}", codes.join(" ")));
            }
        }
        it.law.iter().for_each(|change| out.text(format_args!("  ~ {}", line(change))));
    }
    for it in &comparison.parties {
        out.text(format_args!("party {}\n  ~ {}", it.agency, line(&it.change)));
    }
    for change in &comparison.terms {
        out.text(format_args!("~ {}", line(change)));
    }
}

fn line(change: &Change) -> String {
    let said = |text: &str| if text.is_empty() { "none".to_owned() } else { text.to_owned() };
    format!("{}: {} -> {}", change.what, said(&change.old), said(&change.new))
}

fn lists(grants: &Grants) -> [(&'static str, Vec<&'static str>); 3] {
    [
        ("alert_types", grants.types.iter().map(|it| it.code()).collect()),
        ("subject_categories", grants.categories.iter().map(|it| it.code()).collect()),
        ("fields", grants.fields.iter().map(Field::code).collect()),
    ]
}

fn document(comparison: &Comparison) -> Value {
    let changes = |changes: &[Change]| -> Vec<Value> {
        let of = |it: &Change| json!({ "what": it.what, "old": it.old, "new": it.new });
        changes.iter().map(of).collect()
    };
    let grants = |grants: &Grants| -> Value {
        lists(grants).into_iter().map(|(what, codes)| (what.to_owned(), json!(codes))).collect()
    };
    let passage = |it: &PassageChange| {
        json!({
            "from": it.from.as_str(),
            "to": it.to.as_str(),
            "purpose": it.purpose.code(),
            "gained": grants(&it.gained),
            "lost": grants(&it.lost),
            "law": changes(&it.law),
        })
    };
    let parties = comparison.parties.iter().map(|it| {
        let Change { what, old, new } = &it.change;
        json!({ "agency": it.agency.as_str(), "what": what, "old": old, "new": new })
    });
    json!({
        "passages": comparison.passages.iter().map(passage).collect::<Vec<_>>(),
        "parties": parties.collect::<Vec<_>>(),
        "terms": changes(&comparison.terms),
    })
}
