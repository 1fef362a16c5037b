//! For how long an answer stands by itself: no moment that an agreement names lies between its ends, so that
//! time alone cannot change what was decided inside.

use crate::domain::{AgencyId, Agreement, Timestamp};

/// A stretch of time: from `from`, before `until`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Window {
    /// Finds the stretch around `now` between the moments that a decision about `sender` looks at: the
    /// agreement's start and end, and the end of the sender's policy document.
    pub(super) fn around(agreement: &Agreement, sender: &AgencyId, now: Timestamp) -> Self {
        let document = agreement.party(sender).and_then(|it| it.policy_document.as_ref());
        let moments =
            [Some(agreement.starts), Some(agreement.ends), document.map(|document| document.until)];
        let (mut from, mut until) = (Timestamp::EPOCH, Timestamp::from_ms(u64::MAX));
        for moment in moments.into_iter().flatten() {
            if moment <= now {
                from = from.max(moment);
            } else {
                until = until.min(moment);
            }
        }
        Self { from, until }
    }

    /// Tells whether `now` lies within.
    pub(super) fn contains(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}
