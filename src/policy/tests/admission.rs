//! What comes in: times, purpose, type, category, and when it is deleted.

use std::time::Duration;

use super::*;
use crate::domain::agreement::TypeRetention;

const MS: Duration = Duration::from_millis(1);

fn refusal(change: impl FnOnce(&mut Draft)) -> Option<(Reason, &'static str)> {
    let refusal = admitted(&agreement(), &draft_with(change)).err()?;
    Some((refusal.reason, refusal.at))
}

#[test]
fn times_ahead_of_the_broker_are_refused() {
    let limit = now().after(Duration::from_secs(5));
    assert_eq!(refusal(|it| it.as_of = limit), None, "a clock may be 5 s ahead");
    let ahead = Some((Reason::AheadOfTime, "as_of"));
    assert_eq!(refusal(|it| it.as_of = limit.after(MS)), ahead);
    let before_it_happened = Some((Reason::AheadOfTime, "time"));
    assert_eq!(refusal(|it| it.time = it.as_of.after(MS)), before_it_happened);
    assert_eq!(refusal(|it| it.time = it.as_of), None);
}

#[test]
fn an_alert_ends_after_now_and_within_90_days() {
    let ends = |at: Timestamp| refusal(|it| it.expires_at = at);
    assert_eq!(ends(now()), Some((Reason::Expired, "expires_at")));
    assert_eq!(ends(now().after(MS)), None);
    assert_eq!(ends(now().plus_days(90)), None);
    assert_eq!(ends(now().plus_days(90).after(MS)), Some((Reason::ExpiryTooLate, "expires_at")));
}

/// Acute news goes stale in 60 hours, the others in 30 days.
#[test]
fn news_older_than_its_type_allows_is_stale() {
    for kind in AlertType::ALL.iter().copied() {
        let mut agreement = of_health();
        agreement.flows[0].alert_types = [kind].into();
        agreement.flows[0].fields.remove(Field::Type);
        let acute = matches!(
            kind,
            AlertType::Violence
                | AlertType::DomesticAbuse
                | AlertType::AdultSafeguarding
                | AlertType::ChildSafeguarding
                | AlertType::Exploitation
                | AlertType::MentalHealthCrisis
                | AlertType::Overdose
                | AlertType::AssaultInjury
                | AlertType::DeliberateFire
        );
        let hours = if acute { 60 } else { 30 * 24 };
        let oldest = now().before(Duration::from_secs(hours * 3600));
        let of_age = |as_of: Timestamp| {
            let draft = draft_with(|it| {
                it.kind = kind;
                it.as_of = as_of;
                it.time = as_of.before(Duration::from_secs(365 * 24 * 3600));
            });
            admitted(&agreement, &draft).err()
        };
        assert_eq!(of_age(oldest), None, "{kind}");
        let stale = Some(Refusal::at(Reason::Stale, "as_of"));
        assert_eq!(of_age(oldest.before(MS)), stale, "{kind}");
    }
}

#[test]
fn another_purpose_type_or_category_is_refused() {
    let purpose = refusal(|it| it.purpose = Purpose::TenancySustainment);
    assert_eq!(purpose, Some((Reason::PurposeNotAgreed, "purpose")));
    let kind = refusal(|it| it.kind = AlertType::TenancyAtRisk);
    assert_eq!(kind, Some((Reason::TypeNotAgreed, "type")));
    let mut agreement = agreement();
    agreement.flows[0].subject_categories = [SubjectCategory::AtRiskAdult].into();
    assert_eq!(refused(&agreement, &draft()), None);
    let one_more = draft_with(|it| it.categories.extend([SubjectCategory::Victim]));
    assert_eq!(refused(&agreement, &one_more), Some(Reason::CategoryNotAgreed));
}

#[test]
fn a_subject_category_is_mandatory() {
    let of_none = draft_with(|it| it.categories.clear());
    assert_eq!(refused(&agreement(), &of_none), Some(Reason::CategoryNotAgreed));
}

#[test]
fn a_stranger_does_not_learn_that_the_agreement_exists() {
    for stranger in ["stranger", "council-2"] {
        let answer = admit(&agreement(), &agency(stranger), &draft(), now());
        assert_eq!(answer.map_err(|refusal| refusal.reason), Err(Reason::AgreementUnknown));
    }
    let other = admitted(&agreement(), &draft_with(|it| it.agreement = "other".parse().unwrap()));
    assert_eq!(other.map_err(|refusal| refusal.reason), Err(Reason::AgreementUnknown));
}

#[test]
fn a_party_that_sends_nothing_under_the_agreement_publishes_nothing() {
    let answer = admit(&agreement(), &agency(LANDLORD), &draft(), now());
    assert_eq!(answer, Err(Refusal::at(Reason::PurposeNotAgreed, "purpose")));
}

#[test]
fn nothing_comes_in_outside_the_term() {
    let agreement = agreement();
    let at = |now: Timestamp| {
        let draft = draft_with(|it| (it.time, it.as_of) = (now, now));
        let draft = Draft { expires_at: now.plus_days(1), ..draft };
        admit(&agreement, &agency(COUNCIL), &draft, now).map(|_| ()).map_err(|it| it.reason)
    };
    let outside = Err(Reason::AgreementNotInForce);
    assert_eq!(at(agreement.starts.before(MS)), outside);
    assert_eq!(at(agreement.starts), Ok(()));
    assert_eq!(at(agreement.ends.before(MS)), Ok(()));
    assert_eq!(at(agreement.ends), outside);
}

/// A refusal at the door is kinder than silence: an alert that nobody could receive does not come in.
#[test]
fn what_no_recipient_may_receive_is_not_admitted() {
    let mut agreement = agreement();
    agreement.parties[1].faces_suspects = true;
    let of_victim = draft_with(|it| it.categories = [SubjectCategory::Victim].into());
    assert_eq!(refused(&agreement, &of_victim), Some(Reason::VictimFacingSuspect));
    agreement.parties.push(party("zfire", AgencyKind::Fire, Regime::UkGdpr));
    agreement.flows[0].to.insert(agency("zfire"));
    admitted(&agreement, &of_victim).expect("the other one may receive it");
    assert_eq!(permitted(&agreement, &of_victim), Err(Reason::VictimFacingSuspect));
}

/// It is kept for its publisher, and disclosed to nobody.
#[test]
fn a_restricted_alert_comes_in_and_does_not_leave() {
    let restricted = draft_with(|it| it.restricted = true);
    admitted(&agreement(), &restricted).expect("kept");
    assert_eq!(permitted(&agreement(), &restricted), Err(Reason::Restricted));
}

#[test]
fn everything_is_deleted_and_a_childs_alert_sooner() {
    let deleted = |days: u16, categories: &[SubjectCategory]| {
        let mut agreement = agreement();
        agreement.delete_after_days = days;
        let draft = draft_with(|it| it.categories = categories.iter().copied().collect());
        admitted(&agreement, &draft).expect("admitted").delete_after()
    };
    let (adult, child) = (SubjectCategory::AtRiskAdult, SubjectCategory::Child);
    assert_eq!(deleted(120, &[adult]), now().plus_days(120));
    assert_eq!(deleted(120, &[child]), now().plus_days(90));
    assert_eq!(deleted(120, &[child, SubjectCategory::Victim]), now().plus_days(90));
    assert_eq!(deleted(31, &[child]), now().plus_days(31));
}

/// Storage limitation, UK GDPR Art 5(1)(e): for each type as long as its purpose needs.
#[test]
fn an_alert_is_kept_as_long_as_its_type_says() {
    let deleted = |kind: AlertType, days: u16, category: SubjectCategory| {
        let mut agreement = agreement();
        agreement.flows[0].alert_types.insert(AlertType::FireRisk);
        let kept = TypeRetention { retention: RetentionClass::Long, delete_after_days: days };
        agreement.type_retention.insert(kind, kept);
        let draft = draft_with(|it| it.categories = [category].into());
        admitted(&agreement, &draft).expect("admitted").delete_after()
    };
    let (adult, child) = (SubjectCategory::AtRiskAdult, SubjectCategory::Child);
    assert_eq!(deleted(AlertType::Homelessness, 400, adult), now().plus_days(400));
    assert_eq!(deleted(AlertType::Homelessness, 7, adult), now().plus_days(7));
    assert_eq!(deleted(AlertType::Homelessness, 400, child), now().plus_days(90));
    assert_eq!(deleted(AlertType::FireRisk, 7, adult), now().plus_days(120), "another type's");
}

#[test]
fn the_flows_that_apply_are_named_by_their_place() {
    let mut agreement = agreement();
    agreement.parties.push(party("fire", AgencyKind::Fire, Regime::UkGdpr));
    for (alert_type, to) in [(AlertType::FireRisk, "fire"), (AlertType::Homelessness, "fire")] {
        let mut flow = agreement.flows[0].clone();
        flow.alert_types = [alert_type].into();
        flow.to = [agency(to)].into();
        agreement.flows.push(flow);
    }
    assert_eq!(admitted(&agreement, &draft()).expect("admitted").flows(), [0, 2]);
}

/// DPA 2018 s.62: a party that names its staff publishes on behalf of somebody only; others may.
#[test]
fn a_party_that_names_its_staff_publishes_on_behalf_of_somebody() {
    let mut named = agreement();
    let publisher = agreement().flows[0].from.clone();
    for party in &mut named.parties {
        party.names_staff = party.agency == publisher;
    }
    let somebody = draft_with(|it| it.on_behalf_of = Some("PC-4711".parse().unwrap()));
    let nobody = draft_with(|it| it.on_behalf_of = None);
    let missing = Refusal::at(Reason::StaffReferenceMissing, "on_behalf_of");
    assert_eq!(admitted(&named, &nobody), Err(missing));
    admitted(&named, &somebody).expect("it names somebody");
    admitted(&agreement(), &somebody).expect("it may name somebody");
    // What the recipients name is their own affair.
    for party in &mut named.parties {
        party.names_staff = party.agency != publisher;
    }
    admitted(&named, &nobody).expect("the publisher need not");
}
