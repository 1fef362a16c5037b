//! A second, tiny evaluator, so that the broker's decisions are not judged by themselves: in force,
//! parties, purpose, type, categories, fields. The samples leave the rest of the law out of play.

use std::{collections::BTreeSet, sync::Arc};

use crate::domain::{
    AgencyId, Agreement, Facts, Field, Fields, Flow, Purpose, SubjectCategory, Timestamp,
};

/// A version of an agreement, as the log tells.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) agreement: Arc<Agreement>,
    /// Index of the record that proposed it.
    pub(super) proposed: u64,
    pub(super) approved_by: BTreeSet<AgencyId>,
    pub(super) withdrawn: bool,
}

impl Version {
    pub(super) fn is_binding(&self) -> bool {
        let parties = &self.agreement.parties;
        !self.withdrawn && parties.iter().all(|it| self.approved_by.contains(&it.agency))
    }

    pub(super) fn names(&self, agency: &AgencyId) -> bool {
        self.agreement.parties.iter().any(|it| it.agency == *agency)
    }
}

/// The version that counts at `at`: the last that all have approved and that has begun, while its
/// term runs.
pub(super) fn in_force(versions: &[Version], at: Timestamp) -> Option<&Version> {
    let begun = |it: &&Version| it.is_binding() && it.agreement.starts <= at;
    versions.iter().rev().find(begun).filter(|it| at < it.agreement.ends)
}

/// What of an alert may be released to a recipient, and the version that says so; none if nothing.
pub(super) fn released<'a>(
    versions: &'a [Version],
    alert: &Facts,
    (recipient, purpose): (&AgencyId, Purpose),
    at: Timestamp,
) -> Option<(&'a Version, Fields)> {
    let version = in_force(versions, at)?;
    let ended = at >= alert.expires_at || at >= alert.delete_after;
    if ended || alert.restricted || alert.purpose != purpose || !version.names(&alert.publisher) {
        return None;
    }
    let party = version.agreement.parties.iter().find(|it| it.agency == *recipient)?;
    if party.faces_suspects && alert.categories.contains(&SubjectCategory::Victim) {
        return None;
    }
    let mut flows = version.agreement.flows.iter();
    let flow = flows.find(|it| {
        it.from == alert.publisher && it.purpose == purpose && it.to.contains(recipient)
    })?;
    if !flow.alert_types.contains(&alert.kind)
        || !alert.categories.is_subset(&flow.subject_categories)
    {
        return None;
    }
    let fields: Fields =
        alert.fields.iter().filter(|field| is_granted(flow, alert, *field)).collect();
    (!fields.is_empty()).then_some((version, fields))
}

fn is_granted(flow: &Flow, alert: &Facts, field: Field) -> bool {
    let of_child = alert.categories.contains(&SubjectCategory::Child);
    let withheld_of_children = matches!(
        field,
        Field::Indicators | Field::Grading | Field::Route | Field::Area | Field::Time
    );
    let protected = of_child && flow.purpose != Purpose::SafeguardingChild && withheld_of_children;
    flow.fields.contains(field) && !protected
}
