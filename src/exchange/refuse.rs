//! The record of a refusal. Identical ones above ten a second from one caller become one counted record,
//! so that a caller in a loop cannot fill the log.

use std::{collections::HashMap, time::Duration};

use super::state::State;
use crate::domain::{Act, AgreementId, Caller, Reason, Refusal, Timestamp};
use crate::record::{Event, Refused};

/// How many identical refusals a second are recorded one by one.
const SINGLY_MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

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
#[derive(Debug, Default)]
pub(super) struct Limiter {
    windows: HashMap<(Caller, Act, Reason), Window>,
    swept: Timestamp,
}

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
            agreement: agreement.and_then(|id| self.agreement_index(id, now)),
            published: None,
            subscription: None,
            suppressed,
            recipient: None,
            publisher: None,
        }))
    }
}

impl Limiter {
    /// Returns how many identical refusals the next record stands for; nothing above the rate.
    fn admit(&mut self, key: (Caller, Act, Reason), now: Timestamp) -> Option<u32> {
        if now >= self.swept.after(WINDOW) {
            // Once a second, so that many callers at once do not make each refusal dear.
            self.windows.retain(|_, it| it.suppressed > 0 || now < it.since.after(WINDOW));
            self.swept = now;
        }
        let fresh = Window { since: now, count: 0, suppressed: 0 };
        let window = self.windows.entry(key).or_insert(fresh);
        if now >= window.since.after(WINDOW) {
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
