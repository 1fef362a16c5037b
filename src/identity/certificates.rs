//! The certificates that have been in use since the start, and when: for those who have to renew them in time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Connections;
use crate::domain::{Caller, Fingerprint, Timestamp};

/// How many are remembered: beyond that, those that were seen the longest ago are forgotten.
const SEEN_MAX: usize = 4096;

/// A certificate that was in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    /// Whom it names, and its fingerprint.
    pub caller: Caller,
    /// Its last moment.
    pub not_after: Timestamp,
    /// When a connection under it was last open.
    pub last_seen: Timestamp,
    /// Connections under it now.
    pub connections: u64,
}

/// The certificates that have been in use.
#[derive(Debug, Default)]
pub struct Certificates {
    seen: Mutex<HashMap<Fingerprint, Seen>>,
}

impl Certificates {
    /// Notes that a connection came in.
    pub(super) fn note(&self, caller: &Caller, not_after: Timestamp, now: Timestamp) {
        let mut seen = self.seen();
        let full = seen.len() >= SEEN_MAX && !seen.contains_key(&caller.certificate);
        if full && let Some(oldest) = oldest(&seen) {
            seen.remove(&oldest);
        }
        let new = Seen { caller: caller.clone(), not_after, last_seen: now, connections: 0 };
        seen.entry(caller.certificate).or_insert(new).last_seen = now;
    }

    /// Notes which connections are open, and forgets what has ended and is not in use.
    pub(super) fn note_open(&self, connections: &Connections, now: Timestamp) {
        let open = connections.open();
        for connection in &open {
            self.note(connection.caller(), connection.not_after(), now);
        }
        let mut seen = self.seen();
        seen.retain(|_, it| it.not_after >= now);
        seen.values_mut().for_each(|it| it.connections = 0);
        for connection in open {
            if let Some(it) = seen.get_mut(&connection.caller().certificate) {
                it.connections += 1;
            }
        }
    }

    /// Lists them in order of name and end.
    pub fn list(&self) -> Vec<Seen> {
        let mut list: Vec<Seen> = self.seen().values().cloned().collect();
        list.sort_by(|a, b| (&a.caller.seat, a.not_after).cmp(&(&b.caller.seat, b.not_after)));
        list
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<Fingerprint, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn oldest(seen: &HashMap<Fingerprint, Seen>) -> Option<Fingerprint> {
    seen.iter().min_by_key(|(_, it)| it.last_seen).map(|(certificate, _)| *certificate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Seat;

    fn caller(number: usize) -> Caller {
        let mut certificate = [0; 32];
        certificate[..8].copy_from_slice(&number.to_be_bytes());
        let seat = Seat::parse("agency/police/service/rms").unwrap();
        Caller { seat, certificate: Fingerprint(certificate) }
    }

    #[test]
    fn the_one_seen_the_longest_ago_makes_room() {
        let certificates = Certificates::default();
        let end = Timestamp::from_ms(1 << 40);
        for number in 0..SEEN_MAX {
            certificates.note(&caller(number), end, Timestamp::from_ms(number as u64));
        }
        certificates.note(&caller(0), end, Timestamp::from_ms(1 << 30));
        certificates.note(&caller(SEEN_MAX), end, Timestamp::from_ms(1 << 30));
        let list = certificates.list();
        assert_eq!(list.len(), SEEN_MAX);
        assert!(!list.iter().any(|it| it.caller == caller(1)), "the oldest is gone");
        assert!(list.iter().any(|it| it.caller == caller(0)), "what was seen again is not");
    }
}
