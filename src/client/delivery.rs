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
