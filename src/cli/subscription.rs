//! `portway subscription`: what the own agency asks to be told.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    Global, code,
    output::{Failure, Output},
};
use crate::{
    client::json,
    domain::{AlertType, Area, Clock, Name, Purpose, SystemClock, Timestamp, subscription},
    pb::v1 as pb,
    record,
};

/// What to do with subscriptions.
#[derive(Debug, Subcommand)]
pub enum SubscriptionCommand {
    /// Creates a durable subscription
    #[command(after_help = CREATE)]
    Create(Box<CreateArgs>),
    /// Deletes a subscription: nothing is delivered to it once this is answered
    #[command(after_help = "Example:\n  portway subscription delete asb-n1")]
    Delete(DeleteArgs),
    /// Lists your agency's subscriptions
    #[command(after_help = "Example:\n  portway subscription list --json")]
    List,
}

const CREATE: &str = "An alert matches if its type is one of --types, and its area is one of --areas \
    or one of its tokens is in --tokens-file.\n\nExample:\n  \
    portway subscription create --name asb-n1 --purpose CRIME_AND_DISORDER \\\n    \
    --types ANTISOCIAL_BEHAVIOUR,VIOLENCE --areas N1,N2 --days 90";

/// Arguments of `subscription create`.
#[derive(Args, Debug)]
pub struct CreateArgs {
    /// The subscription as one JSON document, instead of the other options
    #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "purpose", "types", "areas", "tokens_file", "expires", "days"])]
    file: Option<PathBuf>,
    /// Name, unique in your agency
    #[arg(long, required_unless_present = "file")]
    name: Option<Name>,
    /// The one purpose
    #[arg(long, required_unless_present = "file", value_parser = code::purpose, value_name = "CODE")]
    purpose: Option<Purpose>,
    /// Alert types, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = code::alert_type, value_name = "CODES")]
    types: Vec<AlertType>,
    /// Area codes, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "AREAS")]
    areas: Vec<Area>,
    /// Subject tokens, one JSON document per line
    #[arg(long, value_name = "FILE")]
    tokens_file: Option<PathBuf>,
    /// When it ends, as RFC 3339
    #[arg(long, value_parser = code::moment, value_name = "TIME", conflicts_with = "days")]
    expires: Option<Timestamp>,
    /// Ends so many days from now
    #[arg(long, required_unless_present_any = ["file", "expires"], value_parser = clap::value_parser!(u64).range(1..=subscription::TERM_DAYS_MAX))]
    days: Option<u64>,
}

/// Arguments of `subscription delete`.
#[derive(Args, Debug)]
pub struct DeleteArgs {
    /// Name of the subscription
    name: Name,
}

/// Runs `portway subscription`.
pub(super) async fn run(
    command: SubscriptionCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    match command {
        SubscriptionCommand::Create(args) => {
            let subscription = read(&args, SystemClock.now())?;
            if is_empty(subscription.filter.as_ref()) {
                out.say(
                    "note: this filter matches nothing; give --types, and --areas or --tokens-file",
                );
            }
            show(&global.connect().await?.create_subscription(subscription).await?, out)
        }
        SubscriptionCommand::Delete(args) => {
            let name = args.name.as_str();
            let index = global.connect().await?.delete_subscription(name).await?;
            out.either(
                &serde_json::json!({ "name": name, "index": index }),
                format_args!("deleted: {name}, record {index}"),
            );
            Ok(())
        }
        SubscriptionCommand::List => {
            let subscriptions = global.connect().await?.list_subscriptions().await?;
            subscriptions.iter().try_for_each(|status| show(status, out))
        }
    }
}

fn read(args: &CreateArgs, now: Timestamp) -> Result<pb::Subscription, Failure> {
    let text = |path: &PathBuf| {
        let text = fs::read_to_string(path);
        text.map_err(|error| Failure::usage(format_args!("{}: {error}", path.display())))
    };
    if let Some(path) = &args.file {
        let mut all = json::documents(&text(path)?)?;
        return match (all.pop(), all.is_empty()) {
            (Some(subscription), true) => Ok(subscription),
            (Some(_) | None, _) => {
                Err(Failure::usage(format_args!("{}: not one document", path.display())))
            }
        };
    }
    let tokens = match &args.tokens_file {
        Some(path) => json::documents(&text(path)?)?,
        None => Vec::new(),
    };
    let expires = args.expires.unwrap_or_else(|| now.plus_days(args.days.unwrap_or_default()));
    Ok(pb::Subscription {
        name: args.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        purpose: args.purpose.map_or(0, |purpose| purpose.number().into()),
        filter: Some(pb::Filter {
            types: args.types.iter().map(|it| it.number().into()).collect(),
            areas: args.areas.iter().map(ToString::to_string).collect(),
            tokens,
        }),
        expires_at: Some(record::timestamp_to_pb(expires)),
    })
}

fn is_empty(filter: Option<&pb::Filter>) -> bool {
    filter.is_none_or(|it| it.types.is_empty() || (it.areas.is_empty() && it.tokens.is_empty()))
}

fn show(status: &pb::SubscriptionStatus, out: Output) -> Result<(), Failure> {
    if out.json {
        out.document(&json::to_value(status)?);
        return Ok(());
    }
    let subscription = status.subscription.clone().unwrap_or_default();
    let filter = subscription.filter.clone().unwrap_or_default();
    let types: Vec<_> = filter
        .types()
        .map(|it| it.as_str_name().trim_start_matches("ALERT_TYPE_").to_owned())
        .collect();
    let purpose = subscription.purpose().as_str_name().trim_start_matches("PURPOSE_");
    let stream = if status.open { ", stream open" } else { "" };
    out.text(format_args!("{}  {purpose}", subscription.name));
    out.text(format_args!("  types     {}", types.join(", ")));
    out.text(format_args!("  areas     {}", filter.areas.join(", ")));
    out.text(format_args!("  tokens    {}", status.token_count));
    if let Some(expires) = subscription.expires_at {
        out.text(format_args!("  ends      {expires}"));
    }
    let (delivered, acknowledged) = (status.delivered, status.acknowledged);
    out.text(format_args!("  delivered {delivered}, acknowledged {acknowledged}{stream}"));
    out.text(format_args!("  record    {}", status.index));
    Ok(())
}
