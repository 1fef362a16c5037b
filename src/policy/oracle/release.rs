//! What one passage releases of one alert: the limits that depend on the alert. Asked of every recipient
//! when the alert comes in and again when it leaves, so that admission promises no more than delivery keeps.

use std::collections::BTreeSet;

use super::limits::{Load, Passage};
use crate::domain::{
    AlertType, Field, Fields, Purpose, Reason, Refusal, SubjectCategory, Timestamp,
    law::{Gateway, OffenceCondition, ScheduleParagraph},
};

/// What these limits look at of an alert.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) kind: AlertType,
    pub(super) categories: &'a BTreeSet<SubjectCategory>,
    pub(super) fields: Fields,
}

/// What would leave.
#[derive(Clone, Copy, Debug)]
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

impl Content<'_> {
    /// Tells whether the person is under 18 in this alert.
    pub(super) fn is_of_child(&self) -> bool {
        self.categories.contains(&SubjectCategory::Child)
    }
}

impl Passage<'_> {
    /// Tells what this passage releases of `alert` at `now`.
    ///
    /// # Errors
    ///
    /// The first limit that is not met.
    pub(super) fn release(&self, alert: &Content<'_>, now: Timestamp) -> Result<Release, Refusal> {
        self.check_person(alert.fields)?;
        if self.recipient.faces_suspects && alert.categories.contains(&SubjectCategory::Victim) {
            return Err(Refusal::at(Reason::VictimFacingSuspect, "subject_categories"));
        }
        let granted = self.granted(alert);
        let released = alert.fields.intersection(granted);
        if released.is_empty() {
            return Err(Reason::NothingReleased.into());
        }
        let load = Load::of_alert(released, alert.kind);
        self.check(load, now)?;
        self.check_safeguarding(alert, load)?;
        Ok(Release { granted, released, load })
    }

    /// Depersonalised means without a person; everything else is about one. Asked of the whole alert:
    /// one that names its subject to another recipient is linked to it by its id.
    fn check_person(&self, fields: Fields) -> Result<(), Refusal> {
        let depersonalised = self.flow.gateway == Gateway::CrimeAndDisorderAct17A;
        let personal = fields.contains(Field::Subject) || fields.contains(Field::CaseReference);
        if depersonalised && personal {
            Err(Refusal::at(Reason::DepersonalisedOnly, "subject"))
        } else if !depersonalised && !fields.contains(Field::Subject) {
            Err(Refusal::at(Reason::PersonMissing, "subject"))
        } else {
            Ok(())
        }
    }

    fn granted(&self, alert: &Content<'_>) -> Fields {
        if alert.is_of_child() && self.flow.purpose != Purpose::SafeguardingChild {
            self.flow.fields.intersection(CHILD_FIELDS.into_iter().collect())
        } else {
            self.flow.fields
        }
    }

    /// DPA 2018 Sch 1 para 18(1)(a): the person is under 18, or 18 or over and at risk.
    fn check_safeguarding(&self, alert: &Content<'_>, load: Load) -> Result<(), Refusal> {
        let special =
            load.health && self.flow.schedule_paragraph == Some(ScheduleParagraph::Safeguarding);
        let offence = load.offence
            && self.is_under_uk_gdpr()
            && self.flow.offence_condition == Some(OffenceCondition::Safeguarding);
        let at_risk =
            alert.is_of_child() || alert.categories.contains(&SubjectCategory::AtRiskAdult);
        if (special || offence) && !at_risk {
            Err(Refusal::at(Reason::SafeguardingConditionUnmet, "subject_categories"))
        } else {
            Ok(())
        }
    }
}
