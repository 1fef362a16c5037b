//! Calls about certificates: the next one of one's own, and those that are in use. What the broker issues is held
//! against the key by whoever asked for it.

use super::{Connection, Error};
use crate::pb::v1::{self as pb, operations_client::OperationsClient};

impl Connection {
    /// Asks for the next certificate of this identity, for the key of a request in PEM form.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, `NO_ISSUER` where it signs for nobody of this agency.
    pub async fn renew_certificate(
        &self,
        request: String,
    ) -> Result<pb::RenewCertificateResponse, Error> {
        let mut operations = OperationsClient::new(self.channel());
        let request = pb::RenewCertificateRequest { request };
        Ok(operations.renew_certificate(request).await?.into_inner())
    }

    /// Lists the certificates in use, and those that the broker issued.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for an agency's service.
    pub async fn certificates(&self) -> Result<Vec<pb::CertificateStatus>, Error> {
        let operations = OperationsClient::new(self.channel());
        let mut operations =
            operations.max_decoding_message_size(super::connection::ANSWER_BYTES_MAX);
        let answer = operations.list_certificates(pb::ListCertificatesRequest {}).await?;
        Ok(answer.into_inner().certificates)
    }
}
