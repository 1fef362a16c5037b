//! The writer's part of rights: acts that stop an alert at once, the notices of them, objections. P2: a notice is
//! handed out only when the record of that is durable.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    Commit, Ledger, LedgerError, Rejection,
    command::{Answer, Command},
    handle::Done,
    writer::Writer,
};
use crate::domain::{
    Act, AgencyId, AlertRef, Caller, ObjectionGround, ObjectionKind, ObjectionOutcome,
    QueryPurpose, Reason, RecallReason, Refusal, RestrictionReason, Timestamp,
};
use crate::exchange::{
    Asked, Handed, Letter, NoticeFilter, NoticeStanding, ObjectionFilter, ObjectionStanding,
};
use crate::record::{self, Event, RightsEvent, commitment::Key};

/// An act of a publisher's officer on an alert.
#[derive(Clone, Copy, Debug)]
pub enum AlertAct {
    /// Lift its restriction.
    Lift,
    /// Recall it.
    Recall(RecallReason),
    /// Restrict it.
    Restrict(RestrictionReason),
}

impl AlertAct {
    /// Returns the act as a refusal's record names it.
    pub const fn act(self) -> Act {
        match self {
            Self::Lift => Act::LiftRestriction,
            Self::Recall(_) => Act::RecallAlert,
            Self::Restrict(_) => Act::RestrictAlert,
        }
    }
}

/// Notices that may leave.
#[derive(Clone, Debug)]
pub struct NoticesAnswer {
    /// Number up to which all is acknowledged.
    pub acknowledged: u64,
    /// The notices.
    pub notices: Vec<SentNotice>,
    /// More wait behind them.
    pub more: bool,
    /// The commit that covers their records.
    pub commit: Arc<Commit>,
}

/// A notice, with the record of its first sending as stored.
#[derive(Clone, Debug)]
pub struct SentNotice {
    /// What it says.
    pub letter: Letter,
    /// The record.
    pub record: Bytes,
    /// Salt of its commitment.
    pub salt: Key,
}

/// How notices stand.
#[derive(Clone, Debug)]
pub struct NoticePage {
    /// The notices.
    pub notices: Vec<NoticeStanding>,
    /// More follow.
    pub more: bool,
    /// How many acts of the agency wait for their recipients to be found.
    pub pending: usize,
    /// When it was answered.
    pub at: Timestamp,
}

/// Acts whose recipients are still to be found: index of the act's record, and of the alert's.
pub type OwedActs = Arc<[(u64, u64)]>;

/// How many notices one recipient has not acknowledged, and which of them have waited longest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outstanding {
    /// The recipient.
    pub recipient: AgencyId,
    /// When each was due, in order.
    pub due: Vec<Timestamp>,
}

/// What is asked about rights.
#[derive(Debug)]
pub(super) enum RightsCommand {
    /// An officer acts on an alert that the own agency published.
    Act { by: Caller, alert: Option<AlertRef>, act: AlertAct, answer: Answer<u64> },
    /// An objection is answered.
    AnswerObjection {
        by: Caller,
        objection: u64,
        found: (ObjectionOutcome, ObjectionGround),
        answer: Answer<u64>,
    },
    /// The recipients of an act were found.
    MakeDue { cause: u64, alert: AlertRef, recipients: BTreeSet<AgencyId>, answer: Answer<()> },
    /// How notices stand.
    Notices { by: Caller, purpose: QueryPurpose, filter: NoticeFilter, answer: Answer<NoticePage> },
    /// An objection to an alert that the own agency published or received.
    Object { by: Caller, alert: Option<AlertRef>, kind: ObjectionKind, answer: Answer<u64> },
    /// Objections.
    Objections {
        by: Caller,
        filter: ObjectionFilter,
        answer: Answer<(Vec<ObjectionStanding>, bool)>,
    },
    /// Who has not acknowledged what.
    Outstanding { answer: Answer<Vec<Outstanding>> },
    /// A recipient's system asks for notices.
    Pull { by: Caller, asked: Asked, answer: Answer<NoticesAnswer> },
}

impl RightsCommand {
    /// Returns who asks for what.
    pub(super) const fn asked(&self) -> Option<(&Caller, Act)> {
        match self {
            Self::Act { by, act, .. } => Some((by, act.act())),
            Self::AnswerObjection { by, .. } => Some((by, Act::AnswerObjection)),
            Self::MakeDue { .. } | Self::Outstanding { .. } => None,
            Self::Notices { by, .. } | Self::Objections { by, .. } => Some((by, Act::ReadRights)),
            Self::Object { by, .. } => Some((by, Act::RecordObjection)),
            Self::Pull { by, .. } => Some((by, Act::PullNotices)),
        }
    }

    /// Answers a command that is not done.
    pub(super) fn reject(self, rejection: &Rejection) {
        match self {
            Self::Act { answer, .. }
            | Self::AnswerObjection { answer, .. }
            | Self::Object { answer, .. } => drop(answer.send(Err(*rejection))),
            Self::MakeDue { answer, .. } => drop(answer.send(Err(*rejection))),
            Self::Notices { answer, .. } => drop(answer.send(Err(*rejection))),
            Self::Objections { answer, .. } => drop(answer.send(Err(*rejection))),
            Self::Outstanding { answer } => drop(answer.send(Err(*rejection))),
            Self::Pull { answer, .. } => drop(answer.send(Err(*rejection))),
        }
    }
}

impl Ledger {
    /// Does an act on an alert that the caller's agency published; returns the index of its record. P4: once a
    /// restriction or a recall is answered, the alert is not disclosed.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn act_on(&self, by: Caller, alert: Option<AlertRef>, act: AlertAct) -> Done<u64> {
        self.rights(&by.clone(), |answer| RightsCommand::Act { by, alert, act, answer }).await
    }

    /// Records an objection to an alert that the caller's agency published or received.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn object(
        &self,
        by: Caller,
        alert: Option<AlertRef>,
        kind: ObjectionKind,
    ) -> Done<u64> {
        self.rights(&by.clone(), |answer| RightsCommand::Object { by, alert, kind, answer }).await
    }

    /// Answers an objection.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn answer_objection(
        &self,
        by: Caller,
        objection: u64,
        found: (ObjectionOutcome, ObjectionGround),
    ) -> Done<u64> {
        self.rights(&by.clone(), |answer| RightsCommand::AnswerObjection {
            by,
            objection,
            found,
            answer,
        })
        .await
    }

    /// Lists objections; tells whether more follow.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn objections(
        &self,
        by: Caller,
        filter: ObjectionFilter,
    ) -> Done<(Vec<ObjectionStanding>, bool)> {
        self.rights(&by.clone(), |answer| RightsCommand::Objections { by, filter, answer }).await
    }

    /// Lists how notices stand. It says who received what, and is recorded first.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn notices(
        &self,
        by: Caller,
        purpose: QueryPurpose,
        filter: NoticeFilter,
    ) -> Done<NoticePage> {
        self.rights(&by.clone(), |answer| RightsCommand::Notices { by, purpose, filter, answer })
            .await
    }

    /// Acknowledges notices and takes the next ones.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn pull_notices(&self, by: Caller, asked: Asked) -> Done<NoticesAnswer> {
        self.rights(&by.clone(), |answer| RightsCommand::Pull { by, asked, answer }).await
    }

    /// Says who received the alert of an act, so that each of them is told.
    ///
    /// # Errors
    ///
    /// [`Rejection::Busy`] and [`Rejection::Unavailable`]: it is still owed.
    pub async fn make_due(
        &self,
        cause: u64,
        alert: AlertRef,
        recipients: BTreeSet<AgencyId>,
    ) -> Done<()> {
        let own = Caller::local();
        self.rights(&own, |answer| RightsCommand::MakeDue { cause, alert, recipients, answer })
            .await
    }

    /// Lists who has not acknowledged what.
    ///
    /// # Errors
    ///
    /// [`Rejection::Busy`] and [`Rejection::Unavailable`].
    pub async fn outstanding(&self) -> Done<Vec<Outstanding>> {
        let own = Caller::local();
        self.rights(&own, |answer| RightsCommand::Outstanding { answer }).await
    }

    /// Returns the acts whose recipients are still to be found, and where a change of that can be waited for.
    pub fn owed(&self) -> watch::Receiver<OwedActs> {
        self.shared.owed.clone()
    }

    async fn rights<T>(
        &self,
        by: &Caller,
        command: impl FnOnce(Answer<T>) -> RightsCommand,
    ) -> Done<T> {
        self.submit(by, |answer| Command::Rights(Box::new(command(answer)))).await
    }
}

impl Writer {
    /// Does what is asked about rights.
    pub(super) fn rights(&mut self, command: RightsCommand) -> Result<(), LedgerError> {
        match command {
            RightsCommand::Act { by, alert, act, answer } => {
                self.act_on((&by, act), alert.as_ref(), answer)
            }
            RightsCommand::AnswerObjection { by, objection, found, answer } => {
                let decided = self.state.answer_objection(&by, objection, found);
                self.settle_act((&by, Act::AnswerObjection), decided, answer).map(drop)
            }
            RightsCommand::MakeDue { cause, alert, recipients, answer } => {
                if let Some(event) = self.state.make_due(cause, &alert, &recipients) {
                    self.record(event)?;
                }
                self.work.answer(answer, |_| ());
                Ok(())
            }
            RightsCommand::Notices { by, purpose, filter, answer } => {
                self.list_notices(&by, purpose, &filter, answer)
            }
            RightsCommand::Object { by, alert, kind, answer } => {
                let decided = self.state.object(&by, alert.as_ref(), kind);
                self.settle_act((&by, Act::RecordObjection), decided, answer).map(drop)
            }
            RightsCommand::Objections { by, filter, answer } => {
                let listed = self.state.objections(&by, &filter);
                self.settle(&by, Act::ReadRights, listed, answer)
            }
            RightsCommand::Outstanding { answer } => {
                let outstanding = self.outstanding();
                self.work.answer(answer, move |_| outstanding);
                Ok(())
            }
            RightsCommand::Pull { by, asked, answer } => self.pull_notices(&by, asked, answer),
        }
    }

    fn act_on(
        &mut self,
        (by, act): (&Caller, AlertAct),
        alert: Option<&AlertRef>,
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let decided = match act {
            AlertAct::Lift => self.state.lift(by, alert),
            AlertAct::Recall(reason) => self.state.recall(by, alert, reason),
            AlertAct::Restrict(reason) => self.state.restrict(by, alert, reason),
        };
        let decided = match (decided, alert, act) {
            // Its recipients were told to delete it, or had to by themselves: to keep it, or that it is free again, would
            // be wrong.
            (Ok(Err(_)), Some(alert), AlertAct::Lift | AlertAct::Restrict(_))
                if self.has_erased(alert.published)? =>
            {
                Err(Refusal::at(Reason::Erased, "alert"))
            }
            (decided, _, _) => decided,
        };
        let is_new = self.settle_act((by, act.act()), decided, answer)?;
        match (alert, act) {
            (Some(alert), AlertAct::Recall(_) | AlertAct::Restrict(_)) if is_new => {
                self.stop(alert);
            }
            (Some(_) | None, _) => {}
        }
        Ok(())
    }

    /// Tells whether the content of an alert is erased.
    fn has_erased(&self, published: u64) -> Result<bool, LedgerError> {
        let Some(frame) = self.frame(published)? else { return Ok(false) };
        let what = "it cannot be read";
        let record = record::decode(&frame.record);
        let record = record.map_err(|_| LedgerError::Damaged { index: published, what })?;
        Ok(record.event.slot().is_some_and(|slot| self.state.is_erased(slot)))
    }

    /// P4: whoever holds the alert unacknowledged is cut before its act is answered, and so is every connection of
    /// a party of its agreement on which a stream has ended that may not have been read out. Of an alert that has
    /// ended nothing leaves anyway.
    pub(super) fn stop(&mut self, alert: &AlertRef) {
        let parties = self.state.agreement_of(alert.published).map(|it| self.state.parties_of(it));
        self.cut(self.state.holding_alert(alert.published), &parties.unwrap_or_default());
    }

    /// Records what is new and answers with the index of its record; tells whether anything was new.
    fn settle_act(
        &mut self,
        (by, act): (&Caller, Act),
        decided: Result<Result<u64, Event>, Refusal>,
        answer: Answer<u64>,
    ) -> Result<bool, LedgerError> {
        let (index, is_new) = match decided {
            Ok(Ok(known)) => (known, false),
            Ok(Err(event)) => (self.record(event)?, true),
            Err(refusal) => {
                let rejection = self.refuse(by, act, refusal, None)?;
                self.work.reject(answer, rejection);
                return Ok(false);
            }
        };
        self.work.answer(answer, move |_| index);
        Ok(is_new)
    }

    fn list_notices(
        &mut self,
        by: &Caller,
        purpose: QueryPurpose,
        filter: &NoticeFilter,
        answer: Answer<NoticePage>,
    ) -> Result<(), LedgerError> {
        let listed = self.state.notices(by, filter);
        let listed = match listed {
            Ok((notices, more)) => {
                let own =
                    self.state.owed().filter(|(_, owed)| by.seat.agency() == Some(&owed.publisher));
                let page = NoticePage { notices, more, pending: own.count(), at: self.now };
                let (by, end) = (by.clone(), self.state.size());
                self.record(Event::Consulted { by, purpose, start: 0, end, about: None })?;
                Ok(page)
            }
            Err(refusal) => Err(refusal),
        };
        self.settle(by, Act::ReadRights, listed, answer)
    }

    /// P2: what was never handed out is recorded as such before the answer can leave.
    fn pull_notices(
        &mut self,
        by: &Caller,
        asked: Asked,
        answer: Answer<NoticesAnswer>,
    ) -> Result<(), LedgerError> {
        let decided = by.member().and_then(|agency| {
            self.state.pull_notices(by, asked).map(|pull| (agency.clone(), pull))
        });
        let (agency, pull) = match decided {
            Ok(decided) => decided,
            Err(refusal) => {
                let rejection = self.refuse(by, Act::PullNotices, refusal, None)?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
        };
        if !(pull.acknowledged.is_empty() && pull.first.is_empty()) {
            let pulled = RightsEvent::NoticesPulled { by: by.clone() };
            let pulled = self.record(Event::Rights(pulled))?;
            let acknowledged = pull.acknowledged.iter().map(|it| (*it, Handed::Acknowledged));
            for step in acknowledged.chain(pull.first.iter().map(|it| (*it, Handed::Sent))) {
                if let Some(event) = self.state.notice_step(&agency, step, pulled) {
                    self.record(event)?;
                }
            }
        }
        let letters = pull.handed.iter().filter_map(|it| self.state.letter(&agency, *it));
        let mut notices = Vec::new();
        for letter in letters.collect::<Vec<_>>() {
            let what = "it cannot be read";
            let frame = self.frame(letter.index)?;
            let frame = frame.ok_or(LedgerError::Damaged { index: letter.index, what })?;
            notices.push(SentNotice { letter, record: frame.record, salt: frame.salt });
        }
        let acknowledged = self.state.notices_acknowledged(&agency);
        self.work.answer(answer, move |commit| NoticesAnswer {
            acknowledged,
            notices,
            more: pull.more,
            commit: Arc::clone(commit),
        });
        Ok(())
    }

    fn outstanding(&self) -> Vec<Outstanding> {
        let mut all: Vec<Outstanding> = Vec::new();
        for (recipient, due) in self.state.outstanding() {
            match all.iter_mut().find(|it| it.recipient == *recipient) {
                Some(it) => it.due.push(due),
                None => all.push(Outstanding { recipient: recipient.clone(), due: vec![due] }),
            }
        }
        all
    }

    /// Lets whoever looks for recipients know what is owed, once that is durable.
    pub(super) fn publish_owed(&self) {
        self.owed.send_if_modified(|known| {
            let newest = || self.state.owed().map(|(which, _)| which);
            let is_new =
                known.len() != self.state.owed().len() || !known.iter().copied().eq(newest());
            if is_new {
                *known = newest().collect();
            }
            is_new
        });
    }
}
