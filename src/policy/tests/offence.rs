//! Criminal-offence data: where a condition is needed, and what the condition needs.

use super::*;
use crate::domain::law::OffenceCondition;

/// Offence indicators under `condition`.
fn under(condition: Option<OffenceCondition>) -> Agreement {
    let mut agreement = agreement();
    agreement.flows[0].fields.insert(Field::OffenceIndicators);
    agreement.flows[0].offence_condition = condition;
    agreement
}

fn offender() -> Draft {
    draft_with(|it| it.indicators = [Indicator::Offending].into())
}

#[test]
fn offence_data_under_the_uk_gdpr_needs_a_condition() {
    let missing = Some(Reason::OffenceDataWithoutCondition);
    assert_eq!(defined(&under(None)).err(), missing);
    assert_eq!(refused(&under(None), &offender()), missing);
    assert_eq!(refused(&under(None), &draft()), None, "nothing of an offence in it");
    let mut by_type = agreement();
    by_type.flows[0].alert_types = [AlertType::Arrest].into();
    assert_eq!(defined(&by_type).err(), missing, "the type tells it");
    by_type.flows[0].fields.remove(Field::Type);
    assert_eq!(defined(&by_type), Ok(()), "the type is withheld");
}

#[test]
fn offence_data_needs_no_condition_within_part_3_and_one_at_its_border() {
    for (sender, recipient) in [
        (Regime::DpaPart3, Regime::DpaPart3),
        (Regime::DpaPart3, Regime::UkGdpr),
        (Regime::UkGdpr, Regime::DpaPart3),
    ] {
        let mut agreement = under(None);
        agreement.parties[0].regime = sender;
        agreement.parties[1].regime = recipient;
        if sender == Regime::DpaPart3 {
            agreement.flows[0].lawful_basis = LawfulBasis::Part3Necessary;
            agreement.flows[0].authorised_by = Some("CDA1998-S115".to_owned());
        }
        let within = sender == recipient;
        let expected = (!within).then_some(Reason::OffenceDataWithoutCondition);
        assert_eq!(defined(&agreement).err(), expected);
        assert_eq!(refused(&agreement, &offender()), expected);
    }
}

#[test]
fn an_offence_condition_of_schedule_1_part_2_needs_a_current_policy_document() {
    for condition in OffenceCondition::ALL.iter().copied() {
        let mut agreement = under(Some(condition));
        agreement.flows[0].no_consent_reason = Some(NoConsentReason::CannotGive);
        assert_eq!(defined(&agreement), Ok(()), "{condition}");
        agreement.parties[0].policy_document = None;
        let demands = match condition {
            OffenceCondition::StatutoryPurposes
            | OffenceCondition::UnlawfulActs
            | OffenceCondition::Safeguarding => true,
            OffenceCondition::OfficialAuthority
            | OffenceCondition::VitalInterests
            | OffenceCondition::LegalClaims => false,
        };
        let expected = demands.then_some(Reason::PolicyDocumentNotCurrent);
        assert_eq!(defined(&agreement).err(), expected, "{condition}");
        assert_eq!(refused(&agreement, &offender()), expected, "{condition}");
    }
}

/// Para 18 asks the same of offence data as of health data.
#[test]
fn safeguarding_as_offence_condition_needs_its_reason_and_a_person_at_risk() {
    let mut agreement = under(Some(OffenceCondition::Safeguarding));
    assert_eq!(defined(&agreement), Err(Reason::NoConsentReasonMissing));
    assert_eq!(refused(&agreement, &offender()), Some(Reason::NoConsentReasonMissing));
    agreement.flows[0].no_consent_reason = Some(NoConsentReason::WouldPrejudice);
    assert_eq!(defined(&agreement), Ok(()));
    assert_eq!(refused(&agreement, &offender()), None);
    let not_at_risk = Draft { categories: [SubjectCategory::Suspect].into(), ..offender() };
    let unmet = Some(Reason::SafeguardingConditionUnmet);
    assert_eq!(refused(&agreement, &not_at_risk), unmet);
    let nothing_of_an_offence = Draft { indicators: BTreeSet::new(), ..not_at_risk };
    assert_eq!(refused(&agreement, &nothing_of_an_offence), None);
}
