//! Calls of the `Retention` service: erasure by two officers, and evidence holds. What they did stands in the log,
//! where it is verified like any other record.

use tonic::transport::Channel;

use super::{Connection, Error, connection::ANSWER_BYTES_MAX};
use crate::domain::{AlertId, ErasureReason, HoldReason, Timestamp};
use crate::pb::v1::{self as pb, retention_client::RetentionClient};
use crate::record;

impl Connection {
    /// Orders that the content of alerts is erased; returns the order, which another officer has to approve.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] or [`Error::Failed`] with the broker's reason.
    pub async fn order_erasure(
        &self,
        alerts: &[AlertId],
        reason: ErasureReason,
    ) -> Result<u64, Error> {
        let request = pb::OrderErasureRequest {
            alerts: alerts.iter().map(ToString::to_string).collect(),
            reason: reason.number().into(),
        };
        Ok(self.retention().order_erasure(request).await?.into_inner().order)
    }

    /// Approves an order: once this returns, the keys of what it erased are destroyed.
    ///
    /// # Errors
    ///
    /// As [`order_erasure`](Self::order_erasure).
    pub async fn approve_erasure(&self, order: u64) -> Result<pb::ApproveErasureResponse, Error> {
        let request = pb::ApproveErasureRequest { order };
        Ok(self.retention().approve_erasure(request).await?.into_inner())
    }

    /// Withdraws an order; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`order_erasure`](Self::order_erasure).
    pub async fn withdraw_erasure(&self, order: u64) -> Result<u64, Error> {
        let request = pb::WithdrawErasureRequest { order };
        Ok(self.retention().withdraw_erasure(request).await?.into_inner().index)
    }

    /// Holds an alert as evidence; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`order_erasure`](Self::order_erasure).
    pub async fn hold_evidence(
        &self,
        alert: AlertId,
        reason: HoldReason,
        review_at: Timestamp,
    ) -> Result<u64, Error> {
        let request = pb::HoldEvidenceRequest {
            alert: alert.to_string(),
            reason: reason.number().into(),
            review_at: Some(record::timestamp_to_pb(review_at)),
        };
        Ok(self.retention().hold_evidence(request).await?.into_inner().index)
    }

    /// Releases an alert.
    ///
    /// # Errors
    ///
    /// As [`order_erasure`](Self::order_erasure).
    pub async fn release_hold(&self, alert: AlertId) -> Result<pb::ReleaseHoldResponse, Error> {
        let request = pb::ReleaseHoldRequest { alert: alert.to_string() };
        Ok(self.retention().release_hold(request).await?.into_inner())
    }

    /// Lists the own agency's orders that are not done, and its holds.
    ///
    /// # Errors
    ///
    /// As [`order_erasure`](Self::order_erasure).
    pub async fn list_erasures(&self) -> Result<pb::ListErasuresResponse, Error> {
        Ok(self.retention().list_erasures(pb::ListErasuresRequest {}).await?.into_inner())
    }

    fn retention(&self) -> RetentionClient<Channel> {
        RetentionClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}
