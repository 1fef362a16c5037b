//! Erasure and evidence holds are decided here: by two officers of the publisher, or because the time is over.
//! P5: nothing is erased before its time, and nothing that is held is erased at all.

use std::collections::{BTreeMap, BTreeSet};

use super::govern::officer;
use super::kept::{Due, Hold, Order};
use super::state::{SentAs, State};
use crate::domain::{
    AgencyId, Caller, ErasureReason, HoldReason, Reason, Refusal, Seat, Timestamp,
};
use crate::journal::SlotSet;
use crate::record::{Erased, Event, Held, Ordered, Refused, Retention, Sealed};

/// How many alerts one order names, and how many bodies one record of an erasure.
pub const TARGETS_MAX: usize = 1024;
/// How many orders of an agency may be open at once: all are held in memory.
const ORDERS_MAX: usize = 64;
/// How many alerts an agency may hold at once.
const HOLDS_MAX: usize = 10_000;
/// How far ahead a review may be.
const REVIEW_DAYS_MAX: u64 = 366;

/// An alert, as its record tells of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// Its record and its key's slot.
    pub sealed: Sealed,
    /// Its publisher.
    pub publisher: AgencyId,
    /// When it has to be deleted.
    pub delete_after: Timestamp,
}

/// A block's alerts that may be due, as they were read.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// The alerts.
    pub targets: Vec<Target>,
    /// The block, where all of it is in the log and was read; and when the next one is due.
    pub swept: Option<(u64, Option<Timestamp>)>,
}

/// What an officer wants of a hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Holding {
    /// Why.
    pub reason: HoldReason,
    /// When somebody has to look at it again.
    pub review_at: Timestamp,
}

/// What a release leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// The release.
    pub event: Event,
    /// The erasure that was waiting for it.
    pub erased: Option<Erased>,
}

/// What erasures take away from those who were to get the alerts, or did.
#[derive(Debug, Default)]
pub struct Loss {
    /// To be recorded behind the erasure.
    pub events: Vec<Event>,
    /// Subscriptions that hold one of the alerts unacknowledged.
    pub holding: Vec<u64>,
}

impl State {
    /// Tells whether the key of a slot is destroyed, or will be in a moment.
    pub fn is_erased(&self, slot: u64) -> bool {
        self.kept.is_erased(slot)
    }

    /// Returns the slots whose keys are destroyed.
    pub const fn erased(&self) -> &SlotSet {
        &self.kept.erased
    }

    /// Decides an order. Nothing is erased by it before another officer approves.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer, `NOT_PUBLISHED` unless the agency published all of them,
    /// `ERASED` where one is erased already, `OUT_OF_BOUNDS` for too many, `MALFORMED` for a repeat.
    pub fn order_erasure(
        &self,
        by: &Caller,
        reason: ErasureReason,
        targets: &[Target],
    ) -> Result<Event, Refusal> {
        let agency = officer(by)?;
        if !(1..=TARGETS_MAX).contains(&targets.len()) {
            return Err(Refusal::at(Reason::OutOfBounds, "alerts"));
        }
        let sealed: BTreeSet<Sealed> = targets.iter().map(|it| it.sealed).collect();
        if sealed.len() != targets.len() {
            return Err(Refusal::at(Reason::Malformed, "alerts"));
        }
        targets.iter().try_for_each(|it| self.erasable(agency, it))?;
        let open = self.kept.orders.values().filter(|it| it.by.seat.agency() == Some(agency));
        if open.count() >= ORDERS_MAX {
            return Err(Refusal::at(Reason::OutOfBounds, "orders"));
        }
        let targets = sealed.into_iter().collect();
        Ok(Event::Retention(Retention::Ordered { by: by.clone(), reason, targets }))
    }

    /// Decides an approval; with it, what is to be erased at once, and how many are held.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `ERASURE_UNKNOWN` where no such order of the agency waits for it, `SAME_OFFICER` for
    /// whoever ordered it, under any certificate, and for the certificate that it was ordered with.
    pub fn approve_erasure(
        &self,
        by: &Caller,
        order: u64,
    ) -> Result<(Event, Vec<Sealed>, usize), Refusal> {
        let known = self.waiting_order(by, order)?;
        if known.by.seat == by.seat || known.by.certificate == by.certificate {
            return Err(Reason::SameOfficer.into());
        }
        let left = known.targets.iter().filter(|it| !self.is_erased(it.slot));
        let (held, free): (Vec<_>, Vec<_>) = left.partition(|it| self.kept.is_held(it.index));
        let event = Event::Retention(Retention::Approved { by: by.clone(), order });
        Ok((event, free, held.len()))
    }

    /// Decides a withdrawal of an order.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `ERASURE_UNKNOWN`.
    pub fn withdraw_erasure(&self, by: &Caller, order: u64) -> Result<Event, Refusal> {
        self.waiting_order(by, order)?;
        Ok(Event::Retention(Retention::Withdrawn { by: by.clone(), order }))
    }

    /// Decides a hold. Nothing new where the same stands: then the index of its record.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `NOT_PUBLISHED` unless the agency published it, `ERASED`, `OUT_OF_BOUNDS` for a review
    /// that is not in the next 366 days, or too many holds.
    pub fn hold(
        &self,
        by: &Caller,
        target: &Target,
        holding: Holding,
        now: Timestamp,
    ) -> Result<Result<u64, Event>, Refusal> {
        let agency = officer(by)?;
        self.erasable(agency, target)?;
        let Holding { reason, review_at } = holding;
        if review_at <= now || review_at > now.plus_days(REVIEW_DAYS_MAX) {
            return Err(Refusal::at(Reason::OutOfBounds, "review_at"));
        }
        match self.kept.held.get(&target.sealed.index) {
            Some(known) if (known.reason, known.review_at) == (reason, review_at) => {
                return Ok(Ok(known.index));
            }
            None if self.holds_of(agency).count() >= HOLDS_MAX => {
                return Err(Refusal::at(Reason::OutOfBounds, "holds"));
            }
            Some(_) | None => {}
        }
        let (by, sealed, delete_after) = (by.clone(), target.sealed, target.delete_after);
        let held = Held { by, target: sealed, reason, review_at, delete_after };
        Ok(Err(Event::Retention(Retention::Held(held))))
    }

    /// Decides a release, and the erasure that follows from it.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE`, `HOLD_UNKNOWN` where the agency does not hold it.
    pub fn release(&self, by: &Caller, published: u64, now: Timestamp) -> Result<Release, Refusal> {
        let agency = officer(by)?;
        let held = self.kept.held.get(&published).filter(|it| it.agency == *agency);
        let held = held.ok_or(Reason::HoldUnknown)?;
        let event = Retention::Released { by: by.clone(), published, held: held.index };
        let target = Sealed { index: published, slot: held.slot };
        let mut approved = self.kept.orders.iter().filter_map(|(order, it)| {
            let ordered = Ordered { order: *order, approved: it.approved? };
            it.targets.contains(&target).then_some(ordered)
        });
        let order = approved.next();
        let is_due = held.delete_after <= now && self.kept.halted.is_none();
        let erased = (order.is_some() || is_due).then(|| Erased {
            agency: agency.clone(),
            order,
            targets: vec![target],
            swept: None,
        });
        Ok(Release { event: Event::Retention(event), erased })
    }

    /// Says what is due by now, up to `limit` blocks; nothing while that waits for an operator.
    pub fn due(&self, now: Timestamp, limit: usize) -> Due {
        if self.kept.halted.is_some() {
            return Due::default();
        }
        let blocks = self.kept.due.iter().filter(|(_, due)| **due <= now);
        let blocks = blocks.map(|(block, _)| *block).take(limit).collect();
        Due { blocks, spent: !self.kept.spent.is_empty() }
    }

    /// Decides what of a block is erased because its time is over: for each publisher what is due, neither held
    /// nor erased.
    pub fn erase_due(&self, candidate: Candidate, now: Timestamp) -> Vec<Erased> {
        if self.kept.halted.is_some() {
            return Vec::new();
        }
        let mut due = BTreeMap::<AgencyId, Vec<Sealed>>::new();
        for target in candidate.targets {
            let index = target.sealed.index;
            if target.delete_after <= now
                && !self.is_erased(target.sealed.slot)
                && !self.kept.is_held(index)
            {
                due.entry(target.publisher).or_default().push(target.sealed);
            }
        }
        let mut erased = by_term(due);
        if let Some(last) = erased.last_mut() {
            last.swept = candidate.swept;
        }
        erased
    }

    /// Decides which tokens of subscriptions that have ended are erased: up to 1,024.
    pub fn erase_spent(&self) -> Vec<Erased> {
        let mut due = BTreeMap::<AgencyId, Vec<Sealed>>::new();
        if self.kept.halted.is_none() {
            for (index, (agency, slot)) in self.kept.spent.iter().take(TARGETS_MAX) {
                let target = Sealed { index: *index, slot: *slot };
                due.entry(agency.clone()).or_default().push(target);
            }
        }
        by_term(due)
    }

    /// Finds out whom an erasure takes something from. To be asked before it is recorded.
    pub fn lost_by(&self, erased: &Erased) -> Loss {
        let all: BTreeSet<u64> = erased.targets.iter().map(|it| it.index).collect();
        // What has ended waits for nobody, and may have been sent all the same.
        let live: Vec<u64> =
            all.iter().copied().filter(|it| self.alerts.contains_key(it)).collect();
        let mut loss = Loss::default();
        for (subscription, it) in &self.subscriptions {
            let recipient = &it.agency;
            for sent in it.sent.iter().filter(|sent| all.contains(&sent.published)) {
                loss.holding.push(*subscription);
                if matches!(sent.what, SentAs::Disclosed { .. }) {
                    loss.events.push(Event::NumberSkipped {
                        subscription: *subscription,
                        number: sent.number,
                        reason: Reason::Erased,
                        recipient: recipient.clone(),
                    });
                }
            }
            let waits = |at: &&u64| it.pending.binary_search(at).is_ok() || it.held.contains(at);
            for published in live.iter().filter(waits) {
                loss.events.push(Event::Refused(Refused {
                    by: None,
                    act: crate::domain::Act::Disclose,
                    reason: Reason::Erased,
                    agreement: None,
                    published: Some(*published),
                    subscription: Some(*subscription),
                    suppressed: 0,
                    recipient: Some(recipient.clone()),
                    publisher: Some(erased.agency.clone()),
                }));
            }
        }
        loss.holding.dedup();
        loss
    }

    /// Lists the subscriptions that hold an alert unacknowledged.
    pub fn holders(&self, published: u64) -> Vec<u64> {
        let holds = |sent: &super::state::Sent| sent.published == published;
        let all = self.subscriptions.iter().filter(|(_, it)| it.sent.iter().any(holds));
        all.map(|(subscription, _)| *subscription).collect()
    }

    /// Tells whether a subscription still lives.
    pub fn is_subscribed(&self, subscription: u64) -> bool {
        self.subscriptions.contains_key(&subscription)
    }

    /// Lists the agency's orders that are not done, and its holds, by the alert's record.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer.
    pub fn erasures_of(&self, by: &Caller) -> Result<(Orders, Holds), Refusal> {
        let agency = officer(by)?;
        let own = self.kept.orders.iter().filter(|(_, it)| it.by.seat.agency() == Some(agency));
        let orders = own.map(|(index, it)| (*index, it.clone())).collect();
        let holds = self.holds_of(agency).map(|(index, it)| (*index, it.clone())).collect();
        Ok((orders, holds))
    }

    /// Returns the record since which erasure by term waits for an operator.
    pub const fn halted(&self) -> Option<u64> {
        self.kept.halted
    }

    /// Returns the index from which on no record is erased.
    pub const fn records_from(&self) -> u64 {
        self.kept.records_from
    }

    /// Decides that records below `up_to`, all recorded before `before`, may be erased where nothing needs them;
    /// nothing where that was decided before, or an operator has to look at the clock first.
    pub fn erase_records(&self, up_to: u64, before: Timestamp) -> Option<Event> {
        let is_new = self.kept.records_from < up_to && up_to <= self.size;
        let is_so = is_new && before <= self.recorded_at && self.kept.halted.is_none();
        is_so.then_some(Event::Retention(Retention::RecordsErased { up_to, before }))
    }

    /// Decides that the clock is right, on an operator's word.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an operator, `SWEEP_NOT_HALTED` where nothing waits for it.
    pub fn confirm_clock(&self, by: &Caller) -> Result<Event, Refusal> {
        if !matches!(by.seat, Seat::Operator { .. }) {
            return Err(Reason::WrongRole.into());
        }
        self.kept.halted.ok_or(Reason::SweepNotHalted)?;
        Ok(Event::Retention(Retention::Confirmed { by: by.clone() }))
    }

    fn holds_of(&self, agency: &AgencyId) -> impl Iterator<Item = (&u64, &Hold)> {
        self.kept.held.iter().filter(move |(_, it)| it.agency == *agency)
    }

    /// That an alert exists is for its publisher to know.
    fn erasable(&self, agency: &AgencyId, target: &Target) -> Result<(), Refusal> {
        if target.publisher != *agency {
            return Err(Refusal::at(Reason::NotPublished, "alert"));
        }
        if self.is_erased(target.sealed.slot) {
            return Err(Refusal::at(Reason::Erased, "alert"));
        }
        Ok(())
    }

    fn waiting_order(&self, by: &Caller, order: u64) -> Result<&Order, Refusal> {
        let agency = officer(by)?;
        let known = self.kept.orders.get(&order);
        let own = known.filter(|it| it.by.seat.agency() == Some(agency) && it.approved.is_none());
        own.ok_or(Reason::ErasureUnknown.into())
    }
}

/// Orders, by the indexes of their records.
pub type Orders = Vec<(u64, Order)>;
/// Holds, by the indexes of the records that published the alerts.
pub type Holds = Vec<(u64, Hold)>;

fn by_term(due: BTreeMap<AgencyId, Vec<Sealed>>) -> Vec<Erased> {
    let each = due.into_iter();
    each.map(|(agency, targets)| Erased { agency, order: None, targets, swept: None }).collect()
}
