//! `portway erase`: two officers have content of their agency's alerts erased, or one has it held as evidence.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Global, code,
    output::{Failure, Output},
};
use crate::{
    client::{Connection, json},
    domain::{AlertId, Clock, ErasureReason, HoldReason, SystemClock, Timestamp},
    pb::v1 as pb,
};

/// Orders, approves, withdraws, holds, releases and lists.
#[derive(Debug, Subcommand)]
pub enum EraseCommand {
    /// Approves another officer's order: the content is gone once this is answered
    #[command(after_help = "Example:\n  portway erase approve 4711")]
    Approve(OrderArgs),
    /// Holds an alert as evidence: it is neither disclosed nor erased until it is released
    #[command(after_help = HOLD)]
    Hold(HoldArgs),
    /// Lists your agency's orders that are not done, and its holds
    #[command(after_help = "Example:\n  portway erase list --json")]
    List,
    /// Orders that content is erased; another officer of your agency has to approve
    #[command(after_help = ORDER)]
    Order(NewArgs),
    /// Releases an alert; it is erased at once where that was approved or is due
    #[command(
        after_help = "Example:\n  portway erase release 01987c2e-6f00-7000-8000-000000000001"
    )]
    Release(AlertArgs),
    /// Withdraws an order that is not approved
    #[command(after_help = "Example:\n  portway erase withdraw 4711")]
    Withdraw(OrderArgs),
}

const ORDER: &str = "Example:\n  portway erase order 01987c2e-6f00-7000-8000-000000000001 \\\n    \
    --reason ARTICLE_17";
const HOLD: &str = "Example:\n  portway erase hold 01987c2e-6f00-7000-8000-000000000001 \\\n    \
    --reason LEGAL_CLAIM --review-days 90";

/// Names an order.
#[derive(Args, Debug)]
pub struct OrderArgs {
    /// The order: the index of its record
    order: u64,
}

/// Names an alert.
#[derive(Args, Debug)]
pub struct AlertArgs {
    /// Id of an alert that your agency published
    alert: AlertId,
}

/// Arguments of `erase order`.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// Ids of alerts that your agency published, 1 to 1024
    #[arg(required = true)]
    alerts: Vec<AlertId>,
    /// Why
    #[arg(long, value_parser = code::erasure_reason, value_name = "CODE")]
    reason: ErasureReason,
}

/// Arguments of `erase hold`.
#[derive(Args, Debug)]
pub struct HoldArgs {
    /// Id of an alert that your agency published
    alert: AlertId,
    /// Why
    #[arg(long, value_parser = code::hold_reason, value_name = "CODE")]
    reason: HoldReason,
    /// When somebody has to look at it again, as RFC 3339
    #[arg(long, value_parser = code::moment, value_name = "TIME", conflicts_with = "review_days")]
    review: Option<Timestamp>,
    /// The same, so many days from now
    #[arg(long, required_unless_present = "review", value_parser = clap::value_parser!(u64).range(1..=365))]
    review_days: Option<u64>,
}

/// Runs `portway erase`.
pub(super) async fn run(
    command: EraseCommand,
    global: &Global,
    out: Output,
) -> Result<(), Failure> {
    let connection = global.connect().await?;
    match command {
        EraseCommand::Approve(OrderArgs { order }) => {
            let pb::ApproveErasureResponse { index, erased, held } =
                connection.approve_erasure(order).await?;
            out.either(
                &json!({ "index": index, "erased": erased, "held": held }),
                format_args!("approved: record {index}; erased: {erased}, held: {held}"),
            );
        }
        EraseCommand::Hold(args) => hold(args, &connection, out).await?,
        EraseCommand::List => list(&connection.list_erasures().await?, out)?,
        EraseCommand::Order(NewArgs { alerts, reason }) => {
            let order = connection.order_erasure(&alerts, reason).await?;
            out.either(
                &json!({ "order": order }),
                format_args!("ordered: {order}; another officer of your agency has to approve it"),
            );
        }
        EraseCommand::Release(AlertArgs { alert }) => {
            let pb::ReleaseHoldResponse { index, erased } = connection.release_hold(alert).await?;
            let then = if erased { ", and erased" } else { "" };
            out.either(
                &json!({ "index": index, "erased": erased }),
                format_args!("released{then}: record {index}"),
            );
        }
        EraseCommand::Withdraw(OrderArgs { order }) => {
            let index = connection.withdraw_erasure(order).await?;
            out.either(&json!({ "index": index }), format_args!("withdrawn: record {index}"));
        }
    }
    Ok(())
}

async fn hold(args: HoldArgs, connection: &Connection, out: Output) -> Result<(), Failure> {
    let HoldArgs { alert, reason, review, review_days } = args;
    let review = review.unwrap_or_else(|| SystemClock.now().plus_days(review_days.unwrap_or(1)));
    let index = connection.hold_evidence(alert, reason, review).await?;
    out.either(
        &json!({ "index": index, "review_at": review.to_string() }),
        format_args!("held: record {index}, to be reviewed by {review}"),
    );
    Ok(())
}

fn list(listed: &pb::ListErasuresResponse, out: Output) -> Result<(), Failure> {
    if out.json {
        out.document(&json::to_value(listed)?);
        return Ok(());
    }
    for it in &listed.orders {
        let reason = it.reason().as_str_name().trim_start_matches("ERASURE_REASON_");
        let stands = if it.approved { "approved, held" } else { "not approved" };
        let (order, count, by) = (it.order, it.published.len(), &it.by);
        out.text(format_args!("order {order}: {count} alerts for {reason} by {by}, {stands}"));
    }
    for it in &listed.holds {
        let reason = it.reason().as_str_name().trim_start_matches("HOLD_REASON_");
        let review = it.review_at.as_ref().map(ToString::to_string).unwrap_or_default();
        let (index, published) = (it.index, it.published);
        out.text(format_args!(
            "hold {index}: alert of record {published} for {reason}, to be reviewed by {review}"
        ));
    }
    Ok(())
}
