//! `portway follow --pull`: one batch of a subscription, a line each, acknowledged once all of it is written.

use super::{
    Global, follow,
    follow::FollowArgs,
    keeper::Keeper,
    output::{Failure, Output},
};
use crate::client::{CREDIT_MAX, Incoming, PullOptions};

/// Runs `portway follow --pull`.
pub(super) async fn run(args: &FollowArgs, global: &Global, out: Output) -> Result<(), Failure> {
    let connection = global.connect().await?;
    let (purpose, created) = args.look_up(&connection).await?;
    let max = args.count.and_then(|count| u16::try_from(count).ok()).unwrap_or(CREDIT_MAX);
    let options = PullOptions {
        max: max.min(CREDIT_MAX),
        created: Some(created),
        on_behalf_of: args.on_behalf_of.clone(),
        ..PullOptions::default()
    };
    let pulled = connection.pull(&args.subscription, purpose, options.clone()).await?;
    let mut keeper = args.keep.as_deref().map(Keeper::open).transpose()?;
    let mut is_new = false;
    for incoming in &pulled.incoming {
        match incoming {
            Incoming::Delivery(delivered) => {
                if let Some(keeper) = &mut keeper {
                    keeper.add(delivered)?;
                }
                follow::print(delivered, out)?;
            }
            Incoming::Notice(notice) => follow::tell_notice(notice, out),
            Incoming::Skipped(skipped) => follow::tell_skipped(skipped, out),
            Incoming::Heartbeat => {}
        }
        is_new |= matches!(incoming, Incoming::Delivery(_) | Incoming::Skipped(_));
    }
    if let Some(keeper) = &keeper {
        keeper.sync()?;
    }
    if pulled.more {
        out.say("more may wait: pull again");
    }
    if is_new && !args.no_ack {
        let acknowledge = PullOptions { max: 0, resume: pulled.position, ..options };
        connection.pull(&args.subscription, purpose, acknowledge).await?;
    }
    Ok(())
}
