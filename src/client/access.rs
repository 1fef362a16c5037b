//! A person's request for access and its answer, and what a breach touches. Counts and lists are the broker's word;
//! the records behind them are verified where they are shown.

use super::{Connection, Error, fault::Fault};
use crate::{domain::Timestamp, pb::v1 as pb, record};

impl Connection {
    /// Asks what a breach touches.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where the checkpoint does not extend what
    /// is remembered.
    pub async fn assess_breach(
        &self,
        request: pb::AssessBreachRequest,
    ) -> Result<pb::AssessBreachResponse, Error> {
        let known = self.known();
        let answer = self.audit().assess_breach(request).await?.into_inner();
        self.settle(known.as_deref(), &answer.checkpoint, None).await?;
        Ok(answer)
    }

    /// Opens a person's request that was received then.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn open_access(&self, received_at: Timestamp) -> Result<pb::AccessStatus, Error> {
        let received_at = Some(record::timestamp_to_pb(received_at));
        let answer = self.audit().open_access(pb::OpenAccessRequest { received_at }).await?;
        answer.into_inner().status.ok_or(Fault::Protocol("the request").into())
    }

    /// Records that a report is released.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn release_report(
        &self,
        request: pb::ReleaseReportRequest,
    ) -> Result<pb::ReleaseReportResponse, Error> {
        Ok(self.audit().release_report(request).await?.into_inner())
    }

    /// Lists the own agency's requests, and what was released for each.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn list_access(&self) -> Result<Vec<pb::AccessStatus>, Error> {
        Ok(self.audit().list_access(pb::ListAccessRequest {}).await?.into_inner().requests)
    }
}
