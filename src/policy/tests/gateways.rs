//! What each statutory gateway carries, and to whom.

use super::*;
use crate::domain::law::ConfidentialityBasis;

fn through(gateway: Gateway, change: impl FnOnce(&mut Agreement)) -> Agreement {
    let mut agreement = agreement();
    agreement.flows[0].gateway = gateway;
    change(&mut agreement);
    agreement
}

#[test]
fn section_115_reaches_the_listed_authorities_only() {
    for kind in AgencyKind::ALL.iter().copied() {
        let agreement = through(Gateway::CrimeAndDisorderAct115, |it| it.parties[1].kind = kind);
        let expected = match kind {
            AgencyKind::Police
            | AgencyKind::LocalAuthority
            | AgencyKind::HousingProvider
            | AgencyKind::HealthBody
            | AgencyKind::Probation
            | AgencyKind::Fire => None,
            AgencyKind::SocialCare | AgencyKind::School | AgencyKind::Voluntary => {
                Some(Reason::NotARelevantAuthority)
            }
        };
        assert_eq!(defined(&agreement).err(), expected, "{kind}");
        assert_eq!(refused(&agreement, &draft()), expected, "{kind}");
    }
}

#[test]
fn section_115_reaches_one_acting_for_a_listed_authority() {
    let acting_for = |principal: AgencyKind| {
        defined(&through(Gateway::CrimeAndDisorderAct115, |it| {
            it.parties[1].kind = AgencyKind::Voluntary;
            it.parties[1].acting_for = Some(agency("principal"));
            it.parties.push(party("principal", principal, Regime::UkGdpr));
        }))
    };
    assert_eq!(acting_for(AgencyKind::LocalAuthority), Ok(()));
    assert_eq!(acting_for(AgencyKind::Voluntary), Err(Reason::NotARelevantAuthority));
}

#[test]
fn crime_and_disorder_has_gateways_of_its_own() {
    for gateway in Gateway::ALL.iter().copied() {
        let agreement = through(gateway, |it| {
            it.flows[0].purpose = Purpose::CrimeAndDisorder;
            if gateway == Gateway::CrimeAndDisorderAct17A {
                it.flows[0].fields = [Field::Type, Field::Area].into_iter().collect();
            }
        });
        let own = [Gateway::CrimeAndDisorderAct115, Gateway::CrimeAndDisorderAct17A];
        let expected =
            if own.contains(&gateway) { Ok(()) } else { Err(Reason::GatewayOfOtherPurpose) };
        assert_eq!(defined(&agreement), expected, "{gateway}");
    }
}

fn depersonalised() -> Agreement {
    through(Gateway::CrimeAndDisorderAct17A, |it| {
        it.flows[0].fields = [Field::Type, Field::Area, Field::Time].into_iter().collect();
    })
}

#[test]
fn section_17a_grants_nothing_that_points_to_a_person() {
    assert_eq!(defined(&depersonalised()), Ok(()));
    for field in [Field::Subject, Field::CaseReference] {
        let mut agreement = depersonalised();
        agreement.flows[0].fields.insert(field);
        assert_eq!(defined(&agreement), Err(Reason::DepersonalisedOnly), "{field}");
    }
}

#[test]
fn section_17a_takes_an_alert_without_a_person_only() {
    let of_nobody = draft_with(|it| it.subject.clear());
    assert_eq!(refused(&depersonalised(), &of_nobody), None);
    assert_eq!(refused(&depersonalised(), &draft()), Some(Reason::DepersonalisedOnly));
    let with_case = draft_with(|it| {
        it.subject.clear();
        it.case_reference = Some("C-1".parse().expect("a reference"));
    });
    assert_eq!(refused(&depersonalised(), &with_case), Some(Reason::DepersonalisedOnly));
}

#[test]
fn every_other_gateway_takes_an_alert_about_a_person_only() {
    let of_nobody = draft_with(|it| it.subject.clear());
    for gateway in Gateway::ALL.iter().copied() {
        if gateway != Gateway::CrimeAndDisorderAct17A {
            let agreement = through(gateway, |it| it.parties[1].kind = AgencyKind::Police);
            assert_eq!(refused(&agreement, &of_nobody), Some(Reason::PersonMissing), "{gateway}");
            assert_eq!(refused(&agreement, &draft()), None, "{gateway}");
        }
    }
}

/// One id would tie the depersonalised view to the person that another recipient sees.
#[test]
fn an_alert_about_a_person_reaches_nobody_through_section_17a() {
    let mut agreement = depersonalised();
    agreement.parties.push(party("fire", AgencyKind::Fire, Regime::UkGdpr));
    let mut about_a_person = super::agreement().flows.remove(0);
    about_a_person.to = [agency("fire")].into();
    agreement.flows.push(about_a_person);
    assert_eq!(defined(&agreement), Ok(()));
    admitted(&agreement, &draft()).expect("the fire service may see it");
    assert_eq!(permitted(&agreement, &draft()), Err(Reason::DepersonalisedOnly));
}

#[test]
fn section_16_bars_patient_data() {
    let gateway = Gateway::PoliceCrimeSentencingCourtsAct16;
    let mut agreement = of_health();
    agreement.flows[0].gateway = gateway;
    assert_eq!(defined(&agreement), Err(Reason::PatientDataBarred));
    assert_eq!(refused(&agreement, &draft()), Some(Reason::PatientDataBarred));
    agreement.flows[0].fields.remove(Field::HealthIndicators);
    assert_eq!(defined(&agreement), Ok(()));
    assert_eq!(refused(&agreement, &draft()), None);
    agreement.flows[0].alert_types.insert(AlertType::Overdose);
    assert_eq!(defined(&agreement), Err(Reason::PatientDataBarred), "the type tells it");
    agreement.flows[0].fields.remove(Field::Type);
    assert_eq!(defined(&agreement), Ok(()), "the type is withheld");
}

#[test]
fn section_16_bars_health_and_care_senders() {
    let from = |kind: AgencyKind, principal: Option<AgencyKind>| {
        defined(&through(Gateway::PoliceCrimeSentencingCourtsAct16, |it| {
            it.parties[0].kind = kind;
            it.flows[0].confidentiality_basis = Some(ConfidentialityBasis::LegalDuty);
            if let Some(principal) = principal {
                it.parties.push(party("principal", principal, Regime::UkGdpr));
                it.parties[0].acting_for = Some(agency("principal"));
            }
        }))
    };
    let barred = Err(Reason::PatientDataBarred);
    assert_eq!(from(AgencyKind::HealthBody, None), barred);
    assert_eq!(from(AgencyKind::SocialCare, None), barred);
    assert_eq!(from(AgencyKind::Voluntary, Some(AgencyKind::HealthBody)), barred);
    assert_eq!(from(AgencyKind::Voluntary, None), Ok(()));
    assert_eq!(from(AgencyKind::LocalAuthority, None), Ok(()));
}

#[test]
fn section_325_is_between_listed_authorities() {
    let between = |sender: AgencyKind, recipient: AgencyKind| {
        defined(&through(Gateway::CriminalJusticeAct325, |it| {
            it.parties[0].kind = sender;
            it.parties[1].kind = recipient;
            it.flows[0].confidentiality_basis = Some(ConfidentialityBasis::LegalDuty);
        }))
    };
    let unlisted =
        [AgencyKind::SocialCare, AgencyKind::Fire, AgencyKind::School, AgencyKind::Voluntary];
    for kind in AgencyKind::ALL.iter().copied() {
        let expected = if unlisted.contains(&kind) {
            Err(Reason::NotListedForPublicProtection)
        } else {
            Ok(())
        };
        assert_eq!(between(kind, AgencyKind::Police), expected, "from {kind}");
        assert_eq!(between(AgencyKind::Police, kind), expected, "to {kind}");
    }
}

#[test]
fn section_325_is_not_for_one_acting_for_a_listed_authority() {
    let agreement = through(Gateway::CriminalJusticeAct325, |it| {
        it.parties[1].kind = AgencyKind::Voluntary;
        it.parties[1].acting_for = Some(agency(COUNCIL));
    });
    assert_eq!(defined(&agreement), Err(Reason::NotListedForPublicProtection));
}
