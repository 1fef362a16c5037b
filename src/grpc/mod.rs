//! The services: who asks, what for, do it, say it. Handlers only translate; errors become a status in
//! one place; identity is read off the connection and never out of a message.

mod access;
mod admission;
mod agreements;
mod audit;
mod bulk;
mod caller;
mod certificates;
mod complete;
mod convert;
mod exchange;
mod explain;
mod hold;
mod log;
mod notices;
mod operations;
mod question;
mod reloading;
mod renewals;
mod retention;
mod rights;
mod status;
mod subscriptions;

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::domain::{Act, Caller, Clock, Refusal, Timestamp};
use crate::identity::{Certificates, Connections, Generations, Rejections, Trust};
use crate::ledger::Ledger;
use crate::pki::Issuers;
use crate::tasks::Tasks;
use crate::views::Views;
use crate::witness::Witnesses;

pub use admission::{Admission, Admitting, Held, InProgress, Limits};
pub use agreements::AgreementsService;
pub use audit::AuditService;
pub use exchange::ExchangeService;
pub use explain::{explained, inquiry};
pub use hold::hold;
pub use log::LogService;
pub use operations::OperationsService;
pub use reloading::{Asked, Reloading, Taken};
pub use renewals::Renewals;
pub use retention::RetentionService;
pub use rights::RightsService;
pub use subscriptions::SubscriptionsService;

/// What every service has at hand.
#[derive(Clone, Debug)]
pub struct Broker {
    /// The ledger.
    pub ledger: Ledger,
    /// The index of the log, and officers' questions.
    pub views: Views,
    /// The witnesses that cosign it.
    pub witnesses: Witnesses,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The live connections.
    pub connections: Arc<Connections>,
    /// The counters of refused connections.
    pub rejections: Arc<Rejections>,
    /// The certificates that have been in use.
    pub certificates: Arc<Certificates>,
    /// The issuers that renew certificates.
    pub issuers: watch::Receiver<Arc<Issuers>>,
    /// What they have signed, for whoever asks again.
    pub renewals: Arc<Renewals>,
    /// Held while a report is released: whoever comes second finds the first one's record.
    pub releasing: Arc<tokio::sync::Mutex<()>>,
    /// The generation of trust in force.
    pub trust: watch::Receiver<Arc<Trust>>,
    /// How generations went.
    pub generations: Arc<Generations>,
    /// The way to ask for another.
    pub reloading: Reloading,
    /// Tasks of the server.
    pub tasks: Tasks,
    /// Fires when the server stops.
    pub drain: CancellationToken,
    /// When the server started.
    pub started_at: Timestamp,
}

type Answer<T> = Result<tonic::Response<T>, tonic::Status>;

impl Broker {
    /// Passes on what was read from a request; a refusal found on the way is recorded first.
    async fn checked<T>(
        &self,
        by: &Caller,
        act: Act,
        read: Result<T, Refusal>,
    ) -> Result<T, tonic::Status> {
        match read {
            Ok(read) => Ok(read),
            Err(refusal) => Err(status::of(self.ledger.refuse(by.clone(), act, refusal).await)),
        }
    }
}
