//! Goal: nothing that parties would agree to changes unseen. Method: one party changed in each place.

use super::*;
use crate::policy::Comparison;

#[test]
fn whatever_changes_of_a_party_is_shown() {
    let changes: [(&str, fn(&mut Party)); 7] = [
        ("kind", |party| party.kind = AgencyKind::Fire),
        ("regime", |party| party.regime = Regime::DpaPart3),
        ("faces_suspects", |party| party.faces_suspects = true),
        ("professional_secrecy", |party| party.professional_secrecy = true),
        ("names_staff", |party| party.names_staff = true),
        ("acting_for", |party| party.acting_for = Some(agency(COUNCIL))),
        ("policy_document", |party| party.policy_document = None),
    ];
    for (what, change) in changes {
        let mut changed = agreement();
        change(&mut changed.parties[1]);
        let comparison = Comparison::between(&agreement(), &changed);
        let shown: Vec<_> =
            comparison.parties.iter().map(|it| (it.agency.as_str(), it.change.what)).collect();
        assert_eq!(shown.first(), Some(&(LANDLORD, what)));
    }
    assert!(Comparison::between(&agreement(), &agreement()).is_empty());
}
