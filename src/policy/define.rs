//! May this agreement be defined at all? Its shape is looked at here; each of its passages is a question to
//! the rules.

use std::collections::BTreeSet;

use super::cedar::Rules;
use super::passage::{Load, Passage};
use super::question::{Act, Question};
use crate::domain::{
    AgencyId, AgencyKind, Agreement, Flow, Party, Reason, Refusal, Regime, Timestamp,
    agreement::{FLOWS_MAX, PARTIES_MAX, TERM_DAYS_MAX},
};

impl Rules {
    /// Checks an agreement as it is proposed.
    ///
    /// # Errors
    ///
    /// The first fault: a bound of its shape, or a rule that one of its passages breaks at `now`.
    pub fn define(&self, agreement: &Agreement, now: Timestamp) -> Result<(), Refusal> {
        check_term(agreement, now)?;
        check_parties(agreement)?;
        if agreement.flows.is_empty() || agreement.flows.len() > FLOWS_MAX {
            return Err(Refusal::at(Reason::OutOfBounds, "flows"));
        }
        let mut passages = BTreeSet::new();
        for flow in &agreement.flows {
            check_shape(flow)?;
            let sender = party(agreement, &flow.from, "from")?;
            let mut asked = BTreeSet::new();
            for to in &flow.to {
                let recipient = party(agreement, to, "to")?;
                let is_new = passages.insert((&flow.from, to, flow.purpose));
                if recipient.agency == sender.agency || !is_new {
                    return Err(Refusal::at(Reason::OutOfBounds, "to"));
                }
                let passage = Passage { agreement, flow, sender, recipient };
                // Most rules know a recipient by what it is: one question does for all that are alike.
                let name = self.names_agencies().then_some(to);
                if asked.insert((name, likeness(&passage))) {
                    self.ask(&agreeing(passage, now)).outcome()?;
                }
            }
        }
        Ok(())
    }
}

/// Shapes the question of a passage.
pub(super) fn agreeing(passage: Passage<'_>, now: Timestamp) -> Question<'_> {
    let load = Load::of_flow(passage.flow);
    let act = Act::Agree { passage, load };
    Question { agreement: passage.agreement, sender: &passage.sender.agency, act, now }
}

/// What the rules see of a recipient besides its name.
type Likeness = (AgencyKind, Option<AgencyKind>, Regime, [bool; 2], Option<Timestamp>);

fn likeness(passage: &Passage<'_>) -> Likeness {
    let it = passage.recipient;
    let document = it.policy_document.as_ref().map(|document| document.until);
    (
        it.kind,
        passage.acts_for(it),
        it.regime,
        [it.faces_suspects, it.professional_secrecy],
        document,
    )
}

fn party<'a>(
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
    if !is_text(&agreement.title, 120) {
        return Err(Refusal::at(Reason::OutOfBounds, "title"));
    }
    is_text(&agreement.dpia, 64).then_some(()).ok_or(Refusal::at(Reason::MissingField, "dpia"))
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

fn check_shape(flow: &Flow) -> Result<(), Refusal> {
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
