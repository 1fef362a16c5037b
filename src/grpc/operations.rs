//! `Operations`: how the broker stands.

use std::collections::HashMap;

use tonic::{Request, Response};

use super::{Answer, Broker, caller, certificates, convert, status};
use crate::domain::{Act, Seat};
use crate::identity::Rejection;
use crate::pb::v1::{self as pb, operations_server::Operations};
use crate::pki::Renewed;
use crate::record::{self, CertificateIssued};

/// Serves `portway.v1.Operations`.
#[derive(Clone, Debug)]
pub struct OperationsService(pub Broker);

#[tonic::async_trait]
impl Operations for OperationsService {
    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Answer<pb::GetStatusResponse> {
        let by = caller::peer(&request)?.caller;
        let ledger = &self.0.ledger;
        let origin = ledger.origin().to_owned();
        let for_anybody = pb::GetStatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            caller: convert::spiffe(&origin, &by),
            origin,
            checkpoint: ledger.newest().checkpoint.clone(),
            started_at: Some(record::timestamp_to_pb(self.0.started_at)),
            ..pb::GetStatusResponse::default()
        };
        if !matches!(by.seat, Seat::Operator { .. }) {
            return Ok(Response::new(for_anybody));
        }
        let standing = ledger.standing(&by).await.map_err(status::of)?;
        Ok(Response::new(pb::GetStatusResponse {
            connections: u64::try_from(self.0.connections.count()).unwrap_or(u64::MAX),
            streams: standing.streams,
            handshakes_refused: self.refused(),
            agreements_in_force: standing.agreements_in_force,
            subscriptions: standing.subscriptions,
            live_alerts: standing.live_alerts,
            ..for_anybody
        }))
    }

    async fn rotate_log_key(
        &self,
        request: Request<pb::RotateLogKeyRequest>,
    ) -> Answer<pb::RotateLogKeyResponse> {
        let by = caller::peer(&request)?.caller;
        let (index, commit) = self.0.ledger.rotate_key(by).await.map_err(status::of)?;
        let checkpoint = commit.checkpoint.clone();
        Ok(Response::new(pb::RotateLogKeyResponse { index, checkpoint }))
    }

    async fn renew_certificate(
        &self,
        request: Request<pb::RenewCertificateRequest>,
    ) -> Answer<pb::RenewCertificateResponse> {
        let by = caller::peer(&request)?.caller;
        let broker = &self.0;
        let asked = request.into_inner().request;
        let signed = broker.issuers.renew(&by.seat, &asked, broker.clock.now());
        let renewed = broker.checked(&by, Act::RenewCertificate, signed).await?;
        let Renewed { pem, certificate, not_after } = renewed;
        let issued = CertificateIssued { by, certificate, not_after };
        let index = broker.ledger.record_certificate(issued).await.map_err(status::of)?;
        Ok(Response::new(pb::RenewCertificateResponse {
            certificate: pem,
            not_after: Some(record::timestamp_to_pb(not_after)),
            index,
        }))
    }

    async fn list_certificates(
        &self,
        request: Request<pb::ListCertificatesRequest>,
    ) -> Answer<pb::ListCertificatesResponse> {
        let by = caller::peer(&request)?.caller;
        let read = certificates::readable(&by.seat);
        self.0.checked(&by, Act::ReadCertificates, read).await?;
        let issued = self.0.ledger.certificates(&by).await.map_err(status::of)?;
        let certificates = certificates::list(&by.seat, self.0.certificates.list(), issued);
        Ok(Response::new(pb::ListCertificatesResponse { certificates }))
    }
}

impl OperationsService {
    fn refused(&self) -> HashMap<String, u64> {
        let counted = Rejection::ALL
            .into_iter()
            .map(|reason| (reason.to_string(), self.0.rejections.count(reason)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}
