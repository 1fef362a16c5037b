//! The shape of an agreement: what has to be there, and how much of it. No question of law, so that the rules
//! are not asked.

use std::collections::BTreeSet;

use crate::domain::{
    AgencyId, Agreement, Flow, Party, Reason, Refusal, Timestamp,
    agreement::{FLOWS_MAX, PARTIES_MAX, TERM_DAYS_MAX},
};

/// Checks term, parties and the number of flows of an agreement that is proposed at `now`.
///
/// # Errors
///
/// The first fault.
pub(super) fn check(agreement: &Agreement, now: Timestamp) -> Result<(), Refusal> {
    check_term(agreement, now)?;
    check_parties(agreement)?;
    if agreement.flows.is_empty() || agreement.flows.len() > FLOWS_MAX {
        return Err(Refusal::at(Reason::OutOfBounds, "flows"));
    }
    Ok(())
}

/// Finds a party of an agreement.
///
/// # Errors
///
/// `NOT_A_PARTY` at the field that named it.
pub(super) fn party<'a>(
    agreement: &'a Agreement,
    agency: &AgencyId,
    at: &'static str,
) -> Result<&'a Party, Refusal> {
    agreement.party(agency).ok_or(Refusal::at(Reason::NotAParty, at))
}

fn check_term(agreement: &Agreement, now: Timestamp) -> Result<(), Refusal> {
    let Agreement { starts, ends, review, .. } = agreement;
    let bounded = starts < ends && *ends <= starts.plus_days(TERM_DAYS_MAX) && now < *ends;
    if !bounded {
        return Err(Refusal::at(Reason::OutOfBounds, "ends"));
    }
    if review <= starts || review > ends {
        return Err(Refusal::at(Reason::OutOfBounds, "review"));
    }
    if !(1..=agreement.retention.days_max()).contains(&agreement.delete_after_days) {
        return Err(Refusal::at(Reason::OutOfBounds, "delete_after_days"));
    }
    check_types(agreement)?;
    if !is_text(&agreement.title, 120) {
        return Err(Refusal::at(Reason::OutOfBounds, "title"));
    }
    is_text(&agreement.dpia, 64).then_some(()).ok_or(Refusal::at(Reason::MissingField, "dpia"))
}

/// A type that no flow names would be a slip of the pen, and keep what was meant for too long.
fn check_types(agreement: &Agreement) -> Result<(), Refusal> {
    for (kind, kept) in &agreement.type_retention {
        if !(1..=kept.retention.days_max()).contains(&kept.delete_after_days) {
            return Err(Refusal::at(Reason::OutOfBounds, "type_retention"));
        }
        if !agreement.flows.iter().any(|flow| flow.alert_types.contains(kind)) {
            return Err(Refusal::at(Reason::OutOfBounds, "type_retention"));
        }
    }
    Ok(())
}

fn check_parties(agreement: &Agreement) -> Result<(), Refusal> {
    let names: BTreeSet<_> = agreement.parties.iter().map(|party| &party.agency).collect();
    let count = agreement.parties.len();
    if !(2..=PARTIES_MAX).contains(&count) || names.len() != count {
        return Err(Refusal::at(Reason::OutOfBounds, "parties"));
    }
    for party in &agreement.parties {
        if let Some(principal) = &party.acting_for {
            // A principal acts for itself: no chains, no circles.
            let known = agreement.party(principal).is_some_and(|it| it.acting_for.is_none());
            if !known || *principal == party.agency {
                return Err(Refusal::at(Reason::NotAParty, "acting_for"));
            }
        }
        if party.policy_document.as_ref().is_some_and(|doc| !is_text(&doc.reference, 64)) {
            return Err(Refusal::at(Reason::OutOfBounds, "policy_document"));
        }
    }
    Ok(())
}

/// Checks what has to be named in a flow, and how long it may be.
///
/// # Errors
///
/// `MISSING_FIELD` or `OUT_OF_BOUNDS`.
pub(super) fn check_flow(flow: &Flow) -> Result<(), Refusal> {
    for (is_empty, at) in [
        (flow.to.is_empty(), "to"),
        (flow.alert_types.is_empty(), "alert_types"),
        (flow.subject_categories.is_empty(), "subject_categories"),
        (flow.fields.is_empty(), "fields"),
    ] {
        if is_empty {
            return Err(Refusal::at(Reason::MissingField, at));
        }
    }
    if flow.authorised_by.as_ref().is_some_and(|law| !is_text(law, 64)) {
        return Err(Refusal::at(Reason::OutOfBounds, "authorised_by"));
    }
    Ok(())
}

fn is_text(text: &str, bytes_max: usize) -> bool {
    !text.trim().is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control)
}
