//! Whether a delivery is what was recorded: the right number, the right recipient, and exactly the view
//! that the disclosure's record commits to.

use bytes::Bytes;
use prost::Message;

use super::{
    entry::{Entry, key},
    fault::Fault,
};
use crate::{
    domain::{AgencyId, Purpose, Timestamp},
    merkle::Checkpoint,
    pb::v1 as pb,
    record::{Disclosed, Event, commitment, timestamp_from_pb},
};

/// What is due next on a stream, and for whom.
#[derive(Clone, Debug)]
pub(super) struct Due {
    /// The next number.
    pub(super) number: u64,
    /// Index of the record that created the subscription; unknown before the first delivery.
    pub(super) subscription: Option<u64>,
    /// The agency that subscribed.
    pub(super) recipient: AgencyId,
    /// The subscription's purpose.
    pub(super) purpose: Purpose,
    /// The trust domain of the exchange.
    pub(super) trust_domain: String,
}

impl Due {
    /// Verifies that `number` is the one that is due, and steps on.
    pub(super) fn take(&mut self, number: u64) -> Result<(), Fault> {
        if number != self.number {
            return Err(Fault::Number { expected: self.number, number });
        }
        self.number += 1;
        Ok(())
    }
}

/// Verifies a delivery against its checkpoint, which was opened and settled before, and reads the view.
/// Only what passes moves `due` on.
pub(super) fn verify(
    delivery: &pb::Delivery,
    due: &mut Due,
    checkpoint: &Checkpoint,
) -> Result<pb::View, Fault> {
    let record = entry(delivery).open(checkpoint)?;
    let Event::Disclosed(disclosed) = record.event else {
        return Err(Fault::Record { index: delivery.index, what: "it is no disclosure" });
    };
    check_record(delivery, &disclosed, due)?;
    if commitment::view(&key(&delivery.view_key)?, &delivery.view) != disclosed.view {
        return Err(Fault::View("another commitment"));
    }
    let view = pb::View::decode(Bytes::clone(&delivery.view))
        .map_err(|_| Fault::View("it cannot be read"))?;
    check_view(&view, &disclosed, due)?;
    due.take(delivery.number)?;
    due.subscription = Some(disclosed.subscription);
    Ok(view)
}

/// The record is of this delivery, to us, from our subscription.
fn check_record(delivery: &pb::Delivery, disclosed: &Disclosed, due: &Due) -> Result<(), Fault> {
    let other = |what| Err(Fault::Record { index: delivery.index, what });
    if disclosed.number != delivery.number {
        return other("another number");
    }
    if disclosed.recipient != due.recipient {
        return other("another recipient");
    }
    if due.subscription.is_some_and(|subscription| subscription != disclosed.subscription) {
        return other("another subscription");
    }
    Ok(())
}

/// The view repeats what the record says of it.
fn check_view(view: &pb::View, disclosed: &Disclosed, due: &Due) -> Result<(), Fault> {
    let source = format!("//{}/agency/{}", due.trust_domain, disclosed.publisher);
    let delete_after = timestamp_from_pb(view.delete_after, "delete_after");
    let checks = [
        (view.source == source, "source"),
        (view.purpose == i32::from(due.purpose.number()), "purpose"),
        (delete_after.map(Timestamp::ms) == Ok(disclosed.delete_after.ms()), "delete_after"),
        (view.regime_change == disclosed.regime_change, "regime_change"),
    ];
    match checks.into_iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(Fault::View(what)),
        None => Ok(()),
    }
}

fn entry(delivery: &pb::Delivery) -> Entry<'_> {
    Entry {
        index: delivery.index,
        record: &delivery.record,
        salt: &delivery.salt,
        leaf: None,
        inclusion: &delivery.inclusion,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample::{self, Log};

    fn delivered(view: &pb::View) -> (Log, pb::Delivery) {
        let mut log = sample::log(7);
        let delivery = log.disclose(1, view);
        (log, delivery)
    }

    fn with(change: impl FnOnce(&mut pb::Delivery)) -> Fault {
        let (log, mut delivery) = delivered(&sample::view());
        change(&mut delivery);
        let mut due = sample::due();
        let checkpoint = log.checkpoint(log.size());
        let fault = verify(&delivery, &mut due, &checkpoint).expect_err("a changed delivery");
        assert_eq!(due.number, 1, "what fails must not move the number on");
        fault
    }

    fn due_with(change: impl FnOnce(&mut Due)) -> Fault {
        let (log, delivery) = delivered(&sample::view());
        let mut due = sample::due();
        change(&mut due);
        verify(&delivery, &mut due, &log.checkpoint(log.size())).expect_err("not what was due")
    }

    fn view_with(change: impl FnOnce(&mut pb::View)) -> Fault {
        let mut view = sample::view();
        change(&mut view);
        let (log, delivery) = delivered(&view);
        let checkpoint = log.checkpoint(log.size());
        verify(&delivery, &mut sample::due(), &checkpoint).expect_err("another view")
    }

    fn flipped(bytes: &Bytes) -> Bytes {
        let mut bytes = bytes.to_vec();
        bytes[7] ^= 1;
        bytes.into()
    }

    #[test]
    fn an_honest_delivery_passes_and_moves_on() {
        let (log, delivery) = delivered(&sample::view());
        let mut due = Due { subscription: None, ..sample::due() };
        let view = verify(&delivery, &mut due, &log.checkpoint(log.size())).expect("honest");
        assert_eq!(view, sample::view());
        assert_eq!((due.number, due.subscription), (2, Some(0)));
    }

    #[test]
    fn every_changed_part_is_caught() {
        assert_eq!(with(|it| it.record = flipped(&it.record)), with_other_record());
        assert!(matches!(with(|it| it.salt = flipped(&it.salt)), Fault::Inclusion { .. }));
        assert!(matches!(with(|it| it.index = 6), Fault::Inclusion { index: 6, .. }));
        let inclusion = with(|it| it.inclusion[0] = flipped(&it.inclusion[0]));
        assert!(matches!(inclusion, Fault::Inclusion { .. }));
        assert_eq!(with(|it| it.view = flipped(&it.view)), Fault::View("another commitment"));
        assert_eq!(
            with(|it| it.view_key = flipped(&it.view_key)),
            Fault::View("another commitment")
        );
        assert_eq!(with(|it| it.view_key.truncate(31)), Fault::Length);
        assert_eq!(with(|it| it.number = 2), Fault::Record { index: 7, what: "another number" });
    }

    /// A changed record hashes to a leaf that is nowhere in the tree.
    fn with_other_record() -> Fault {
        Fault::Inclusion { index: 7, error: crate::merkle::ProofError::RootMismatch }
    }

    #[test]
    fn a_delivery_that_is_not_due_is_caught() {
        assert_eq!(due_with(|due| due.number = 2), Fault::Number { expected: 2, number: 1 });
        let record = |what| Fault::Record { index: 7, what };
        assert_eq!(due_with(|due| due.recipient = sample::police()), record("another recipient"));
        assert_eq!(due_with(|due| due.subscription = Some(3)), record("another subscription"));
        assert_eq!(due_with(|due| due.purpose = Purpose::FirePrevention), Fault::View("purpose"));
        let elsewhere = due_with(|due| due.trust_domain = "elsewhere.example".to_owned());
        assert_eq!(elsewhere, Fault::View("source"));
    }

    /// The broker itself recorded a view that says other things than its record.
    #[test]
    fn a_view_that_contradicts_its_record_is_caught() {
        let source = view_with(|view| view.source = "//exchange.example/agency/fire".to_owned());
        assert_eq!(source, Fault::View("source"));
        assert_eq!(view_with(|view| view.regime_change = true), Fault::View("regime_change"));
        assert_eq!(view_with(|view| view.delete_after = None), Fault::View("delete_after"));
        let later = Some(crate::record::timestamp_to_pb(Timestamp::from_ms(1)));
        assert_eq!(view_with(|view| view.delete_after = later), Fault::View("delete_after"));
    }

    #[test]
    fn a_record_of_something_else_is_no_delivery() {
        let (log, mut delivery) = delivered(&sample::view());
        let other = log.shown_at(0);
        (delivery.index, delivery.record, delivery.salt) = (0, other.record, other.salt);
        delivery.inclusion = log.inclusion(0, log.size());
        let fault = verify(&delivery, &mut sample::due(), &log.checkpoint(log.size()));
        assert_eq!(fault, Err(Fault::Record { index: 0, what: "it is no disclosure" }));
    }

    #[test]
    fn a_number_left_out_or_repeated_is_caught() {
        let mut due = sample::due();
        assert_eq!(due.take(1), Ok(()));
        assert_eq!(due.take(1), Err(Fault::Number { expected: 2, number: 1 }));
        assert_eq!(due.take(3), Err(Fault::Number { expected: 2, number: 3 }));
        assert_eq!(due.take(2), Ok(()));
    }
}
