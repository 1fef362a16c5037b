//! The play: every agency publishes its rows over its own connection while every subscriber follows its own
//! subscription.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    DemoError, expect,
    samples::{Extract, Parts},
    stage::Stage,
};
use crate::adapters::{
    csv::{self, Row},
    token::TokenKey,
};
use crate::client::{self, Connection, FollowOptions, Incoming};
use crate::domain::{AgencyId, Clock, Name, Purpose, Subscription, SystemClock, Timestamp};
use crate::pb::v1 as pb;
use crate::record;

/// What came of it.
#[derive(Debug)]
pub(super) struct Played {
    /// When it began.
    pub(super) play: Timestamp,
    /// Rows that were read, and what became of each.
    pub(super) rows: Vec<Outcome>,
    /// Rows that could not be turned into an alert.
    pub(super) unreadable: usize,
    /// What each subscription received, in order.
    pub(super) received: BTreeMap<(AgencyId, Name), Vec<Received>>,
}

/// A row, and what became of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) agency: AgencyId,
    pub(super) row: Row,
    pub(super) published: Result<pb::Receipt, String>,
}

/// A view that was received.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) number: u64,
    pub(super) index: u64,
    pub(super) view: pb::View,
}

impl Played {
    pub(super) fn published(&self) -> usize {
        self.rows.iter().filter(|outcome| outcome.published.is_ok()).count()
    }

    pub(super) fn received(&self) -> usize {
        self.received.values().map(Vec::len).sum()
    }
}

type Subscriptions = [(AgencyId, Subscription)];

pub(super) async fn play(
    stage: &Stage,
    parts: &Parts,
    subscriptions: &Subscriptions,
    say: &impl Fn(String),
) -> Result<Played, DemoError> {
    // Followers are told to stop; one that is over before that has something to say.
    let (stop, over) = (CancellationToken::new(), CancellationToken::new());
    let count = Arc::new(AtomicUsize::new(0));
    let mut followers = JoinSet::new();
    for (agency, subscription) in subscriptions {
        let Some(connection) = stage.services.get(agency) else { continue };
        let asked = pb::Subscription {
            name: subscription.name.to_string(),
            purpose: subscription.purpose.number().into(),
            filter: Some(record::filter_to_pb(&subscription.filter)),
            expires_at: Some(record::timestamp_to_pb(subscription.expires_at)),
        };
        let created = connection.create_subscription(asked).await?.index;
        let following = Following {
            connection: connection.clone(),
            name: subscription.name.clone(),
            purpose: subscription.purpose,
            created,
            count: Arc::clone(&count),
            stop: stop.clone(),
        };
        let key = (agency.clone(), subscription.name.clone());
        let over = over.clone();
        followers.spawn(async move {
            let received = following.run().await;
            over.cancel();
            received.map(|received| (key, received))
        });
    }
    let play = SystemClock.now();
    let mut publishers = JoinSet::new();
    let mut unreadable = 0;
    for extract in &parts.extracts {
        let Some(connection) = stage.services.get(&extract.agency) else { continue };
        let (rows, faults) = rows(extract, &stage.token_key, play);
        unreadable += faults;
        publishers.spawn(publish(connection.clone(), extract.agency.clone(), rows));
    }
    let mut rows = Vec::new();
    while let Some(done) = publishers.join_next().await {
        let (agency, outcomes) = done.map_err(|error| DemoError::Task(error.to_string()))??;
        let published = outcomes.iter().filter(|outcome| outcome.published.is_ok()).count();
        say(format!("  {agency}: {} rows, {published} published", outcomes.len()));
        rows.extend(outcomes);
    }
    let due = expect::views(&rows, parts, subscriptions, &stage.domain);
    let due = due.values().map(Vec::len).sum();
    wait_for(&count, due, &over).await?;
    stop.cancel();
    let mut received = BTreeMap::new();
    while let Some(done) = followers.join_next().await {
        let (key, views) = done.map_err(|error| DemoError::Task(error.to_string()))??;
        received.insert(key, views);
    }
    Ok(Played { play, rows, unreadable, received })
}

fn rows(extract: &Extract, key: &TokenKey, play: Timestamp) -> (Vec<Row>, usize) {
    let read = csv::read(&extract.text, &extract.map, key, play);
    let all = read.len();
    let rows: Vec<Row> = read.into_iter().flatten().collect();
    let faults = all - rows.len();
    (rows, faults)
}

async fn publish(
    connection: Connection,
    agency: AgencyId,
    rows: Vec<Row>,
) -> Result<(AgencyId, Vec<Outcome>), DemoError> {
    let mut outcomes = Vec::new();
    for row in rows {
        let id = Uuid::from_bytes(*row.request_id.as_bytes());
        let published = match connection.publish(record::draft_to_pb(&row.draft), Some(id)).await {
            Ok(receipt) => Ok(receipt),
            Err(client::Error::Refused { reason, .. }) => Err(reason),
            Err(error) => return Err(error.into()),
        };
        outcomes.push(Outcome { agency: agency.clone(), row, published });
    }
    Ok((agency, outcomes))
}

/// What a follower needs.
struct Following {
    connection: Connection,
    name: Name,
    purpose: Purpose,
    created: u64,
    count: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Following {
    async fn run(self) -> Result<Vec<Received>, DemoError> {
        let options = FollowOptions { created: Some(self.created), ..FollowOptions::default() };
        let mut follower = self.connection.follow(&self.name, self.purpose, options).await?;
        let mut received = Vec::new();
        while let Some(next) = self.stop.run_until_cancelled(follower.next()).await {
            match next? {
                Some(Incoming::Delivery(it)) => {
                    follower.acknowledge(&it.position).await?;
                    received.push(Received { number: it.number, index: it.index, view: it.view });
                    self.count.fetch_add(1, Ordering::Relaxed);
                }
                Some(Incoming::Heartbeat | Incoming::Notice(_) | Incoming::Skipped(_)) => {}
                None => break,
            }
        }
        follower.finish().await;
        Ok(received)
    }
}

/// How long nothing may arrive while views are missing.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until as many views came as are due. More than are due show up when they are compared.
async fn wait_for(
    count: &AtomicUsize,
    due: usize,
    over: &CancellationToken,
) -> Result<(), DemoError> {
    let mut so_far = count.load(Ordering::Relaxed);
    while so_far < due && !over.is_cancelled() {
        let more = async {
            while count.load(Ordering::Relaxed) == so_far && !over.is_cancelled() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let stalled = DemoError::Stalled { seconds: PATIENCE.as_secs(), missing: due - so_far };
        tokio::time::timeout(PATIENCE, more).await.map_err(|_| stalled)?;
        so_far = count.load(Ordering::Relaxed);
    }
    Ok(())
}
