//! `Agreements`: the officers' decisions.

use tonic::{Request, Response};

use super::{Answer, Broker, convert, explain, status};
use crate::domain::Act;
use crate::pb::v1::{self as pb, agreements_server::Agreements};

/// Serves `portway.v1.Agreements`.
#[derive(Clone, Debug)]
pub struct AgreementsService(pub Broker);

#[tonic::async_trait]
impl Agreements for AgreementsService {
    async fn propose_agreement(
        &self,
        request: Request<pb::ProposeAgreementRequest>,
    ) -> Answer<pb::ProposeAgreementResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = convert::agreement(request.into_inner().agreement);
        let proposed = self.0.checked(&by, Act::ProposeAgreement, read).await?;
        let standing = ledger.propose(by, proposed).await.map_err(status::of)?;
        let status = Some(convert::agreement_status(&standing));
        Ok(Response::new(pb::ProposeAgreementResponse { status }))
    }

    async fn approve_agreement(
        &self,
        request: Request<pb::ApproveAgreementRequest>,
    ) -> Answer<pb::ApproveAgreementResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let pb::ApproveAgreementRequest { id, version } = request.into_inner();
        let read = convert::parsed(&id, "id");
        let id = self.0.checked(&by, Act::ApproveAgreement, read).await?;
        let standing = ledger.approve(by, id, version).await.map_err(status::of)?;
        let status = Some(convert::agreement_status(&standing));
        Ok(Response::new(pb::ApproveAgreementResponse { status }))
    }

    async fn withdraw_agreement(
        &self,
        request: Request<pb::WithdrawAgreementRequest>,
    ) -> Answer<pb::WithdrawAgreementResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = convert::parsed(&request.into_inner().id, "id");
        let id = self.0.checked(&by, Act::WithdrawAgreement, read).await?;
        let index = ledger.withdraw(by, id).await.map_err(status::of)?;
        Ok(Response::new(pb::WithdrawAgreementResponse { index }))
    }

    async fn list_agreements(
        &self,
        request: Request<pb::ListAgreementsRequest>,
    ) -> Answer<pb::ListAgreementsResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let list = ledger.agreements(by).await.map_err(status::of)?;
        let agreements = list.iter().map(convert::agreement_status).collect();
        Ok(Response::new(pb::ListAgreementsResponse { agreements }))
    }

    async fn show_agreement(
        &self,
        request: Request<pb::ShowAgreementRequest>,
    ) -> Answer<pb::ShowAgreementResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = convert::parsed(&request.into_inner().id, "id");
        let id = self.0.checked(&by, Act::ReadGovernance, read).await?;
        let list = ledger.agreement(by, id).await.map_err(status::of)?;
        let versions = list.iter().map(convert::agreement_status).collect();
        Ok(Response::new(pb::ShowAgreementResponse { versions }))
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Answer<pb::ExplainResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = explain::inquiry(&request.into_inner());
        let inquiry = self.0.checked(&by, Act::ReadGovernance, read).await?;
        let explained = ledger.explain(by, inquiry).await.map_err(status::of)?;
        Ok(Response::new(explain::explained(&explained)))
    }
}
