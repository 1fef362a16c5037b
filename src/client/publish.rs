//! Publishing: sends one alert until the broker has answered, and verifies the receipt.

use uuid::Uuid;

use super::{
    Asked, Backoff, Connection, Error, Retry, connection::ANSWER_BYTES_MAX, fault::Fault,
    verify_receipt,
};
use crate::{
    pb::v1::{self as pb, exchange_client::ExchangeClient},
    record,
};

/// How often one alert is sent at most.
pub(super) const TRIES: u32 = 6;

impl Connection {
    /// Publishes one alert and returns its verified receipt. `request_id` is a `UUIDv7`, the same at every
    /// attempt to publish the same alert; without one it is made here. Where the broker cannot be reached
    /// the same request is sent again, six times in all.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Unreachable`] after the last try,
    /// [`Error::Verification`] where the receipt does not prove the publication.
    pub async fn publish(
        &self,
        draft: pb::AlertDraft,
        request_id: Option<Uuid>,
    ) -> Result<pb::Receipt, Error> {
        let request_id = request_id.unwrap_or_else(Uuid::now_v7);
        // In canonical order, so that both sides commit to the same bytes. What cannot be read here is
        // sent as it is: the refusal is the broker's to make, and to record.
        let read = record::draft_from_pb(&draft).ok();
        let alert = read.as_ref().map_or(draft, record::draft_to_pb);
        let mut backoff = Backoff::new(TRIES);
        loop {
            let known = self.known();
            let request = pb::PublishRequest {
                request_id: request_id.to_string(),
                alert: Some(alert.clone()),
                known_size: known.as_ref().map_or(0, |seen| seen.size()),
            };
            let receipt = match self.send(request).await {
                Ok(receipt) => receipt,
                Err(error) => match error.retry() {
                    Retry::Later(wish) if backoff.wait(wish).await => continue,
                    Retry::Later(_) | Retry::Never => return Err(error),
                },
            };
            let note = &receipt.checkpoint;
            let seen = self.settle(known.as_deref(), note, Some(&receipt.consistency)).await?;
            let (Some(draft), Some(agency)) = (&read, self.identity().agency()) else {
                return Err(Fault::Protocol("a refusal of what is no alert").into());
            };
            verify_receipt(&receipt, &Asked { request_id, draft, agency }, &seen.checkpoint)?;
            return Ok(receipt);
        }
    }

    async fn send(&self, request: pb::PublishRequest) -> Result<pb::Receipt, Error> {
        let mut exchange =
            ExchangeClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let answer = exchange.publish(request).await?.into_inner();
        answer.receipt.ok_or_else(|| Fault::Protocol("a receipt").into())
    }
}
