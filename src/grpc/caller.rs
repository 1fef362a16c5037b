//! Who asks: what the acceptor found in the certificate.

use std::sync::Arc;

use tonic::{Request, Status};

use super::{Broker, status};
use crate::domain::{Bars, Caller, Reason, Refusal, Seat};
use crate::identity::{Connection, Peer};
use crate::ledger::{Ledger, Shut, Way};
use crate::views::Asker;

/// Returns the peer of a request.
///
/// # Errors
///
/// UNAUTHENTICATED where the connection did not come through our acceptor.
pub(super) fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    request.extensions().get::<Peer>().cloned().ok_or_else(status::unknown_caller)
}

/// Returns what a caller may read of the log.
///
/// # Errors
///
/// `WRONG_ROLE` for one who is neither an officer nor an auditor.
pub(super) fn asker(by: &Caller) -> Result<Asker, Refusal> {
    match &by.seat {
        Seat::Auditor { .. } => Ok(Asker::Auditor),
        Seat::Officer { agency, .. } => Ok(Asker::Agency(agency.clone())),
        Seat::Operator { .. } | Seat::Service { .. } => Err(Reason::WrongRole.into()),
    }
}

impl Broker {
    /// Returns who asks, and the ledger as it is spoken to over their connection: what they ask for is not done
    /// once that is shut.
    ///
    /// # Errors
    ///
    /// As [`peer`].
    pub(super) fn asked<T>(&self, request: &Request<T>) -> Result<(Caller, Ledger), Status> {
        let peer = peer(request)?;
        let ledger = self.ledger_over(&peer);
        Ok((peer.caller, ledger))
    }

    /// Returns the ledger as it is spoken to over the peer's connection.
    pub(super) fn ledger_over(&self, peer: &Peer) -> Ledger {
        self.ledger.over(Arc::<Connection>::clone(&peer.connection))
    }
}

impl Way for Connection {
    fn shut(&self, bars: &Bars) -> Option<Shut> {
        self.bar(bars).map(Shut::Barred).or_else(|| self.is_expelled().then_some(Shut::Cut))
    }
}
