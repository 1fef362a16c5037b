//! Calls of the `Rights` service: an officer's acts on an alert, objections, and who was told. What is listed is the
//! broker's word; the records that stand behind it are shown and proven by `Audit`.

use tonic::transport::Channel;

use super::{Connection, Error, connection::ANSWER_BYTES_MAX};
use crate::{
    domain::{
        AgencyId, AlertId, ObjectionGround, ObjectionKind, ObjectionOutcome, QueryPurpose,
        RecallReason, RestrictionReason,
    },
    pb::v1::{self as pb, rights_client::RightsClient},
};

/// How much one page of a list holds.
const PAGE: u32 = 500;

impl Connection {
    /// Restricts an alert of the own agency, and returns the index of the record.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] or [`Error::Failed`] with the broker's reason.
    pub async fn restrict_alert(
        &self,
        alert: AlertId,
        reason: RestrictionReason,
    ) -> Result<u64, Error> {
        let (alert, reason) = (alert.to_string(), reason.number().into());
        let request = pb::RestrictAlertRequest { alert, reason };
        Ok(self.rights().restrict_alert(request).await?.into_inner().index)
    }

    /// Lifts the restriction of an alert of the own agency, and returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`restrict_alert`](Self::restrict_alert).
    pub async fn lift_restriction(&self, alert: AlertId) -> Result<u64, Error> {
        let request = pb::LiftRestrictionRequest { alert: alert.to_string() };
        Ok(self.rights().lift_restriction(request).await?.into_inner().index)
    }

    /// Recalls an alert of the own agency, and returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`restrict_alert`](Self::restrict_alert).
    pub async fn recall_alert(&self, alert: AlertId, reason: RecallReason) -> Result<u64, Error> {
        let (alert, reason) = (alert.to_string(), reason.number().into());
        let request = pb::RecallAlertRequest { alert, reason };
        Ok(self.rights().recall_alert(request).await?.into_inner().index)
    }

    /// Records that the person objects to an alert, of the own agency where no publisher is named; returns the index
    /// of the record.
    ///
    /// # Errors
    ///
    /// As [`restrict_alert`](Self::restrict_alert).
    pub async fn record_objection(
        &self,
        alert: AlertId,
        publisher: Option<&AgencyId>,
        kind: ObjectionKind,
    ) -> Result<u64, Error> {
        let request = pb::RecordObjectionRequest {
            alert: alert.to_string(),
            publisher: publisher.map(ToString::to_string).unwrap_or_default(),
            kind: kind.number().into(),
        };
        Ok(self.rights().record_objection(request).await?.into_inner().index)
    }

    /// Answers an objection, named by the index of its record; returns the index of the answer's.
    ///
    /// # Errors
    ///
    /// As [`restrict_alert`](Self::restrict_alert).
    pub async fn answer_objection(
        &self,
        objection: u64,
        outcome: ObjectionOutcome,
        ground: ObjectionGround,
    ) -> Result<u64, Error> {
        let (outcome, ground) = (outcome.number().into(), ground.number().into());
        let request = pb::AnswerObjectionRequest { objection, outcome, ground };
        Ok(self.rights().answer_objection(request).await?.into_inner().index)
    }

    /// Lists the objections behind an index, a page of them; tells whether more follow.
    ///
    /// # Errors
    ///
    /// As [`restrict_alert`](Self::restrict_alert).
    pub async fn list_objections(
        &self,
        after: u64,
        open_only: bool,
    ) -> Result<(Vec<pb::ObjectionStatus>, bool), Error> {
        let request = pb::ListObjectionsRequest { after, page_size: PAGE, open_only };
        let answer = self.rights().list_objections(request).await?.into_inner();
        Ok((answer.objections, answer.more))
    }

    /// Lists how notices of acts on the own agency's alerts stand, a page of them. The broker records that.
    ///
    /// # Errors
    ///
    /// As [`restrict_alert`](Self::restrict_alert).
    pub async fn list_notices(
        &self,
        purpose: QueryPurpose,
        (alert, outstanding_only): (Option<AlertId>, bool),
        page: String,
    ) -> Result<pb::ListNoticesResponse, Error> {
        let request = pb::ListNoticesRequest {
            purpose: purpose.number().into(),
            alert: alert.map(|it| it.to_string()).unwrap_or_default(),
            outstanding_only,
            page,
            page_size: PAGE,
        };
        Ok(self.rights().list_notices(request).await?.into_inner())
    }

    fn rights(&self) -> RightsClient<Channel> {
        RightsClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}
