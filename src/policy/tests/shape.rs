//! The shape of an agreement: its term, its parties, its flows.

use super::*;
use crate::domain::agreement::{FLOWS_MAX, PARTIES_MAX, TERM_DAYS_MAX, TypeRetention};

const OUT: Result<(), Reason> = Err(Reason::OutOfBounds);
const NO_PARTY: Result<(), Reason> = Err(Reason::NotAParty);

fn ms_before(moment: Timestamp) -> Timestamp {
    Timestamp::from_ms(moment.ms() - 1)
}

#[test]
fn a_term_has_an_end_that_is_not_too_far() {
    let ends = |ends: Timestamp| {
        defined_with(|it| {
            it.ends = ends;
            it.review = ends;
        })
    };
    assert_eq!(ends(now().plus_days(TERM_DAYS_MAX)), Ok(()));
    assert_eq!(ends(Timestamp::from_ms(now().plus_days(TERM_DAYS_MAX).ms() + 1)), OUT);
    assert_eq!(ends(Timestamp::from_ms(now().ms() + 1)), Ok(()));
    assert_eq!(ends(now()), OUT, "over before it began");
    let over = |it: &mut Agreement| {
        it.starts = Timestamp::from_ms(now().ms() - 20);
        it.review = Timestamp::from_ms(now().ms() - 10);
        it.ends = now();
    };
    assert_eq!(defined_with(over), OUT, "over already");
}

#[test]
fn a_review_stands_within_the_term() {
    assert_eq!(defined_with(|it| it.review = it.ends), Ok(()));
    assert_eq!(defined_with(|it| it.review = Timestamp::from_ms(it.ends.ms() + 1)), OUT);
    assert_eq!(defined_with(|it| it.review = it.starts), OUT);
}

#[test]
fn retention_has_a_bound_of_its_class() {
    for class in RetentionClass::ALL.iter().copied() {
        let days = |days| {
            defined_with(|it| {
                it.retention = class;
                it.delete_after_days = days;
            })
        };
        assert_eq!((days(0), days(1), days(class.days_max())), (OUT, Ok(()), Ok(())), "{class}");
        assert_eq!(days(class.days_max() + 1), OUT, "{class}");
    }
}

#[test]
fn a_type_of_its_own_retention_is_one_that_flows_and_within_its_class() {
    let kept = |kind: AlertType, retention: RetentionClass, delete_after_days: u16| {
        let kept = TypeRetention { retention, delete_after_days };
        defined_with(|it| it.type_retention = [(kind, kept)].into())
    };
    for class in RetentionClass::ALL.iter().copied() {
        let days = |days| kept(AlertType::Homelessness, class, days);
        assert_eq!((days(0), days(1), days(class.days_max())), (OUT, Ok(()), Ok(())), "{class}");
        assert_eq!(days(class.days_max() + 1), OUT, "{class}");
    }
    let unnamed = kept(AlertType::Violence, RetentionClass::Short, 7);
    assert_eq!(unnamed, OUT, "no flow names it");
}

#[test]
fn an_agreement_names_its_impact_assessment_and_has_a_title() {
    for bad in [String::new(), " ".to_owned(), "a\nb".to_owned(), "x".repeat(121)] {
        assert_eq!(defined_with(|it| it.title.clone_from(&bad)), OUT);
        assert_eq!(defined_with(|it| it.dpia.clone_from(&bad)), Err(Reason::MissingField));
    }
    assert_eq!(defined_with(|it| it.title = "x".repeat(120)), Ok(()));
    assert_eq!(defined_with(|it| it.dpia = "x".repeat(65)), Err(Reason::MissingField));
}

#[test]
fn parties_are_two_or_more_and_none_stands_twice() {
    assert_eq!(defined_with(|it| it.parties.truncate(1)), OUT);
    let twice = |it: &mut Agreement| it.parties.push(it.parties[0].clone());
    assert_eq!(defined_with(twice), OUT);
    let many = |count: usize| {
        defined_with(|it| {
            for number in it.parties.len()..count {
                let name = format!("agency-{number}");
                it.parties.push(party(&name, AgencyKind::Fire, Regime::UkGdpr));
            }
        })
    };
    assert_eq!((many(PARTIES_MAX), many(PARTIES_MAX + 1)), (Ok(()), OUT));
}

#[test]
fn a_flow_is_between_two_different_parties_that_are_named() {
    assert_eq!(defined_flow(|it| it.from = agency("stranger")), NO_PARTY);
    assert_eq!(defined_flow(|it| it.to = [agency("stranger")].into()), NO_PARTY);
    assert_eq!(defined_flow(|it| it.to.extend([agency("stranger")])), NO_PARTY);
    assert_eq!(defined_flow(|it| it.to = [agency(COUNCIL)].into()), OUT);
}

#[test]
fn no_recipient_is_named_by_a_wildcard() {
    for wildcard in ["", "*", "all", "council-*", "%", ".*"] {
        if let Ok(recipient) = wildcard.parse::<AgencyId>() {
            assert_eq!(defined_flow(|it| it.to = [recipient].into()), NO_PARTY, "{wildcard}");
        }
    }
    "*".parse::<AgencyId>().expect_err("not a name");
    assert_eq!(defined_flow(|it| it.to.clear()), Err(Reason::MissingField));
}

#[test]
fn an_empty_list_is_never_read_as_everything() {
    let missing = Err(Reason::MissingField);
    assert_eq!(defined_flow(|it| it.alert_types.clear()), missing);
    assert_eq!(defined_flow(|it| it.subject_categories.clear()), missing);
    assert_eq!(defined_flow(|it| it.fields = Fields::NONE), missing);
    assert_eq!(defined_with(|it| it.flows.clear()), OUT);
}

/// Two flows for one passage would leave open which of them permitted a disclosure.
#[test]
fn one_passage_stands_in_one_flow() {
    let again = |change: fn(&mut Flow)| {
        defined_with(|it| {
            let mut flow = it.flows[0].clone();
            flow.alert_types = [AlertType::TenancyAtRisk].into();
            change(&mut flow);
            it.flows.push(flow);
        })
    };
    assert_eq!(again(|_| ()), OUT);
    assert_eq!(again(|flow| flow.purpose = Purpose::TenancySustainment), Ok(()));
    let back: fn(&mut Flow) = |flow| {
        flow.from = agency(LANDLORD);
        flow.to = [agency(COUNCIL)].into();
    };
    assert_eq!(again(back), Ok(()));
}

#[test]
fn flows_have_a_bound() {
    let many = |count: usize| {
        defined_with(|it| {
            for number in it.parties.len()..60 {
                let name = format!("agency-{number}");
                it.parties.push(party(&name, AgencyKind::Fire, Regime::UkGdpr));
            }
            let flow = it.flows.remove(0);
            let pairs = it.parties.iter().flat_map(|from| {
                let others = it.parties.iter().filter(move |to| to.agency != from.agency);
                others.map(move |to| (from.agency.clone(), to.agency.clone()))
            });
            it.flows = pairs
                .take(count)
                .map(|(from, to)| Flow { from, to: [to].into(), ..flow.clone() })
                .collect();
        })
    };
    assert_eq!((many(FLOWS_MAX), many(FLOWS_MAX + 1)), (Ok(()), OUT));
}

#[test]
fn who_acts_for_another_names_a_party_that_acts_for_itself() {
    let acting = |principal: &str, its_principal: Option<&str>| {
        defined_with(|it| {
            it.parties.push(party("outreach", AgencyKind::Voluntary, Regime::UkGdpr));
            it.parties[2].acting_for = Some(agency(principal));
            it.parties[0].acting_for = its_principal.map(agency);
        })
    };
    assert_eq!(acting(COUNCIL, None), Ok(()));
    assert_eq!(acting("stranger", None), NO_PARTY);
    assert_eq!(acting("outreach", None), NO_PARTY, "for itself");
    assert_eq!(acting(COUNCIL, Some(LANDLORD)), NO_PARTY, "a chain");
    assert_eq!(acting(COUNCIL, Some("outreach")), NO_PARTY, "a circle");
}

#[test]
fn references_are_short_plain_text() {
    for (reference, expected) in [("APD-1", Ok(())), ("", OUT), ("a\u{7}", OUT)] {
        let until = now().plus_days(1);
        let document = Some(PolicyDocument { reference: reference.to_owned(), until });
        assert_eq!(defined_with(|it| it.parties[1].policy_document = document), expected);
        let law = Some(reference.to_owned());
        assert_eq!(defined_flow(|it| it.authorised_by = law), expected);
    }
    assert_eq!(defined_flow(|it| it.authorised_by = Some("x".repeat(65))), OUT);
}

#[test]
fn the_term_takes_in_its_start_and_not_its_end() {
    let agreement = agreement();
    let alert = facts(&draft_with(|it| it.expires_at = agreement.ends.plus_days(1)));
    let alert = Facts { delete_after: agreement.ends.plus_days(1), ..alert };
    let outside = Err(Reason::AgreementNotInForce);
    let at = |now| permitted_at(&agreement, &alert, now).map(|_| ());
    assert_eq!(at(ms_before(agreement.starts)), outside);
    assert_eq!(at(agreement.starts), Ok(()));
    assert_eq!(at(ms_before(agreement.ends)), Ok(()));
    assert_eq!(at(agreement.ends), outside);
}
