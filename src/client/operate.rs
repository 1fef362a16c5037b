//! Calls of an operator, over a connection of its own or over the broker's local socket. What comes back is the
//! broker's word: an operator sees no records, and verifies none.

use std::path::Path;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use super::{Connection, Error};
use crate::pb::v1::{self as pb, operations_client::OperationsClient};

/// An operator.
#[derive(Clone, Debug)]
pub struct Operator(Channel);

impl Operator {
    /// Operates over a connection.
    pub fn over(connection: &Connection) -> Self {
        Self(connection.channel())
    }

    /// Operates over the local socket of a broker.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] where nobody listens there, or not to this user.
    pub async fn local(socket: &Path) -> Result<Self, Error> {
        let path = socket.to_owned();
        let connector = service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        Ok(Self(endpoint.connect_with_connector(connector).await?))
    }

    /// Has certificates, CAs, CRLs, agency table and rules read anew.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] or [`Error::Failed`] with the broker's reason.
    pub async fn reload(&self) -> Result<pb::ReloadResponse, Error> {
        Ok(self.operations().reload(pb::ReloadRequest {}).await?.into_inner())
    }

    /// Revokes a certificate, by its SHA-256; returns the index of the record and how many connections were cut.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn revoke_certificate(&self, certificate: [u8; 32]) -> Result<(u64, u64), Error> {
        let request = pb::RevokeCertificateRequest { certificate: certificate.to_vec().into() };
        let answer = self.operations().revoke_certificate(request).await?.into_inner();
        Ok((answer.index, answer.connections_cut))
    }

    /// Revokes a CA, by the SHA-256 of its public key.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn revoke_authority(&self, key: [u8; 32]) -> Result<(u64, u64), Error> {
        let request = pb::RevokeAuthorityRequest { key: key.to_vec().into() };
        let answer = self.operations().revoke_authority(request).await?.into_inner();
        Ok((answer.index, answer.connections_cut))
    }

    /// Revokes an agency.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn revoke_agency(&self, agency: &str) -> Result<(u64, u64), Error> {
        let request = pb::RevokeAgencyRequest { agency: agency.to_owned() };
        let answer = self.operations().revoke_agency(request).await?.into_inner();
        Ok((answer.index, answer.connections_cut))
    }

    /// Suspends an agency.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn suspend_agency(&self, agency: &str) -> Result<(u64, u64), Error> {
        let request = pb::SuspendAgencyRequest { agency: agency.to_owned() };
        let answer = self.operations().suspend_agency(request).await?.into_inner();
        Ok((answer.index, answer.connections_cut))
    }

    /// Lets a suspended agency take part again; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn reinstate_agency(&self, agency: &str) -> Result<u64, Error> {
        let request = pb::ReinstateAgencyRequest { agency: agency.to_owned() };
        Ok(self.operations().reinstate_agency(request).await?.into_inner().index)
    }

    /// Says that the clock is right, where erasure by term waits for that; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload).
    pub async fn confirm_clock(&self) -> Result<u64, Error> {
        Ok(self.operations().confirm_clock(pb::ConfirmClockRequest {}).await?.into_inner().index)
    }

    fn operations(&self) -> OperationsClient<Channel> {
        OperationsClient::new(self.0.clone())
    }
}
