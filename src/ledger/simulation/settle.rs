//! After each turn: takes in what was answered and what came out, and asks whether the promises hold.

use tokio::sync::oneshot;

use super::{
    ask::{Ticket, Waiting},
    kept, promises, rights,
    trace::Seen,
    world::{Turn, World},
};
use crate::domain::Reason;
use crate::journal::{Fault, Journal};
use crate::ledger::{NoticesAnswer, Rejection, StreamAnswer};

/// What came of a command, told apart only as far as every command's answer can be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// Another thing of its kind is under way in the same turn.
    Busy,
    Done,
    Refused(Reason),
    Unavailable,
}

impl World {
    /// Takes in a turn.
    pub(super) fn settle(&mut self, turn: Turn) {
        self.audit.read(&self.journal, &self.writer.secrets);
        let dies = self.is_dying();
        if !dies {
            self.destroy();
        }
        let grew = self.journal.head().size > turn.size_before;
        let asked = turn.answers.iter().any(|it| !matches!(it, Waiting::Nobody));
        // That a subscription is over is a matter of time and not of a record.
        let is_over =
            |it: &Seen| matches!(it, Seen::Ended { reason: Reason::SubscriptionExpired, .. });
        let was_heard = asked || !turn.seen.iter().all(is_over);
        let mut outcomes = Vec::new();
        for waiting in turn.answers {
            outcomes.extend(self.answered(waiting));
        }
        let released = turn.seen.iter().any(|it| {
            matches!(it, Seen::Released { .. } | Seen::Ended { reason: Reason::Fenced, .. })
        });
        for seen in &turn.seen {
            if let Seen::Answered { answer, .. } = seen {
                outcomes.push(outcome(answer));
            }
        }
        let ended = turn.seen.iter().any(|it| matches!(it, Seen::Unavailable { .. }));
        let unavailable = ended || outcomes.contains(&Outcome::Unavailable);
        let lost = match self.fault {
            _ if turn.expects_unavailable => {
                assert!(!grew, "written though the clock was behind or the disk full");
                assert!(!ended, "who only waits ends no stream");
                true
            }
            Some(fault) if unavailable || grew => {
                assert_eq!(grew, fault == Fault::Survive, "{fault:?}");
                assert!(unavailable || !was_heard, "P2: told of success after {fault:?}");
                self.fault = None;
                self.audit.count("fault");
                true
            }
            Some(_) | None => {
                assert!(!unavailable, "unavailable for no reason");
                false
            }
        };
        if lost {
            promises::p2_nothing_of_a_lost_turn_is_told(
                released,
                outcomes.iter().all(|it| *it == Outcome::Unavailable),
            );
        }
        for seen in turn.seen {
            self.saw(seen);
        }
        for stream in &mut self.streams {
            stream.open &= !stream.closed;
        }
        if lost && !turn.expects_unavailable {
            assert!(self.streams.iter().all(|it| !it.open), "a stream outlives the state");
        }
        for outcome in outcomes {
            if let Outcome::Refused(reason) = outcome {
                self.audit.count(reason.code());
            }
        }
        promises::the_log_is_whole(self);
        kept::p5_an_erasure_has_cut(self);
        if dies {
            self.die_erasing();
        }
    }

    fn answered(&mut self, waiting: Waiting) -> Option<Outcome> {
        Some(match waiting {
            Waiting::Acknowledged(answered) => outcome(&take(answered)),
            Waiting::Agreement(answered, version) => {
                let answer = take(answered);
                if let Ok(standing) = &answer {
                    assert_eq!(*standing.version, *version, "told of another version");
                }
                outcome(&answer)
            }
            Waiting::Closed(stream) => {
                self.streams[stream].closed = true;
                return None;
            }
            Waiting::Credited(answered, stream, more) => {
                let answer = take(answered);
                if answer.is_ok() {
                    self.streams[stream].credit += u64::from(more);
                }
                outcome(&answer)
            }
            Waiting::Finished(answered, place) => self.finished(&take(answered), place),
            Waiting::Listed(answered, agency) => {
                let answer = take(answered);
                if let Ok(list) = &answer {
                    promises::a_listing_is_what_the_log_says(self, &agency, list);
                }
                outcome(&answer)
            }
            Waiting::Opened(answered, stream) => {
                let answer = take(answered);
                match &answer {
                    Ok(answer) => self.opened(stream, answer),
                    Err(_) => self.streams[stream].open = false,
                }
                outcome(&answer)
            }
            Waiting::Published(answered, request) => {
                let answer = take(answered);
                match &answer {
                    Ok(answer) => {
                        promises::p3_an_acknowledged_publish_is_kept(self, &request, answer);
                    }
                    Err(Rejection::Refused { refusal, decision: Some(decision) }) => {
                        let refused = (refusal.reason, *decision);
                        promises::a_request_id_is_refused_for_a_reason(self, &request, refused);
                    }
                    Err(_) => {}
                }
                outcome(&answer)
            }
            Waiting::Notices(answered) => self.noticed(&take(answered)),
            Waiting::Read(answered) => outcome(&take(answered)),
            Waiting::Issued(answered) | Waiting::Recorded(answered) => outcome(&take(answered)),
            Waiting::Approved(_) | Waiting::Released(_) | Waiting::Swept(_) => {
                return self.erased(waiting);
            }
            Waiting::Rotated(answered) => {
                let answer = take(answered);
                if let Ok((index, commit)) = &answer {
                    promises::a_rotation_ends_its_tree(self, *index, commit);
                }
                // One tree has one end: the second rotation of a turn is told to come again.
                if matches!(answer, Err(Rejection::Busy)) {
                    self.audit.count("rotation busy");
                    return Some(Outcome::Busy);
                }
                outcome(&answer)
            }
            Waiting::Subscribed(answered) => outcome(&take(answered)),
            Waiting::Nobody | Waiting::Traced => return None,
        })
    }

    fn finished(
        &self,
        answer: &Result<(), Rejection>,
        (subscription, number): (u64, u64),
    ) -> Outcome {
        if answer.is_ok() {
            let known = self.audit.subscriptions[&subscription].acknowledged;
            assert!(number <= known, "the last word was answered before its record");
        }
        outcome(answer)
    }

    fn noticed(&self, answer: &Result<NoticesAnswer, Rejection>) -> Outcome {
        if let Ok(answer) = answer {
            rights::p2_a_notice_is_in_the_log(self, answer);
        }
        outcome(answer)
    }

    /// What came of an erasure; nothing where the process died before it was answered.
    fn erased(&mut self, waiting: Waiting) -> Option<Outcome> {
        match waiting {
            Waiting::Approved(answered) => {
                let answer = kept::answered(answered)?;
                if let Ok(approved) = &answer {
                    kept::an_approval_erases_its_order(self, approved);
                }
                Some(outcome(&answer))
            }
            Waiting::Released(answered) => {
                let answer = kept::answered(answered)?;
                if answer.is_ok_and(|(_, erased)| erased) {
                    self.audit.count("released and erased");
                }
                Some(outcome(&answer))
            }
            Waiting::Swept(answered) => Some(outcome(&kept::answered(answered)?)),
            Waiting::Acknowledged(_)
            | Waiting::Agreement(..)
            | Waiting::Closed(_)
            | Waiting::Credited(..)
            | Waiting::Finished(..)
            | Waiting::Issued(_)
            | Waiting::Listed(..)
            | Waiting::Notices(_)
            | Waiting::Nobody
            | Waiting::Opened(..)
            | Waiting::Published(..)
            | Waiting::Read(_)
            | Waiting::Recorded(_)
            | Waiting::Rotated(_)
            | Waiting::Subscribed(_)
            | Waiting::Traced => None,
        }
    }

    fn opened(&mut self, stream: usize, answer: &StreamAnswer) {
        let asked = &self.audit.subscriptions[&answer.key.subscription];
        assert_eq!(asked.agency, self.streams[stream].agency);
        assert_eq!(asked.subscription.expires_at, answer.expires_at);
        let stream = &mut self.streams[stream];
        stream.key = Some(answer.key);
        stream.next = Some(answer.acknowledged + 1);
    }

    fn saw(&mut self, seen: Seen) {
        match seen {
            Seen::Answered { ticket, answer } => {
                let Ok(index) = answer else { return };
                match self.tickets[ticket].clone() {
                    Ticket::Delete(agency, name) => {
                        promises::p4_a_deleted_subscription_is_cut(self, (&agency, &name), index);
                    }
                    Ticket::Lift | Ticket::Reinstate => {}
                    Ticket::Stop(published) => rights::p4_a_stop_has_cut(self, published),
                    Ticket::Suspend(agency) => {
                        promises::p4_a_suspension_has_cut(self, &agency, index);
                    }
                    Ticket::Withdraw(id) => promises::p4_a_withdrawal_has_cut(self, &id, index),
                }
            }
            Seen::Released { stream, release } => {
                promises::p1_a_released_view_holds_what_is_permitted(self, &release);
                promises::p2_a_release_is_in_the_log(self, &release);
                promises::p4_nothing_leaves_after_a_withdrawal(self, &release);
                kept::p5_nothing_erased_leaves(self, &release);
                promises::numbers_have_no_unexplained_gap(self, stream, &release);
            }
            Seen::Cut { stream } => {
                self.streams[stream].open = false;
                self.streams[stream].cut = true;
            }
            Seen::Spared { stream } | Seen::Unavailable { stream } => {
                self.streams[stream].open = false;
            }
            Seen::Ended { stream, reason } => {
                assert!(self.streams[stream].open, "ended twice");
                // P4: for what is withdrawn or deleted, an end that leaves the connection is too little.
                let fenced = reason == Reason::Fenced;
                assert!(fenced || reason == Reason::SubscriptionExpired, "ended by {reason}");
                self.audit.count(if fenced { "fenced" } else { "ended" });
                self.streams[stream].open = false;
            }
        }
    }
}

/// Every command is answered in its turn.
fn take<T>(mut answered: oneshot::Receiver<Result<T, Rejection>>) -> Result<T, Rejection> {
    answered.try_recv().expect("a command was not answered")
}

fn outcome<T>(answer: &Result<T, Rejection>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Done,
        Err(Rejection::Refused { refusal, .. }) => Outcome::Refused(refusal.reason),
        Err(Rejection::Unavailable(_)) => Outcome::Unavailable,
        Err(Rejection::Busy | Rejection::RateExceeded { .. }) => {
            panic!("the writer itself is never busy")
        }
    }
}
