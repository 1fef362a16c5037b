//! Orders and holds, one rule at a time.

use super::*;
use crate::domain::{ErasureReason, Fingerprint, HoldReason};
use crate::exchange::{Holding, Target};
use crate::record::{Record, Retention, Sealed, Stub};

fn deputy() -> Caller {
    let seat = Seat::Officer { agency: agency(COUNCIL), id: "ig-2".parse().unwrap() };
    Caller { seat, certificate: Fingerprint([77; 32]) }
}

/// Two orders were approved and waited for one hold: its end erases the alert once, and leaves neither of them open for
/// ever.
#[test]
fn every_order_that_waited_for_a_hold_is_done_with_it() {
    let mut desk = Desk::agreed();
    let published = desk.publish(&draft(desk.now));
    let slot = desk.state.slots() - 1;
    let target = Target {
        sealed: Sealed { index: published, slot },
        publisher: agency(COUNCIL),
        delete_after: desk.now.plus_days(30),
    };
    let targets = [target.clone()];
    let holding = Holding { reason: HoldReason::LegalClaim, review_at: desk.now.plus_days(1) };
    let held = desk.state.hold(&officer(COUNCIL), &target, holding, desk.now).unwrap();
    desk.record(held.unwrap_err(), Content::None);
    for _ in 0..2 {
        let reason = ErasureReason::Article17;
        let ordered = desk.state.order_erasure(&officer(COUNCIL), reason, &targets).unwrap();
        let order = desk.record(ordered, Content::None);
        let (approved, free, held) = desk.state.approve_erasure(&deputy(), order).unwrap();
        assert_eq!((free.len(), held), (0, 1));
        desk.record(approved, Content::None);
    }

    let released = desk.state.release(&officer(COUNCIL), published, desk.now).unwrap();
    desk.record(released.event, Content::None);
    let erased = released.erased.expect("it was approved");
    desk.record(Event::Retention(Retention::Erased(erased)), Content::None);

    let (orders, holds) = desk.state.erasures_of(&officer(COUNCIL)).unwrap();
    assert_eq!((orders, holds), (Vec::new(), Vec::new()));
}

/// Records are erased range by range, the newest first, and a broker may stop in between: what a record that is gone
/// has undone stays undone, though the record of what it undid still stands before it.
#[test]
fn what_was_withdrawn_or_released_does_not_come_back_while_records_are_erased() {
    let mut desk = Desk::agreed();
    let published = desk.publish(&draft(desk.now));
    let target = Target {
        sealed: Sealed { index: published, slot: desk.state.slots() - 1 },
        publisher: agency(COUNCIL),
        delete_after: desk.now.plus_days(30),
    };
    let holding = Holding { reason: HoldReason::LegalClaim, review_at: desk.now.plus_days(1) };
    let held = desk.state.hold(&officer(COUNCIL), &target, holding, desk.now).unwrap();
    desk.record(held.unwrap_err(), Content::None);
    let ordered =
        desk.state.order_erasure(&officer(COUNCIL), ErasureReason::Article17, &[target]).unwrap();
    let order = desk.record(ordered, Content::None);

    let released = desk.state.release(&officer(COUNCIL), published, desk.now).unwrap().event;
    let withdrawn = desk.state.withdraw_erasure(&officer(COUNCIL), order).unwrap();
    for event in [released, withdrawn] {
        let record = Record { at: desk.now, links: Vec::new(), event };
        desk.state.apply_erased(&Stub::of(&record));
    }
    let (orders, holds) = desk.state.erasures_of(&officer(COUNCIL)).unwrap();
    assert_eq!((orders, holds), (Vec::new(), Vec::new()));
}
