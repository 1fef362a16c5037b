//! Minimisation: what is not released is not in the view, and what is released is what was published.

use proptest::{prelude::*, test_runner::Config};

use super::*;
use crate::domain::{DataClass, TrustDomain, View, law::OffenceCondition, random};
use crate::policy::minimise;

/// Grants exactly `fields`, under every condition that any of them could ask for.
fn granting(fields: Fields) -> Agreement {
    let mut agreement = of_health();
    let flow = &mut agreement.flows[0];
    flow.fields = fields;
    flow.alert_types = AlertType::ALL.iter().copied().collect();
    flow.offence_condition = Some(OffenceCondition::OfficialAuthority);
    agreement
}

/// Any alert about an adult at risk that the sample agreement could carry.
fn any_alert() -> impl Strategy<Value = Draft> {
    (random::draft(), random::token()).prop_map(|(draft, token)| {
        let sample = super::draft();
        Draft {
            agreement: sample.agreement,
            purpose: sample.purpose,
            subject: vec![token],
            categories: [SubjectCategory::AtRiskAdult, SubjectCategory::Victim].into(),
            expires_at: sample.expires_at,
            restricted: false,
            ..draft
        }
    })
}

fn domain() -> TrustDomain {
    "example.org".parse().expect("a trust domain")
}

fn view_of(draft: &Draft, fields: Fields) -> Option<(View, Permit, Facts)> {
    let alert = facts(draft);
    let permit = permitted_at(&granting(fields), &alert, now()).ok()?;
    Some((minimise(draft, &alert, &domain(), &permit), permit, alert))
}

/// The indicators of the draft that belong to a field.
fn of_class(indicators: &BTreeSet<Indicator>, class: DataClass) -> BTreeSet<Indicator> {
    indicators.iter().copied().filter(|indicator| indicator.data_class() == class).collect()
}

/// Tells, for one field, whether the view says nothing of it and whether it says what the draft says.
fn compare(field: Field, view: &View, draft: &Draft) -> (bool, bool) {
    fn option<T: PartialEq>(seen: Option<&T>, published: Option<&T>) -> (bool, bool) {
        (seen.is_none(), seen == published)
    }
    let class = |class| {
        let seen = of_class(&view.indicators, class);
        (seen.is_empty(), seen == of_class(&draft.indicators, class))
    };
    match field {
        Field::Type => option(view.kind.as_ref(), Some(&draft.kind)),
        Field::Subject => (view.subject.is_empty(), view.subject == draft.subject),
        Field::SubjectCategories => {
            (view.categories.is_empty(), view.categories == draft.categories)
        }
        Field::Indicators => class(DataClass::Plain),
        Field::HealthIndicators => class(DataClass::Health),
        Field::OffenceIndicators => class(DataClass::Offence),
        Field::SafeguardingIndicators => class(DataClass::Safeguarding),
        Field::Certainty => option(view.certainty.as_ref(), Some(&draft.certainty)),
        Field::Assertion => option(view.assertion.as_ref(), Some(&draft.assertion)),
        Field::Grading => option(view.grading.as_ref(), draft.grading.as_ref()),
        Field::Urgency => option(view.urgency.as_ref(), Some(&draft.urgency)),
        Field::Route => option(view.route.as_ref(), draft.route.as_ref()),
        Field::Area => option(view.area.as_ref(), draft.area.as_ref()),
        Field::RequestedAction => option(view.action.as_ref(), draft.action.as_ref()),
        Field::Time => option(view.time.as_ref(), Some(&draft.time)),
        Field::AsOf => option(view.as_of.as_ref(), Some(&draft.as_of)),
        Field::Contact => option(view.contact.as_ref(), draft.contact.as_ref()),
        Field::CaseReference => option(view.case_reference.as_ref(), draft.case_reference.as_ref()),
    }
}

proptest! {
    #![proptest_config(Config::with_cases(500))]

    #[test]
    fn a_view_holds_what_is_released_and_nothing_else(
        draft in any_alert(),
        fields in random::fields(),
    ) {
        let Some((view, permit, alert)) = view_of(&draft, fields) else {
            prop_assert!(draft.fields().intersection(fields).is_empty());
            return Ok(());
        };
        prop_assert_eq!(permit.released(), draft.fields().intersection(fields));
        for field in Field::ALL.iter().copied() {
            let (says_nothing, says_the_same) = compare(field, &view, &draft);
            if permit.released().contains(field) {
                prop_assert!(says_the_same && !says_nothing, "{}", field);
            } else {
                prop_assert!(says_nothing, "{}", field);
            }
        }
        prop_assert_eq!(view.id, alert.id);
        prop_assert_eq!(view.source, "//example.org/agency/council");
        prop_assert_eq!((view.agreement, view.purpose), (draft.agreement, draft.purpose));
        prop_assert_eq!((view.expires_at, view.delete_after), (draft.expires_at, alert.delete_after));
        prop_assert_eq!(view.handling, draft.handling);
        prop_assert!(!view.regime_change);
    }
}

/// Each field alone: a mistake in one arm could hide behind the others.
#[test]
fn each_field_is_withheld_and_released_by_itself() {
    let draft = draft_with(|it| {
        it.indicators = Indicator::ALL.iter().copied().collect();
        it.grading = Some("1/A/P".parse().expect("a grading"));
        it.route = Some(crate::domain::Route::MultiAgency);
        it.action = Some(crate::domain::RequestedAction::Meet);
        it.contact = Some(crate::domain::Contact::new("Duty desk", "023 9200 0000").unwrap());
        it.case_reference = Some("C-1".parse().expect("a reference"));
    });
    assert_eq!(draft.fields(), Fields::all());
    for alone in Field::ALL.iter().copied() {
        let (view, permit, _) = view_of(&draft, [alone].into_iter().collect()).expect("a view");
        assert_eq!(permit.released().iter().collect::<Vec<_>>(), [alone]);
        for field in Field::ALL.iter().copied() {
            let (says_nothing, says_the_same) = compare(field, &view, &draft);
            assert_eq!((says_nothing, says_the_same), (field != alone, field == alone), "{field}");
        }
    }
}
