//! May this recipient see this alert now, and which fields of it? The permit is the passed check.

use super::limits::{Load, Passage};
use super::release::Content;
use crate::domain::{Agreement, Facts, Fields, Flow, Party, Reason, Refusal, Rule, Timestamp};
use crate::policy::Ask;

/// What a permit has to say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::policy) struct Expected {
    pub(in crate::policy) flow: u32,
    pub(in crate::policy) released: Fields,
    pub(in crate::policy) withheld: Fields,
    pub(in crate::policy) rules: Vec<Rule>,
    pub(in crate::policy) regime_change: bool,
    pub(in crate::policy) until: Timestamp,
}

/// Decides whether the recipient of `ask` may see the alert at `now`, and which fields of it.
/// `agreement` is the approved version.
///
/// # Errors
///
/// The first reason against it. Refusing is the default: it is made on the last line.
pub(in crate::policy) fn permit(
    agreement: &Agreement,
    ask: &Ask<'_>,
    now: Timestamp,
) -> Result<Expected, Refusal> {
    let alert = ask.alert;
    if alert.agreement != agreement.id || !agreement.covers(now) {
        return Err(Refusal::at(Reason::AgreementNotInForce, "agreement"));
    }
    if alert.restricted {
        return Err(Refusal::at(Reason::Restricted, "restricted"));
    }
    if now >= alert.expires_at || now >= alert.delete_after {
        return Err(Refusal::at(Reason::Expired, "expires_at"));
    }
    if ask.purpose != alert.purpose {
        return Err(Refusal::at(Reason::PurposeNotAgreed, "purpose"));
    }
    let (position, flow) = find_flow(agreement, ask)?;
    if !flow.alert_types.contains(&alert.kind) {
        return Err(Refusal::at(Reason::TypeNotAgreed, "type"));
    }
    if alert.categories.is_empty() || !alert.categories.is_subset(&flow.subject_categories) {
        return Err(Refusal::at(Reason::CategoryNotAgreed, "subject_categories"));
    }
    let (Some(sender), Some(recipient)) =
        (agreement.party(&alert.publisher), agreement.party(ask.recipient))
    else {
        return Err(Reason::NotAParty.into());
    };
    let passage = Passage { agreement, flow, sender, recipient };
    let content = Content { kind: alert.kind, categories: &alert.categories, fields: alert.fields };
    let release = passage.release(&content, now)?;
    Ok(Expected {
        flow: position,
        released: release.released,
        withheld: Fields::all().without(release.granted),
        rules: rules(&passage, &content, release.load),
        regime_change: passage.changes_regime(),
        until: until(agreement, alert, sender, now),
    })
}

/// The first end after `now` of whatever the decision looked at.
fn until(agreement: &Agreement, alert: &Facts, sender: &Party, now: Timestamp) -> Timestamp {
    let ends = agreement.ends.min(alert.expires_at).min(alert.delete_after);
    let document = sender.policy_document.as_ref().map(|document| document.until);
    // One that has lapsed already was not needed.
    document.filter(|end| now < *end).map_or(ends, |end| ends.min(end))
}

fn find_flow<'a>(agreement: &'a Agreement, ask: &Ask<'_>) -> Result<(u32, &'a Flow), Refusal> {
    (0..)
        .zip(&agreement.flows)
        .find(|(_, flow)| {
            flow.from == ask.alert.publisher
                && flow.purpose == ask.purpose
                && flow.to.contains(ask.recipient)
        })
        .ok_or(Reason::NotRecipient.into())
}

fn rules(passage: &Passage<'_>, alert: &Content<'_>, load: Load) -> Vec<Rule> {
    [
        (Rule::AgreementCovers, true),
        (Rule::LimitsMet, true),
        (Rule::SpecialCondition, load.health),
        (Rule::OffenceCondition, load.offence && passage.flow.offence_condition.is_some()),
        (Rule::ChildProtected, alert.is_of_child()),
        (Rule::RegimeChange, passage.changes_regime()),
    ]
    .into_iter()
    .filter_map(|(rule, applies)| applies.then_some(rule))
    .collect()
}
