//! What leaves: to whom, for what, until when, and which fields.

use super::*;
use crate::domain::Rule;

fn ask(agreement: &Agreement, to: &str, purpose: Purpose) -> Result<Permit, Reason> {
    let alert = facts(&draft());
    let ask = Ask { alert: &alert, recipient: &agency(to), purpose };
    permit(agreement, &ask, now()).map_err(|refusal| refusal.reason)
}

fn child(purpose: Purpose) -> Draft {
    draft_with(|it| {
        it.categories = [SubjectCategory::Child].into();
        it.indicators.insert(Indicator::ChildProtection);
        it.purpose = purpose;
    })
}

#[test]
fn only_the_recipients_that_are_named_receive() {
    let purpose = Purpose::HomelessnessPrevention;
    let mut agreement = agreement();
    agreement.parties.push(party("fire", AgencyKind::Fire, Regime::UkGdpr));
    ask(&agreement, LANDLORD, purpose).expect("named");
    for other in ["fire", "stranger", COUNCIL] {
        assert_eq!(ask(&agreement, other, purpose), Err(Reason::NotRecipient), "{other}");
    }
}

#[test]
fn reuse_under_another_purpose_is_refused() {
    let mut agreement = agreement();
    let mut other = agreement.flows[0].clone();
    other.purpose = Purpose::TenancySustainment;
    agreement.flows.push(other);
    let answer = ask(&agreement, LANDLORD, Purpose::TenancySustainment);
    assert_eq!(answer, Err(Reason::PurposeNotAgreed), "it was published for another one");
}

#[test]
fn an_alert_of_another_agreement_is_refused() {
    let mut other = agreement();
    other.id = "other".parse().expect("an id");
    assert_eq!(permitted(&other, &draft()), Err(Reason::AgreementNotInForce));
}

#[test]
fn a_type_or_category_that_the_new_version_dropped_no_longer_leaves() {
    let mut agreement = agreement();
    agreement.flows[0].alert_types = [AlertType::FireRisk].into();
    assert_eq!(permitted(&agreement, &draft()), Err(Reason::TypeNotAgreed));
    agreement = super::agreement();
    agreement.flows[0].subject_categories.remove(&SubjectCategory::AtRiskAdult);
    assert_eq!(permitted(&agreement, &draft()), Err(Reason::CategoryNotAgreed));
}

#[test]
fn a_recipient_that_is_no_longer_a_party_is_refused() {
    let mut agreement = agreement();
    agreement.parties.truncate(1);
    assert_eq!(permitted(&agreement, &draft()), Err(Reason::NotAParty));
}

#[test]
fn nothing_leaves_once_it_expired_or_is_to_be_deleted() {
    let alert = facts(&draft());
    let before = |moment: Timestamp| Timestamp::from_ms(moment.ms() - 1);
    permitted_at(&agreement(), &alert, before(alert.expires_at)).expect("not yet");
    let expired = Err(Reason::Expired);
    assert_eq!(permitted_at(&agreement(), &alert, alert.expires_at), expired);
    let deleted = Facts { delete_after: now().plus_days(5), ..alert };
    permitted_at(&agreement(), &deleted, before(deleted.delete_after)).expect("not yet");
    assert_eq!(permitted_at(&agreement(), &deleted, deleted.delete_after), expired);
}

/// A victim's alert never reaches a recipient who faces the suspect, whatever else the person is.
#[test]
fn a_victim_is_kept_from_who_faces_the_suspect() {
    let mut agreement = agreement();
    agreement.parties[1].faces_suspects = true;
    for category in SubjectCategory::ALL.iter().copied() {
        let draft = draft_with(|it| it.categories = [category].into());
        let expected = (category == SubjectCategory::Victim).then_some(Reason::VictimFacingSuspect);
        assert_eq!(refused(&agreement, &draft), expected, "{category}");
        let both = draft_with(|it| it.categories = [category, SubjectCategory::Victim].into());
        assert_eq!(refused(&agreement, &both), Some(Reason::VictimFacingSuspect), "{category}");
    }
    agreement.parties[1].faces_suspects = false;
    let victim = draft_with(|it| it.categories = [SubjectCategory::Victim].into());
    assert_eq!(refused(&agreement, &victim), None);
}

#[test]
fn a_childs_alert_has_stricter_fields_for_any_other_purpose() {
    let stricter: Fields = [
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
    ]
    .into_iter()
    .collect();
    for purpose in Purpose::ALL.iter().copied() {
        let mut agreement = of_health();
        agreement.flows[0].purpose = purpose;
        if purpose == Purpose::CrimeAndDisorder {
            agreement.flows[0].gateway = Gateway::CrimeAndDisorderAct115;
        }
        let draft = child(purpose);
        let permit = permitted(&agreement, &draft).expect("permitted");
        let granted = if purpose == Purpose::SafeguardingChild {
            agreement.flows[0].fields
        } else {
            agreement.flows[0].fields.intersection(stricter)
        };
        assert_eq!(permit.released(), granted.intersection(draft.fields()), "{purpose}");
        assert_eq!(permit.withheld(), Fields::all().without(granted), "{purpose}");
        assert!(permit.rules().contains(&Rule::ChildProtected), "{purpose}");
    }
}

#[test]
fn an_alert_of_which_nothing_would_be_left_does_not_leave() {
    let mut agreement = agreement();
    agreement.flows[0].fields = [Field::Grading].into_iter().collect();
    assert_eq!(defined(&agreement), Ok(()));
    assert_eq!(refused(&agreement, &draft()), Some(Reason::NothingReleased));
}

#[test]
fn a_permit_names_the_rules_that_made_it() {
    use Rule::{AgreementCovers, LimitsMet, RegimeChange, SpecialCondition};
    let rules =
        |agreement: &Agreement| permitted(agreement, &draft()).expect("permitted").rules().to_vec();
    assert_eq!(rules(&agreement()), [AgreementCovers, LimitsMet]);
    assert_eq!(rules(&of_health()), [AgreementCovers, LimitsMet, SpecialCondition]);
    let mut agreement = agreement();
    agreement.parties[0].regime = Regime::DpaPart3;
    agreement.flows[0].lawful_basis = LawfulBasis::Part3Necessary;
    agreement.flows[0].authorised_by = Some("CDA1998-S115".to_owned());
    assert_eq!(rules(&agreement), [AgreementCovers, LimitsMet, RegimeChange]);
}
