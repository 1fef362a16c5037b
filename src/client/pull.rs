//! Pulling: one batch of a subscription in one call, verified as a whole before any of it is handed out.
//! Nothing is acknowledged by itself: whoever has kept a batch safe resumes from its position.

use std::iter::Peekable;

use bytes::Bytes;

use super::{
    Connection, Delivered, Error, Incoming,
    connection::ANSWER_BYTES_MAX,
    delivery::{self, Due},
    fault::Fault,
    follow::CREDIT_MAX,
};
use crate::{
    domain::{Name, Purpose, StaffReference},
    merkle::Checkpoint,
    pb::v1::{self as pb, exchange_client::ExchangeClient},
};

/// How to pull.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// Deliveries at most, 0 to [`CREDIT_MAX`]; 0 only acknowledges what `resume` says.
    pub max: u16,
    /// Position to go on from: everything up to it counts as acknowledged. Empty = where the broker stands.
    pub resume: Bytes,
    /// Index of the record that created the subscription, as its status names it. Without it the first
    /// delivery is believed, and the others are held against that.
    pub created: Option<u64>,
    /// The member of staff on whose behalf, for the record.
    pub on_behalf_of: Option<StaffReference>,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self { max: CREDIT_MAX, resume: Bytes::new(), created: None, on_behalf_of: None }
    }
}

/// One batch, verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Pulled {
    /// Deliveries and skipped numbers, in order of number; notices behind them.
    pub incoming: Vec<Incoming>,
    /// Position to resume from once all of it is kept safe.
    pub position: Bytes,
    /// More may wait.
    pub more: bool,
}

impl Connection {
    /// Takes one batch of a subscription of the own agency. It takes the place of an open stream.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where the identity is an operator's or `max` out of bounds,
    /// [`Error::Refused`] with the broker's reason, [`Error::Unreachable`] where it may be asked again: what
    /// got lost comes again. [`Error::Verification`] where the batch does not prove what it says.
    pub async fn pull(
        &self,
        subscription: &Name,
        purpose: Purpose,
        options: PullOptions,
    ) -> Result<Pulled, Error> {
        let no_agency = || Error::configuration("an operator's identity has no subscriptions");
        let recipient = self.identity().agency().ok_or_else(no_agency)?.clone();
        if options.max > CREDIT_MAX || (options.max == 0 && options.resume.is_empty()) {
            return Err(Error::configuration("deliveries: 1 to 1000, or 0 to acknowledge only"));
        }
        let known = self.known();
        let request = pb::PullRequest {
            subscription: subscription.to_string(),
            purpose: purpose.number().into(),
            max: options.max.into(),
            resume: options.resume,
            on_behalf_of: options.on_behalf_of.map(|it| it.to_string()).unwrap_or_default(),
            checkpoint: known.as_ref().map(|seen| seen.note.clone()).unwrap_or_default(),
        };
        let mut exchange =
            ExchangeClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let answer = exchange.pull(request).await?.into_inner();
        let consistency = Some(answer.consistency.as_slice());
        let seen = self.settle(known.as_deref(), &answer.checkpoint, consistency).await?;
        let due = Due {
            number: answer.acknowledged.saturating_add(1),
            subscription: options.created,
            recipient,
            purpose,
            trust_domain: self.identity().trust_domain().to_owned(),
        };
        Ok(verify(answer, options.max, due, &seen.checkpoint)?)
    }
}

/// Verifies every part of the answer: its numbers run on without a gap.
fn verify(
    answer: pb::PullResponse,
    max: u16,
    mut due: Due,
    checkpoint: &Checkpoint,
) -> Result<Pulled, Fault> {
    if answer.deliveries.len() > usize::from(max) {
        return Err(Fault::Protocol("a bound: it delivered more than was asked for"));
    }
    let mut deliveries = answer.deliveries.into_iter().peekable();
    let mut skipped = answer.skipped.into_iter().peekable();
    let mut incoming = Vec::new();
    loop {
        if let Some(next) = skipped_before(&mut skipped, deliveries.peek()) {
            due.take(next.number)?;
            incoming.push(Incoming::Skipped(next));
        } else if let Some(next) = deliveries.next() {
            let view = delivery::verify(&next, &mut due, checkpoint)?;
            incoming.push(Incoming::Delivery(Box::new(Delivered {
                number: next.number,
                position: next.position.clone(),
                view,
                index: next.index,
                redelivery: next.redelivery,
                // One checkpoint stands for the whole batch.
                proof: pb::Delivery { checkpoint: answer.checkpoint.clone(), ..next },
            })));
        } else {
            break;
        }
    }
    incoming.extend(answer.notices.into_iter().map(Incoming::Notice));
    Ok(Pulled { incoming, position: answer.position, more: answer.more })
}

/// Takes the next skipped number, if it comes before the next delivery.
fn skipped_before(
    skipped: &mut Peekable<impl Iterator<Item = pb::Skipped>>,
    delivery: Option<&pb::Delivery>,
) -> Option<pb::Skipped> {
    skipped.next_if(|it| delivery.is_none_or(|delivery| it.number < delivery.number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    /// An honest answer with three alerts, the third number left out, and the checkpoint of its log.
    fn answered() -> (pb::PullResponse, Checkpoint) {
        let mut log = sample::log(7);
        let deliveries = [1, 2, 4].map(|number| log.disclose(number, &sample::view()));
        let size = log.size();
        let deliveries = deliveries.map(|it| pb::Delivery {
            inclusion: log.inclusion(it.index, size),
            checkpoint: String::new(),
            ..it
        });
        let skipped = [3, 5].map(|number| pb::Skipped { number, ..pb::Skipped::default() });
        let answer = pb::PullResponse {
            deliveries: deliveries.into(),
            skipped: skipped.into(),
            position: vec![5; 48].into(),
            more: true,
            ..pb::PullResponse::default()
        };
        (answer, log.checkpoint(size))
    }

    fn with(change: impl FnOnce(&mut pb::PullResponse)) -> Result<Pulled, Fault> {
        let (mut answer, checkpoint) = answered();
        change(&mut answer);
        verify(answer, 3, sample::due(), &checkpoint)
    }

    #[test]
    fn an_honest_batch_passes_in_order_of_number() {
        let pulled = with(|_| ()).expect("honest");
        let numbers: Vec<_> = pulled.incoming.iter().map(number).collect();
        assert_eq!(numbers, [(1, true), (2, true), (3, false), (4, true), (5, false)]);
        assert!(pulled.more && pulled.position == vec![5; 48]);
    }

    fn number(incoming: &Incoming) -> (u64, bool) {
        match incoming {
            Incoming::Delivery(it) => (it.number, true),
            Incoming::Skipped(it) => (it.number, false),
            other @ (Incoming::Heartbeat | Incoming::Notice(_)) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_left_out_repeated_or_too_much_is_caught() {
        let gap = |expected, number| Err(Fault::Number { expected, number });
        assert_eq!(with(|it| drop(it.deliveries.remove(0))), gap(1, 2));
        assert_eq!(with(|it| drop(it.skipped.remove(0))), gap(3, 4));
        assert_eq!(with(|it| it.skipped[0].number = 2), gap(3, 2));
        assert_eq!(with(|it| it.deliveries.swap(0, 1)), gap(1, 2));
        let much = with(|it| it.deliveries.push(it.deliveries[0].clone()));
        assert!(matches!(much, Err(Fault::Protocol(_))), "{much:?}");
    }

    #[test]
    fn one_changed_delivery_spoils_the_whole_batch() {
        let flipped = |bytes: &Bytes| {
            let mut bytes = bytes.to_vec();
            bytes[7] ^= 1;
            Bytes::from(bytes)
        };
        let view = with(|it| it.deliveries[2].view = flipped(&it.deliveries[2].view));
        assert_eq!(view, Err(Fault::View("another commitment")));
        let record = with(|it| it.deliveries[1].record = flipped(&it.deliveries[1].record));
        assert!(matches!(record, Err(Fault::Inclusion { .. })), "{record:?}");
    }
}
