//! May this recipient see this alert now, and which fields of it? The permit is the passed check.

use std::sync::Arc;

use super::cedar::Rules;
use super::passage::{Content, Passage, Release};
use super::question::{Act, Alert, Question, Way};
use super::window::Window;
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

/// That a recipient may see an alert, and what of it: P1, made in this room alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Permit {
    flow: u32,
    released: Fields,
    withheld: Fields,
    rules: Arc<[Rule]>,
    regime_change: bool,
    until: Timestamp,
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

    /// Returns the rules that permitted it, as the record names them.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the same, to be shared: each record of a disclosure holds them.
    pub const fn shared_rules(&self) -> &Arc<[Rule]> {
        &self.rules
    }

    /// Tells whether the data leaves Part 3.
    pub const fn regime_change(&self) -> bool {
        self.regime_change
    }

    /// Returns when time alone takes it back: from then on nothing may leave under it.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Makes the permit, once the rules have permitted.
    ///
    /// # Errors
    ///
    /// `RULES_FAILED` where there is no flow between two parties. P1: whatever the rules say, nothing leaves
    /// by another way.
    pub(super) fn by(
        found: Option<(u32, &Flow)>,
        way: &Way<'_>,
        content: &Content<'_>,
        until: Timestamp,
    ) -> Result<Self, Refusal> {
        let (Some((flow, _)), Some(passage)) = (found, way.passage) else {
            return Err(Reason::RulesFailed.into());
        };
        let Release { granted, released, .. } = way.release;
        Ok(Self {
            flow,
            released,
            withheld: Fields::all().without(granted),
            rules: rules(&passage, content, &way.release),
            regime_change: passage.changes_regime(),
            until,
        })
    }

    /// Ends it with the alert, where that is sooner.
    #[must_use]
    pub(super) fn ending_with(mut self, alert: &Facts) -> Self {
        self.until = self.until.min(alert.expires_at).min(alert.delete_after);
        self
    }
}

impl Rules {
    /// Decides whether the recipient of `ask` may see the alert at `now`, and which fields of it.
    /// `agreement` is the approved version.
    ///
    /// # Errors
    ///
    /// The first reason against it. Refusing is the default.
    pub fn permit(
        &self,
        agreement: &Agreement,
        ask: &Ask<'_>,
        now: Timestamp,
    ) -> Result<Permit, Refusal> {
        let window = Window::around(agreement, &ask.alert.publisher, now);
        self.permit_within(agreement, ask, (now, window)).map(|it| it.ending_with(ask.alert))
    }

    /// Decides as [`permit`](Self::permit) does; the permit lasts as long as the agreement's own moments let it.
    pub(super) fn permit_within(
        &self,
        agreement: &Agreement,
        ask: &Ask<'_>,
        (now, window): (Timestamp, Window),
    ) -> Result<Permit, Refusal> {
        let found = find_flow(agreement, (&ask.alert.publisher, ask.recipient), ask.purpose);
        let content = content(ask.alert);
        let way = found.map_or_else(Way::default, |(_, flow)| {
            Way::under(agreement, flow, Some(ask.recipient), &content)
        });
        self.ask(&question(agreement, ask, way, now)).outcome()?;
        Permit::by(found, &way, &content, window.until)
    }
}

/// Shapes the question of a disclosure.
pub(super) fn question<'a>(
    agreement: &'a Agreement,
    ask: &Ask<'a>,
    way: Way<'a>,
    now: Timestamp,
) -> Question<'a> {
    let Facts { agreement: named, purpose, restricted, publisher, .. } = ask.alert;
    let alert = Alert {
        agreement: named,
        purpose: *purpose,
        content: content(ask.alert),
        restricted: *restricted,
        ended: has_ended(ask.alert, now),
    };
    let act = Act::Disclose { recipient: ask.recipient, purpose: ask.purpose, alert, way };
    Question { agreement, sender: publisher, act, now }
}

/// Tells whether the alert's end, or the day of its deletion, has come.
pub(super) fn has_ended(alert: &Facts, now: Timestamp) -> bool {
    now >= alert.expires_at || now >= alert.delete_after
}

pub(super) fn content(alert: &Facts) -> Content<'_> {
    Content { kind: alert.kind, categories: &alert.categories, fields: alert.fields }
}

/// Finds the flow of a passage: the one from the publisher to the recipient for the purpose that is asked for.
pub(super) fn find_flow<'a>(
    agreement: &'a Agreement,
    (publisher, recipient): (&AgencyId, &AgencyId),
    purpose: Purpose,
) -> Option<(u32, &'a Flow)> {
    (0..).zip(&agreement.flows).find(|(_, flow)| {
        flow.from == *publisher && flow.purpose == purpose && flow.to.contains(recipient)
    })
}

fn rules(passage: &Passage<'_>, alert: &Content<'_>, release: &Release) -> Arc<[Rule]> {
    let load = release.load;
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
