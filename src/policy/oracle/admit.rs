//! May this alert come in? What the publisher's side of the agreement allows, before anybody receives it.

use std::time::Duration;

use super::limits::Passage;
use super::release::Content;
use crate::domain::{
    AgencyId, Agreement, Draft, Flow, Reason, Refusal, Timestamp, alert::EXPIRY_DAYS_MAX,
};

/// How far the publisher's clock may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_secs(5);
/// How long a child's alert is kept, at most.
const CHILD_DAYS_MAX: u64 = 90;

/// Decides the flows and the day of deletion with which `publisher` may publish `draft` under `agreement`, which is the approved version.
///
/// # Errors
///
/// The first reason against it. Nothing is admitted unless at least one recipient could receive it.
pub(in crate::policy) fn admit(
    agreement: &Agreement,
    publisher: &AgencyId,
    draft: &Draft,
    now: Timestamp,
) -> Result<(Vec<u32>, Timestamp), Refusal> {
    if draft.agreement != agreement.id || agreement.party(publisher).is_none() {
        return Err(Refusal::at(Reason::AgreementUnknown, "agreement"));
    }
    if !agreement.covers(now) {
        return Err(Refusal::at(Reason::AgreementNotInForce, "agreement"));
    }
    check_times(draft, now)?;
    let party = agreement.party(publisher);
    if party.is_some_and(|it| it.names_staff) && draft.on_behalf_of.is_none() {
        return Err(Refusal::at(Reason::StaffReferenceMissing, "on_behalf_of"));
    }
    let flows = applicable(agreement, publisher, draft)?;
    let content =
        Content { kind: draft.kind, categories: &draft.categories, fields: draft.fields() };
    check_passages(agreement, &flows, &content, now)?;
    let of_type = agreement.type_retention.get(&draft.kind);
    let days = of_type.map_or(agreement.delete_after_days, |it| it.delete_after_days);
    let days = u64::from(days);
    let of_child = content.is_of_child();
    let delete_after = now.plus_days(if of_child { days.min(CHILD_DAYS_MAX) } else { days });
    Ok((flows.into_iter().map(|(position, _)| position).collect(), delete_after))
}

fn check_times(draft: &Draft, now: Timestamp) -> Result<(), Refusal> {
    if draft.as_of > now.after(CLOCK_SKEW) {
        return Err(Refusal::at(Reason::AheadOfTime, "as_of"));
    }
    if draft.time > draft.as_of {
        return Err(Refusal::at(Reason::AheadOfTime, "time"));
    }
    if draft.expires_at <= now {
        return Err(Refusal::at(Reason::Expired, "expires_at"));
    }
    if draft.expires_at > now.plus_days(EXPIRY_DAYS_MAX) {
        return Err(Refusal::at(Reason::ExpiryTooLate, "expires_at"));
    }
    let stale_after = Duration::from_secs(draft.kind.stale_after_hours() * 3600);
    if now.since(draft.as_of) > stale_after {
        return Err(Refusal::at(Reason::Stale, "as_of"));
    }
    Ok(())
}

type Positioned<'a> = (u32, &'a Flow);

fn applicable<'a>(
    agreement: &'a Agreement,
    publisher: &AgencyId,
    draft: &Draft,
) -> Result<Vec<Positioned<'a>>, Refusal> {
    let positioned = (0..).zip(&agreement.flows);
    let of_purpose: Vec<Positioned<'_>> = positioned
        .filter(|(_, flow)| flow.from == *publisher && flow.purpose == draft.purpose)
        .collect();
    let of_type = narrowed(&of_purpose, |flow| flow.alert_types.contains(&draft.kind));
    let of_category = narrowed(&of_type, |flow| {
        !draft.categories.is_empty() && draft.categories.is_subset(&flow.subject_categories)
    });
    match (of_purpose.is_empty(), of_type.is_empty(), of_category.is_empty()) {
        (true, _, _) => Err(Refusal::at(Reason::PurposeNotAgreed, "purpose")),
        (_, true, _) => Err(Refusal::at(Reason::TypeNotAgreed, "type")),
        (_, _, true) => Err(Refusal::at(Reason::CategoryNotAgreed, "subject_categories")),
        (false, false, false) => Ok(of_category),
    }
}

fn narrowed<'a>(flows: &[Positioned<'a>], keep: impl Fn(&Flow) -> bool) -> Vec<Positioned<'a>> {
    flows.iter().filter(|(_, flow)| keep(flow)).copied().collect()
}

/// Looks for one passage that the law lets this alert take; the first reason against it otherwise.
fn check_passages(
    agreement: &Agreement,
    flows: &[Positioned<'_>],
    alert: &Content<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mut first = None;
    let passages = flows.iter().flat_map(|(_, flow)| flow.to.iter().map(move |to| (*flow, to)));
    for (flow, to) in passages {
        let parties = agreement.party(&flow.from).zip(agreement.party(to));
        let taken = parties.map_or(Err(Reason::NotAParty.into()), |(sender, recipient)| {
            Passage { agreement, flow, sender, recipient }.release(alert, now)
        });
        match taken {
            Ok(_) => return Ok(()),
            Err(refusal) => first = first.or(Some(refusal)),
        }
    }
    Err(first.unwrap_or(Reason::NotRecipient.into()))
}
