//! The regime, the lawful basis, confidentiality, and whom a school hears from.

use super::*;
use crate::domain::law::ConfidentialityBasis;

fn kind_of_sender(agreement: &mut Agreement, kind: AgencyKind) {
    agreement.parties[0].kind = kind;
}

/// The council becomes a police force under Part 3.
fn police(agreement: &mut Agreement) {
    agreement.parties[0].kind = AgencyKind::Police;
    agreement.parties[0].regime = Regime::DpaPart3;
    agreement.flows[0].lawful_basis = LawfulBasis::Part3Necessary;
}

#[test]
fn a_code_that_is_on_no_list_is_no_purpose_gateway_or_basis() {
    for bad in ["", "*", "ANY", "a6-1-e", "A6-1-b", "CDA1998-S116"] {
        bad.parse::<Purpose>().expect_err(bad);
        bad.parse::<Gateway>().expect_err(bad);
        bad.parse::<LawfulBasis>().expect_err(bad);
    }
    for number in [-1, 0, 12, i32::MAX] {
        Purpose::from_number(number).expect_err("not on the list");
    }
}

#[test]
fn a_sender_uses_a_basis_of_its_own_regime() {
    for basis in LawfulBasis::ALL.iter().copied() {
        let under_uk_gdpr = defined_with(|it| {
            kind_of_sender(it, AgencyKind::Voluntary);
            it.flows[0].lawful_basis = basis;
        });
        let under_part3 = defined_with(|it| {
            police(it);
            it.flows[0].authorised_by = Some("CDA1998-S115".to_owned());
            it.flows[0].lawful_basis = basis;
        });
        let other = Err(Reason::BasisOfOtherRegime);
        assert_eq!(under_uk_gdpr, if basis.is_part3() { other } else { Ok(()) }, "{basis}");
        assert_eq!(under_part3, if basis.is_part3() { Ok(()) } else { other }, "{basis}");
    }
}

#[test]
fn legitimate_interests_are_closed_to_public_authorities() {
    for closed in [LawfulBasis::LegitimateInterests, LawfulBasis::RecognisedLegitimateInterests] {
        for kind in AgencyKind::ALL.iter().copied() {
            let answer = defined_with(|it| {
                kind_of_sender(it, kind);
                it.flows[0].lawful_basis = closed;
                it.flows[0].confidentiality_basis = Some(ConfidentialityBasis::LegalDuty);
            });
            let expected = match kind {
                AgencyKind::HousingProvider | AgencyKind::Voluntary | AgencyKind::SocialCare => {
                    Ok(())
                }
                AgencyKind::Police
                | AgencyKind::LocalAuthority
                | AgencyKind::HealthBody
                | AgencyKind::Probation
                | AgencyKind::Fire
                | AgencyKind::School => Err(Reason::BasisClosedToPublicAuthority),
            };
            assert_eq!(answer, expected, "{kind} {closed}");
        }
    }
}

/// Who carries out an authority's tasks is bound as it is; and an authority stays one whomever it acts for.
#[test]
fn legitimate_interests_are_closed_to_those_who_act_for_a_public_authority() {
    let acting = |own: AgencyKind, principal: AgencyKind| {
        defined_with(|it| {
            kind_of_sender(it, own);
            it.parties.push(party("principal", principal, Regime::UkGdpr));
            it.parties[0].acting_for = Some(agency("principal"));
            it.flows[0].lawful_basis = LawfulBasis::LegitimateInterests;
        })
    };
    let closed = Err(Reason::BasisClosedToPublicAuthority);
    assert_eq!(acting(AgencyKind::Voluntary, AgencyKind::LocalAuthority), closed);
    assert_eq!(acting(AgencyKind::LocalAuthority, AgencyKind::Voluntary), closed);
    assert_eq!(acting(AgencyKind::Voluntary, AgencyKind::Voluntary), Ok(()));
}

#[test]
fn data_leaves_part_3_only_under_a_law_that_is_named() {
    assert_eq!(defined_with(police), Err(Reason::RegimeChangeUnauthorised));
    let mut agreement = agreement();
    police(&mut agreement);
    agreement.flows[0].authorised_by = Some("CDA1998-S115".to_owned());
    assert_eq!(defined(&agreement), Ok(()));
    assert!(permitted(&agreement, &draft()).expect("authorised").regime_change());

    agreement.flows[0].authorised_by = None;
    assert_eq!(refused(&agreement, &draft()), Some(Reason::RegimeChangeUnauthorised));
    agreement.parties[1].regime = Regime::DpaPart3;
    assert_eq!(defined(&agreement), Ok(()), "it stays within Part 3");
    assert!(!permitted(&agreement, &draft()).expect("within Part 3").regime_change());
}

#[test]
fn health_and_care_senders_name_their_basis_in_confidentiality() {
    for kind in [AgencyKind::HealthBody, AgencyKind::SocialCare] {
        let mut agreement = agreement();
        kind_of_sender(&mut agreement, kind);
        assert_eq!(defined(&agreement), Err(Reason::ConfidentialityBasisMissing), "{kind}");
        assert_eq!(refused(&agreement, &draft()), Some(Reason::ConfidentialityBasisMissing));
        agreement.flows[0].confidentiality_basis = Some(ConfidentialityBasis::LegalDuty);
        assert_eq!(defined(&agreement), Ok(()), "{kind}");
        assert_eq!(refused(&agreement, &draft()), None);
    }
    let acting = |basis| {
        defined_with(|it| {
            kind_of_sender(it, AgencyKind::Voluntary);
            it.parties.push(party("hospital", AgencyKind::HealthBody, Regime::UkGdpr));
            it.parties[0].acting_for = Some(agency("hospital"));
            it.flows[0].confidentiality_basis = basis;
        })
    };
    assert_eq!(acting(None), Err(Reason::ConfidentialityBasisMissing));
    assert_eq!(acting(Some(ConfidentialityBasis::Consent)), Ok(()));
}

#[test]
fn a_school_receives_for_safeguarding_children_only() {
    for purpose in Purpose::ALL.iter().copied() {
        let answer = defined_with(|it| {
            it.parties[1].kind = AgencyKind::School;
            it.flows[0].purpose = purpose;
            it.flows[0].gateway = Gateway::EducationAct175;
        });
        let expected = match purpose {
            Purpose::SafeguardingChild => Ok(()),
            Purpose::CrimeAndDisorder => Err(Reason::GatewayOfOtherPurpose),
            Purpose::SafeguardingAdult
            | Purpose::DomesticAbuseProtection
            | Purpose::ReoffendingReduction
            | Purpose::PublicProtection
            | Purpose::HomelessnessPrevention
            | Purpose::HealthAndCare
            | Purpose::TenancySustainment
            | Purpose::FirePrevention
            | Purpose::SeriousViolence => Err(Reason::SchoolPurpose),
        };
        assert_eq!(answer, expected, "{purpose}");
    }
}

#[test]
fn who_acts_for_a_school_receives_as_a_school_does() {
    let acting = |purpose| {
        defined_with(|it| {
            it.parties[1].kind = AgencyKind::Voluntary;
            it.parties.push(party("academy", AgencyKind::School, Regime::UkGdpr));
            it.parties[1].acting_for = Some(agency("academy"));
            it.flows[0].purpose = purpose;
        })
    };
    assert_eq!(acting(Purpose::HealthAndCare), Err(Reason::SchoolPurpose));
    assert_eq!(acting(Purpose::SafeguardingChild), Ok(()));
}
