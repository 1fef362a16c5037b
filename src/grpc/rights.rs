//! `Rights`: what a person may demand of an alert, as officers act on it, and who was told.

use std::time::Duration;

use tonic::{Request, Response, Status};

use super::{Answer, Broker, convert, status};
use crate::domain::{
    Act, AgencyId, AlertId, AlertNotice, AlertRef, Caller, Draft, ObjectionGround, ObjectionKind,
    ObjectionOutcome, QueryPurpose, Reason, RecallReason, Refusal, RestrictionReason, Seat,
    Timestamp,
};
use crate::exchange::{NoticeFilter, NoticeStanding, ObjectionFilter, ObjectionStanding};
use crate::ledger::{AlertAct, NoticePage};
use crate::pb::v1::{self as pb, rights_server::Rights};
use crate::record;

/// The most that a page may hold.
const PAGE_MAX: u32 = 1000;
/// How long an act waits for its recipients to be found before it is answered all the same.
const FOUND_WITHIN: Duration = Duration::from_secs(5);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Serves `portway.v1.Rights`.
#[derive(Clone, Debug)]
pub struct RightsService {
    /// What every service has at hand.
    pub broker: Broker,
    /// After how many days a notice that is not acknowledged is overdue.
    pub due_days: u64,
}

#[tonic::async_trait]
impl Rights for RightsService {
    async fn restrict_alert(
        &self,
        request: Request<pb::RestrictAlertRequest>,
    ) -> Answer<pb::RestrictAlertResponse> {
        let pb::RestrictAlertRequest { alert, reason } = request.get_ref();
        let reason = record::code(*reason, RestrictionReason::from_number, "reason");
        let read = id(alert).and_then(|id| Ok((id, AlertAct::Restrict(reason?))));
        let index = self.act(&request, Act::RestrictAlert, read).await?;
        Ok(Response::new(pb::RestrictAlertResponse { index }))
    }

    async fn lift_restriction(
        &self,
        request: Request<pb::LiftRestrictionRequest>,
    ) -> Answer<pb::LiftRestrictionResponse> {
        let read = id(&request.get_ref().alert).map(|id| (id, AlertAct::Lift));
        let index = self.act(&request, Act::LiftRestriction, read).await?;
        Ok(Response::new(pb::LiftRestrictionResponse { index }))
    }

    async fn recall_alert(
        &self,
        request: Request<pb::RecallAlertRequest>,
    ) -> Answer<pb::RecallAlertResponse> {
        let pb::RecallAlertRequest { alert, reason } = request.get_ref();
        let reason = record::code(*reason, RecallReason::from_number, "reason");
        let read = id(alert).and_then(|id| Ok((id, AlertAct::Recall(reason?))));
        let index = self.act(&request, Act::RecallAlert, read).await?;
        Ok(Response::new(pb::RecallAlertResponse { index }))
    }

    async fn record_objection(
        &self,
        request: Request<pb::RecordObjectionRequest>,
    ) -> Answer<pb::RecordObjectionResponse> {
        let (by, ledger) = self.broker.asked(&request)?;
        let read = objection(request.get_ref(), &by);
        let (publisher, id, kind) = self.broker.checked(&by, Act::RecordObjection, read).await?;
        let alert = self.known_alert(&by, publisher, id).await?;
        let index = ledger.object(by, alert, kind).await.map_err(status::of)?;
        Ok(Response::new(pb::RecordObjectionResponse { index }))
    }

    async fn answer_objection(
        &self,
        request: Request<pb::AnswerObjectionRequest>,
    ) -> Answer<pb::AnswerObjectionResponse> {
        let (by, ledger) = self.broker.asked(&request)?;
        let pb::AnswerObjectionRequest { objection, outcome, ground } = *request.get_ref();
        let outcome = record::code(outcome, ObjectionOutcome::from_number, "outcome");
        let ground = record::code(ground, ObjectionGround::from_number, "ground");
        let read = outcome.and_then(|outcome| Ok((outcome, ground?)));
        let found = self.broker.checked(&by, Act::AnswerObjection, read).await?;
        let index = ledger.answer_objection(by, objection, found).await.map_err(status::of)?;
        Ok(Response::new(pb::AnswerObjectionResponse { index }))
    }

    async fn list_objections(
        &self,
        request: Request<pb::ListObjectionsRequest>,
    ) -> Answer<pb::ListObjectionsResponse> {
        let (by, ledger) = self.broker.asked(&request)?;
        let pb::ListObjectionsRequest { after, page_size, open_only } = *request.get_ref();
        let read = limit(page_size).map(|limit| ObjectionFilter { after, open_only, limit });
        let filter = self.broker.checked(&by, Act::ReadRights, read).await?;
        let (list, more) = ledger.objections(by, filter).await.map_err(status::of)?;
        let objections = list.iter().map(objection_status).collect();
        Ok(Response::new(pb::ListObjectionsResponse { objections, more }))
    }

    async fn list_notices(
        &self,
        request: Request<pb::ListNoticesRequest>,
    ) -> Answer<pb::ListNoticesResponse> {
        let (by, ledger) = self.broker.asked(&request)?;
        let read = notices(request.get_ref());
        let (purpose, filter) = self.broker.checked(&by, Act::ReadRights, read).await?;
        let page = ledger.notices(by, purpose, filter).await.map_err(status::of)?;
        Ok(Response::new(self.page(&page)))
    }
}

impl RightsService {
    /// Does an act of an officer on an alert of the own agency, and sees to it that its recipients are told.
    async fn act<T>(
        &self,
        request: &Request<T>,
        act: Act,
        read: Result<(AlertId, AlertAct), Refusal>,
    ) -> Result<u64, Status> {
        let (by, ledger) = self.broker.asked(request)?;
        let (id, what) = self.broker.checked(&by, act, read).await?;
        // Only officers act; of whoever else asks, the ledger records the refusal, and nothing is looked up.
        let alert = match &by.seat {
            Seat::Officer { agency, .. } => self.broker.published(agency.clone(), id).await?,
            Seat::Auditor { .. } | Seat::Operator { .. } | Seat::Service { .. } => None,
        };
        let index = ledger.act_on(by, alert, what).await.map_err(status::of)?;
        // The act stands; whoever asks next who was told should find them.
        let mut owed = ledger.owed();
        let is_done = owed.wait_for(|owed| owed.iter().all(|(cause, _)| *cause != index));
        if tokio::time::timeout(FOUND_WITHIN, is_done).await.is_err() {
            tracing::warn!(index, "the recipients of an alert are still being looked for");
        }
        Ok(index)
    }

    /// Finds an alert that the officer's agency published or received. Of others it is not said that they exist.
    async fn known_alert(
        &self,
        by: &Caller,
        publisher: AgencyId,
        id: AlertId,
    ) -> Result<Option<AlertRef>, Status> {
        let Seat::Officer { agency, .. } = &by.seat else { return Ok(None) };
        let Some(alert) = self.broker.published(publisher, id).await? else { return Ok(None) };
        if alert.publisher == *agency {
            return Ok(Some(alert));
        }
        let recipients = self.broker.views.recipients(alert.published).await;
        let (_, recipients) = recipients.map_err(|error| status::internal(&error))?;
        Ok(recipients.contains(agency).then_some(alert))
    }

    fn page(&self, page: &NoticePage) -> pb::ListNoticesResponse {
        let next = page.notices.last().filter(|_| page.more);
        let next_page = next.map(|it| format!("{}/{}", it.due, it.recipient)).unwrap_or_default();
        let notices = page.notices.iter();
        pb::ListNoticesResponse {
            notices: notices.map(|it| self.notice_status(it, page.at)).collect(),
            next_page,
            pending_acts: u32::try_from(page.pending).unwrap_or(u32::MAX),
        }
    }

    fn notice_status(&self, it: &NoticeStanding, now: Timestamp) -> pb::NoticeStatus {
        let time = |at: Option<Timestamp>| at.map(record::timestamp_to_pb);
        let state = match (it.acknowledged_at, it.is_barred, it.sent_at) {
            (Some(_), _, _) => pb::NoticeState::Acknowledged,
            (None, true, _) => pb::NoticeState::Unreachable,
            (None, false, Some(_)) => pb::NoticeState::Sent,
            (None, false, None) => pb::NoticeState::Waiting,
        };
        let is_open = it.acknowledged_at.is_none();
        let rectified_by =
            if let AlertNotice::Rectified(by) = it.notice { by.to_string() } else { String::new() };
        pb::NoticeStatus {
            due: it.due,
            alert: it.alert.id.to_string(),
            kind: it.notice.kind().number().into(),
            recipient: it.recipient.to_string(),
            state: state.into(),
            due_at: time(Some(it.due_at)),
            sent_at: time(it.sent_at),
            acknowledged_at: time(it.acknowledged_at),
            overdue_days: if is_open { overdue_days(it.due_at, self.due_days, now) } else { 0 },
            rectified_by,
        }
    }
}

impl Broker {
    /// Finds the alert that a draft rectifies, among those of the caller's own agency.
    pub(super) async fn rectified(
        &self,
        by: &Caller,
        draft: &Draft,
    ) -> Result<Option<AlertRef>, Status> {
        match (draft.rectifies, &by.seat) {
            (Some(id), Seat::Service { agency, .. }) => self.published(agency.clone(), id).await,
            (Some(_) | None, _) => Ok(None),
        }
    }

    /// Finds an alert of an agency, however long ago it was published.
    pub(super) async fn published(
        &self,
        publisher: AgencyId,
        id: AlertId,
    ) -> Result<Option<AlertRef>, Status> {
        let found = self.views.published(publisher, id).await;
        let found = found.map_err(|error| status::internal(&error))?;
        Ok(found.map(|(published, it)| AlertRef {
            published,
            id: it.facts.id,
            publisher: it.facts.publisher,
            delete_after: it.facts.delete_after,
        }))
    }
}

/// Returns for how many days a notice has been overdue, begun ones too.
fn overdue_days(due_at: Timestamp, due_days: u64, now: Timestamp) -> u32 {
    let late = now.since(due_at.plus_days(due_days)).as_millis();
    u32::try_from(late.div_ceil(u128::from(DAY_MS))).unwrap_or(u32::MAX)
}

fn id(text: &str) -> Result<AlertId, Refusal> {
    convert::parsed(text, "alert")
}

fn limit(page_size: u32) -> Result<usize, Refusal> {
    let bounded = Some(page_size).filter(|it| (1..=PAGE_MAX).contains(it));
    let limit = bounded.ok_or(Refusal::at(Reason::OutOfBounds, "page_size"))?;
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

fn objection(
    request: &pb::RecordObjectionRequest,
    by: &Caller,
) -> Result<(AgencyId, AlertId, ObjectionKind), Refusal> {
    let publisher = if request.publisher.is_empty() {
        by.member()?.clone()
    } else {
        convert::parsed(&request.publisher, "publisher")?
    };
    let kind = record::code(request.kind, ObjectionKind::from_number, "kind")?;
    Ok((publisher, id(&request.alert)?, kind))
}

fn notices(request: &pb::ListNoticesRequest) -> Result<(QueryPurpose, NoticeFilter), Refusal> {
    let purpose = convert::query_purpose(request.purpose)?;
    let alert = if request.alert.is_empty() { None } else { Some(id(&request.alert)?) };
    let after = if request.page.is_empty() { None } else { Some(place(&request.page)?) };
    let (outstanding_only, limit) = (request.outstanding_only, limit(request.page_size)?);
    Ok((purpose, NoticeFilter { alert, outstanding_only, after, limit }))
}

/// Reads where to go on: the index of a record and a recipient.
fn place(page: &str) -> Result<(u64, AgencyId), Refusal> {
    let malformed = Refusal::at(Reason::Malformed, "page");
    let (due, recipient) = page.split_once('/').ok_or(malformed)?;
    let due = due.parse().map_err(|_| malformed)?;
    Ok((due, recipient.parse().map_err(|_| malformed)?))
}

fn objection_status(it: &ObjectionStanding) -> pb::ObjectionStatus {
    let answered = it.answer;
    pb::ObjectionStatus {
        index: it.index,
        alert: it.alert.id.to_string(),
        publisher: it.alert.publisher.to_string(),
        recorded_by: it.recorded_by.to_string(),
        kind: it.kind.number().into(),
        recorded_at: Some(record::timestamp_to_pb(it.recorded_at)),
        outcome: answered.map(|(outcome, _, _, _)| outcome.number().into()),
        ground: answered.map(|(_, ground, _, _)| ground.number().into()),
        answered_at: answered.map(|(_, _, at, _)| record::timestamp_to_pb(at)),
        answer: answered.map(|(_, _, _, index)| index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_overdue_once_its_days_are_over_and_begun_days_count() {
        let due_at = Timestamp::parse("2026-06-01T09:00:00Z").expect("a time");
        for (days, millis, overdue) in [(0, 0, 0), (2, 0, 0), (2, 1, 1), (3, 0, 1), (3, 1, 2)] {
            let now = due_at.plus_days(days).after(Duration::from_millis(millis));
            assert_eq!(overdue_days(due_at, 2, now), overdue, "{days} days and {millis} ms");
        }
    }
}
