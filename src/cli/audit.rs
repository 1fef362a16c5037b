//! `portway audit`: officers read the log and export it; anybody verifies offline what was exported.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Global,
    access::{self, ReportArgs, RequestArgs},
    breach::{self, BreachArgs},
    code,
    output::{Exit, Failure, Output},
    prove::{self, ProveArgs},
    query::{self, QueryArgs},
    register::{self, RegisterArgs},
    release::{self, ReleaseArgs},
};
use crate::{
    client::{
        Identity,
        export::{self, Export},
        json,
        verify::{self, Finding, Trust},
        witness_keys,
    },
    domain::{QueryPurpose, Timestamp},
    merkle::{Checkpoint, Verifier, WitnessKey},
    pb::v1 as pb,
    record::Rotation,
};

/// What to do with the log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Counts whom a breach touches: people, recipients, categories, fields and times
    #[command(
        after_help = "Example:\n  portway audit breach --certificate 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )]
    Breach(BreachArgs),
    /// Prints the newest checkpoint, verified to extend the last one known
    #[command(after_help = "Example:\n  portway audit checkpoint > checkpoint.txt")]
    Checkpoint(CheckpointArgs),
    /// Writes an export that anybody can verify offline, sealed by the log's key
    #[command(
        after_help = "Example:\n  portway audit export 2026-11 && portway audit verify 2026-11"
    )]
    Export(ExportArgs),
    /// Proves one record, one tree out of another, or that no record of the agency is missing in a range
    #[command(
        after_help = "Example:\n  portway audit prove --record 41 --out record.json\n  portway audit prove --consistency checkpoint.txt --out grown.json\n  portway audit prove --complete --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --out november.jsonl"
    )]
    Prove(ProveArgs),
    /// Finds the records that fit everything that is asked, page by page
    #[command(
        after_help = "Example:\n  portway audit query --kind DISCLOSED --agency housing --from 2026-11-01T00:00:00Z --all"
    )]
    Query(QueryArgs),
    /// Makes the record of processing from the agreements in force
    #[command(after_help = "Example:\n  portway audit register --html --out register.html")]
    Register(RegisterArgs),
    /// Releases a person's report, once everything in it is decided; recorded under the officer's name
    #[command(
        after_help = "Example:\n  portway audit release --draft draft.json --decisions decisions.json --out answer"
    )]
    Release(ReleaseArgs),
    /// Drafts a person's access report, for officers
    #[command(
        after_help = "Example:\n  portway audit report --subject token.json --request 00112233445566778899aabbccddeeff --out draft.json"
    )]
    Report(ReportArgs),
    /// Opens a person's request for access, and says when it is due
    #[command(after_help = "Example:\n  portway audit request --received 2026-11-27T09:00:00Z")]
    Request(RequestArgs),
    /// Lists the agency's requests for access, with the days left
    #[command(after_help = "Example:\n  portway audit requests")]
    Requests,
    /// Shows one record
    #[command(after_help = "Example:\n  portway audit show 41 --purpose LAWFULNESS")]
    Show(ShowArgs),
    /// Verifies offline an export, a proof, kept receipts or kept records; names the first fault
    #[command(
        after_help = "Example:\n  portway audit verify 2026-11 --vkey log.vkey --since checkpoint.txt"
    )]
    Verify(VerifyArgs),
}

/// Arguments of `audit checkpoint`.
#[derive(Args, Debug)]
pub struct CheckpointArgs {
    #[command(flatten)]
    witnessed: WitnessedArgs,
}

/// Whether witnesses are asked for, and which are believed.
#[derive(Args, Debug)]
pub(super) struct WitnessedArgs {
    /// Takes the newest checkpoint that a witness has cosigned, instead of the newest there is
    #[arg(long)]
    witnessed: bool,
    /// Keys of the witnesses that are believed, one a line; without it witness.vkeys of the identity
    #[arg(long, requires = "witnessed", value_name = "FILE")]
    witness: Vec<PathBuf>,
}

impl WitnessedArgs {
    /// Reads the keys of those that are believed; none where no witness is asked for.
    fn trusted(&self, identity: &Identity) -> Result<Option<Vec<WitnessKey>>, Failure> {
        if !self.witnessed {
            return Ok(None);
        }
        let given = witnesses(&self.witness)?;
        let keys = if given.is_empty() { identity.witnesses()? } else { given };
        if keys.is_empty() {
            let file = Identity::WITNESSES;
            return Err(Failure::usage(format_args!(
                "no witness to believe: give --witness FILE, or put {file} into the identity directory"
            )));
        }
        Ok(Some(keys))
    }
}

fn witnesses(files: &[PathBuf]) -> Result<Vec<WitnessKey>, Failure> {
    let mut keys = Vec::new();
    for file in files {
        keys.extend(witness_keys(file)?);
    }
    Ok(keys)
}

/// Arguments of `audit export`.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Directory to make
    dir: PathBuf,
    #[command(flatten)]
    witnessed: WitnessedArgs,
    /// Why the log is read; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "LAWFULNESS", value_name = "CODE")]
    purpose: QueryPurpose,
}

/// Arguments of `audit show`.
#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Index of the record, from 0
    index: u64,
    /// Why the log is read; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "LAWFULNESS", value_name = "CODE")]
    purpose: QueryPurpose,
}

/// Arguments of `audit verify`.
#[derive(Args, Debug)]
pub struct VerifyArgs {
    /// An export directory, or a file with a proof, receipts or shown records
    #[arg(value_name = "DIR|FILE")]
    path: PathBuf,
    /// An older signed checkpoint that the log has to extend
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Keys of witnesses, one a line, that all have to have cosigned the export's checkpoint
    #[arg(long, value_name = "FILE")]
    witness: Vec<PathBuf>,
    /// How the log's key was rotated; without it log.rotations beside the key, where it stands there
    #[arg(long, value_name = "FILE")]
    rotations: Option<PathBuf>,
    /// A key of the log; without it that of the identity, without that the export's own claim
    #[arg(long, value_name = "FILE")]
    vkey: Option<PathBuf>,
}

/// Runs `portway audit`.
pub(super) async fn run(
    command: AuditCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    match command {
        AuditCommand::Breach(args) => breach::run(&args, global, out).await,
        AuditCommand::Checkpoint(args) => checkpoint(&args, global, out).await,
        AuditCommand::Export(args) => export(&args, global, out).await,
        AuditCommand::Prove(args) => prove::run(&args, global, out).await,
        AuditCommand::Query(args) => query::run(args, global, out).await,
        AuditCommand::Register(args) => register::run(&args, global, out).await,
        AuditCommand::Release(args) => release::run(&args, global, out).await,
        AuditCommand::Report(args) => access::report(&args, global, out).await,
        AuditCommand::Request(args) => access::request(&args, global, out).await,
        AuditCommand::Requests => access::requests(global, out).await,
        AuditCommand::Show(args) => show(&args, global, out).await,
        AuditCommand::Verify(args) => verify(&args, global, out),
    }
}

async fn checkpoint(args: &CheckpointArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    let (seen, by) = match args.witnessed.trusted(connection.identity())? {
        None => (connection.checkpoint().await?.as_ref().clone(), None),
        Some(trusted) => {
            let witnessed = connection.witnessed(&trusted).await?;
            (witnessed.seen, Some(witnessed.by))
        }
    };
    if out.json {
        let Checkpoint { origin, size, root } = &seen.checkpoint;
        let (note, root) = (&seen.note, root.to_string());
        let mut said = json!({ "origin": origin, "size": size, "root": root, "checkpoint": note });
        if let (Some(by), Some(keys)) = (by, said.as_object_mut()) {
            let by = by.into_iter().map(|(name, seconds)| {
                let at = Timestamp::from_ms(seconds.saturating_mul(1000)).to_string();
                json!({ "witness": name, "at": at })
            });
            keys.insert("cosigned".to_owned(), by.collect());
        }
        out.document(&said);
    } else {
        out.raw(seen.note.as_bytes());
    }
    Ok(())
}

async fn export(args: &ExportArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    let export = match args.witnessed.trusted(connection.identity())? {
        None => Export::gather(&connection, args.purpose).await?,
        Some(trusted) => Export::gather_witnessed(&connection, args.purpose, &trusted).await?,
    };
    export::write(&args.dir, &export, async |size, manifest| {
        Ok(connection.seal_export(size, manifest, args.purpose).await?.note)
    })
    .await?;
    let (size, records) = (export.seen.size(), export.records.len());
    let (dir, root) = (args.dir.display(), export.seen.checkpoint.root);
    out.either(
        &json!({ "dir": args.dir, "size": size, "root": root.to_string(), "records": records }),
        format_args!("exported to {dir}: {size} entries, {records} records, root {root}"),
    );
    Ok(())
}

async fn show(args: &ShowArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let shown = global.connect().await?.show_record(args.index, args.purpose).await?;
    if out.json {
        out.document(&json::to_value(&shown)?);
        return Ok(());
    }
    let stored = shown.record.unwrap_or_default().record;
    let record = <pb::Record as prost::Message>::decode(stored).map_err(Failure::failed)?;
    let view = serde_json::to_string_pretty(&json::to_value(&record)?).map_err(Failure::failed)?;
    out.text(view);
    Ok(())
}

fn verify(args: &VerifyArgs, global: &Global, out: Output) -> Result<(), Failure> {
    if !args.path.exists() {
        return Err(Failure::usage(format_args!("{}: does not exist", args.path.display())));
    }
    let beside_identity = global.identity.as_ref().map(|dir| dir.join("log.vkey"));
    let mut log = match args.vkey.clone().or(beside_identity) {
        Some(path) => trust(&path, args.rotations.as_deref())?,
        None => Trust::default(),
    };
    log.witnesses = witnesses(&args.witness)?;
    if log.key.is_none() {
        out.say("warning: no key was given, so the export's own claim of the log's key is believed; give --vkey FILE");
    }
    let since = args.since.as_deref().map(text).transpose()?;
    let verified = verify::verify(&args.path, &log, since.as_deref())?;
    if verified.before_rotation {
        out.say(
            "warning: signed before a rotation of the log's key that is known, perhaps by whoever stole the key since; \
             give --since the checkpoint of that size that was kept, or verify a newer export",
        );
    }
    let (origin, size, records) = (&verified.origin, verified.size, verified.records);
    let root = verified.root;
    let complete: Vec<Value> = verified.complete.iter().map(complete).collect();
    out.either(
        &json!({
            "verified": true,
            "origin": origin,
            "size": size,
            "root": root.to_string(),
            "records": records,
            "key_was_given": verified.key_was_given,
            "before_rotation": verified.before_rotation,
            "complete": complete,
        }),
        format_args!("verified: {origin}, {size} entries, {records} records, root {root}"),
    );
    for verify::Complete { agency, start, end, records } in &verified.complete {
        let said = "every record linked to it from index";
        out.text(format_args!(
            "complete: {agency}: {said} {start} to before {end} is there: {records}"
        ));
    }
    Ok(())
}

fn complete(complete: &verify::Complete) -> Value {
    let verify::Complete { agency, start, end, records } = complete;
    json!({ "agency": agency.as_str(), "start": start, "end": end, "records": records })
}

/// Reads a key of the log, and how it handed over to others: from a file of its own, or from the one beside the key
/// where there is one.
fn trust(vkey: &Path, rotations: Option<&Path>) -> Result<Trust, Failure> {
    let key: Verifier = text(vkey)?
        .trim_end()
        .parse()
        .map_err(|error| Failure::usage(format_args!("{}: {error}", vkey.display())))?;
    let beside = vkey.with_file_name(Rotation::FILE);
    let rotations =
        match rotations.or(Some(&beside).filter(|it| it.is_file()).map(PathBuf::as_path)) {
            Some(path) => Rotation::from_lines(&text(path)?)
                .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))?,
            None => Vec::new(),
        };
    Ok(Trust { rotations, ..Trust::key(key) })
}

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Self::new(Exit::Verification, format_args!("verification failed: {finding}"))
    }
}
