//! Orders and holds, one rule at a time.

use super::*;
use crate::domain::{ErasureReason, Fingerprint, HoldReason};
use crate::exchange::{Holding, Target};
use crate::record::{Retention, Sealed};

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
