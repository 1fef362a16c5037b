//! May this recipient see this alert now, and which fields of it? The permit is the passed check.

use super::limits::{Load, Passage};
use super::release::Content;
use crate::domain::{
    AgencyId, Agreement, Facts, Fields, Flow, Purpose, Reason, Refusal, Rule, Timestamp,
};

/// Who asks to see what.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The alert.
    pub alert: &'a Facts,
    /// Who would receive it.
    pub recipient: &'a AgencyId,
    /// For what the recipient asks.
    pub purpose: Purpose,
}

/// That a recipient may see an alert, and what of it: P1, made by [`permit`] alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    flow: u32,
    released: Fields,
    withheld: Fields,
    rules: Vec<Rule>,
    regime_change: bool,
}

impl Permit {
    /// Returns the position of the flow in the agreement.
    pub const fn flow(&self) -> u32 {
        self.flow
    }

    /// Returns the fields that leave.
    pub const fn released(&self) -> Fields {
        self.released
    }

    /// Returns the fields that the agreement withholds from this recipient, whether or not the
    /// alert fills them: the record goes to the recipient too, and must not tell what was there.
    pub const fn withheld(&self) -> Fields {
        self.withheld
    }

    /// Returns the rules that permitted it.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Tells whether the data leaves Part 3.
    pub const fn regime_change(&self) -> bool {
        self.regime_change
    }
}

/// Decides whether the recipient of `ask` may see the alert at `now`, and which fields of it.
/// `agreement` is the approved version.
///
/// # Errors
///
/// The first reason against it. Refusing is the default: a [`Permit`] is made on the last line.
pub fn permit(agreement: &Agreement, ask: &Ask<'_>, now: Timestamp) -> Result<Permit, Refusal> {
    let alert = ask.alert;
    if alert.agreement != agreement.id || !agreement.covers(now) {
        return Err(Reason::AgreementNotInForce.into());
    }
    if alert.restricted {
        return Err(Reason::Restricted.into());
    }
    if now >= alert.expires_at || now >= alert.delete_after {
        return Err(Reason::Expired.into());
    }
    if ask.purpose != alert.purpose {
        return Err(Reason::PurposeNotAgreed.into());
    }
    let (position, flow) = find_flow(agreement, ask)?;
    if !flow.alert_types.contains(&alert.kind) {
        return Err(Reason::TypeNotAgreed.into());
    }
    if alert.categories.is_empty() || !alert.categories.is_subset(&flow.subject_categories) {
        return Err(Reason::CategoryNotAgreed.into());
    }
    let (Some(sender), Some(recipient)) =
        (agreement.party(&alert.publisher), agreement.party(ask.recipient))
    else {
        return Err(Reason::NotAParty.into());
    };
    let passage = Passage { agreement, flow, sender, recipient };
    let content = Content { kind: alert.kind, categories: &alert.categories, fields: alert.fields };
    let release = passage.release(&content, now)?;
    Ok(Permit {
        flow: position,
        released: release.released,
        withheld: Fields::all().without(release.granted),
        rules: rules(&passage, &content, release.load),
        regime_change: passage.changes_regime(),
    })
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
