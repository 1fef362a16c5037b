//! Calls of the `Agreements` and `Subscriptions` services. A version is only ever shown together with the
//! text that hashes to it: an officer approves what was read.

use prost::Message;
use tonic::transport::Channel;

use super::{Connection, Error, connection::ANSWER_BYTES_MAX, fault::Fault};
use crate::{
    pb::v1::{
        self as pb, agreements_client::AgreementsClient, subscriptions_client::SubscriptionsClient,
    },
    record,
};

impl Connection {
    /// Proposes an agreement, or a new version of one.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn propose_agreement(
        &self,
        agreement: pb::Agreement,
    ) -> Result<pb::AgreementStatus, Error> {
        let request = pb::ProposeAgreementRequest { agreement: Some(agreement) };
        let answer = self.agreements().propose_agreement(request).await?.into_inner();
        checked(answer.status)
    }

    /// Approves one version of an agreement, 64 hex digits, for the own agency.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn approve_agreement(
        &self,
        id: &str,
        version: &str,
    ) -> Result<pb::AgreementStatus, Error> {
        let request =
            pb::ApproveAgreementRequest { id: id.to_owned(), version: version.to_owned() };
        let answer = self.agreements().approve_agreement(request).await?.into_inner();
        checked(answer.status).and_then(|status| {
            if status.version == version { Ok(status) } else { Err(Fault::AgreementVersion.into()) }
        })
    }

    /// Withdraws an agreement at once, and returns the index of the record.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn withdraw_agreement(&self, id: &str) -> Result<u64, Error> {
        let request = pb::WithdrawAgreementRequest { id: id.to_owned() };
        Ok(self.agreements().withdraw_agreement(request).await?.into_inner().index)
    }

    /// Lists the agreements to which the own agency is a party.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where a text does not hash to its version.
    pub async fn list_agreements(&self) -> Result<Vec<pb::AgreementStatus>, Error> {
        let request = pb::ListAgreementsRequest {};
        let answer = self.agreements().list_agreements(request).await?.into_inner();
        answer.agreements.into_iter().map(|status| checked(Some(status))).collect()
    }

    /// Shows the versions of one agreement, in order of their records.
    ///
    /// # Errors
    ///
    /// [`Error::Verification`] where a text does not hash to its version.
    pub async fn show_agreement(&self, id: &str) -> Result<Vec<pb::AgreementStatus>, Error> {
        let request = pb::ShowAgreementRequest { id: id.to_owned() };
        let answer = self.agreements().show_agreement(request).await?.into_inner();
        answer.versions.into_iter().map(|status| checked(Some(status))).collect()
    }

    /// Explains what an agreement would permit.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, where the question is refused; an alert that would be
    /// refused is an answer.
    pub async fn explain(&self, request: pb::ExplainRequest) -> Result<pb::ExplainResponse, Error> {
        Ok(self.agreements().explain(request).await?.into_inner())
    }

    /// Creates a subscription. The same one again is answered as the first time.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn create_subscription(
        &self,
        subscription: pb::Subscription,
    ) -> Result<pb::SubscriptionStatus, Error> {
        let request = pb::CreateSubscriptionRequest { subscription: Some(subscription) };
        let answer = self.subscriptions().create_subscription(request).await?.into_inner();
        answer.status.ok_or_else(|| Fault::Protocol("the subscription").into())
    }

    /// Deletes a subscription, and returns the index of the record.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] or [`Error::Failed`] with the broker's reason.
    pub async fn delete_subscription(&self, name: &str) -> Result<u64, Error> {
        let request = pb::DeleteSubscriptionRequest { name: name.to_owned() };
        Ok(self.subscriptions().delete_subscription(request).await?.into_inner().index)
    }

    /// Lists the own agency's subscriptions, in order of name.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason.
    pub async fn list_subscriptions(&self) -> Result<Vec<pb::SubscriptionStatus>, Error> {
        let request = pb::ListSubscriptionsRequest {};
        Ok(self.subscriptions().list_subscriptions(request).await?.into_inner().subscriptions)
    }

    fn agreements(&self) -> AgreementsClient<Channel> {
        AgreementsClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn subscriptions(&self) -> SubscriptionsClient<Channel> {
        SubscriptionsClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Verifies that the version is the hash of the text that came with it.
fn checked(status: Option<pb::AgreementStatus>) -> Result<pb::AgreementStatus, Error> {
    let status = status.ok_or(Fault::Protocol("the agreement's status"))?;
    let agreement = status.agreement.as_ref().ok_or(Fault::Protocol("the agreement"))?;
    if record::agreement_version(&agreement.encode_to_vec()) == status.version {
        Ok(status)
    } else {
        Err(Fault::AgreementVersion.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_not_the_texts_hash_is_a_fault() {
        let agreement = pb::Agreement { title: "as read".to_owned(), ..pb::Agreement::default() };
        let version = record::agreement_version(&agreement.encode_to_vec());
        let mut status =
            pb::AgreementStatus { agreement: Some(agreement), version, ..Default::default() };
        assert!(checked(Some(status.clone())).is_ok());

        status.agreement.as_mut().unwrap().title = "as meant".to_owned();

        let error = checked(Some(status)).expect_err("another text");
        assert!(matches!(error, Error::Verification { fault: Fault::AgreementVersion, .. }));
    }
}
