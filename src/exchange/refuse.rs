//! The record of a refusal. Identical ones above ten a second from one caller become one counted record,
//! so that a caller in a loop cannot fill the log.

use std::collections::HashMap;

use super::state::State;
use crate::domain::{Act, AgreementId, Caller, Reason, Refusal, Timestamp};
use crate::record::{Event, Refused};

/// How many identical refusals a second are recorded one by one.
const SINGLY_MAX: u32 = 10;
const WINDOW_MS: u64 = 1000;

/// What was refused to whom.
#[derive(Clone, Copy, Debug)]
pub struct Refusing<'a> {
    /// Who asked.
    pub by: &'a Caller,
    /// For what.
    pub act: Act,
    /// Why not.
    pub refusal: Refusal,
    /// Under which agreement, where one was named.
    pub agreement: Option<&'a AgreementId>,
}

/// Counts identical refusals.
#[derive(Clone, Debug, Default)]
pub struct Limiter(HashMap<Same, Window>);

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    count: u32,
    suppressed: u32,
}

impl State {
    /// Returns the event that records a refusal; nothing where it is counted for a later one.
    pub fn refuse(&mut self, refusing: &Refusing<'_>, now: Timestamp) -> Option<Event> {
        let Refusing { by, act, refusal, agreement } = *refusing;
        let suppressed = self.limiter.admit((by.clone(), act, refusal.reason), now)?;
        Some(Event::Refused(Refused {
            by: Some(by.clone()),
            act,
            reason: refusal.reason,
            agreement: agreement.and_then(|id| self.known_agreement(by, id, now)),
            published: None,
            subscription: None,
            suppressed,
            recipient: None,
            publisher: None,
        }))
    }
}

impl State {
    /// The record is read by whoever was refused: one that is no party does not learn from it what exists.
    fn known_agreement(&self, by: &Caller, id: &AgreementId, now: Timestamp) -> Option<u64> {
        let version = self.in_force(id, now)?;
        by.seat.agency().and_then(|it| version.agreement.party(it)).map(|_| version.proposed)
    }

    /// Returns what was counted: it stands in no record yet, so that no replay brings it back.
    pub const fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Goes on from what another state had counted.
    pub fn count_on(&mut self, counted: Limiter) {
        self.limiter = counted;
    }

    /// Returns the events that record what was counted: all of it, or what was counted in a second
    /// that has passed.
    pub fn counted_refusals(&mut self, now: Timestamp, all: bool) -> Vec<Event> {
        let counted = self.limiter.take(now, all).into_iter();
        counted
            .map(|((by, act, reason), count)| {
                Event::Refused(Refused {
                    by: Some(by),
                    act,
                    reason,
                    agreement: None,
                    published: None,
                    subscription: None,
                    suppressed: count - 1,
                    recipient: None,
                    publisher: None,
                })
            })
            .collect()
    }
}

type Same = (Caller, Act, Reason);

impl Limiter {
    fn take(&mut self, now: Timestamp, all: bool) -> Vec<(Same, u32)> {
        let mut taken = Vec::new();
        self.0.retain(|same, window| {
            let has_passed = now.ms() >= window.since.ms().saturating_add(WINDOW_MS);
            if (all || has_passed) && window.suppressed > 0 {
                taken.push((same.clone(), std::mem::take(&mut window.suppressed)));
            }
            !has_passed
        });
        taken
    }

    /// Returns how many identical refusals the next record stands for; nothing above the rate.
    fn admit(&mut self, key: Same, now: Timestamp) -> Option<u32> {
        let fresh = Window { since: now, count: 0, suppressed: 0 };
        let window = self.0.entry(key).or_insert(fresh);
        if now.ms() >= window.since.ms().saturating_add(WINDOW_MS) {
            *window = Window { suppressed: window.suppressed, ..fresh };
        }
        if window.count >= SINGLY_MAX {
            window.suppressed += 1;
            return None;
        }
        window.count += 1;
        Some(std::mem::take(&mut window.suppressed))
    }
}
