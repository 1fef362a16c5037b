//! The writer's part of governance and of reads: agreements, subscriptions, the record of a read.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Commit, LedgerError, Rejection,
    command::{Answer, Command, Reading},
    seal::Body,
    writer::Writer,
};
use crate::domain::{
    Act, AgencyId, AgreementId, Caller, Name, QueryPurpose, Reason, Refusal, Seat, Subscription,
};
use crate::exchange::{AgreementStanding, Content, SubscriptionStanding};
use crate::record::{self, Event, ProposedAgreement, SealedFilter, commitment};

impl Writer {
    /// Does one command that nothing bars.
    pub(super) fn execute_admitted(&mut self, command: Command) -> Result<(), LedgerError> {
        match command {
            Command::Access { access, answer } => self.access(*access, answer),
            Command::Approve { by, id, version, answer } => {
                let decided = self.state.approve(&by, &id, &version, self.now);
                let asked = (&by, Act::ApproveAgreement);
                self.settle_agreement(asked, (&id, &version), decided, answer)
            }
            Command::Bar { by, act, is_listed, answer } => self.bar(&by, (&act, is_listed), answer),
            Command::Close { stream } => {
                self.close(stream);
                Ok(())
            }
            Command::CreateSubscription { by, subscription, answer } => {
                self.create_subscription(&by, &subscription, answer)
            }
            Command::Credential(command) => self.credential(command),
            Command::DeleteSubscription { by, connection, name, answer } => {
                self.delete_subscription((&by, connection), &name, answer)
            }
            Command::Explain { by, inquiry, answer } => {
                let explained = self.state.explain(&by, &inquiry, self.now);
                self.settle(&by, Act::ReadGovernance, explained, answer)
            }
            Command::Hear { stream, heard, answer } => {
                self.hear(stream, heard, answer);
                Ok(())
            }
            Command::Leave { stream, answer } => {
                let more = self.state.has_waiting(stream.subscription);
                self.close(stream);
                self.work.answer(answer, move |_| more);
                Ok(())
            }
            Command::ListAgreements { by, answer } => {
                let list = by.member().map(|it| self.state.agreements_of(it, self.now));
                self.settle(&by, Act::ReadGovernance, list, answer)
            }
            Command::ListSubscriptions { by, answer } => {
                let list = by.member().map(|it| self.state.subscriptions_of(it));
                self.settle(&by, Act::ReadGovernance, list, answer)
            }
            Command::Open { opening, answer } => self.open_stream(opening, answer),
            Command::Propose { by, proposed, answer } => self.propose(&by, proposed, answer),
            Command::Publish { by, id, draft, rectifies, answer } => {
                self.publish(&by, id, (*draft, rectifies.as_ref()), answer)
            }
            Command::Read { by, purpose, reading, answer } => {
                self.read_log(&by, purpose, &reading, answer)
            }
            Command::Rights(command) => self.rights(*command),
            Command::Refuse { by, act, refusal, answer } => {
                let rejection = self.refuse(&by, act, refusal, None)?;
                self.work.reject(answer, rejection);
                Ok(())
            }
            Command::ShowAgreement { by, id, answer } => {
                let versions =
                    by.member().and_then(|it| self.state.versions_for(&id, it, self.now));
                self.settle(&by, Act::ReadGovernance, versions, answer)
            }
            Command::Standing { answer } => {
                let standing = self.state.standing(self.now);
                self.work.answer(answer, move |_| standing);
                Ok(())
            }
            Command::Retention(command) => self.retain(command),
            Command::Reload { generation, answer } => self.reload(generation, answer),
            Command::RecordSnapshot(taken) => self.record(Event::SnapshotTaken(taken)).map(drop),
            Command::Withdraw { by, id, answer } => self.withdraw(&by, &id, answer),
        }
    }

    /// Answers with a value, or records the refusal and answers with that.
    pub(super) fn settle<T: Send + 'static>(
        &mut self,
        by: &Caller,
        act: Act,
        decided: Result<T, Refusal>,
        answer: Answer<T>,
    ) -> Result<(), LedgerError> {
        match decided {
            Ok(value) => self.work.answer(answer, move |_| value),
            Err(refusal) => {
                let rejection = self.refuse(by, act, refusal, None)?;
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }

    fn propose(
        &mut self,
        by: &Caller,
        proposed: ProposedAgreement,
        answer: Answer<AgreementStanding>,
    ) -> Result<(), LedgerError> {
        let id = proposed.agreement.id.clone();
        let version = record::agreement_version(&proposed.bytes);
        let decided = self.state.propose(by, proposed, self.now);
        self.settle_agreement((by, Act::ProposeAgreement), (&id, &version), decided, answer)
    }

    fn settle_agreement(
        &mut self,
        (by, act): (&Caller, Act),
        (id, version): (&AgreementId, &str),
        decided: Result<Option<Event>, Refusal>,
        answer: Answer<AgreementStanding>,
    ) -> Result<(), LedgerError> {
        let event = match decided {
            Ok(event) => event,
            Err(refusal) => {
                let rejection = self.refuse(by, act, refusal, Some(id))?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
        };
        if let Some(event) = event {
            let before = self.state.agreement_index(id, self.now);
            let (touched, parties) = (self.state.touched_by(id), self.state.parties_of(id));
            self.record(event)?;
            // P4: a version that takes over withdraws the one before, and what was cut to its fields.
            if before.is_some() && before != self.state.agreement_index(id, self.now) {
                self.cut(touched, &parties);
            }
        }
        let standing =
            by.member().and_then(|agency| self.state.version_for((id, version), agency, self.now));
        self.settle(by, act, standing, answer)
    }

    fn withdraw(
        &mut self,
        by: &Caller,
        id: &AgreementId,
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let (touched, parties) = (self.state.touched_by(id), self.state.parties_of(id));
        match self.state.withdraw(by, id, self.now) {
            Ok(event) => {
                let index = self.record(event)?;
                self.cut(touched, &parties);
                self.work.answer(answer, move |_| index);
            }
            Err(refusal) => {
                let rejection = self.refuse(by, Act::WithdrawAgreement, refusal, Some(id))?;
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }

    /// P4: whoever holds something unacknowledged is cut before the command is answered, and so is every
    /// connection of a party on which a stream has ended that may not have been read out.
    pub(super) fn cut(&mut self, touched: Vec<u64>, parties: &BTreeSet<AgencyId>) {
        let ended = self.outlets.take_ended_of(parties);
        self.work.cuts.extend(ended.into_iter().map(|outlet| (outlet, None)));
        self.cut_open(touched);
    }

    /// P4: cuts the open streams of these subscriptions before the command is answered.
    pub(super) fn cut_open(&mut self, touched: Vec<u64>) {
        for subscription in touched {
            if let Some(open) = self.outlets.open(subscription) {
                self.state.end(subscription, open.stream);
            }
            let outlet = self.outlets.end(subscription);
            self.work.cuts.extend(outlet.map(|outlet| (outlet, None)));
        }
    }

    fn create_subscription(
        &mut self,
        by: &Caller,
        subscription: &Subscription,
        answer: Answer<SubscriptionStanding>,
    ) -> Result<(), LedgerError> {
        let filter = &subscription.filter;
        let (slot, key) = self.free_slot()?;
        let bytes = record::filter_bytes(filter);
        let content = commitment::content(&commitment::content_key(key.as_bytes()), &bytes);
        let sealed = (!filter.tokens.is_empty()).then_some(SealedFilter { slot, content });
        let decided = self.state.create_subscription(by, subscription, sealed, self.now);
        match decided {
            Ok(Some(event)) => {
                let body = Body { key: key.as_bytes(), slot, content: &bytes };
                self.record_with(event, sealed.map(|_| body), Content::Tokens(filter))?;
            }
            Ok(None) => {}
            Err(refusal) => {
                let rejection = self.refuse(by, Act::CreateSubscription, refusal, None)?;
                self.work.reject(answer, rejection);
                return Ok(());
            }
        }
        let standing = by.member().and_then(|agency| {
            let index = self.state.subscription(agency, &subscription.name);
            let standing = index.and_then(|it| self.state.subscription_standing(it));
            standing.ok_or(Reason::SubscriptionUnknown.into())
        });
        self.settle(by, Act::CreateSubscription, standing, answer)
    }

    fn delete_subscription(
        &mut self,
        (by, connection): (&Caller, u64),
        name: &Name,
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        let subscription = by.seat.agency().and_then(|it| self.state.subscription(it, name));
        match self.state.delete_subscription(by, name) {
            Ok(event) => {
                let index = self.record(event)?;
                if let Some(subscription) = subscription {
                    self.outlets.end(subscription);
                    // P4: what a stream was given before it ended may still be on its way.
                    let ended = self.outlets.ended_of(subscription).into_iter();
                    self.work.cuts.extend(ended.map(|outlet| (outlet, Some(connection))));
                }
                self.work.answer(answer, move |_| index);
            }
            Err(refusal) => {
                let rejection = self.refuse(by, Act::DeleteSubscription, refusal, None)?;
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }

    fn read_log(
        &mut self,
        by: &Caller,
        purpose: QueryPurpose,
        reading: &Reading,
        answer: Answer<(u64, Arc<Commit>)>,
    ) -> Result<(), LedgerError> {
        let event = match &by.seat {
            Seat::Auditor { .. } | Seat::Officer { .. } => match *reading {
                Reading::Consult { start, end } => {
                    Ok(Event::Consulted { by: by.clone(), purpose, start, end, about: None })
                }
                Reading::Query { start, end, ref about } => {
                    // The counted refusals stand before the question, and so within its answer.
                    self.record_counted_refusals(true)?;
                    let end = end.unwrap_or(self.state.size());
                    let (by, about) = (by.clone(), about.clone());
                    Ok(Event::Consulted { by, purpose, start, end, about })
                }
                Reading::Export { size, .. } if size > self.state.size() => {
                    Err(Refusal::at(Reason::BeyondTheLog, "size"))
                }
                // What the key in use seals has to be of its own time, which ends with this turn where it hands over.
                Reading::Export { size, .. }
                    if size < self.secrets.signing.chain()?.newest_from()
                        || self.work.rotating.is_some() =>
                {
                    Err(Refusal::at(Reason::KeyRotated, "size"))
                }
                Reading::Export { size, manifest } => {
                    Ok(Event::Exported { by: by.clone(), purpose, size, manifest })
                }
            },
            Seat::Operator { .. } | Seat::Service { .. } => Err(Reason::WrongRole.into()),
        };
        match event {
            Ok(event) => {
                // Whoever reads the log reads all that was refused until now.
                self.record_counted_refusals(true)?;
                let index = self.record(event)?;
                self.work.answer(answer, move |commit| (index, Arc::clone(commit)));
            }
            Err(refusal) => {
                let rejection = self.refuse(by, Act::ReadLog, refusal, None)?;
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }
}

impl Command {
    /// Answers a command that is not done.
    pub(super) fn reject(self, rejection: &Rejection) {
        fn tell<T>(answer: Answer<T>, rejection: &Rejection) {
            drop(answer.send(Err(*rejection)));
        }
        match self {
            Self::Hear { answer, .. } | Self::Refuse { answer, .. } => tell(answer, rejection),
            Self::Access { answer, .. } => tell(answer, rejection),
            Self::Approve { answer, .. } | Self::Propose { answer, .. } => tell(answer, rejection),
            Self::Close { .. } | Self::RecordSnapshot(_) => {}
            Self::Credential(command) => command.reject(rejection),
            Self::CreateSubscription { answer, .. } => tell(answer, rejection),
            Self::Bar { answer, .. }
            | Self::DeleteSubscription { answer, .. }
            | Self::Reload { answer, .. }
            | Self::Withdraw { answer, .. } => tell(answer, rejection),
            Self::Explain { answer, .. } => tell(answer, rejection),
            Self::Leave { answer, .. } => tell(answer, rejection),
            Self::ListAgreements { answer, .. } | Self::ShowAgreement { answer, .. } => {
                tell(answer, rejection);
            }
            Self::ListSubscriptions { answer, .. } => tell(answer, rejection),
            Self::Open { answer, .. } => tell(answer, rejection),
            Self::Publish { answer, .. } => tell(answer, rejection),
            Self::Read { answer, .. } => tell(answer, rejection),
            Self::Retention(command) => command.reject(rejection),
            Self::Rights(command) => command.reject(rejection),
            Self::Standing { answer } => tell(answer, rejection),
        }
    }
}
