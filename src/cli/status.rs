//! `portway status`: how the broker stands, as far as the caller may know.

use super::{
    Global,
    output::{Failure, Output},
};
use crate::client::json;

/// Runs `portway status`.
pub(super) async fn run(global: &Global, out: Output) -> Result<(), Failure> {
    let status = global.connect().await?.status().await?;
    if out.json {
        out.document(&json::to_value(&status)?);
        return Ok(());
    }
    out.text(format_args!("broker      portway {}", status.version));
    out.text(format_args!("log         {}", status.origin));
    out.text(format_args!("entries     {}", status.checkpoint.lines().nth(1).unwrap_or_default()));
    out.text(format_args!("you are     {}", status.caller));
    if let Some(started) = status.started_at {
        out.text(format_args!("started     {started}"));
    }
    // What only operators are told is zero for everybody else.
    if status.caller.contains("/operator/") {
        out.text(format_args!("connections {}", status.connections));
        out.text(format_args!("streams     {}", status.streams));
        out.text(format_args!("agreements  {} in force", status.agreements_in_force));
        out.text(format_args!("subscribed  {}", status.subscriptions));
        out.text(format_args!("live alerts {}", status.live_alerts));
    }
    for (reason, count) in &status.handshakes_refused {
        out.text(format_args!("handshakes turned away, {reason}: {count}"));
    }
    Ok(())
}
