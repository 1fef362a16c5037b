//! `Retention`: officers have content of their agency's alerts erased, two at a time, or held as evidence.

use tonic::{Request, Response, Status};

use super::{Answer, Broker, convert, status};
use crate::domain::{
    Act, AgencyId, AlertId, Caller, ErasureReason, HoldReason, Reason, Refusal, Seat,
};
use crate::exchange::{Hold, Holding, Order, TARGETS_MAX, Target};
use crate::pb::v1::{self as pb, retention_server::Retention};
use crate::record;

/// Serves `portway.v1.Retention`.
#[derive(Clone, Debug)]
pub struct RetentionService(pub Broker);

#[tonic::async_trait]
impl Retention for RetentionService {
    async fn order_erasure(
        &self,
        request: Request<pb::OrderErasureRequest>,
    ) -> Answer<pb::OrderErasureResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = ordered(&by, &request.into_inner());
        let (agency, reason, alerts) = self.0.checked(&by, Act::OrderErasure, read).await?;
        let mut targets = Vec::with_capacity(alerts.len());
        for alert in alerts {
            targets.push(self.target((&by, &agency), Act::OrderErasure, (alert, "alerts")).await?);
        }
        let order = ledger.order_erasure(by, reason, targets).await.map_err(status::of)?;
        Ok(Response::new(pb::OrderErasureResponse { order }))
    }

    async fn approve_erasure(
        &self,
        request: Request<pb::ApproveErasureRequest>,
    ) -> Answer<pb::ApproveErasureResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let approved = ledger.approve_erasure(by, request.into_inner().order).await;
        let approved = approved.map_err(status::of)?;
        Ok(Response::new(pb::ApproveErasureResponse {
            index: approved.index,
            erased: count(approved.erased),
            held: count(approved.held),
        }))
    }

    async fn withdraw_erasure(
        &self,
        request: Request<pb::WithdrawErasureRequest>,
    ) -> Answer<pb::WithdrawErasureResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let order = request.into_inner().order;
        let index = ledger.withdraw_erasure(by, order).await.map_err(status::of)?;
        Ok(Response::new(pb::WithdrawErasureResponse { index }))
    }

    async fn hold_evidence(
        &self,
        request: Request<pb::HoldEvidenceRequest>,
    ) -> Answer<pb::HoldEvidenceResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = holding(&by, &request.into_inner());
        let (agency, alert, holding) = self.0.checked(&by, Act::HoldEvidence, read).await?;
        let target = self.target((&by, &agency), Act::HoldEvidence, (alert, "alert")).await?;
        let index = ledger.hold_evidence(by, target, holding).await.map_err(status::of)?;
        Ok(Response::new(pb::HoldEvidenceResponse { index }))
    }

    async fn release_hold(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Answer<pb::ReleaseHoldResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = officer(&by)
            .and_then(|agency| Ok((agency, convert::parsed(&request.get_ref().alert, "alert")?)));
        let (agency, alert) = self.0.checked(&by, Act::ReleaseHold, read).await?;
        let target = self.target((&by, &agency), Act::ReleaseHold, (alert, "alert")).await?;
        let released = ledger.release_hold(by, target.sealed.index).await;
        let (index, erased) = released.map_err(status::of)?;
        Ok(Response::new(pb::ReleaseHoldResponse { index, erased }))
    }

    async fn list_erasures(
        &self,
        request: Request<pb::ListErasuresRequest>,
    ) -> Answer<pb::ListErasuresResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let (orders, holds) = ledger.erasures(by).await.map_err(status::of)?;
        let mut holds: Vec<_> = holds.iter().map(hold).collect();
        holds.sort_by_key(|it| it.index);
        let orders = orders.iter().map(order).collect();
        Ok(Response::new(pb::ListErasuresResponse { orders, holds }))
    }
}

impl RetentionService {
    /// Finds an alert that the officer's agency published. One of another agency is as good as none.
    async fn target(
        &self,
        (by, agency): (&Caller, &AgencyId),
        act: Act,
        (alert, at): (AlertId, &'static str),
    ) -> Result<Target, Status> {
        let found = self.0.views.published(agency.clone(), alert).await;
        let found = found.map_err(|error| status::internal(&error))?;
        let target = found.map(|(index, published)| Target::of(index, &published));
        self.0.checked(by, act, target.ok_or(Refusal::at(Reason::NotPublished, at))).await
    }
}

/// Who is no officer learns nothing, not even whether the rest of the request was well formed.
fn officer(by: &Caller) -> Result<AgencyId, Refusal> {
    match &by.seat {
        Seat::Officer { agency, .. } => Ok(agency.clone()),
        Seat::Auditor { .. } | Seat::Operator { .. } | Seat::Service { .. } => {
            Err(Reason::WrongRole.into())
        }
    }
}

fn ordered(
    by: &Caller,
    request: &pb::OrderErasureRequest,
) -> Result<(AgencyId, ErasureReason, Vec<AlertId>), Refusal> {
    let agency = officer(by)?;
    let reason = record::code(request.reason, ErasureReason::from_number, "reason")?;
    if !(1..=TARGETS_MAX).contains(&request.alerts.len()) {
        return Err(Refusal::at(Reason::OutOfBounds, "alerts"));
    }
    let alerts = request.alerts.iter().map(|it| convert::parsed(it, "alerts"));
    Ok((agency, reason, alerts.collect::<Result<_, _>>()?))
}

fn holding(
    by: &Caller,
    request: &pb::HoldEvidenceRequest,
) -> Result<(AgencyId, AlertId, Holding), Refusal> {
    let agency = officer(by)?;
    let alert = convert::parsed(&request.alert, "alert")?;
    let reason = record::code(request.reason, HoldReason::from_number, "reason")?;
    let review_at = record::timestamp_from_pb(request.review_at, "review_at")?;
    Ok((agency, alert, Holding { reason, review_at }))
}

fn order((index, it): &(u64, Order)) -> pb::ErasureOrder {
    pb::ErasureOrder {
        order: *index,
        by: it.by.seat.to_string(),
        reason: it.reason.number().into(),
        published: it.targets.iter().map(|it| it.index).collect(),
        approved: it.approved.is_some(),
    }
}

fn hold((published, it): &(u64, Hold)) -> pb::EvidenceHold {
    pb::EvidenceHold {
        index: it.index,
        published: *published,
        reason: it.reason.number().into(),
        review_at: Some(record::timestamp_to_pb(it.review_at)),
        delete_after: Some(record::timestamp_to_pb(it.delete_after)),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
