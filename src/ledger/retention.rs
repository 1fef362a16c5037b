//! The writer's part of retention: orders, holds and erasures. P5: an erasure's record is durable first, then the
//! keys are destroyed and the anchor told, off the writer's path, and only then is it answered.

use std::{collections::HashSet, sync::Arc};

use super::{
    Commit, Erasable, LedgerError, Rejection, batch::Afterwards, command::Answer, writer::Writer,
};
use crate::domain::{Act, Caller, ErasureReason, Refusal, Timestamp};
use crate::exchange::{Candidate, Due, Holding, Holds, Loss, Orders, Release, Target};
use crate::record::{Erased, Event, Ordered, Retention};

/// What is asked about what is kept.
#[derive(Debug)]
pub(super) enum RetentionCommand {
    /// A second officer approves an order: how many are erased, and how many are held.
    Approve { by: Caller, order: u64, answer: Answer<Approved> },
    /// An operator found the clock right.
    Confirm { by: Caller, answer: Answer<u64> },
    /// What is due, and by which time.
    Due { limit: usize, answer: Answer<(Timestamp, Due)> },
    /// What of a block is due is erased.
    EraseDue { candidate: Candidate, answer: Answer<usize> },
    /// Whole records are erased: those below an index, all recorded before a time.
    EraseRecords { past: (u64, Timestamp), answer: Answer<Option<Erasable>> },
    /// Tokens of subscriptions that have ended are erased.
    EraseSpent { answer: Answer<usize> },
    /// An officer holds an alert.
    Hold { by: Caller, target: Target, holding: Holding, answer: Answer<u64> },
    /// What is ordered and held.
    List { by: Caller, answer: Answer<(Orders, Holds)> },
    /// An officer orders an erasure.
    Order { by: Caller, reason: ErasureReason, targets: Vec<Target>, answer: Answer<u64> },
    /// An officer releases an alert: whether it was erased at once.
    Release { by: Caller, published: u64, answer: Answer<(u64, bool)> },
    /// An officer withdraws an order.
    Withdraw { by: Caller, order: u64, answer: Answer<u64> },
}

/// What an approval did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Approved {
    /// Index of its record.
    pub index: u64,
    /// How many alerts are erased.
    pub erased: usize,
    /// How many are held, and will be.
    pub held: usize,
}

/// Keys to destroy, and who waits for that.
pub(super) struct Destruction {
    pub(super) slots: Vec<u64>,
    /// The commit that holds the erasure's record.
    pub(super) commit: Arc<Commit>,
    pub(super) answers: Vec<Afterwards>,
}

impl RetentionCommand {
    /// Returns who asks for what; nothing where it is the broker's own.
    pub(super) const fn asked(&self) -> Option<(&Caller, Act)> {
        match self {
            Self::Approve { by, .. } => Some((by, Act::ApproveErasure)),
            Self::Confirm { by, .. } => Some((by, Act::Administer)),
            Self::Hold { by, .. } => Some((by, Act::HoldEvidence)),
            Self::List { by, .. } => Some((by, Act::ReadRetention)),
            Self::Order { by, .. } => Some((by, Act::OrderErasure)),
            Self::Release { by, .. } => Some((by, Act::ReleaseHold)),
            Self::Withdraw { by, .. } => Some((by, Act::WithdrawErasure)),
            Self::Due { .. }
            | Self::EraseDue { .. }
            | Self::EraseRecords { .. }
            | Self::EraseSpent { .. } => None,
        }
    }

    /// Answers a command that is not done.
    pub(super) fn reject(self, rejection: &Rejection) {
        fn tell<T>(answer: Answer<T>, rejection: &Rejection) {
            // A caller that went away needs no answer.
            drop(answer.send(Err(*rejection)));
        }
        match self {
            Self::Approve { answer, .. } => tell(answer, rejection),
            Self::Due { answer, .. } => tell(answer, rejection),
            Self::EraseRecords { answer, .. } => tell(answer, rejection),
            Self::List { answer, .. } => tell(answer, rejection),
            Self::Release { answer, .. } => tell(answer, rejection),
            Self::EraseDue { answer, .. } | Self::EraseSpent { answer } => tell(answer, rejection),
            Self::Confirm { answer, .. }
            | Self::Hold { answer, .. }
            | Self::Order { answer, .. }
            | Self::Withdraw { answer, .. } => tell(answer, rejection),
        }
    }
}

impl Writer {
    /// Does one command about what is kept.
    pub(super) fn retain(&mut self, command: RetentionCommand) -> Result<(), LedgerError> {
        match command {
            RetentionCommand::Approve { by, order, answer } => {
                self.approve_erasure(&by, order, answer)
            }
            RetentionCommand::Confirm { by, answer } => {
                let decided = self.state.confirm_clock(&by);
                if decided.is_ok() {
                    self.watch.begin(self.clock.as_ref());
                }
                self.settle_event(&by, Act::Administer, decided, answer)
            }
            RetentionCommand::Due { limit, answer } => {
                let due = (self.now, self.state.due(self.now, limit));
                self.work.answer(answer, move |_| due);
                Ok(())
            }
            RetentionCommand::EraseDue { candidate, answer } => {
                let erased = self.state.erase_due(candidate, self.now);
                self.erase_by_term(erased, answer)
            }
            RetentionCommand::EraseRecords { past, answer } => self.erase_records(past, answer),
            RetentionCommand::EraseSpent { answer } => {
                let erased = self.state.erase_spent();
                self.erase_by_term(erased, answer)
            }
            RetentionCommand::Hold { by, target, holding, answer } => {
                self.hold_evidence(&by, (&target, holding), answer)
            }
            RetentionCommand::List { by, answer } => {
                let listed = self.state.erasures_of(&by);
                self.settle(&by, Act::ReadRetention, listed, answer)
            }
            RetentionCommand::Order { by, reason, targets, answer } => {
                let decided = self.state.order_erasure(&by, reason, &targets);
                self.settle_event(&by, Act::OrderErasure, decided, answer)
            }
            RetentionCommand::Release { by, published, answer } => {
                self.release_hold(&by, published, answer)
            }
            RetentionCommand::Withdraw { by, order, answer } => {
                let decided = self.state.withdraw_erasure(&by, order);
                self.settle_event(&by, Act::WithdrawErasure, decided, answer)
            }
        }
    }

    /// Records what was decided and answers with its index, or records the refusal.
    fn settle_event(
        &mut self,
        by: &Caller,
        act: Act,
        decided: Result<Event, Refusal>,
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let index = match decided {
            Ok(event) => Ok(self.record(event)?),
            Err(refusal) => Err(refusal),
        };
        self.settle(by, act, index, answer)
    }

    fn approve_erasure(
        &mut self,
        by: &Caller,
        order: u64,
        answer: Answer<Approved>,
    ) -> Result<(), LedgerError> {
        let (event, targets, held) = match self.state.approve_erasure(by, order) {
            Ok(decided) => decided,
            Err(refusal) => return self.settle(by, Act::ApproveErasure, Err(refusal), answer),
        };
        let index = self.record(event)?;
        let erased = targets.len();
        if let Some(agency) = by.seat.agency().filter(|_| erased > 0) {
            let order = Some(Ordered { order, approved: index });
            self.erase(Erased { agency: agency.clone(), order, targets, swept: None })?;
        }
        self.work.answer_destroyed(answer, Approved { index, erased, held });
        Ok(())
    }

    fn hold_evidence(
        &mut self,
        by: &Caller,
        (target, holding): (&Target, Holding),
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let index = match self.state.hold(by, target, holding, self.now) {
            Ok(Ok(known)) => known,
            Ok(Err(event)) => {
                let index = self.record(event)?;
                // P4: what is held is not disclosed any more, on open streams too.
                self.cut_holders(self.state.holders(target.sealed.index));
                index
            }
            Err(refusal) => return self.settle(by, Act::HoldEvidence, Err(refusal), answer),
        };
        self.work.answer(answer, move |_| index);
        Ok(())
    }

    fn release_hold(
        &mut self,
        by: &Caller,
        published: u64,
        answer: Answer<(u64, bool)>,
    ) -> Result<(), LedgerError> {
        let Release { event, erased } = match self.state.release(by, published, self.now) {
            Ok(release) => release,
            Err(refusal) => return self.settle(by, Act::ReleaseHold, Err(refusal), answer),
        };
        let index = self.record(event)?;
        let is_erased = erased.is_some();
        if let Some(erased) = erased {
            self.erase(erased)?;
        }
        self.work.answer_destroyed(answer, (index, is_erased));
        Ok(())
    }

    fn erase_by_term(
        &mut self,
        erased: Vec<Erased>,
        answer: Answer<usize>,
    ) -> Result<(), LedgerError> {
        let count = erased.iter().map(|it| it.targets.len()).sum();
        for erased in erased {
            self.erase(erased)?;
        }
        self.work.answer_destroyed(answer, count);
        Ok(())
    }

    /// P5: records an erasure, and lets go of all that could still give the content out: those who were to get it
    /// are told that they will not, and whoever may hold it unread is cut.
    fn erase(&mut self, erased: Erased) -> Result<(), LedgerError> {
        let Loss { events, holding } = self.state.lost_by(&erased);
        let slots: Vec<u64> = erased.targets.iter().map(|it| it.slot).collect();
        for target in &erased.targets {
            self.contents.remove(target.index);
        }
        let (alerts, agency) = (slots.len(), erased.agency.clone());
        let index = self.record(Event::Retention(Retention::Erased(erased)))?;
        tracing::info!(index, alerts, %agency, "content is erased");
        for event in events {
            self.record(event)?;
        }
        self.cut_holders(holding);
        self.work.slots.extend(slots);
        Ok(())
    }

    /// P4: cuts the streams of these subscriptions, open or ended, and those that have ended of subscriptions that
    /// have too: what those were given is not known any more.
    fn cut_holders(&mut self, subscriptions: Vec<u64>) {
        let holding: HashSet<u64> = subscriptions.iter().copied().collect();
        let state = &self.state;
        let ended =
            self.outlets.take_ended_where(|it| holding.contains(&it) || !state.is_subscribed(it));
        self.work.cuts.extend(ended.into_iter().map(|outlet| (outlet, None)));
        self.cut_open(subscriptions);
    }

    /// Says so in the log where the clock has moved in a way that nothing may be erased by.
    pub(super) fn watch_clock(&mut self) -> Result<(), LedgerError> {
        if self.state.halted().is_some() {
            return Ok(());
        }
        let Some(ahead_ms) = self.watch.ahead(self.clock.as_ref()) else { return Ok(()) };
        tracing::error!(
            ahead_ms,
            "the clock has jumped ahead: nothing is erased by term until an operator confirms it"
        );
        self.record(Event::Retention(Retention::Halted { ahead_ms, at_start: false }))?;
        Ok(())
    }

    /// Takes what is to be destroyed by now.
    pub(super) fn take_destructions(&mut self) -> Vec<Destruction> {
        std::mem::take(&mut self.destructions)
    }
}
