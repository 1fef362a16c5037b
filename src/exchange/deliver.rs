//! What an open stream gets next: redeliveries first, then what waits, in order, within its credit,
//! each decided anew at this moment.

use std::sync::Arc;

use super::state::{Live, Sent, SentAs, Session, State};
use super::subscribe::UNACKNOWLEDGED_MAX;
use crate::domain::{Act, AgencyId, DeliveryCondition, Facts, Reason, Timestamp};
use crate::policy::{Ask, Permit};
use crate::record::{Disclosed, Event, Refused};

/// The next thing to do for a stream.
#[derive(Debug)]
pub enum Step {
    /// Disclose: record, then release.
    Disclose(Box<Disclosure>),
    /// Record only: the alert is refused to this subscription.
    Refuse(Event),
    /// Record, then tell the stream that the number is not delivered.
    Skip {
        /// What to record; nothing where it was recorded before.
        event: Option<Event>,
        /// The number.
        number: u64,
        /// Why.
        reason: Reason,
    },
}

/// A disclosure that policy permits, before its view is made and committed to.
#[derive(Debug)]
pub struct Disclosure {
    /// The alert's facts.
    pub facts: Arc<Facts>,
    /// Index of the alert's record.
    pub published: u64,
    /// The passed check.
    pub permit: Permit,
    /// What has to be before its view leaves, beside its record.
    pub condition: DeliveryCondition,
    /// Running number in the subscription.
    pub number: u64,
    /// Whether it was sent before, unchanged: then only the fact is recorded.
    pub redelivery: bool,
    subscription: u64,
    agreement: u64,
    opened: u64,
    recipient: AgencyId,
    disclosed: Option<u64>,
}

/// That an alert may be disclosed now, and by which version of its agreement.
struct Decided {
    facts: Arc<Facts>,
    agreement: u64,
    condition: DeliveryCondition,
    permit: Permit,
}

/// An open stream and its subscription.
#[derive(Clone, Copy, Debug)]
struct Stream<'a> {
    subscription: u64,
    live: &'a Live,
    session: Session,
}

impl Disclosure {
    /// Returns the event to record, with the commitment to the view.
    pub fn event(&self, view: [u8; 32]) -> Event {
        let recipient = self.recipient.clone();
        match self.disclosed.filter(|_| self.redelivery) {
            Some(disclosed) => Event::Redelivered { disclosed, opened: self.opened, recipient },
            None => Event::Disclosed(Disclosed {
                published: self.published,
                agreement: self.agreement,
                flow: self.permit.flow(),
                subscription: self.subscription,
                opened: self.opened,
                number: self.number,
                publisher: self.facts.publisher.clone(),
                recipient,
                released: self.permit.released(),
                withheld: self.permit.withheld(),
                view,
                rules: Arc::clone(self.permit.shared_rules()),
                regime_change: self.permit.regime_change(),
                delete_after: self.facts.delete_after,
            }),
        }
    }

    /// Returns the event to record where there is nothing left to disclose after all.
    pub fn refused(&self, reason: Reason) -> Event {
        let recipient = self.recipient.clone();
        if self.disclosed.is_some() {
            let (subscription, number) = (self.subscription, self.number);
            return Event::NumberSkipped { subscription, number, reason, recipient };
        }
        Event::Refused(Refused {
            by: None,
            act: Act::Disclose,
            reason,
            agreement: Some(self.agreement),
            published: Some(self.published),
            subscription: Some(self.subscription),
            suppressed: 0,
            recipient: Some(recipient),
            publisher: Some(self.facts.publisher.clone()),
        })
    }

    /// Returns the index of the disclosure's record, where this only repeats it.
    pub const fn repeats(&self) -> Option<u64> {
        if self.redelivery { self.disclosed } else { None }
    }
}

impl State {
    /// Decides what the subscription's open stream gets next; nothing without a stream, credit or
    /// something to send.
    pub fn next_step(&self, subscription: u64, now: Timestamp) -> Option<Step> {
        let live = self.subscriptions.get(&subscription)?;
        let session = live.session?;
        // P4: what waits for a suspended agency goes on waiting.
        if self.bars.against_agency(&live.agency).is_some() {
            return None;
        }
        if session.credit == 0 || live.subscription.expires_at <= now {
            return None;
        }
        if session.next <= live.delivered {
            let place = live.sent.partition_point(|it| it.number < session.next);
            let sent = *live.sent.get(place)?;
            return Some(self.repeat(Stream { subscription, live, session }, sent, now));
        }
        if live.sent.len() >= UNACKNOWLEDGED_MAX {
            return None;
        }
        let published = *live.pending.front()?;
        Some(match self.decide(live, published, now) {
            Ok(Decided { facts, agreement, condition, permit }) => {
                Step::Disclose(Box::new(Disclosure {
                    facts,
                    published,
                    permit,
                    condition,
                    number: live.delivered + 1,
                    redelivery: false,
                    subscription,
                    agreement,
                    opened: session.opened,
                    recipient: live.agency.clone(),
                    disclosed: None,
                }))
            }
            Err(reason) => Step::Refuse(self.refusal(subscription, live, published, reason)),
        })
    }

    /// Notes that a number was sent on the open stream; a delivery costs one credit.
    pub fn sent(&mut self, subscription: u64, number: u64, credit: u32) {
        if let Some(live) = self.subscriptions.get_mut(&subscription)
            && let Some(session) = &mut live.session
        {
            session.next = number + 1;
            session.credit = session.credit.saturating_sub(credit);
        }
    }

    /// Tells whether more waits for a subscription than its open stream was sent.
    pub fn has_waiting(&self, subscription: u64) -> bool {
        let is_behind = |session: Session, live: &Live| session.next <= live.delivered;
        self.subscriptions.get(&subscription).is_some_and(|live| {
            !live.pending.is_empty() || live.session.is_some_and(|it| is_behind(it, live))
        })
    }

    /// Tells whether an open stream may have something to send.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Puts a subscription back on the list, for the next turn.
    pub fn put_back(&mut self, subscription: u64) {
        self.ready.insert(subscription);
    }

    /// Takes the list of subscriptions whose open stream may have something to send.
    pub fn take_ready(&mut self) -> std::collections::BTreeSet<u64> {
        std::mem::take(&mut self.ready)
    }

    fn repeat(&self, stream: Stream<'_>, sent: Sent, now: Timestamp) -> Step {
        let Stream { subscription, live, session } = stream;
        let number = sent.number;
        let (index, released, regime_change) = match sent.what {
            SentAs::Skipped(reason) => return Step::Skip { event: None, number, reason },
            SentAs::Disclosed { index, released, regime_change } => {
                (index, released, regime_change)
            }
        };
        match self.decide(live, sent.published, now) {
            Ok(Decided { facts, agreement, condition, permit }) => {
                let redelivery =
                    permit.released() == released && permit.regime_change() == regime_change;
                Step::Disclose(Box::new(Disclosure {
                    facts,
                    published: sent.published,
                    permit,
                    condition,
                    number,
                    redelivery,
                    subscription,
                    agreement,
                    opened: session.opened,
                    recipient: live.agency.clone(),
                    disclosed: Some(index),
                }))
            }
            Err(reason) => {
                let recipient = live.agency.clone();
                let event = Event::NumberSkipped { subscription, number, reason, recipient };
                Step::Skip { event: Some(event), number, reason }
            }
        }
    }

    fn decide(&self, live: &Live, published: u64, now: Timestamp) -> Result<Decided, Reason> {
        let alert = self.alerts.get(&published).ok_or(Reason::Expired)?;
        if self.kept.is_held(published) {
            return Err(Reason::EvidenceHeld);
        }
        // P4: what its publisher has stopped does not leave, whatever an agreement permits.
        if let Some(reason) = self.rights.against(published) {
            return Err(reason);
        }
        let version =
            self.in_force(&alert.facts.agreement, now).ok_or(Reason::AgreementNotInForce)?;
        let ask = Ask {
            alert: &alert.facts,
            recipient: &live.agency,
            purpose: live.subscription.purpose,
        };
        let permit = self.decider.permit(version.for_policy(), &ask, now);
        let permit = permit.map_err(|refusal| refusal.reason)?;
        Ok(Decided {
            facts: Arc::clone(&alert.facts),
            agreement: version.proposed,
            condition: version.agreement.delivery,
            permit,
        })
    }

    fn refusal(&self, subscription: u64, live: &Live, published: u64, reason: Reason) -> Event {
        let alert = self.alerts.get(&published);
        Event::Refused(Refused {
            by: None,
            act: Act::Disclose,
            reason,
            agreement: None,
            published: Some(published),
            subscription: Some(subscription),
            suppressed: 0,
            recipient: Some(live.agency.clone()),
            publisher: alert.map(|alert| alert.facts.publisher.clone()),
        })
    }
}
