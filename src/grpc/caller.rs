//! Who asks: what the acceptor found in the certificate.

use tonic::{Request, Status};

use super::status;
use crate::identity::Peer;

/// Returns the peer of a request.
///
/// # Errors
///
/// UNAUTHENTICATED where the connection did not come through our acceptor.
pub(super) fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    request.extensions().get::<Peer>().cloned().ok_or_else(status::unknown_caller)
}
