//! Erasure and holds in the simulation: what officers, operators and the sweep ask for, what the log then has to say,
//! and P5 by name.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;

use super::{ask::Waiting, audit::Audit, op::Keep, random::Random, sample, world::World};
use crate::domain::{Caller, ErasureReason, HoldReason};
use crate::exchange::{Candidate, Holding, Target};
use crate::journal::KeyError;
use crate::ledger::{
    Approved, Outgoing, Rejection, Release,
    command::Command,
    retention::{Destruction, RetentionCommand},
};
use crate::record::{Erased, Held, Retention, Sealed};

/// How many entries make a block.
const BLOCK: u64 = 1024;

/// What the log says of what is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Slots of erased content, by the record that holds it.
    pub(super) erased: BTreeMap<u64, u64>,
    /// Orders that can still be approved or withdrawn, or wait for holds.
    orders: BTreeMap<u64, Order>,
    pub(super) held: BTreeSet<u64>,
    halted: bool,
    /// The last record that says that others may be gone.
    pub(super) records_erased: u64,
}

#[derive(Debug)]
struct Order {
    by: Caller,
    targets: Vec<Sealed>,
    approved: Option<u64>,
}

impl Audit {
    pub(super) fn retention(&mut self, index: u64, event: &Retention) {
        match event {
            Retention::Ordered { by, targets, .. } => {
                for target in targets {
                    let published = &self.alerts[&target.index].published;
                    assert_eq!(Some(&published.facts.publisher), by.seat.agency());
                    assert_eq!(published.slot, target.slot);
                    assert!(!self.kept.erased.contains_key(&target.index), "erased twice");
                }
                let (by, targets) = (by.clone(), targets.clone());
                self.kept.orders.insert(index, Order { by, targets, approved: None });
            }
            Retention::Approved { by, order } => {
                let known = self.kept.orders.get_mut(order).expect("approved what is not open");
                assert!(known.approved.replace(index).is_none(), "approved twice");
                assert!(known.by.seat != by.seat && known.by.certificate != by.certificate);
                assert_eq!(known.by.seat.agency(), by.seat.agency());
            }
            Retention::Withdrawn { by, order } => {
                let known = self.kept.orders.remove(order).expect("withdrew what is not open");
                assert!(known.approved.is_none());
                assert_eq!(known.by.seat.agency(), by.seat.agency());
            }
            Retention::Erased(erased) => {
                self.erased(erased);
                self.owes_deletion(index, erased);
            }
            Retention::Held(Held { by, target, .. }) => {
                let published = &self.alerts[&target.index].published;
                assert_eq!(Some(&published.facts.publisher), by.seat.agency());
                assert!(!self.kept.erased.contains_key(&target.index), "held what is erased");
                self.kept.held.insert(target.index);
            }
            Retention::Released { published, .. } => {
                assert!(self.kept.held.remove(published), "released what was not held");
            }
            Retention::Halted { .. } => self.kept.halted = true,
            Retention::Confirmed { .. } => {
                assert!(std::mem::take(&mut self.kept.halted), "nothing waited for it");
            }
            Retention::RecordsErased { up_to, before } => {
                assert!(!self.kept.halted, "P5: erased by a clock that nobody believes");
                assert!(*up_to < index && *before <= self.at, "P5: erased before their time");
                self.kept.records_erased = index;
            }
        }
    }

    /// P5: by order of two and nothing else, or when its time is over and the clock is believed; never what is held.
    fn erased(&mut self, erased: &Erased) {
        for target in &erased.targets {
            let known = self.kept.erased.insert(target.index, target.slot);
            assert_eq!(known, None, "P5: erased twice");
            assert!(!self.kept.held.contains(&target.index), "P5: what is held was erased");
            let publisher = self.alerts.get(&target.index).map(|it| {
                assert_eq!(it.published.slot, target.slot);
                (&it.published.facts.publisher, it.published.facts.delete_after)
            });
            match (erased.order, publisher) {
                (Some(ordered), Some((publisher, _))) => {
                    let order = &self.kept.orders[&ordered.order];
                    assert_eq!(order.approved, Some(ordered.approved), "P5: not approved");
                    assert!(order.targets.contains(target), "P5: not ordered");
                    assert_eq!(*publisher, erased.agency);
                }
                (None, Some((publisher, delete_after))) => {
                    assert!(!self.kept.halted, "P5: erased by a clock that nobody believes");
                    assert!(delete_after <= self.at, "P5: erased before its time");
                    assert_eq!(*publisher, erased.agency);
                }
                (None, None) => {
                    assert!(!self.kept.halted, "P5: erased by a clock that nobody believes");
                    let asked = &self.subscriptions[&target.index];
                    assert!(!asked.is_live(self.at), "P5: a filter that is in use was erased");
                    assert_eq!(asked.agency, erased.agency);
                    self.count("filter erased");
                }
                (Some(_), None) => panic!("P5: a filter was erased by order"),
            }
        }
        self.count(if erased.order.is_some() { "erased by order" } else { "erased by term" });
    }

    /// Tells whether an alert is neither erased nor held, as far as the log says.
    pub(super) fn is_disclosable(&self, published: u64) -> bool {
        !self.kept.erased.contains_key(&published) && !self.kept.held.contains(&published)
    }
}

impl World {
    /// Makes the command; none where there is nothing to act on.
    pub(super) fn keep(&mut self, keep: &Keep) -> Option<(Command, Waiting)> {
        let (command, waiting) = match *keep {
            Keep::Approve { deputy, pick } => {
                let (order, agency) = self.an_order(pick)?;
                let by = if deputy { sample::deputy(agency) } else { sample::officer(agency) };
                let (answer, answered) = oneshot::channel();
                (RetentionCommand::Approve { by, order, answer }, Waiting::Approved(answered))
            }
            Keep::Confirm { agency } => {
                let by = agency.map_or_else(sample::operator, sample::officer);
                let (answer, answered) = oneshot::channel();
                (RetentionCommand::Confirm { by, answer }, Waiting::Recorded(answered))
            }
            Keep::Hold { agency, pick, days } => {
                let (target, own) = self.an_alert(pick)?;
                let by = sample::officer(if pick.is_multiple_of(7) { agency } else { own });
                let review_at = self.now().plus_days(days);
                let holding = Holding { reason: HoldReason::Inquiry, review_at };
                let (answer, answered) = oneshot::channel();
                let hold = RetentionCommand::Hold { by, target, holding, answer };
                (hold, Waiting::Recorded(answered))
            }
            Keep::Order { agency, pick, count } => {
                let mut random = Random::new(pick);
                let first = self.an_alert(random.next())?;
                let more = (1..count).filter_map(|_| self.an_alert(random.next()));
                let own = more.filter(|(_, of)| *of == first.1).map(|(target, _)| target);
                let targets = std::iter::once(first.0.clone()).chain(own).collect();
                let by = sample::officer(if pick.is_multiple_of(9) { agency } else { first.1 });
                let (answer, answered) = oneshot::channel();
                let reason = ErasureReason::CourtOrder;
                let order = RetentionCommand::Order { by, reason, targets, answer };
                (order, Waiting::Recorded(answered))
            }
            Keep::Release { pick } => {
                let held: Vec<u64> = self.audit.kept.held.iter().copied().collect();
                let published =
                    *held.get(usize::try_from(pick).unwrap().checked_rem(held.len())?)?;
                let from = &self.audit.alerts[&published].published.facts.publisher;
                let by = sample::deputy(sample::number_of(from));
                let (answer, answered) = oneshot::channel();
                let release = RetentionCommand::Release { by, published, answer };
                (release, Waiting::Released(answered))
            }
            Keep::Sweep { pick } => {
                let candidate = self.a_block(pick)?;
                let (answer, answered) = oneshot::channel();
                (RetentionCommand::EraseDue { candidate, answer }, Waiting::Swept(answered))
            }
            Keep::SweepFilters => {
                let (answer, answered) = oneshot::channel();
                (RetentionCommand::EraseSpent { answer }, Waiting::Swept(answered))
            }
            Keep::Withdraw { pick } => {
                let (order, agency) = self.an_order(pick)?;
                let by = sample::deputy(agency);
                let (answer, answered) = oneshot::channel();
                (RetentionCommand::Withdraw { by, order, answer }, Waiting::Recorded(answered))
            }
        };
        Some((Command::Retention(command), waiting))
    }

    /// Picks one of the newest orders, with the agency that gave it.
    fn an_order(&self, pick: u64) -> Option<(u64, usize)> {
        let recent: Vec<_> = self.audit.kept.orders.iter().rev().take(4).collect();
        let (order, it) = recent.get(usize::try_from(pick).unwrap().checked_rem(recent.len())?)?;
        Some((**order, sample::number_of(it.by.seat.agency().unwrap())))
    }

    /// Picks one of the newest alerts, with the agency that published it.
    fn an_alert(&self, pick: u64) -> Option<(Target, usize)> {
        let recent: Vec<_> = self.audit.alerts.keys().rev().take(20).collect();
        let index = **recent.get(usize::try_from(pick >> 8).unwrap().checked_rem(recent.len())?)?;
        Some((self.target(index), sample::number_of(&self.target(index).publisher)))
    }

    fn target(&self, index: u64) -> Target {
        Target::of(index, &self.audit.alerts[&index].published)
    }

    /// A block as the sweep would read it, and more: what is not due, what is held and what is erased too.
    fn a_block(&self, pick: u64) -> Option<Candidate> {
        let block = pick % (self.audit.size / BLOCK + 1);
        let (first, behind) = (block * BLOCK, (block + 1) * BLOCK);
        let indexes = self.audit.alerts.range(first..behind).map(|(index, _)| *index);
        let targets: Vec<Target> = indexes.map(|index| self.target(index)).collect();
        let now = self.latest;
        let later = targets.iter().map(|it| it.delete_after).filter(|due| *due > now).min();
        let swept = (behind <= self.audit.size).then_some((block, later));
        (!targets.is_empty()).then_some(Candidate { targets, swept })
    }

    /// Tells whether the process dies before what a turn erased is destroyed.
    pub(super) fn is_dying(&self) -> bool {
        self.dies_erasing && self.writer.destructions.iter().any(|it| !it.slots.is_empty())
    }

    /// The process dies, and whoever waits for an erasure is told nothing.
    pub(super) fn die_erasing(&mut self) {
        self.dies_erasing = false;
        self.audit.count("died in an erasure");
        self.restart(true);
        p5_just_what_is_erased_does_not_open(self);
    }

    /// Destroys what a turn erased, as the thread beside the writer does, and has that answered.
    pub(super) fn destroy(&mut self) {
        for Destruction { slots, commit, answers } in self.writer.take_destructions() {
            self.writer.secrets.keys.erase(&slots).unwrap();
            for answer in answers {
                answer(Ok(&commit));
            }
        }
    }
}

/// What was answered of an erasure; nothing where the process died before.
pub(super) fn answered<T>(
    mut answered: oneshot::Receiver<Result<T, Rejection>>,
) -> Option<Result<T, Rejection>> {
    answered.try_recv().ok()
}

/// P5: whatever the log says is erased does not open any more, and whatever it does not say does.
pub(super) fn p5_just_what_is_erased_does_not_open(world: &World) {
    let keys = &world.writer.secrets.keys;
    let erased = &world.audit.kept.erased;
    for slot in erased.values() {
        let opened = keys.slot(*slot);
        assert!(matches!(opened, Err(KeyError::Erased { .. })), "P5: slot {slot} is not erased");
    }
    for (index, alert) in &world.audit.alerts {
        let is_open = keys.slot(alert.published.slot).is_ok();
        assert_eq!(is_open, !erased.contains_key(index), "P5: {index} was destroyed unasked");
    }
}

/// P5: nothing of an erased alert leaves after its record, and nothing of one that is held.
pub(super) fn p5_nothing_erased_leaves(world: &World, release: &Release) {
    let Outgoing::Delivery(delivery) = &release.outgoing else { return };
    let (disclosed, _) = &world.audit.disclosures[&delivery.index];
    let published = disclosed.published;
    assert!(world.audit.is_disclosable(published), "P5: {published} left after it was erased");
}

/// P5: when an erasure is answered, no connection holds anything of it: what a slow reader was given and has not
/// taken would still leave.
pub(super) fn p5_an_erasure_has_cut(world: &World) {
    for stream in world.streams.iter().filter(|it| !it.cut) {
        let Some(key) = stream.key else { continue };
        let acknowledged = world.audit.subscriptions[&key.subscription].acknowledged;
        let unread = stream.got.iter().filter(|it| acknowledged < it.number);
        let holds = unread
            .filter_map(|it| it.published)
            .any(|it| !world.audit.is_disclosable(it) && world.audit.kept.erased.contains_key(&it));
        assert!(!holds, "P5: a stream that holds an erased alert was not cut");
    }
}

/// An approval erases what is not held of its order, and no more.
pub(super) fn an_approval_erases_its_order(world: &World, approved: &Approved) {
    let of = |it: &&Order| it.approved == Some(approved.index);
    let order = world.audit.kept.orders.values().find(of).expect("its record");
    let erased = order.targets.iter().filter(|it| world.audit.kept.erased.contains_key(&it.index));
    assert!(approved.erased <= erased.count());
}

/// A publish is told of an erasure only where there was one.
pub(super) fn is_erased_request(world: &World, index: Option<u64>) -> bool {
    index.is_some_and(|index| world.audit.kept.erased.contains_key(&index))
}

/// How long a clock jumps ahead, from just over a minute on.
pub(super) const fn jump(random: &mut Random) -> u64 {
    61_000 + random.below(3 * 24 * 3_600_000)
}
