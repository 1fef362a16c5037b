//! What ends soon, the subscription and the caller's certificate, and when its holder is told: at the opening, and once a
//! day from two weeks before the end, however long the stream is open by then.

use std::time::Duration;

use super::message;
use crate::domain::Timestamp;
use crate::pb::v1::{Notice, NoticeKind};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long before their end subscriptions and certificates are told of.
const NOTICE_AHEAD: Duration = Duration::from_secs(14 * 24 * 3600);

/// What ends, and when it is told of next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endings([Ending; 2]);

#[derive(Clone, Copy, Debug)]
struct Ending {
    kind: NoticeKind,
    at: Timestamp,
    told_next: Timestamp,
}

impl Endings {
    pub(super) fn new(subscription: Timestamp, certificate: Timestamp) -> Self {
        let ending = |kind, at: Timestamp| Ending { kind, at, told_next: at.before(NOTICE_AHEAD) };
        Self([
            ending(NoticeKind::SubscriptionEnding, subscription),
            ending(NoticeKind::CertificateEnding, certificate),
        ])
    }

    /// Returns what is to be told at `now`, and takes it as told.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Notice> {
        let due = self.0.iter_mut().filter(|ending| ending.told_next <= now);
        due.map(|ending| {
            ending.told_next = now.after(DAY);
            message::notice(ending.kind, Some(ending.at))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that was opened long before is told once a day, of each as it is due.
    #[test]
    fn what_ends_is_told_once_a_day_from_two_weeks_before() {
        let begun = Timestamp::parse("2026-11-23T12:00:00Z").unwrap();
        let mut endings = Endings::new(begun.plus_days(40), begun.plus_days(20));
        let mut told = Vec::new();
        for hour in 0..40 * 24 {
            let now = begun.after(Duration::from_secs(hour * 3600));
            for notice in endings.due(now) {
                told.push((hour, notice.kind()));
            }
        }
        let certificate = (6..40).map(|day| (day * 24, NoticeKind::CertificateEnding));
        let subscription = (26..40).map(|day| (day * 24, NoticeKind::SubscriptionEnding));
        let mut due: Vec<_> = certificate.chain(subscription).collect();
        due.sort_unstable_by_key(|(hour, kind)| (*hour, *kind as i32));
        assert_eq!(told, due);
    }
}
