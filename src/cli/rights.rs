//! `portway rights`: what officers do when a person demands something of an alert, and who was told of it.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Global, code,
    output::{Failure, Output},
};
use crate::{
    client::{Connection, json},
    domain::{
        AgencyId, AlertId, ObjectionGround, ObjectionKind, ObjectionOutcome, QueryPurpose,
        RecallReason, RestrictionReason,
    },
    pb::v1 as pb,
};

/// Acts on an alert of the own agency; records and answers objections; shows who was told.
#[derive(Debug, Subcommand)]
pub enum RightsCommand {
    /// Answers an objection to an alert of your agency
    #[command(
        after_help = "Example:\n  portway rights answer 6261 --outcome UPHELD --ground INACCURATE"
    )]
    Answer(AnswerArgs),
    /// Lifts a restriction: whoever waited for the alert and is entitled to it gets it
    #[command(after_help = "Example:\n  portway rights lift 01920000-0000-7abc-8def-0123456789ab")]
    Lift(AlertArgs),
    /// Lists which recipients were told, have acknowledged, are overdue or cannot be reached; recorded
    #[command(after_help = "Example:\n  portway rights notices --outstanding --json")]
    Notices(NoticesArgs),
    /// Records that the person objects to an alert that your agency published or received
    #[command(
        after_help = "Example:\n  portway rights object 01920000-0000-7abc-8def-0123456789ab --publisher police --kind ACCURACY"
    )]
    Object(ObjectArgs),
    /// Lists objections to your agency's alerts, and those that it recorded
    #[command(after_help = "Example:\n  portway rights objections --open")]
    Objections(ObjectionsArgs),
    /// Recalls an alert for good: its recipients have to delete it and acknowledge that
    #[command(
        after_help = "Example:\n  portway rights recall 01920000-0000-7abc-8def-0123456789ab --reason WRONG_PERSON"
    )]
    Recall(RecallArgs),
    /// Restricts an alert: it is not disclosed until that is lifted
    #[command(
        after_help = "Example:\n  portway rights restrict 01920000-0000-7abc-8def-0123456789ab --reason ACCURACY_CONTESTED"
    )]
    Restrict(RestrictArgs),
}

/// Arguments of `rights lift`.
#[derive(Args, Debug)]
pub struct AlertArgs {
    /// Id of the alert, of your agency
    alert: AlertId,
}

/// Arguments of `rights restrict`.
#[derive(Args, Debug)]
pub struct RestrictArgs {
    /// Id of the alert, of your agency
    alert: AlertId,
    #[arg(long, help = "ACCURACY_CONTESTED, UNLAWFUL, LEGAL_CLAIM, OBJECTION_PENDING or EVIDENCE", value_parser = code::restriction, value_name = "CODE")]
    reason: RestrictionReason,
}

/// Arguments of `rights recall`.
#[derive(Args, Debug)]
pub struct RecallArgs {
    /// Id of the alert, of your agency
    alert: AlertId,
    #[arg(long, help = "WRONG, WRONG_PERSON, UNLAWFUL, WRONG_RECIPIENT or OBJECTION_UPHELD", value_parser = code::recall, value_name = "CODE")]
    reason: RecallReason,
}

/// Arguments of `rights object`.
#[derive(Args, Debug)]
pub struct ObjectArgs {
    /// Id of the alert
    alert: AlertId,
    /// Its publisher, where that is another agency
    #[arg(long, value_name = "AGENCY")]
    publisher: Option<AgencyId>,
    #[arg(long, help = "PROCESSING, ACCURACY, ERASURE or RESTRICTION", value_parser = code::objection, value_name = "CODE")]
    kind: ObjectionKind,
}

/// Arguments of `rights answer`.
#[derive(Args, Debug)]
pub struct AnswerArgs {
    /// Index of the objection's record
    objection: u64,
    #[arg(long, help = "UPHELD, PARTLY_UPHELD or DECLINED", value_parser = code::objection_outcome, value_name = "CODE")]
    outcome: ObjectionOutcome,
    #[arg(long, help = "INACCURATE, ACCURATE, UNLAWFUL, PERSONS_SITUATION, OVERRIDING_GROUNDS, LEGAL_OBLIGATION, LEGAL_CLAIM, PREJUDICE or NOT_THE_PERSON", value_parser = code::ground, value_name = "CODE")]
    ground: ObjectionGround,
}

/// Arguments of `rights objections`.
#[derive(Args, Debug)]
pub struct ObjectionsArgs {
    /// Only those that are not answered
    #[arg(long)]
    open: bool,
}

/// Arguments of `rights notices`.
#[derive(Args, Debug)]
pub struct NoticesArgs {
    /// Only of this alert
    #[arg(long, value_name = "ID")]
    alert: Option<AlertId>,
    /// Only those that are not acknowledged
    #[arg(long)]
    outstanding: bool,
    /// Why it is asked; recorded
    #[arg(long, value_parser = code::query_purpose, default_value = "LAWFULNESS", value_name = "CODE")]
    purpose: QueryPurpose,
}

/// Runs `portway rights`.
pub(super) async fn run(
    command: RightsCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    let connection = global.connect().await?;
    match command {
        RightsCommand::Answer(AnswerArgs { objection, outcome, ground }) => {
            say("answered", connection.answer_objection(objection, outcome, ground).await?, out);
        }
        RightsCommand::Lift(AlertArgs { alert }) => {
            say("lifted", connection.lift_restriction(alert).await?, out);
        }
        RightsCommand::Notices(args) => return notices(&connection, &args, out).await,
        RightsCommand::Object(ObjectArgs { alert, publisher, kind }) => {
            let index = connection.record_objection(alert, publisher.as_ref(), kind).await?;
            say("recorded", index, out);
        }
        RightsCommand::Objections(args) => return objections(&connection, &args, out).await,
        RightsCommand::Recall(RecallArgs { alert, reason }) => {
            say("recalled", connection.recall_alert(alert, reason).await?, out);
        }
        RightsCommand::Restrict(RestrictArgs { alert, reason }) => {
            say("restricted", connection.restrict_alert(alert, reason).await?, out);
        }
    }
    Ok(())
}

fn say(what: &str, index: u64, out: Output) {
    out.either(&json!({ "index": index }), format_args!("{what}: record {index}"));
}

async fn notices(connection: &Connection, args: &NoticesArgs, out: Output) -> Result<(), Failure> {
    let mut page = String::new();
    loop {
        let which = (args.alert, args.outstanding);
        let answer = connection.list_notices(args.purpose, which, page).await?;
        for notice in &answer.notices {
            show_notice(notice, out)?;
        }
        page = answer.next_page;
        if page.is_empty() {
            if answer.pending_acts > 0 {
                let count = answer.pending_acts;
                out.say(format_args!("of {count} acts the recipients are still being looked for"));
            }
            return Ok(());
        }
    }
}

fn show_notice(notice: &pb::NoticeStatus, out: Output) -> Result<(), Failure> {
    if out.json {
        out.document(&json::to_value(notice)?);
        return Ok(());
    }
    let state = notice.state().as_str_name().trim_start_matches("NOTICE_STATE_").to_lowercase();
    let kind = notice.kind().as_str_name().trim_start_matches("ALERT_NOTICE_KIND_");
    let overdue = match notice.overdue_days {
        0 => String::new(),
        days => format!(", overdue for {days} days"),
    };
    out.text(format_args!(
        "{}  {kind} of {} to {}: {state}{overdue}",
        notice.due, notice.alert, notice.recipient
    ));
    Ok(())
}

async fn objections(
    connection: &Connection,
    args: &ObjectionsArgs,
    out: Output,
) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let (objections, more) = connection.list_objections(after, args.open).await?;
        for objection in &objections {
            show_objection(objection, out)?;
        }
        match objections.last().filter(|_| more) {
            Some(last) => after = last.index,
            None => return Ok(()),
        }
    }
}

fn show_objection(objection: &pb::ObjectionStatus, out: Output) -> Result<(), Failure> {
    if out.json {
        out.document(&json::to_value(objection)?);
        return Ok(());
    }
    let kind = objection.kind().as_str_name().trim_start_matches("OBJECTION_KIND_");
    let outcome = objection.outcome().as_str_name().trim_start_matches("OBJECTION_OUTCOME_");
    let outcome =
        if objection.outcome.is_none() { "open".to_owned() } else { outcome.to_lowercase() };
    out.text(format_args!(
        "{}  {kind} to {} of {}, by {}: {outcome}",
        objection.index, objection.alert, objection.publisher, objection.recorded_by
    ));
    Ok(())
}
