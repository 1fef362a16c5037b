//! How many versions an agency may have proposed, and what is kept of those that have ended.

use super::*;
use crate::domain::agreement::{ENDED_VERSIONS_KEPT, VERSIONS_PER_AGENCY_MAX};

fn numbered(number: usize, desk: &Desk) -> Agreement {
    let id = format!("agreement-{number}").parse().unwrap();
    Agreement { id, ..agreement(&[COUNCIL, HOUSING], WIDE, desk.now) }
}

fn too_many() -> Result<Option<Event>, Refusal> {
    Err(Refusal::at(Reason::TooManyProposals, "agreement"))
}

fn withdraw(desk: &mut Desk, number: usize) {
    let id = format!("agreement-{number}").parse().unwrap();
    let event = desk.state.withdraw(&officer(HOUSING), &id, desk.now).unwrap();
    desk.record(event, Content::None);
}

#[test]
fn an_agency_proposes_no_more_than_its_bound_and_others_still_can() {
    let mut desk = Desk::new();
    for number in 0..VERSIONS_PER_AGENCY_MAX {
        desk.propose(numbered(number, &desk));
    }
    let more = |desk: &Desk, by: &str| {
        desk.state.propose(&officer(by), proposed(numbered(999, desk)), desk.now)
    };
    assert_eq!(more(&desk, COUNCIL), too_many());
    let again = proposed(numbered(3, &desk));
    assert_eq!(desk.state.propose(&officer(COUNCIL), again, desk.now), Ok(None), "it is known");
    assert!(more(&desk, HOUSING).is_ok(), "a bound of its own");
    withdraw(&mut desk, 5);
    assert!(more(&desk, COUNCIL).is_ok(), "there is room again");
    desk.propose(numbered(999, &desk));
    assert_eq!(more(&desk, COUNCIL), Ok(None));
    desk.now = desk.now.plus_days(4000);
    assert!(more(&desk, COUNCIL).is_ok(), "those have ended that nobody approved in time");
}

#[test]
fn of_what_has_ended_the_newest_are_kept_and_nothing_that_counts_is_forgotten() {
    let mut desk = Desk::agreed();
    let binding = desk.state.agreements_of(&agency(HOUSING), desk.now);
    for number in 0..ENDED_VERSIONS_KEPT + 10 {
        desk.propose(numbered(number, &desk));
        withdraw(&mut desk, number);
    }
    // What is forgotten is forgotten with the next proposal.
    desk.propose(numbered(1000, &desk));
    let shown = |desk: &Desk, number: usize| {
        let id = format!("agreement-{number}").parse().unwrap();
        desk.state.versions_for(&id, &agency(HOUSING), desk.now).map(|it| it.len())
    };
    for number in 0..10 {
        assert_eq!(shown(&desk, number), Err(Reason::AgreementUnknown.into()));
    }
    for number in 10..ENDED_VERSIONS_KEPT + 10 {
        assert_eq!(shown(&desk, number), Ok(1));
    }
    let after = desk.state.agreements_of(&agency(HOUSING), desk.now);
    let still = after.iter().find(|it| it.in_force).map(|it| &it.version);
    assert_eq!(still, Some(&binding[0].version));
}

/// A version whose term is over keeps the one that it replaced from counting again.
#[test]
fn a_replaced_version_does_not_come_back_when_versions_are_forgotten() {
    let mut desk = Desk::agreed();
    let newer = agreement(&[COUNCIL, HOUSING], NARROW, desk.now);
    let ends = desk.now.plus_days(30);
    let review = desk.now.plus_days(20);
    desk.agree(Agreement { ends, review, ..newer });
    desk.now = ends.after(HOUR);
    for number in 0..=ENDED_VERSIONS_KEPT {
        desk.propose(numbered(number, &desk));
        withdraw(&mut desk, number);
    }
    desk.propose(numbered(1000, &desk));
    let left = desk.state.agreements_of(&agency(HOUSING), desk.now);
    assert!(left.iter().all(|it| !it.in_force), "{left:?}");
}
