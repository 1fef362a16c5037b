//! Sees to it that every recipient of an alert is told of acts on it: looks the recipients up once an act is durable,
//! goes on with what a crash left, and says who is overdue. It decides nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::domain::{AgencyId, Clock, Timestamp};
use crate::grpc::Broker;
use crate::ledger::{Ledger, Outstanding, Rejection};
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
        let mut named = Named::default();
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
    async fn chase(&self, named: &mut Named) {
        let Ok(outstanding) = self.ledger.outstanding().await else { return };
        self.counts.set(named.chase(&outstanding, self.due_days, self.clock.now()));
    }
}

/// When each overdue recipient was named last.
#[derive(Debug, Default)]
struct Named(BTreeMap<AgencyId, Timestamp>);

impl Named {
    /// Names who is overdue and was not named within a day; returns how many notices are open, and how many of them
    /// overdue.
    fn chase(&mut self, open: &[Outstanding], due_days: u64, now: Timestamp) -> (usize, usize) {
        let mut counts = (0, 0);
        for it in open {
            let late = it.due.iter().filter(|due| due.plus_days(due_days) < now).count();
            counts = (counts.0 + it.due.len(), counts.1 + late);
            let is_new = self.0.get(&it.recipient).is_none_or(|at| at.after(NAMED_AGAIN) <= now);
            if late > 0 && is_new {
                tracing::warn!(recipient = %it.recipient, count = late, "notices are overdue");
                self.0.insert(it.recipient.clone(), now);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use super::*;

    /// Takes log lines.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// Returns the lines that were written since this was asked the last time.
        fn take(&self) -> Vec<String> {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
        }
    }

    #[test]
    fn whoever_is_overdue_is_named_in_the_log_once_a_day() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_max_level(tracing::Level::WARN)
            .finish();
        let start = Timestamp::parse("2026-06-01T09:00:00Z").unwrap();
        let open = |agency: &str, due: &[u64]| Outstanding {
            recipient: agency.parse().unwrap(),
            due: due.iter().map(|days| start.plus_days(*days)).collect(),
        };
        let all = [open("council", &[0, 0, 2]), open("housing", &[2])];
        let mut named = Named::default();
        tracing::subscriber::with_default(subscriber, || {
            assert_eq!(named.chase(&all, 2, start.plus_days(2)), (4, 0), "on the day itself");
            assert_eq!(lines.take(), [""; 0]);
            let late = start.plus_days(2).after(Duration::from_millis(1));
            assert_eq!(named.chase(&all, 2, late), (4, 2));
            let said = lines.take();
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(
                said[0].contains("WARN") && said[0].contains("notices are overdue"),
                "{said:?}"
            );
            assert!(said[0].contains("recipient=council count=2"), "{said:?}");
            let next = late.after(NAMED_AGAIN);
            assert_eq!(named.chase(&all, 2, next.before(Duration::from_millis(1))), (4, 2));
            assert_eq!(lines.take(), [""; 0], "named once a day");
            named.chase(&all, 2, next);
            assert_eq!(lines.take().len(), 1);
            named.chase(&all, 2, start.plus_days(5));
            assert!(lines.take().iter().any(|it| it.contains("recipient=housing count=1")));
        });
    }
}
