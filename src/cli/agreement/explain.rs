//! `portway agreement explain`: what would become of an alert, and by which rules; asked of the broker, or of a
//! file and a directory of rules.

use std::path::{Path, PathBuf};

use clap::Args;

use super::read_agreement;
use crate::{
    cli::{
        Global, code,
        output::{Failure, Output},
    },
    client::json,
    config,
    domain::{
        AgencyId, AgreementId, AlertType, Clock, Field, Purpose, SubjectCategory, SystemClock,
        Timestamp,
    },
    exchange::Explained,
    grpc,
    pb::v1 as pb,
    record,
};

pub(super) const EXAMPLES: &str = "Nothing is disclosed and no alert is made. Whether it is permitted or refused, \
    the exit status is 0.\n\nExample:\n  \
    portway agreement explain city-asb --from police --to housing \\\n    \
    --purpose CRIME_AND_DISORDER --type VIOLENCE --categories SUSPECT\n  \
    portway agreement explain --file city-asb.toml --rules config/policy --from police \\\n    \
    --to school --purpose CRIME_AND_DISORDER --type VIOLENCE --categories CHILD";

/// Arguments of `agreement explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// Id of the agreement, at the broker
    #[arg(required_unless_present = "file")]
    id: Option<AgreementId>,
    /// A version of it, 64 hex digits, as though it were approved; without it the one in force
    #[arg(long, value_name = "HEX", conflicts_with = "file")]
    version: Option<String>,
    /// Asks about the agreement in this file instead, without a broker
    #[arg(long, value_name = "FILE", conflicts_with = "id")]
    file: Option<PathBuf>,
    /// Directory of the rules to ask, with --file; without it those that are built in
    #[arg(long, value_name = "DIR", requires = "file", conflicts_with = "id")]
    rules: Option<PathBuf>,
    /// Who would publish
    #[arg(long, value_name = "AGENCY")]
    from: AgencyId,
    /// Who would receive
    #[arg(long, value_name = "AGENCY")]
    to: AgencyId,
    /// For which purpose
    #[arg(long, value_parser = code::purpose, value_name = "CODE")]
    purpose: Purpose,
    /// Type of the alert
    #[arg(long = "type", value_parser = code::alert_type, value_name = "CODE")]
    kind: AlertType,
    /// The part that the person has in it, separated by commas
    #[arg(long, required = true, value_delimiter = ',', value_parser = code::subject_category, value_name = "CODES")]
    categories: Vec<SubjectCategory>,
    /// Fields that the alert fills, separated by commas; without it every field there is
    #[arg(long, value_delimiter = ',', value_parser = code::field, value_name = "CODES")]
    fields: Vec<Field>,
    /// When, as RFC 3339; without it now
    #[arg(long, value_parser = code::moment, value_name = "TIME")]
    time: Option<Timestamp>,
}

/// Runs `portway agreement explain`.
pub(super) async fn run(args: ExplainArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let request = request(&args);
    let said = match &args.file {
        Some(file) => offline(&request, file, args.rules.as_deref(), out)?,
        None => global.connect().await?.explain(request).await?,
    };
    if out.json {
        out.document(&json::to_value(&said)?);
    } else {
        show(&said, out);
    }
    Ok(())
}

fn request(args: &ExplainArgs) -> pb::ExplainRequest {
    let fields: &[Field] = if args.fields.is_empty() { Field::ALL } else { &args.fields };
    pb::ExplainRequest {
        agreement: args.id.as_ref().map(ToString::to_string).unwrap_or_default(),
        version: args.version.clone().unwrap_or_default(),
        from: args.from.to_string(),
        to: args.to.to_string(),
        purpose: args.purpose.number().into(),
        r#type: args.kind.number().into(),
        subject_categories: args.categories.iter().map(|it| it.number().into()).collect(),
        fields: fields.iter().map(|it| it.number().into()).collect(),
        time: args.time.map(record::timestamp_to_pb),
    }
}

/// Asks without a broker: the same question to the same rules.
fn offline(
    request: &pb::ExplainRequest,
    file: &Path,
    rules: Option<&Path>,
    out: Output,
) -> Result<pb::ExplainResponse, Failure> {
    use prost::Message;
    let rules = config::rules(rules).map_err(Failure::usage)?;
    let agreement = read_agreement(file)?;
    let version = record::agreement_version(&agreement.encode_to_vec());
    let agreement = record::agreement_from_pb(&agreement)
        .map_err(|refusal| Failure::usage(format_args!("{}: {refusal}", file.display())))?;
    let at = SystemClock.now();
    if let Err(refusal) = rules.define(&agreement, at) {
        out.say(format_args!("{}: as it stands it may not be agreed: {refusal}", file.display()));
    }
    let request = pb::ExplainRequest { agreement: agreement.id.to_string(), ..request.clone() };
    let inquiry = grpc::inquiry(&request).map_err(Failure::usage)?;
    let at = inquiry.at.unwrap_or(at);
    let explanation = rules.explain(&agreement, &inquiry.what_if, at);
    let version = Some(version.into());
    Ok(grpc::explained(&Explained { version, at, rules: rules.hash(), explanation }))
}

fn show(said: &pb::ExplainResponse, out: Output) {
    let names = |numbers: &[i32]| -> String {
        let fields = numbers.iter().filter_map(|number| Field::from_number(*number).ok());
        let names: Vec<_> = fields.map(Field::code).collect();
        if names.is_empty() { "nothing".to_owned() } else { names.join(" ") }
    };
    if said.permitted {
        out.text("permitted");
        out.text(format_args!("  sees      {}", names(&said.released)));
        out.text(format_args!("  withheld  {}", names(&said.withheld)));
        out.text(format_args!("  recorded  {}", said.marks.join(" ")));
    } else {
        let at = if said.at.is_empty() { String::new() } else { format!(" at {}", said.at) };
        out.text(format_args!("refused: {}{at}", said.reason));
    }
    for ground in &said.grounds {
        out.text(format_args!("  rule      {}: {}", ground.rule, ground.why));
    }
    let version = if said.version.is_empty() { "none in force" } else { &said.version };
    out.text(format_args!("  version   {version}"));
}
