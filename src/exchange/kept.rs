//! What is known of content that is kept: what is erased, when the rest is due, what is ordered and what is
//! held. Ranges of slots and eight bytes for each block of the log, so that ten million alerts fit.

use std::collections::BTreeMap;

use super::state::{Live, State};
use crate::domain::{AgencyId, AlertNotice, Caller, ErasureReason, HoldReason, Timestamp};
use crate::journal::SlotSet;
use crate::record::{Erased, Held, Retention, Sealed};

/// How many entries of the log make a block.
pub(in crate::exchange) const BLOCK: u64 = 1024;

/// What is kept, and for how long.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) erased: SlotSet,
    /// For each block of the log: when the first of its alerts is due. What was erased by order may have been it.
    pub(super) due: BTreeMap<u64, Timestamp>,
    /// Tokens of subscriptions that have ended, by the record that created them.
    pub(super) spent: BTreeMap<u64, (AgencyId, u64)>,
    /// Orders that are not done.
    pub(super) orders: BTreeMap<u64, Order>,
    /// Alerts that are held, by the record that published them.
    pub(super) held: BTreeMap<u64, Hold>,
    /// The record since which erasure by term waits for an operator.
    pub(super) halted: Option<u64>,
    /// Records below this index may be erased whole, where nothing needs them.
    pub(super) records_from: u64,
}

/// An order that is not done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Order {
    /// The officer who gave it.
    pub by: Caller,
    /// Why.
    pub reason: ErasureReason,
    /// What is to be erased, and is not yet.
    pub targets: Vec<Sealed>,
    /// Index of the approval's record.
    pub approved: Option<u64>,
}

/// An alert that is held.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hold {
    /// Index of the hold's record.
    pub index: u64,
    /// The publisher.
    pub agency: AgencyId,
    /// Slot of the alert's key.
    pub slot: u64,
    /// Why.
    pub reason: HoldReason,
    /// When somebody has to look at it again.
    pub review_at: Timestamp,
    /// When it would have to be deleted.
    pub delete_after: Timestamp,
}

/// What is due.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Due {
    /// Blocks of the log in which something may be.
    pub blocks: Vec<u64>,
    /// Whether tokens of subscriptions that have ended are left.
    pub spent: bool,
}

impl Kept {
    pub(super) fn is_erased(&self, slot: u64) -> bool {
        self.erased.contains(slot)
    }

    pub(super) fn is_held(&self, published: u64) -> bool {
        self.held.contains_key(&published)
    }

    /// Notes when an alert is due.
    pub(super) fn note(&mut self, published: u64, delete_after: Timestamp) {
        let due = self.due.entry(published / BLOCK).or_insert(delete_after);
        *due = delete_after.min(*due);
    }

    /// Notes that a subscription has ended, whose tokens nobody needs any more.
    pub(super) fn spend(&mut self, subscription: u64, live: &Live) {
        if let Some(slot) = live.slot.filter(|slot| !self.is_erased(*slot)) {
            self.spent.insert(subscription, (live.agency.clone(), slot));
        }
    }

    fn erase(&mut self, it: &Erased) {
        for target in &it.targets {
            self.erased.insert(target.slot);
            self.spent.remove(&target.index);
        }
        if let Some(swept) = it.swept {
            self.sweep(swept);
        }
        self.tidy();
    }

    /// Notes that a block was gone through, and when the next of its alerts is due.
    pub(super) fn sweep(&mut self, swept: (u64, Option<Timestamp>)) {
        match swept {
            (block, Some(next)) => drop(self.due.insert(block, next)),
            (block, None) => drop(self.due.remove(&block)),
        }
    }

    /// Takes in slots whose keys are destroyed, of which no record tells more any longer.
    pub(super) fn erase_slots<'a>(&mut self, slots: impl Iterator<Item = &'a u64>) {
        let mut is_any = false;
        for slot in slots {
            self.erased.insert(*slot);
            self.spent.retain(|_, (_, spent)| spent != slot);
            is_any = true;
        }
        if is_any {
            self.tidy();
        }
    }

    /// Lets go of what of an order is erased, by that order or otherwise, and of the order once that is all of it.
    fn tidy(&mut self) {
        let erased = &self.erased;
        self.orders.retain(|_, order| {
            order.targets.retain(|it| !erased.contains(it.slot));
            !order.targets.is_empty()
        });
    }

    fn hold(&mut self, index: u64, it: &Held) {
        let Some(agency) = it.by.seat.agency() else { return };
        let hold = Hold {
            index,
            agency: agency.clone(),
            slot: it.target.slot,
            reason: it.reason,
            review_at: it.review_at,
            delete_after: it.delete_after,
        };
        self.held.insert(it.target.index, hold);
    }
}

impl State {
    pub(super) fn apply_retention(&mut self, index: u64, event: &Retention) {
        match event {
            Retention::Ordered { by, reason, targets } => {
                let (by, targets) = (by.clone(), targets.clone());
                let order = Order { by, reason: *reason, targets, approved: None };
                self.kept.orders.insert(index, order);
                self.kept.tidy();
            }
            Retention::Approved { order, .. } => {
                if let Some(known) = self.kept.orders.get_mut(order) {
                    known.approved = Some(index);
                }
            }
            Retention::Withdrawn { order, .. } => drop(self.kept.orders.remove(order)),
            Retention::Erased(it) => {
                self.kept.erase(it);
                for target in &it.targets {
                    // P5: what waits for it or was sent it is told so by records of their own.
                    if let Some(alert) = self.alerts.remove(&target.index) {
                        self.ends.remove(&(alert.facts.expires_at, target.index));
                    }
                    // What ends by its term, its recipients delete at theirs.
                    if it.order.is_some() {
                        let which = (index, target.index);
                        self.owe_notices(which, &it.agency, AlertNotice::Delete);
                    }
                }
            }
            Retention::Held(it) => self.kept.hold(index, it),
            Retention::Released { published, .. } => {
                if let Some(hold) = self.kept.held.remove(published) {
                    self.kept.note(*published, hold.delete_after);
                }
            }
            Retention::Halted { .. } => self.kept.halted = Some(index),
            Retention::Confirmed { .. } => self.kept.halted = None,
            Retention::RecordsErased { up_to, .. } => {
                self.kept.records_from = self.kept.records_from.max(*up_to);
            }
        }
    }
}
