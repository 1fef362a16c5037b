//! The shape of a question: who tells whom under which flow, what of an alert would leave, and which of the
//! law's classes are in it. What follows from that is for the rules to say.

use std::collections::BTreeSet;

use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertType, DataClass, Field, Fields, Flow, Party, Purpose,
    Regime, SubjectCategory,
};

/// Who tells whom under which flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage<'a> {
    pub(super) agreement: &'a Agreement,
    pub(super) flow: &'a Flow,
    pub(super) sender: &'a Party,
    pub(super) recipient: &'a Party,
}

/// What of the law's classes would pass: all that the flow grants, or what one alert would release.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub(super) health: bool,
    pub(super) offence: bool,
}

/// What the rules look at of an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) kind: AlertType,
    pub(super) categories: &'a BTreeSet<SubjectCategory>,
    pub(super) fields: Fields,
}

/// What would leave.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Release {
    /// The fields that the agreement grants, whether or not the alert fills them.
    pub(super) granted: Fields,
    /// Those of them that the alert fills.
    pub(super) released: Fields,
    /// What of the law's classes is in them.
    pub(super) load: Load,
}

/// The fields of a child's alert that may leave for a purpose other than safeguarding children.
const CHILD_FIELDS: [Field; 10] = [
    Field::Type,
    Field::Subject,
    Field::SubjectCategories,
    Field::SafeguardingIndicators,
    Field::Certainty,
    Field::Assertion,
    Field::Urgency,
    Field::RequestedAction,
    Field::AsOf,
    Field::Contact,
];

impl<'a> Passage<'a> {
    /// Finds both ends of a flow; none where one of them is no party.
    pub(super) fn between(
        agreement: &'a Agreement,
        flow: &'a Flow,
        recipient: &AgencyId,
    ) -> Option<Self> {
        let (sender, recipient) = agreement.party(&flow.from).zip(agreement.party(recipient))?;
        Some(Self { agreement, flow, sender, recipient })
    }

    /// Tells whether the sender processes under Part 3 and the recipient does not.
    pub(super) fn changes_regime(&self) -> bool {
        self.sender.regime == Regime::DpaPart3 && self.recipient.regime != Regime::DpaPart3
    }

    /// Returns the kind of the one whose tasks a party carries out.
    pub(super) fn acts_for(&self, party: &Party) -> Option<AgencyKind> {
        let principal = party.acting_for.as_ref().and_then(|it| self.agreement.party(it))?;
        Some(principal.kind)
    }
}

impl Load {
    /// The most that a flow could release.
    pub(super) fn of_flow(flow: &Flow) -> Self {
        let reveals = |class| flow.alert_types.iter().any(|kind| kind.data_class() == class);
        Self::of(flow.fields, reveals)
    }

    fn of(fields: Fields, type_reveals: impl Fn(DataClass) -> bool) -> Self {
        let has = |field, class| {
            fields.contains(field) || (fields.contains(Field::Type) && type_reveals(class))
        };
        Self {
            health: has(Field::HealthIndicators, DataClass::Health),
            offence: has(Field::OffenceIndicators, DataClass::Offence),
        }
    }
}

impl Content<'_> {
    /// Tells whether the person is under 18 in this alert.
    pub(super) fn is_of_child(&self) -> bool {
        self.categories.contains(&SubjectCategory::Child)
    }
}

impl Release {
    /// Works out what would leave of an alert under a flow.
    pub(super) fn of(flow: &Flow, alert: &Content<'_>) -> Self {
        let granted = if alert.is_of_child() && flow.purpose != Purpose::SafeguardingChild {
            flow.fields.intersection(CHILD_FIELDS.into_iter().collect())
        } else {
            flow.fields
        };
        let released = alert.fields.intersection(granted);
        let load = Load::of(released, |class| alert.kind.data_class() == class);
        Self { granted, released, load }
    }
}
