//! Views that may leave only once a witness has cosigned their record. They wait here, above the socket, and what is
//! behind them waits too: a subscription's numbers come in order.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use crate::domain::{DeliveryCondition, Timestamp};
use crate::ledger::{Outgoing, Release};

/// How long one batch waits for a witness.
const BATCH_WAIT: Duration = Duration::from_secs(3);

/// Where it can be seen how large a tree some witness has cosigned.
pub type Witnessed = watch::Receiver<u64>;

/// Returns the size of the tree that a witness has to have cosigned before a release may leave.
pub(super) fn demanded(release: &Release) -> Option<u64> {
    match &release.outgoing {
        Outgoing::Delivery(delivery) => match delivery.condition {
            DeliveryCondition::Recorded => None,
            DeliveryCondition::Witnessed => Some(release.receipt.index() + 1),
        },
        Outgoing::Skipped(_) => None,
    }
}

/// A release that waits for a witness.
pub(super) struct Held {
    release: Release,
    cosigned: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Held {
    /// Holds a release back until some witness has cosigned a tree of `size`.
    pub(super) fn new(release: Release, size: u64, witnessed: &Witnessed) -> Self {
        let mut witnessed = witnessed.clone();
        let cosigned = Box::pin(async move {
            if witnessed.wait_for(|it| size <= *it).await.is_err() {
                // Nobody is asked any more: the broker stops, and nothing of this leaves.
                std::future::pending::<()>().await;
            }
        });
        Self { release, cosigned }
    }

    /// Is ready once a witness has cosigned it.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.cosigned.as_mut().poll(context)
    }

    /// Returns the release.
    pub(super) fn into_release(self) -> Release {
        self.release
    }

    /// Tells whether it may not leave any more (P1).
    pub(super) fn has_lapsed(&self, now: Timestamp) -> bool {
        has_lapsed(&self.release, now)
    }
}

/// The release has no content to show, and the future nothing.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").field("release", &self.release).finish_non_exhaustive()
    }
}

/// P1: tells whether the moment is over until which a release may leave.
pub(super) fn has_lapsed(release: &Release, now: Timestamp) -> bool {
    release.outgoing.until().is_some_and(|until| until <= now)
}

/// Waits until a witness has cosigned all that is to leave in one batch, for a while and not beyond its end; then leaves
/// out what nobody has cosigned, and all behind it. Tells whether that is anything.
pub(super) async fn await_witness(
    queued: &mut Vec<Release>,
    mut witnessed: Witnessed,
    ended: &CancellationToken,
) -> bool {
    if let Some(size) = queued.iter().filter_map(demanded).max() {
        let wait = time::timeout(BATCH_WAIT, witnessed.wait_for(|it| size <= *it));
        // Whatever ended the waiting: what is cosigned by now may leave.
        drop(ended.run_until_cancelled(wait).await);
    }
    let cosigned = *witnessed.borrow();
    let may_leave = |it: &&Release| demanded(it).is_none_or(|size| size <= cosigned);
    let count = queued.iter().take_while(may_leave).count();
    let is_held = count < queued.len();
    queued.truncate(count);
    is_held
}
