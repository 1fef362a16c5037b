//! `Subscriptions`: an agency's own.

use tonic::{Request, Response};

use super::{Answer, Broker, caller, convert, status};
use crate::domain::Act;
use crate::pb::v1::{self as pb, subscriptions_server::Subscriptions};

/// Serves `portway.v1.Subscriptions`.
#[derive(Clone, Debug)]
pub struct SubscriptionsService(pub Broker);

#[tonic::async_trait]
impl Subscriptions for SubscriptionsService {
    async fn create_subscription(
        &self,
        request: Request<pb::CreateSubscriptionRequest>,
    ) -> Answer<pb::CreateSubscriptionResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = convert::subscription(request.into_inner().subscription);
        let subscription = self.0.checked(&by, Act::CreateSubscription, read).await?;
        let standing = ledger.create_subscription(by, subscription).await.map_err(status::of)?;
        let status = Some(convert::subscription_status(standing));
        Ok(Response::new(pb::CreateSubscriptionResponse { status }))
    }

    async fn delete_subscription(
        &self,
        request: Request<pb::DeleteSubscriptionRequest>,
    ) -> Answer<pb::DeleteSubscriptionResponse> {
        let peer = caller::peer(&request)?;
        let read = convert::parsed(&request.into_inner().name, "name");
        let name = self.0.checked(&peer.caller, Act::DeleteSubscription, read).await?;
        let connection = peer.connection.number();
        let ledger = self.0.ledger_over(&peer);
        let deleted = ledger.delete_subscription(peer.caller, connection, name).await;
        let index = deleted.map_err(status::of)?;
        Ok(Response::new(pb::DeleteSubscriptionResponse { index }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<pb::ListSubscriptionsRequest>,
    ) -> Answer<pb::ListSubscriptionsResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let list = ledger.subscriptions(by).await.map_err(status::of)?;
        let subscriptions = list.into_iter().map(convert::subscription_status).collect();
        Ok(Response::new(pb::ListSubscriptionsResponse { subscriptions }))
    }
}
