//! Serves the operators' calls on the local socket, for the day when no certificate works.

use std::{io, path::Path, sync::Arc};

use tokio_util::sync::CancellationToken;
use tonic::transport::server::Server as Transport;

use crate::grpc::{Broker, OperationsService};
use crate::identity::LocalAcceptor;
use crate::pb::v1::operations_server::OperationsServer;

/// Binds the socket and serves on it until `stop` fires.
///
/// # Errors
///
/// The system's, where the socket cannot be bound.
pub(super) fn serve(path: &Path, broker: &Broker, stop: CancellationToken) -> io::Result<()> {
    let acceptor = LocalAcceptor::bind(path, Arc::clone(&broker.connections))?;
    let incoming = acceptor.accept(&broker.tasks, stop.clone());
    let operations = OperationsServer::new(OperationsService(broker.clone()));
    let shutdown = stop.clone().cancelled_owned();
    broker.tasks.keep("grpc-local", stop, async move {
        let served = Transport::builder().add_service(operations);
        if let Err(error) = served.serve_with_incoming_shutdown(incoming, shutdown).await {
            tracing::error!(%error, "the local socket is not served any more");
        }
    });
    Ok(())
}
