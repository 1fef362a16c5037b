//! The load: publishers without a pause, and followers that read, acknowledge some, and go away and come back.

use std::time::Duration;

use bytes::Bytes;
use portway::client::{Connection, Error, FollowOptions, Incoming};
use tokio::{task::JoinSet, time};
use tokio_util::sync::CancellationToken;

use super::{
    chance::Chance,
    house::Wires,
    notes::Shared,
    scene::{PURPOSE, Subscription},
};

/// Who publishes; twice, because one agency's system may have many hands.
const PUBLISHERS: [&str; 4] = ["police", "council-asb", "police", "council-asb"];
const BEFORE_AGAIN: Duration = Duration::from_millis(5);

/// The tasks at work.
#[derive(Debug)]
pub(crate) struct Load {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Load {
    pub(crate) fn start(
        wires: &Wires,
        subscriptions: &[Subscription],
        notes: &Shared,
        chance: &mut Chance,
    ) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for agency in PUBLISHERS {
            let connection = wires.services[agency].clone();
            let work = publish(connection, agency, notes.clone());
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(work).await.unwrap_or(()) });
        }
        for subscription in subscriptions {
            let following = Following {
                connection: wires.services[subscription.asked.agency].clone(),
                subscription: *subscription,
                notes: notes.clone(),
                chance: chance.fork(),
            };
            let stop = stop.clone();
            tasks.spawn(
                async move { stop.run_until_cancelled(following.run()).await.unwrap_or(()) },
            );
        }
        Self { tasks, stop }
    }

    /// Ends every task where it stands: whoever waits for an answer does not get one.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("what a caller was told contradicts what it was told before");
        }
    }
}

async fn publish(connection: Connection, agency: &'static str, notes: Shared) {
    loop {
        let (id, draft) = notes.open().send(agency);
        match connection.publish(draft, Some(id)).await {
            Ok(receipt) => notes.open().acknowledged(id, &receipt),
            Err(error) => pause(error).await,
        }
    }
}

/// A lost connection is what is being tried here; everything else is a fault.
async fn pause(error: Error) {
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    time::sleep(BEFORE_AGAIN).await;
}

/// A follower.
struct Following {
    connection: Connection,
    subscription: Subscription,
    notes: Shared,
    chance: Chance,
}

impl Following {
    async fn run(mut self) {
        loop {
            if let Err(error) = self.follow().await {
                pause(error).await;
            }
        }
    }

    /// Follows one stream for a while.
    async fn follow(&mut self) -> Result<(), Error> {
        let agency = self.subscription.asked.agency;
        look(&self.connection, agency, &self.notes).await?;
        // What came is kept safe by now, so that one may go on from there.
        let goes_on = self.chance.one_in(4);
        let resume = if goes_on { self.notes.open().last_position(agency) } else { Bytes::new() };
        let credit = u16::try_from(1 + self.chance.below(40)).unwrap();
        let options = FollowOptions {
            credit,
            resume,
            created: Some(self.subscription.created),
            ..FollowOptions::default()
        };
        let name = self.subscription.asked.name();
        let mut follower = self.connection.follow(&name, PURPOSE, options).await?;
        let mut is_first = true;
        for _ in 0..=self.chance.below(60) {
            match follower.next().await? {
                Some(Incoming::Delivery(it)) => {
                    if is_first {
                        // A stream opens with what is acknowledged on disk.
                        self.notes.open().cursor(agency, it.number - 1);
                    }
                    is_first = false;
                    self.notes.open().take(agency, &it);
                    if self.chance.one_in(3) {
                        follower.acknowledge(&it.position).await?;
                    }
                }
                Some(Incoming::Heartbeat) => {}
                Some(other) => panic!("{agency}: nothing calls for {other:?}"),
                None => return Ok(()),
            }
        }
        if self.chance.one_in(2) {
            follower.finish().await;
        }
        Ok(())
    }
}

/// Notes where an agency's cursor stands.
pub(crate) async fn look(
    connection: &Connection,
    agency: &'static str,
    notes: &Shared,
) -> Result<u64, Error> {
    let listed = connection.list_subscriptions().await?;
    assert_eq!(listed.len(), 1, "{agency} has one subscription");
    notes.open().cursor(agency, listed[0].acknowledged);
    Ok(listed[0].delivered)
}
