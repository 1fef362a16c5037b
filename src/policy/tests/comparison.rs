//! Goal: nothing that parties would agree to changes unseen. Method: one party changed in each place.

use super::*;
use crate::policy::Comparison;

/// Changes a party in one place.
type Edit = fn(&mut Party);

#[test]
fn whatever_changes_of_a_party_is_shown() {
    let edits: [(&str, Edit); 7] = [
        ("kind", |party| party.kind = AgencyKind::Fire),
        ("regime", |party| party.regime = Regime::DpaPart3),
        ("faces_suspects", |party| party.faces_suspects = true),
        ("professional_secrecy", |party| party.professional_secrecy = true),
        ("names_staff", |party| party.names_staff = true),
        ("acting_for", |party| party.acting_for = Some(agency(COUNCIL))),
        ("policy_document", |party| party.policy_document = None),
    ];
    for (what, edit) in edits {
        let mut other = agreement();
        edit(&mut other.parties[1]);
        let comparison = Comparison::between(&agreement(), &other);
        let shown: Vec<_> =
            comparison.parties.iter().map(|it| (it.agency.as_str(), it.change.what)).collect();
        assert_eq!(shown.first(), Some(&(LANDLORD, what)));
    }
    assert!(Comparison::between(&agreement(), &agreement()).is_empty());
}

#[test]
fn whether_views_wait_for_a_witness_is_shown() {
    let mut other = agreement();
    other.delivery = DeliveryCondition::Witnessed;
    let comparison = Comparison::between(&agreement(), &other);
    let [change] = &comparison.terms[..] else { panic!("{comparison:?}") };
    let shown = (change.what, change.old.as_str(), change.new.as_str());
    assert_eq!(shown, ("delivery", "RECORDED", "WITNESSED"));
}
