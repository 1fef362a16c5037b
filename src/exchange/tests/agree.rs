//! Agreements: who may do what to them, and which version counts when.

use super::*;
use crate::exchange::VersionState;

fn in_force(desk: &Desk) -> Option<String> {
    let standings = desk.state.agreements_of(&agency(COUNCIL), desk.now);
    standings.into_iter().find(|it| it.in_force).map(|it| it.version.to_string())
}

#[test]
fn it_is_in_force_once_every_party_has_approved() {
    let mut desk = Desk::new();
    let id = agreement_id();
    let version = desk.propose(agreement(&[COUNCIL, HOUSING, FIRE], WIDE, desk.now));
    for party in [HOUSING, COUNCIL, FIRE] {
        assert_eq!(in_force(&desk), None);
        let approved = desk.state.approve(&officer(party), &id, &version, desk.now);
        desk.record(approved.unwrap().unwrap(), Content::None);
        let again = desk.state.approve(&officer(party), &id, &version, desk.now);
        assert_eq!(again, Ok(None), "{party} has approved already");
    }
    assert_eq!(in_force(&desk), Some(version));
}

#[test]
fn a_new_version_takes_over_when_it_starts() {
    let mut desk = Desk::agreed();
    let old = in_force(&desk).unwrap();
    let starts = desk.now.after(HOUR);
    let new = desk.agree(agreement(&[COUNCIL, HOUSING], NARROW, starts));
    assert_eq!(in_force(&desk), Some(old.clone()));
    desk.now = starts;
    assert_eq!(in_force(&desk), Some(new));
    let versions = desk.state.versions_for(&agreement_id(), &agency(HOUSING), desk.now).unwrap();
    let states: Vec<_> = versions.iter().map(|it| it.state).collect();
    assert_eq!(states, [VersionState::Superseded, VersionState::Approved]);
    let approved = desk.state.approve(&officer(HOUSING), &agreement_id(), &old, desk.now);
    assert_eq!(approved, Err(Reason::VersionUnknown.into()), "what was replaced is over");
}

#[test]
fn any_party_withdraws_and_every_version_ends() {
    for party in [COUNCIL, HOUSING] {
        let mut desk = Desk::agreed();
        desk.agree(agreement(&[COUNCIL, HOUSING], NARROW, desk.now.after(HOUR)));
        desk.withdraw(party);
        assert_eq!(in_force(&desk), None);
        let left = desk.state.withdraw(&officer(party), &agreement_id(), desk.now);
        assert_eq!(left, Err(Reason::AgreementNotInForce.into()));
        desk.now = desk.now.after(HOUR);
        assert_eq!(in_force(&desk), None);
        let again = desk.agree(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
        assert_eq!(in_force(&desk), Some(again));
    }
}

/// A proposal that names somebody new gives them no say over what others have agreed, and everybody
/// whose version ends is told.
#[test]
fn whoever_is_only_proposed_can_neither_see_nor_end_what_stands() {
    let mut desk = Desk::agreed();
    let standing = in_force(&desk).unwrap();
    let wider = desk.propose(agreement(&[COUNCIL, FIRE], WIDE, desk.now));
    let (id, fire) = (agreement_id(), officer(FIRE));
    let seen = desk.state.versions_for(&id, &agency(FIRE), desk.now).unwrap();
    assert_eq!(seen.iter().map(|it| &*it.version).collect::<Vec<_>>(), [&*wider]);
    let withdrawn = desk.state.withdraw(&fire, &id, desk.now);
    assert_eq!(withdrawn, Err(Reason::AgreementNotInForce.into()));
    let approved = desk.state.approve(&fire, &id, &standing, desk.now);
    assert_eq!(approved, Err(Reason::VersionUnknown.into()));
    let event = desk.state.withdraw(&officer(HOUSING), &id, desk.now).unwrap();
    let told: Vec<_> = event.agencies().into_iter().map(AgencyId::as_str).collect();
    assert_eq!(told, [COUNCIL, FIRE, HOUSING]);
}

#[test]
fn a_proposal_that_nobody_has_agreed_to_can_be_withdrawn_by_any_it_names() {
    let mut desk = Desk::new();
    let version = desk.propose(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
    desk.withdraw(HOUSING);
    let approved = desk.state.approve(&officer(COUNCIL), &agreement_id(), &version, desk.now);
    assert_eq!(approved, Err(Reason::VersionUnknown.into()));
}

#[test]
fn to_others_it_does_not_exist() {
    let mut desk = Desk::agreed();
    let (id, now) = (agreement_id(), desk.now);
    let unknown = Reason::AgreementUnknown;
    let version = in_force(&desk).unwrap();
    assert_eq!(desk.state.approve(&officer(FIRE), &id, &version, now), Err(unknown.into()));
    assert_eq!(desk.state.withdraw(&officer(FIRE), &id, now), Err(unknown.into()));
    let shown = desk.state.versions_for(&id, &agency(FIRE), now);
    assert_eq!(shown.unwrap_err().reason, unknown);
    assert!(desk.state.agreements_of(&agency(FIRE), now).is_empty());
    let taken = proposed(agreement(&[FIRE, HOUSING], WIDE, now));
    let refused = Err(Refusal::at(Reason::NotAParty, "id"));
    assert_eq!(desk.state.propose(&officer(FIRE), taken, now), refused);
    let foreign = proposed(agreement(&[COUNCIL, HOUSING], NARROW, now));
    assert_eq!(desk.state.propose(&officer(FIRE), foreign, now), Err(Reason::NotAParty.into()));
    desk.withdraw(COUNCIL);
    let free = proposed(agreement(&[FIRE, HOUSING], WIDE, now));
    assert!(matches!(desk.state.propose(&officer(FIRE), free, now), Ok(Some(_))));
}

#[test]
fn only_officers_govern() {
    let mut desk = Desk::new();
    let version = desk.propose(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
    let (id, now) = (agreement_id(), desk.now);
    for by in [service(COUNCIL), operator()] {
        let again = proposed(agreement(&[COUNCIL, HOUSING], NARROW, now));
        let refused = Reason::WrongRole;
        assert_eq!(desk.state.propose(&by, again, now), Err(refused.into()));
        assert_eq!(desk.state.approve(&by, &id, &version, now), Err(refused.into()));
        assert_eq!(desk.state.withdraw(&by, &id, now), Err(refused.into()));
    }
}

#[test]
fn the_same_proposal_is_made_once() {
    let desk = Desk::agreed();
    let again = proposed(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
    assert_eq!(desk.state.propose(&officer(HOUSING), again, desk.now), Ok(None));
}
