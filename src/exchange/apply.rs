//! The next state from an event: the one code path for live operation and for a start.

use std::{collections::VecDeque, sync::Arc};

use super::state::{Alert, Linked, Live, Remembered, Sent, SentAs, State, Version};
use crate::domain::{AgencyId, Barring, Draft, Filter, Reason, Subscription, Timestamp};
use crate::record::{
    Disclosed, Event, Governed, ProposedAgreement, Published, Record, StoredSubscription, Stub,
    agreement_version,
};

/// What was sealed in a record's body, where it can be read: it never stands in the record.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// An alert's content.
    Draft(&'a Draft),
    /// A filter's tokens.
    Tokens(&'a Filter),
    /// There is none, or it was erased.
    None,
}

impl State {
    /// Applies the next record. `content` is what its body holds.
    pub fn apply(&mut self, record: &Record, content: Content<'_>) {
        let index = self.size;
        self.size += 1;
        self.recorded_at = self.recorded_at.max(record.at);
        for agency in record.event.agencies() {
            self.apply_link(index, agency);
        }
        if let Some(slot) = record.event.slot() {
            self.slots = self.slots.max(slot + 1);
        }
        self.apply_event(index, record.at, &record.event, content);
    }

    /// Applies the next record where it was erased: it left numbers behind, and keys that are destroyed.
    pub fn apply_erased(&mut self, stub: &Stub) {
        let index = self.size;
        self.size += 1;
        for agency in &stub.agencies {
            self.apply_link(index, agency);
        }
        self.slots = self.slots.max(stub.slot.map_or(0, |slot| slot + 1));
        self.rights.give_numbers(&stub.notified);
        if let Some(settled) = stub.settled {
            self.rights.owed.remove(&settled);
        }
        // A body's record is erased after its key alone.
        self.kept.erase_slots(stub.slot.iter().chain(&stub.erased));
        if let Some(swept) = stub.swept {
            self.kept.sweep(swept);
        }
        if let Some(subscription) = stub.ended {
            self.forget(subscription);
        }
        // Ranges are erased one by one, the newest first: what this record undid may still stand before it.
        if let Some(order) = stub.withdrawn {
            self.kept.orders.remove(&order);
        }
        if let Some(published) = stub.released {
            self.kept.held.remove(&published);
        }
    }

    fn apply_link(&mut self, index: u64, agency: &AgencyId) {
        let linked = match self.links.get_mut(agency) {
            Some(linked) => linked,
            None => self.links.entry(agency.clone()).or_default(),
        };
        *linked = Linked { number: linked.number + 1, last: index + 1 };
    }

    fn apply_event(&mut self, index: u64, at: Timestamp, event: &Event, content: Content<'_>) {
        match event {
            Event::Acknowledged { subscription, number, .. } => {
                self.apply_acknowledged(*subscription, *number);
            }
            Event::AgreementApproved(act) => self.apply_approved(act),
            Event::AgreementProposed { by, proposed } => {
                if let Some(agency) = by.seat.agency() {
                    self.apply_proposed(index, agency, proposed);
                    self.forget_ended(agency, at);
                }
            }
            Event::AgreementWithdrawn(act) => {
                for version in self.agreements.entry(act.id.clone()).or_default() {
                    version.withdrawn = true;
                }
            }
            Event::Barred { act, .. } => self.apply_barred(index, act),
            Event::Disclosed(disclosed) => self.apply_disclosed(index, disclosed),
            Event::NumberSkipped { subscription, number, reason, .. } => {
                self.apply_skipped(*subscription, *number, *reason);
            }
            Event::Published(published) => self.apply_published(index, at, published, content),
            Event::Refused(refused) => {
                if let Some((subscription, published)) = refused.subscription.zip(refused.published)
                {
                    self.drop_pending(subscription, published, refused.reason);
                }
            }
            Event::Rights(event) => self.apply_rights(index, at, event),
            Event::SubscriptionCreated { by, subscription } => {
                if let Some(agency) = by.seat.agency() {
                    self.apply_created(index, agency, subscription, content);
                }
            }
            Event::SubscriptionDeleted { subscription, .. } => self.forget(*subscription),
            Event::Retention(it) => self.apply_retention(index, it),
            Event::CertificateIssued(it) => {
                self.issued.insert(index, it.clone());
            }
            Event::KeyRotated { .. } | Event::LogRestored(_) => self.rotations.push(index),
            Event::BrokerStarted { .. }
            | Event::Access(_)
            | Event::Consulted { .. }
            | Event::Exported { .. }
            | Event::LogStarted { .. }
            | Event::Redelivered { .. }
            | Event::Reloaded(_)
            | Event::SnapshotTaken(_)
            | Event::StreamOpened { .. }
            | Event::TailCut { .. } => {}
        }
    }

    /// An agency that leaves for good leaves nothing behind that waits for it.
    fn apply_barred(&mut self, index: u64, act: &Barring) {
        self.bars.apply(act, index);
        if let Barring::AgencyRevoked(agency) = act {
            let own = self.subscriptions.iter().filter(|(_, live)| live.agency == *agency);
            let own: Vec<u64> = own.map(|(subscription, _)| *subscription).collect();
            for subscription in own {
                self.forget(subscription);
            }
        }
    }

    pub(super) fn apply_proposed(
        &mut self,
        index: u64,
        agency: &AgencyId,
        proposed: &ProposedAgreement,
    ) {
        let versions = self.agreements.entry(proposed.agreement.id.clone()).or_default();
        versions.push(Version {
            agreement: Arc::clone(&proposed.agreement),
            hash: agreement_version(&proposed.bytes).into(),
            proposed: index,
            proposed_by: agency.clone(),
            approved_by: std::collections::BTreeSet::new(),
            withdrawn: false,
        });
    }

    fn apply_approved(&mut self, act: &Governed) {
        let versions = self.agreements.entry(act.id.clone()).or_default();
        let version = versions.iter_mut().find(|it| it.proposed == act.proposed);
        if let (Some(version), Some(agency)) = (version, act.by.seat.agency())
            && version.agreement.party(agency).is_some()
        {
            version.approved_by.insert(agency.clone());
        }
    }

    pub(super) fn apply_created(
        &mut self,
        index: u64,
        agency: &AgencyId,
        stored: &StoredSubscription,
        content: Content<'_>,
    ) {
        let mut subscription: Subscription = stored.subscription.clone();
        if let Content::Tokens(filter) = content {
            subscription.filter.tokens.clone_from(&filter.tokens);
        }
        // The old one of that name had ended: a live one would have been in the way of this record.
        if let Some(ended) = self.subscription(agency, &subscription.name) {
            self.forget(ended);
        }
        self.interest.insert(index, &subscription);
        self.terms.insert((subscription.expires_at, index));
        self.names.insert((agency.clone(), subscription.name.clone()), index);
        let live = Live {
            agency: agency.clone(),
            slot: stored.sealed.map(|it| it.slot),
            subscription,
            token_count: stored.token_count,
            pending: VecDeque::new(),
            held: std::collections::BTreeSet::new(),
            sent: VecDeque::new(),
            delivered: 0,
            acknowledged: 0,
            session: None,
        };
        self.subscriptions.insert(index, live);
    }

    /// Forgets a subscription and lets go of the alerts that waited for it.
    pub(super) fn forget(&mut self, subscription: u64) {
        let Some(live) = self.subscriptions.remove(&subscription) else { return };
        self.interest.remove(subscription, &live.subscription);
        self.terms.remove(&(live.subscription.expires_at, subscription));
        self.kept.spend(subscription, &live);
        self.ready.remove(&subscription);
        self.names.remove(&(live.agency, live.subscription.name));
        let sent = live.sent.iter().map(|it| it.published);
        for published in live.pending.into_iter().chain(live.held).chain(sent) {
            self.dereference(published);
        }
    }

    fn apply_published(
        &mut self,
        index: u64,
        at: Timestamp,
        published: &Published,
        content: Content<'_>,
    ) {
        let facts = Arc::new(published.facts.clone());
        let key = (facts.id, facts.publisher.clone());
        let known = Remembered { index, slot: published.slot, content: published.content };
        self.requests.insert(key.clone(), known);
        self.request_order.push_back((at, key));
        self.kept.note(index, facts.delete_after);
        self.apply_rectified(index, at, published);
        let Content::Draft(draft) = content else { return };
        let mut references = 0;
        for candidate in self.interest.candidates(draft) {
            let Some(live) = self.subscriptions.get_mut(&candidate) else { continue };
            let alive = at < live.subscription.expires_at;
            if alive && live.subscription.filter.matches(draft) && live.agency != facts.publisher {
                live.pending.push_back(index);
                references += 1;
                if live.session.is_some() {
                    self.ready.insert(candidate);
                }
            }
        }
        self.ends.insert((facts.expires_at, index));
        self.alerts.insert(index, Alert { facts, slot: published.slot, references });
    }

    fn apply_disclosed(&mut self, index: u64, it: &Disclosed) {
        let was_pending = self.remove_pending(it.subscription, it.published);
        let Some(live) = self.subscriptions.get_mut(&it.subscription) else { return };
        let what =
            SentAs::Disclosed { index, released: it.released, regime_change: it.regime_change };
        let sent = Sent { number: it.number, published: it.published, what };
        match live.sent.binary_search_by_key(&it.number, |known| known.number) {
            Ok(place) => {
                if let Some(known) = live.sent.get_mut(place) {
                    *known = sent;
                }
            }
            Err(place) => {
                live.sent.insert(place, sent);
                // One that waited is counted already. Where the filter's tokens were erased since, none did.
                if !was_pending && let Some(alert) = self.alerts.get_mut(&it.published) {
                    alert.references += 1;
                }
            }
        }
        live.delivered = live.delivered.max(it.number);
    }

    fn apply_skipped(&mut self, subscription: u64, number: u64, reason: Reason) {
        let Some(live) = self.subscriptions.get_mut(&subscription) else { return };
        if let Ok(place) = live.sent.binary_search_by_key(&number, |known| known.number)
            && let Some(known) = live.sent.get_mut(place)
        {
            known.what = SentAs::Skipped(reason);
            let published = known.published;
            if self.may_come_back(published, reason)
                && let Some(live) = self.subscriptions.get_mut(&subscription)
                && let Some(alert) = self.alerts.get_mut(&published)
                && live.held.insert(published)
            {
                alert.references += 1;
            }
        }
    }

    fn apply_acknowledged(&mut self, subscription: u64, number: u64) {
        let Some(live) = self.subscriptions.get_mut(&subscription) else { return };
        live.acknowledged = live.acknowledged.max(number.min(live.delivered));
        if let Some(session) = &mut live.session {
            session.next = session.next.max(live.acknowledged + 1);
            self.ready.insert(subscription);
        }
        let mut released = Vec::new();
        while live.sent.front().is_some_and(|it| it.number <= live.acknowledged) {
            released.extend(live.sent.pop_front().map(|it| it.published));
        }
        for published in released {
            self.dereference(published);
        }
    }

    /// Takes an alert out of a subscription's waiting list; the reference moves to `sent`.
    fn remove_pending(&mut self, subscription: u64, published: u64) -> bool {
        let Some(live) = self.subscriptions.get_mut(&subscription) else { return false };
        if live.pending.front() == Some(&published) {
            live.pending.pop_front();
            return true;
        }
        // In order of their records: what is erased may stand anywhere among them.
        let place = live.pending.binary_search(&published);
        place.is_ok_and(|place| live.pending.remove(place).is_some())
    }

    fn drop_pending(&mut self, subscription: u64, published: u64, reason: Reason) {
        let may_come_back = self.may_come_back(published, reason);
        let waited = self.remove_pending(subscription, published);
        let Some(live) = self.subscriptions.get_mut(&subscription) else { return };
        if waited && may_come_back && live.held.insert(published) {
            return;
        }
        // Of what is refused for another reason meanwhile, such as that it was erased, nothing is held back.
        if waited || live.held.remove(&published) {
            self.dereference(published);
        }
    }

    /// P3: what an officer restricted may still be delivered, once that is lifted.
    fn may_come_back(&self, published: u64, reason: Reason) -> bool {
        reason == Reason::Restricted && self.rights.against(published) == Some(Reason::Restricted)
    }
}
