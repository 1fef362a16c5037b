//! May this alert come in? What the publisher's side of the agreement allows, before anybody receives it.

use std::{sync::Arc, time::Duration};

use super::cedar::Rules;
use super::passage::Content;
use super::question::{Act, Alert, Question, Times, Way, Word};
use crate::domain::{
    AgencyId, Agreement, AgreementId, Draft, Flow, Purpose, Reason, Refusal, SubjectCategory,
    Timestamp, alert::EXPIRY_DAYS_MAX,
};

/// That an alert may come in: the flows that apply to it, and when it is deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admitted {
    flows: Arc<[u32]>,
    delete_after: Timestamp,
}

impl Admitted {
    /// Returns the positions in the agreement of the flows that apply.
    pub fn flows(&self) -> &[u32] {
        &self.flows
    }

    /// Returns when the alert is deleted, at the broker and by every recipient.
    pub const fn delete_after(&self) -> Timestamp {
        self.delete_after
    }

    /// Admits a draft that the rules let in by these flows.
    pub(super) fn by(
        flows: Arc<[u32]>,
        agreement: &Agreement,
        draft: &Draft,
        now: Timestamp,
    ) -> Self {
        let days = u64::from(agreement.days_kept(draft.kind));
        let of_child = draft.categories.contains(&SubjectCategory::Child);
        let days = if of_child { days.min(CHILD_DAYS_MAX) } else { days };
        Self { flows, delete_after: now.plus_days(days) }
    }
}

/// How far the publisher's clock may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_secs(5);
/// How long a child's alert is kept, at most.
const CHILD_DAYS_MAX: u64 = 90;

/// An alert that asks to come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    pub(super) agreement: &'a AgreementId,
    pub(super) purpose: Purpose,
    pub(super) content: Content<'a>,
    pub(super) times: Times,
    pub(super) ended: bool,
    /// Whether it says on whose behalf it is published.
    pub(super) on_behalf: bool,
}

impl<'a> Arrival<'a> {
    /// Takes of a draft what the rules look at.
    pub(super) fn of(draft: &'a Draft, now: Timestamp) -> Self {
        let stale_after = Duration::from_secs(draft.kind.stale_after_hours() * 3600);
        Self {
            agreement: &draft.agreement,
            purpose: draft.purpose,
            content: Content {
                kind: draft.kind,
                categories: &draft.categories,
                fields: draft.fields(),
            },
            times: Times {
                word: if draft.as_of > now.after(CLOCK_SKEW) {
                    Word::Ahead
                } else if now.since(draft.as_of) > stale_after {
                    Word::Stale
                } else {
                    Word::Current
                },
                time_after_as_of: draft.time > draft.as_of,
                ends_too_late: draft.expires_at > now.plus_days(EXPIRY_DAYS_MAX),
            },
            ended: draft.expires_at <= now,
            on_behalf: draft.on_behalf_of.is_some(),
        }
    }
}

impl Rules {
    /// Decides whether `publisher` may publish `draft` under `agreement`, which is the approved version.
    ///
    /// # Errors
    ///
    /// The first reason against it. Nothing is admitted unless at least one recipient could receive it.
    pub fn admit(
        &self,
        agreement: &Agreement,
        publisher: &AgencyId,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<Admitted, Refusal> {
        let flows = self.flows(agreement, publisher, &Arrival::of(draft, now), now)?;
        Ok(Admitted::by(flows, agreement, draft, now))
    }

    /// Finds the flows by which an alert comes in.
    ///
    /// # Errors
    ///
    /// As [`admit`](Self::admit).
    pub(super) fn flows(
        &self,
        agreement: &Agreement,
        publisher: &AgencyId,
        arrival: &Arrival<'_>,
        now: Timestamp,
    ) -> Result<Arc<[u32]>, Refusal> {
        let (candidates, apply) = candidates(agreement, publisher, arrival);
        let ask = |way| self.ask(&arriving((agreement, publisher, way), arrival, now)).outcome();
        let under = |(flow, to)| Way::under(agreement, flow, to, &arrival.content);
        let passages =
            candidates.iter().flat_map(|(_, flow)| flow.to.iter().map(move |to| (*flow, Some(to))));
        // Where the fault is the alert's own, every other way would be refused for the same reason.
        let count = if apply && arrival.is_timely() { usize::MAX } else { 1 };
        let mut first = None;
        for way in passages.take(count).map(under) {
            match ask(way) {
                // P1: whatever the rules say, an alert comes in by a flow between two parties only.
                Ok(()) if apply && way.passage.is_some() => {
                    return Ok(candidates.iter().map(|(position, _)| *position).collect());
                }
                Ok(()) => first = first.or(Some(Reason::RulesFailed.into())),
                Err(refusal) => first = first.or(Some(refusal)),
            }
        }
        let nowhere = || candidates.first().map_or_else(Way::default, |(_, it)| under((*it, None)));
        let refusal = first.or_else(|| ask(nowhere()).err());
        Err(refusal.unwrap_or(Reason::RulesFailed.into()))
    }
}

/// Shapes the question of an arrival by one way.
pub(super) fn arriving<'a>(
    (agreement, publisher, way): (&'a Agreement, &'a AgencyId, Way<'a>),
    arrival: &Arrival<'a>,
    now: Timestamp,
) -> Question<'a> {
    let Arrival { agreement: named, purpose, content, times, ended, on_behalf } = *arrival;
    let alert = Alert { agreement: named, purpose, content, restricted: false, ended };
    let act = Act::Publish { party: agreement.party(publisher), times, on_behalf, alert, way };
    Question { agreement, sender: publisher, act, now }
}

impl Arrival<'_> {
    fn is_timely(&self) -> bool {
        self.times == Times::default() && !self.ended
    }
}

type Positioned<'a> = (u32, &'a Flow);

/// Finds the flows that fit an alert, and says whether they fit it wholly: where none does, those that come
/// closest, so that the rules can say what is in the way.
fn candidates<'a>(
    agreement: &'a Agreement,
    publisher: &AgencyId,
    arrival: &Arrival<'_>,
) -> (Vec<Positioned<'a>>, bool) {
    let Content { kind, categories, .. } = arrival.content;
    let positioned = (0..).zip(&agreement.flows);
    let of_purpose: Vec<Positioned<'_>> = positioned
        .filter(|(_, flow)| flow.from == *publisher && flow.purpose == arrival.purpose)
        .collect();
    let of_type = narrowed(&of_purpose, |flow| flow.alert_types.contains(&kind));
    let of_category = narrowed(&of_type, |flow| categories.is_subset(&flow.subject_categories));
    if !of_category.is_empty() {
        return (of_category, true);
    }
    (if of_type.is_empty() { of_purpose } else { of_type }, false)
}

fn narrowed<'a>(flows: &[Positioned<'a>], keep: impl Fn(&Flow) -> bool) -> Vec<Positioned<'a>> {
    flows.iter().filter(|(_, flow)| keep(flow)).copied().collect()
}
