//! Sees to it that every recipient of an alert is told of acts on it: looks the recipients up once an act is durable,
//! goes on with what a crash left, and says who is overdue. It decides nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::domain::{AgencyId, Clock, Timestamp};
use crate::grpc::Broker;
use crate::ledger::{Ledger, Rejection};
use crate::metrics::NoticeCounts;
use crate::views::Views;

/// How often it is asked who is overdue, and what could not be done is tried again.
const LOOK: Duration = Duration::from_secs(10);
/// How often one recipient is named in the log.
const NAMED_AGAIN: Duration = Duration::from_secs(24 * 3600);

/// Tells recipients of acts on alerts.
#[derive(Debug)]
pub(super) struct Notifier {
    ledger: Ledger,
    views: Views,
    clock: Arc<dyn Clock>,
    /// After how many days a notice is overdue.
    due_days: u64,
    counts: Arc<NoticeCounts>,
}

impl Notifier {
    /// Begins, and returns where it counts.
    pub(super) fn start(broker: &Broker, due_days: u64) -> Arc<NoticeCounts> {
        let counts = Arc::<NoticeCounts>::default();
        let notifier = Self {
            ledger: broker.ledger.clone(),
            views: broker.views.clone(),
            clock: Arc::clone(&broker.clock),
            due_days,
            counts: Arc::clone(&counts),
        };
        let stop = broker.drain.clone();
        broker.tasks.keep("notices", stop.clone(), notifier.run(stop));
        counts
    }

    /// Runs until `stop` fires.
    async fn run(self, stop: CancellationToken) {
        let mut owed = self.ledger.owed();
        let mut look = tokio::time::interval(LOOK);
        let mut named = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = owed.changed() => if changed.is_err() { return },
                _ = look.tick() => self.chase(&mut named).await,
            }
            let acts = Arc::clone(&owed.borrow_and_update());
            for (cause, published) in acts.iter() {
                if stop.run_until_cancelled(self.find(*cause, *published)).await.is_none() {
                    return;
                }
            }
        }
    }

    /// Finds the recipients of an act. What fails is owed as before, and tried again.
    async fn find(&self, cause: u64, published: u64) {
        let (alert, recipients) = match self.views.recipients(published).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, cause, "the recipients of an alert could not be looked up");
                return;
            }
        };
        match self.ledger.make_due(cause, alert, recipients).await {
            Ok(()) => {}
            Err(Rejection::Busy | Rejection::RateExceeded { .. } | Rejection::Unavailable(_)) => {
                tracing::debug!(cause, "notices could not be made due yet");
            }
            Err(Rejection::Refused { .. }) => {
                tracing::error!(cause, "notices were refused");
            }
        }
    }

    /// Counts what is not acknowledged, and names each recipient that is overdue once a day.
    async fn chase(&self, named: &mut BTreeMap<AgencyId, Timestamp>) {
        let Ok(outstanding) = self.ledger.outstanding().await else { return };
        let now = self.clock.now();
        let mut counts = (0, 0);
        for it in outstanding {
            let is_late = |due: &&Timestamp| due.plus_days(self.due_days) < now;
            let late = it.due.iter().filter(is_late).count();
            counts = (counts.0 + it.due.len(), counts.1 + late);
            let is_new = named.get(&it.recipient).is_none_or(|at| at.after(NAMED_AGAIN) <= now);
            if late > 0 && is_new {
                tracing::warn!(recipient = %it.recipient, count = late, "notices are overdue");
                named.insert(it.recipient, now);
            }
        }
        self.counts.set(counts);
    }
}
