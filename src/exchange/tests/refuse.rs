//! Refusals are recorded one by one up to a rate, and counted above it.

use super::*;
use crate::domain::Act;
use crate::exchange::Refusing;

impl Desk {
    fn refuse(&mut self, by: &Caller, act: Act, reason: Reason) -> Option<u32> {
        let refusal = reason.into();
        let refusing = Refusing { by, act, refusal, agreement: None };
        let event = self.state.refuse(&refusing, self.now)?;
        let Event::Refused(refused) = event else { panic!("{event:?}") };
        Some(refused.suppressed)
    }
}

#[test]
fn ten_a_second_are_recorded_and_the_rest_counted_into_the_next() {
    let mut desk = Desk::new();
    let by = service(COUNCIL);
    let refused: Vec<_> = (0..13).map(|_| desk.refuse(&by, Act::Publish, Reason::Stale)).collect();
    assert_eq!(refused[..10], [Some(0); 10]);
    assert_eq!(refused[10..], [None; 3]);
    desk.now = desk.now.after(Duration::from_millis(999));
    assert_eq!(desk.refuse(&by, Act::Publish, Reason::Stale), None);
    desk.now = desk.now.after(Duration::from_millis(1));
    assert_eq!(desk.refuse(&by, Act::Publish, Reason::Stale), Some(4));
    assert_eq!(desk.refuse(&by, Act::Publish, Reason::Stale), Some(0));
}

#[test]
fn others_acts_and_reasons_are_counted_apart() {
    let mut desk = Desk::new();
    for _ in 0..10 {
        assert_eq!(desk.refuse(&service(COUNCIL), Act::Publish, Reason::Stale), Some(0));
    }
    assert_eq!(desk.refuse(&service(COUNCIL), Act::Publish, Reason::Stale), None);
    assert_eq!(desk.refuse(&service(HOUSING), Act::Publish, Reason::Stale), Some(0));
    assert_eq!(desk.refuse(&service(COUNCIL), Act::OpenStream, Reason::Stale), Some(0));
    assert_eq!(desk.refuse(&service(COUNCIL), Act::Publish, Reason::Expired), Some(0));
}

/// What was counted is not lost however many others come in between.
#[test]
fn what_was_counted_waits_for_its_record() {
    let mut desk = Desk::new();
    for _ in 0..12 {
        desk.refuse(&service(COUNCIL), Act::Publish, Reason::Stale);
    }
    desk.now = desk.now.after(HOUR);
    for _ in 0..100 {
        desk.refuse(&service(HOUSING), Act::Publish, Reason::Stale);
    }
    desk.now = desk.now.after(HOUR);
    assert_eq!(desk.refuse(&service(COUNCIL), Act::Publish, Reason::Stale), Some(2));
}

/// Its own officers read the record of a refusal.
#[test]
fn a_refusal_names_no_agreement_to_one_that_is_no_party() {
    let mut desk = Desk::agreed();
    let (id, now) = (agreement_id(), desk.now);
    let mut named = |by: &Caller| {
        let refusal = Reason::AgreementUnknown.into();
        let refusing = Refusing { by, act: Act::Publish, refusal, agreement: Some(&id) };
        match desk.state.refuse(&refusing, now) {
            Some(Event::Refused(refused)) => refused.agreement,
            other => panic!("{other:?}"),
        }
    };
    assert!(named(&service(HOUSING)).is_some());
    assert_eq!(named(&service(FIRE)), None);
    assert_eq!(named(&officer(FIRE)), None);
}
