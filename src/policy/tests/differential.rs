//! Goal: Cedar's rules decide what the hand-written evaluator decides, and a memory changes nothing. Method:
//! random agreements, alerts, askers and times, about each moment that a decision looks at; reasons, places,
//! fields and ends have to be equal.

use std::time::Duration;

use proptest::{prelude::*, test_runner::Config};

use super::random::{Case, case};
use super::*;
use crate::policy::{Decider, Explanation, WhatIf};

const MS: Duration = Duration::from_millis(1);

/// Every moment at which an answer may change, and those just beside it.
fn moments(case: &Case) -> Vec<Timestamp> {
    let Agreement { starts, ends, parties, .. } = &case.agreement;
    let documents = parties.iter().filter_map(|party| party.policy_document.as_ref());
    let named = [*starts, *ends, case.alert.expires_at, case.alert.delete_after, case.now];
    let named = named.into_iter().chain(documents.map(|document| document.until));
    named.flat_map(|moment| [moment.before(MS), moment, moment.after(MS)]).collect()
}

/// The alert of a case, and what could be asked of it besides.
fn alerts(case: &Case) -> Vec<Facts> {
    let mut others = vec![case.alert.clone()];
    let mut add = |change: fn(&mut Facts)| {
        let mut other = case.alert.clone();
        change(&mut other);
        others.push(other);
    };
    add(|it| it.restricted = !it.restricted);
    add(|it| it.publisher = agency("stranger"));
    add(|it| it.agreement = "another".parse().expect("an id"));
    add(|it| it.categories = BTreeSet::new());
    add(|it| it.fields.remove(Field::Subject));
    add(|it| {
        it.categories.insert(SubjectCategory::Child);
    });
    others
}

fn permitted_alike(
    case: &Case,
    (decider, version): (&Decider, Version<'_>),
    (alert, recipient, now): (&Facts, &AgencyId, Timestamp),
) -> Result<(), TestCaseError> {
    for purpose in [case.purpose, Purpose::SeriousViolence] {
        let ask = Ask { alert, recipient, purpose };
        let expected = oracle::permit(&case.agreement, &ask, now);
        let remembered = decider.permit(version, &ask, now);
        prop_assert_eq!(&remembered, &decider.permit(version, &ask, now));
        match (remembered, expected) {
            (Ok(permit), Ok(expected)) => {
                prop_assert_eq!(permit.flow(), expected.flow);
                prop_assert_eq!(permit.released(), expected.released);
                prop_assert_eq!(permit.withheld(), expected.withheld);
                prop_assert_eq!(permit.rules(), expected.rules);
                prop_assert_eq!(permit.regime_change(), expected.regime_change);
                prop_assert_eq!(permit.until(), expected.until);
            }
            (permit, expected) => prop_assert_eq!(permit.err(), expected.err()),
        }
    }
    Ok(())
}

fn admitted_alike(
    case: &Case,
    (decider, version): (&Decider, Version<'_>),
    now: Timestamp,
) -> Result<(), TestCaseError> {
    let drafts = [
        case.draft.clone(),
        Draft { as_of: now, time: now, expires_at: now.plus_days(30), ..case.draft.clone() },
        Draft { as_of: now, time: now.after(MS), ..case.draft.clone() },
        Draft { as_of: now.after(MS * 5001), expires_at: now, ..case.draft.clone() },
        Draft { as_of: now.before(MS * (60 * 3_600_000 + 1)), time: now, ..case.draft.clone() },
    ];
    for draft in drafts {
        for publisher in [&case.alert.publisher, &case.recipient, &agency("stranger")] {
            let expected = oracle::admit(&case.agreement, publisher, &draft, now);
            let known = decider.admit(version, publisher, &draft, now);
            prop_assert_eq!(&known, &decider.admit(version, publisher, &draft, now));
            let known = known.map(|it| (it.flows().to_vec(), it.delete_after()));
            prop_assert_eq!(known, expected);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(Config::with_cases(200))]

    #[test]
    fn rules_and_evaluator_decide_alike_and_a_memory_changes_nothing(case in case()) {
        let decider = Decider::new(rules());
        let agreement = Arc::new(case.agreement.clone());
        let version = Version { index: 3, agreement: &agreement };
        let stranger = agency("stranger");
        for now in moments(&case) {
            for alert in alerts(&case) {
                permitted_alike(&case, (&decider, version), (&alert, &case.recipient, now))?;
            }
            let others = case.agreement.parties.iter().map(|it| &it.agency).chain([&stranger]);
            for recipient in others {
                permitted_alike(&case, (&decider, version), (&case.alert, recipient, now))?;
            }
            admitted_alike(&case, (&decider, version), now)?;
        }
    }

    #[test]
    fn rules_and_evaluator_decide_alike_without_a_memory(case in case(), dropped in 0..8_usize) {
        let mut case = case;
        if dropped < 4 {
            case.agreement.parties.remove(dropped);
        }
        let ask = Ask { alert: &case.alert, recipient: &case.recipient, purpose: case.purpose };
        let permit = permit(&case.agreement, &ask, case.now);
        let expected = oracle::permit(&case.agreement, &ask, case.now);
        prop_assert_eq!(permit.as_ref().map(Permit::until), expected.as_ref().map(|it| it.until));
        let draft = Draft { as_of: case.now, time: case.now, ..case.draft.clone() };
        let admitted = admit(&case.agreement, &case.alert.publisher, &draft, case.now);
        let admitted = admitted.map(|it| it.flows().to_vec());
        let expected = oracle::admit(&case.agreement, &case.alert.publisher, &draft, case.now);
        prop_assert_eq!(admitted, expected.map(|(flows, _)| flows));
    }

    #[test]
    fn an_explanation_is_the_decision_with_its_rules(case in case()) {
        let Facts { publisher, purpose, kind, categories, fields, .. } = &case.alert;
        let what_if = WhatIf {
            from: publisher.clone(),
            to: case.recipient.clone(),
            purpose: *purpose,
            kind: *kind,
            categories: categories.clone(),
            fields: *fields,
        };
        let Explanation { answer, grounds } = rules().explain(&case.agreement, &what_if, case.now);
        let later = case.now.plus_days(1);
        let alert = Facts { restricted: false, expires_at: later, delete_after: later, ..case.alert };
        let ask = Ask { alert: &alert, recipient: &case.recipient, purpose: alert.purpose };
        let decided = permit(&case.agreement, &ask, case.now);
        prop_assert_eq!(answer.as_ref().map(Permit::released), decided.as_ref().map(Permit::released));
        prop_assert_eq!(answer.as_ref().map(Permit::rules), decided.as_ref().map(Permit::rules));
        let permits = grounds.iter().any(|ground| &*ground.id == "agreement-covers");
        prop_assert_eq!(permits, answer.is_ok());
        prop_assert!(!grounds.is_empty());
    }

    #[test]
    fn rules_and_evaluator_agree_on_what_may_be_agreed(case in case()) {
        let mut agreement = case.agreement.clone();
        for now in [case.now, now()] {
            prop_assert_eq!(rules().define(&agreement, now), oracle::define(&agreement, now));
        }
        // Shapely, so that it is the law that is asked.
        (agreement.starts, agreement.ends) = (now(), now().plus_days(365));
        agreement.review = agreement.ends;
        agreement.parties.iter_mut().for_each(|party| party.acting_for = None);
        prop_assert_eq!(rules().define(&agreement, now()), oracle::define(&agreement, now()));
        agreement.flows.truncate(1);
        prop_assert_eq!(rules().define(&agreement, now()), oracle::define(&agreement, now()));
    }
}

/// A record's index stands for one agreement; should another come under it, nothing of the first is used.
#[test]
fn an_answer_about_one_agreement_is_never_given_about_another() {
    let decider = Decider::new(rules());
    let (one, mut other) = (Arc::new(agreement()), agreement());
    other.flows[0].alert_types = [AlertType::FireRisk].into();
    let other = Arc::new(other);
    let alert = facts(&draft());
    let landlord = agency(LANDLORD);
    let ask = Ask { alert: &alert, recipient: &landlord, purpose: alert.purpose };
    for _ in 0..2 {
        let answer = |agreement| decider.permit(Version { index: 1, agreement }, &ask, now());
        answer(&one).expect("agreed");
        assert_eq!(answer(&other).map_err(|it| it.reason), Err(Reason::TypeNotAgreed));
    }
}

/// Without the built-in rules, which always load, nothing would be decided but refusals.
#[test]
fn an_answer_is_forgotten_with_its_rules() {
    let (agreement, alert, landlord) = (Arc::new(agreement()), facts(&draft()), agency(LANDLORD));
    let ask = Ask { alert: &alert, recipient: &landlord, purpose: alert.purpose };
    let version = Version { index: 1, agreement: &agreement };
    let decider = Decider::default();
    decider.permit(version, &ask, now()).expect("agreed");
    assert_eq!(
        Decider::new(decider.rules_in_use().unwrap()).permit(version, &ask, now()),
        decider.permit(version, &ask, now())
    );
}
