//! The view: an alert cut down to what a permit releases. Pure, and the only way to a [`View`].

use std::collections::BTreeSet;

use super::Permit;
use crate::domain::{DataClass, Draft, Facts, Field, Fields, Indicator, TrustDomain, View};

/// Cuts an alert down to what `permit` releases.
pub fn minimise(draft: &Draft, facts: &Facts, domain: &TrustDomain, permit: &Permit) -> View {
    let released = permit.released();
    View {
        id: facts.id,
        source: format!("//{domain}/agency/{}", facts.publisher),
        agreement: facts.agreement.clone(),
        purpose: facts.purpose,
        kind: kept(released, Field::Type, draft.kind),
        subject: kept(released, Field::Subject, draft.subject.clone()).unwrap_or_default(),
        categories: kept(released, Field::SubjectCategories, draft.categories.clone())
            .unwrap_or_default(),
        indicators: indicators(draft, released),
        certainty: kept(released, Field::Certainty, draft.certainty),
        assertion: kept(released, Field::Assertion, draft.assertion),
        grading: kept(released, Field::Grading, draft.grading).flatten(),
        urgency: kept(released, Field::Urgency, draft.urgency),
        route: kept(released, Field::Route, draft.route).flatten(),
        area: kept(released, Field::Area, draft.area.clone()).flatten(),
        action: kept(released, Field::RequestedAction, draft.action).flatten(),
        time: kept(released, Field::Time, draft.time),
        as_of: kept(released, Field::AsOf, draft.as_of),
        expires_at: draft.expires_at,
        contact: kept(released, Field::Contact, draft.contact.clone()).flatten(),
        handling: draft.handling.clone(),
        delete_after: facts.delete_after,
        regime_change: permit.regime_change(),
        case_reference: kept(released, Field::CaseReference, draft.case_reference.clone())
            .flatten(),
    }
}

fn kept<T>(released: Fields, field: Field, value: T) -> Option<T> {
    released.contains(field).then_some(value)
}

fn indicators(draft: &Draft, released: Fields) -> BTreeSet<Indicator> {
    let granted = |indicator: &Indicator| {
        released.contains(match indicator.data_class() {
            DataClass::Plain => Field::Indicators,
            DataClass::Health => Field::HealthIndicators,
            DataClass::Offence => Field::OffenceIndicators,
            DataClass::Safeguarding => Field::SafeguardingIndicators,
        })
    };
    draft.indicators.iter().copied().filter(granted).collect()
}
