//! `portway notices`: what an agency has to be told of alerts that it received. Nothing is acknowledged unless it is
//! said up to where: of a recall that would say that the alert is deleted.

use clap::Args;

use super::{
    Global,
    output::{Failure, Output},
};
use crate::client::{NOTICES_MAX, json};
use crate::pb::v1 as pb;

/// Arguments of `notices`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  portway notices --json\n  portway notices --ack 17 --max 0")]
pub struct NoticesArgs {
    /// Acknowledges every notice up to this number: of RECALLED and DELETE, that your agency has deleted what it held
    #[arg(long, value_name = "NUMBER", default_value_t = 0, hide_default_value = true)]
    ack: u64,
    /// How many of the next to show; 0 only acknowledges
    #[arg(long, value_name = "COUNT", default_value_t = NOTICES_MAX, value_parser = clap::value_parser!(u8).range(0..=100))]
    max: u8,
}

/// Runs `portway notices`.
pub(super) async fn run(args: NoticesArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    let pulled = connection.pull_notices(args.ack, args.max).await?;
    for notice in &pulled.notices {
        print(notice, out)?;
    }
    if args.max == 0 {
        out.say(format_args!("acknowledged up to {}", pulled.acknowledged));
    } else if pulled.more {
        out.say("more wait: acknowledge these first, with --ack");
    }
    Ok(())
}

fn print(notice: &pb::PulledNotice, out: Output) -> Result<(), Failure> {
    if out.json {
        return out.deliver(&json::to_value(notice)?);
    }
    let kind = notice.kind().as_str_name().trim_start_matches("ALERT_NOTICE_KIND_");
    let more = match notice.kind() {
        pb::AlertNoticeKind::Recalled => {
            let reason = notice.recall_reason().as_str_name();
            format!(", {}: delete it", reason.trim_start_matches("RECALL_REASON_"))
        }
        pb::AlertNoticeKind::Rectified => format!(" by {}", notice.rectified_by),
        pb::AlertNoticeKind::Restricted => {
            let reason = notice.restriction_reason().as_str_name();
            format!(", {}", reason.trim_start_matches("RESTRICTION_REASON_"))
        }
        pb::AlertNoticeKind::Delete => ": delete it".to_owned(),
        pb::AlertNoticeKind::RestrictionLifted | pb::AlertNoticeKind::Unspecified => String::new(),
    };
    out.text(format_args!(
        "{}  {} of {}: {kind}{more} (record {})",
        notice.number, notice.alert, notice.publisher, notice.index
    ));
    Ok(())
}
