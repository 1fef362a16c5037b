//! `portway follow`: the alerts of one subscription, a line each. Acknowledged once the line is written; a
//! connection that is lost is made again, and the stream goes on where it was.

use std::{future::Future, path::PathBuf, pin::Pin, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use clap::Args;
use serde_json::json;
use tokio::{select, signal, time};

use super::{
    Global, code,
    keeper::Keeper,
    output::{Exit, Failure, Output},
    pull,
};
use crate::{
    client::{
        Backoff, Connection, Delivered, Error, FollowOptions, Follower, Incoming, Retry, json,
    },
    domain::{Name, Purpose, StaffReference},
    pb::v1 as pb,
};

/// How often a lost connection is tried again: about a minute.
const TRIES: u32 = 20;

/// Receives the alerts of a subscription, one JSON line each, verified against the log
#[derive(Args, Debug)]
#[command(
    after_help = "Each line is the view, with one key more: \"delivery\" {number, index, position, \
    redelivery}.\n\nExample:\n  portway follow --subscription asb-n1 --count 10 --timeout 60"
)]
pub struct FollowArgs {
    /// Name of the subscription
    #[arg(long, value_name = "NAME")]
    pub(super) subscription: Name,
    /// Its purpose; looked up without it
    #[arg(long, value_parser = code::purpose, value_name = "CODE")]
    purpose: Option<Purpose>,
    /// Ends after so many alerts
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Takes one batch of what waits, --count at most and never more than 1000, and ends
    #[arg(long, conflicts_with = "timeout")]
    pull: bool,
    /// Ends after so many seconds, with status 6
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Member of staff on whose behalf, as their agency knows them; stands in the record
    #[arg(long, value_name = "REFERENCE")]
    pub(super) on_behalf_of: Option<StaffReference>,
    /// Adds each delivery to this file, with the proof that it was recorded first: `portway reconcile` reads it
    #[arg(long, value_name = "FILE")]
    pub(super) keep: Option<PathBuf>,
    /// Does not acknowledge: the alerts will come again
    #[arg(long)]
    pub(super) no_ack: bool,
}

/// Runs `portway follow`.
pub(super) async fn run(args: FollowArgs, global: &Global, out: Output) -> Result<(), Failure> {
    if args.pull {
        return pull::run(&args, global, out).await;
    }
    let mut stop = Box::pin(stop(args.timeout.map(Duration::from_secs)));
    let start = async {
        let connection = global.connect().await?;
        Session::start(connection, args).await
    };
    let mut session = select! {
        end = &mut stop => return end,
        session = start => session?,
    };
    loop {
        let mut follower = select! {
            end = &mut stop => return end,
            follower = session.open() => follower?,
        };
        let end = session.drain(&mut follower, stop.as_mut(), out).await;
        follower.finish().await;
        match end {
            Ok(()) => return Ok(()),
            Err(End::Stopped(end)) => return end,
            Err(End::Lost) => out.say("the stream ended; following again"),
            Err(End::Failed(failure)) => return Err(failure),
        }
    }
}

/// Waits for the end that comes from outside.
async fn stop(timeout: Option<Duration>) -> Result<(), Failure> {
    let timeout = async {
        match timeout {
            Some(timeout) => time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    select! {
        interrupted = signal::ctrl_c() => interrupted.map_err(Failure::failed),
        () = timeout => Err(Failure::new(Exit::Partly, "the time is over")),
    }
}

/// Why a stream is not read on.
enum End {
    Failed(Failure),
    Lost,
    Stopped(Result<(), Failure>),
}

/// What lasts longer than one stream.
struct Session {
    connection: Connection,
    subscription: Name,
    purpose: Purpose,
    /// Index of the record that created the subscription.
    created: u64,
    acknowledges: bool,
    on_behalf_of: Option<StaffReference>,
    keeper: Option<Keeper>,
    /// How many more alerts to print; none = without end.
    left: Option<u64>,
    /// Number and position of the last alert or skip.
    number: u64,
    position: Bytes,
}

impl Session {
    async fn start(connection: Connection, args: FollowArgs) -> Result<Self, Failure> {
        let (purpose, created) = args.look_up(&connection).await?;
        Ok(Self {
            connection,
            subscription: args.subscription,
            purpose,
            created,
            acknowledges: !args.no_ack,
            keeper: args.keep.as_deref().map(Keeper::open).transpose()?,
            on_behalf_of: args.on_behalf_of,
            left: args.count,
            number: 0,
            position: Bytes::new(),
        })
    }

    /// Opens the stream where the last one ended.
    async fn open(&self) -> Result<Follower, Failure> {
        let is_first = self.number == 0;
        let mut backoff = Backoff::new(TRIES);
        loop {
            // To resume is to acknowledge.
            let resume = if self.acknowledges { self.position.clone() } else { Bytes::new() };
            let options = FollowOptions {
                resume,
                created: Some(self.created),
                on_behalf_of: self.on_behalf_of.clone(),
                ..FollowOptions::default()
            };
            match self.connection.follow(&self.subscription, self.purpose, options).await {
                Ok(follower) => return Ok(follower),
                Err(Error::Unreachable { retry: Retry::Later(wish), .. })
                    if !is_first && backoff.wait(wish).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn drain(
        &mut self,
        follower: &mut Follower,
        mut stop: Pin<&mut (dyn Future<Output = Result<(), Failure>> + Send)>,
        out: Output,
    ) -> Result<(), End> {
        while self.left != Some(0) {
            let incoming = select! {
                end = &mut stop => return Err(End::Stopped(end)),
                incoming = follower.next() => incoming,
            };
            match incoming {
                Ok(Some(incoming)) => self.take(incoming, follower, out).await?,
                Ok(None) | Err(Error::Unreachable { retry: Retry::Later(_), .. }) => {
                    return Err(End::Lost);
                }
                Err(error) => return Err(End::Failed(error.into())),
            }
        }
        Ok(())
    }

    async fn take(
        &mut self,
        incoming: Incoming,
        follower: &Follower,
        out: Output,
    ) -> Result<(), End> {
        let (number, position) = match incoming {
            Incoming::Heartbeat => return Ok(()),
            Incoming::Notice(notice) => {
                tell_notice(&notice, out);
                return Ok(());
            }
            Incoming::Skipped(skipped) => {
                tell_skipped(&skipped, out);
                (skipped.number, skipped.position)
            }
            Incoming::Delivery(delivered) => {
                // Without acknowledgements a new stream begins with what was printed already.
                if delivered.number > self.number {
                    if let Some(keeper) = &mut self.keeper {
                        keeper.add(&delivered).and_then(|()| keeper.sync()).map_err(End::Failed)?;
                    }
                    print(&delivered, out).map_err(End::Failed)?;
                    self.left = self.left.map(|left| left - 1);
                }
                (delivered.number, delivered.position)
            }
        };
        if self.acknowledges && follower.acknowledge(&position).await.is_err() {
            return Err(End::Lost);
        }
        (self.number, self.position) = (self.number.max(number), position);
        Ok(())
    }
}

impl FollowArgs {
    /// Looks the subscription up: its purpose, and the index of the record that created it.
    pub(super) async fn look_up(&self, connection: &Connection) -> Result<(Purpose, u64), Failure> {
        let all = connection.list_subscriptions().await?;
        let named = |it: &&pb::SubscriptionStatus| {
            it.subscription.as_ref().is_some_and(|it| it.name == self.subscription.as_str())
        };
        let status = all.iter().find(named).ok_or_else(|| Failure {
            reason: "SUBSCRIPTION_UNKNOWN".to_owned(),
            ..Failure::failed("there is no subscription of that name")
        })?;
        let purpose = status.subscription.as_ref().map_or(0, |it| it.purpose);
        let purpose = match self.purpose {
            Some(purpose) => purpose,
            None => Purpose::from_number(purpose).map_err(Failure::failed)?,
        };
        Ok((purpose, status.index))
    }
}

pub(super) fn tell_notice(notice: &pb::Notice, out: Output) {
    let kind = notice.kind().as_str_name();
    match notice.at {
        Some(at) => out.say(format_args!("notice: {kind}, {at}")),
        None => out.say(format_args!("notice: {kind}")),
    }
}

pub(super) fn tell_skipped(skipped: &pb::Skipped, out: Output) {
    out.say(format_args!("number {} is not delivered: {}", skipped.number, skipped.reason));
}

/// Prints a view, with what is known of its delivery.
pub(super) fn print(delivered: &Delivered, out: Output) -> Result<(), Failure> {
    let mut view = json::to_value(&delivered.view)?;
    if let Some(keys) = view.as_object_mut() {
        let delivery = json!({
            "number": delivered.number,
            "index": delivered.index,
            "position": STANDARD.encode(&delivered.position),
            "redelivery": delivered.redelivery,
        });
        keys.insert("delivery".to_owned(), delivery);
    }
    // P3: what is not written must not be acknowledged.
    out.deliver(&view)
}
