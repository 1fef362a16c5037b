//! How much each agency has in progress: its systems together, and its officers together, so that its own systems
//! cannot keep an officer from withdrawing. Operators together count as one more.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::kind::Kind;
use crate::domain::{AgencyId, Seat};

/// What one agency may have in progress, over all its connections.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Calls with small messages, 64 KiB each at most.
    pub calls: usize,
    /// Calls with large messages, 1 MiB each at most.
    pub governance_calls: usize,
    /// Streams of every kind.
    pub streams: usize,
    /// How long a call may take, and a stream to begin.
    pub call_timeout: Duration,
}

/// The rooms of all agencies. Their number is bounded by the table of agencies.
#[derive(Debug)]
pub(super) struct Rooms {
    limits: Limits,
    rooms: Mutex<HashMap<Whose, Arc<Room>>>,
}

/// Whose places they are.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Whose {
    Auditors,
    Officers(AgencyId),
    Operators,
    Systems(AgencyId),
}

/// What one of them has in progress.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InProgress {
    /// Which agency; empty for auditors and operators.
    pub agency: String,
    /// Its systems, its officers, auditors, or operators.
    pub role: &'static str,
    /// Calls.
    pub calls: u64,
    /// Streams.
    pub streams: u64,
}

/// What one of them has left.
#[derive(Debug)]
pub(super) struct Room {
    calls: Arc<Semaphore>,
    governance_calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// What was turned away since somebody last asked.
    turned_away: AtomicU64,
}

impl Whose {
    /// Returns the agency, and as what.
    fn named(&self) -> (&str, &'static str) {
        match self {
            Self::Auditors => ("", "auditors"),
            Self::Officers(agency) => (agency.as_str(), "officers"),
            Self::Operators => ("", "operators"),
            Self::Systems(agency) => (agency.as_str(), "systems"),
        }
    }
}

impl Rooms {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, rooms: Mutex::default() }
    }

    /// Returns the room of whoever sits there.
    pub(super) fn of(&self, seat: &Seat) -> Arc<Room> {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = match seat {
            Seat::Auditor { .. } => Whose::Auditors,
            Seat::Officer { agency, .. } => Whose::Officers(agency.clone()),
            Seat::Operator { .. } => Whose::Operators,
            Seat::Service { agency, .. } => Whose::Systems(agency.clone()),
        };
        Arc::clone(rooms.entry(whose).or_insert_with(|| Arc::new(Room::new(&self.limits))))
    }

    /// Returns what each has in progress.
    pub(super) fn in_progress(&self) -> Vec<InProgress> {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = rooms
            .iter()
            .map(|(whose, room)| {
                let (agency, role) = whose.named();
                let (calls, streams) = room.taken(&self.limits);
                InProgress { agency: agency.to_owned(), role, calls, streams }
            })
            .collect();
        all.sort_by(|one, other| (&one.agency, one.role).cmp(&(&other.agency, other.role)));
        all
    }

    /// Writes a log line for each agency that was turned away since the last time: how often, and no more.
    pub(super) fn report(&self) {
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        for (whose, room) in rooms.iter() {
            let count = room.turned_away.swap(0, Ordering::Relaxed);
            if count > 0 {
                let (agency, role) = whose.named();
                tracing::warn!(agency, role, count, "requests turned away: above a limit of load");
            }
        }
    }
}

impl Room {
    fn new(limits: &Limits) -> Self {
        let semaphore = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self {
            calls: semaphore(limits.calls),
            governance_calls: semaphore(limits.governance_calls),
            streams: semaphore(limits.streams),
            turned_away: AtomicU64::new(0),
        }
    }

    /// Takes a place; nothing where there is none.
    pub(super) fn enter(&self, kind: Kind) -> Option<OwnedSemaphorePermit> {
        let places = match kind {
            Kind::Call => &self.calls,
            Kind::Governance => &self.governance_calls,
            Kind::Stream => &self.streams,
        };
        Arc::clone(places).try_acquire_owned().ok()
    }

    /// Returns how many calls and streams have a place.
    fn taken(&self, limits: &Limits) -> (u64, u64) {
        let taken = |all: usize, left: &Semaphore| {
            u64::try_from(all.saturating_sub(left.available_permits())).unwrap_or(u64::MAX)
        };
        let calls = taken(limits.calls, &self.calls)
            .saturating_add(taken(limits.governance_calls, &self.governance_calls));
        (calls, taken(limits.streams, &self.streams))
    }

    /// Counts somebody who was turned away.
    pub(super) fn count(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agencys_places_are_not_anothers_and_are_given_back() {
        let rooms = Rooms::new(Limits {
            calls: 2,
            governance_calls: 1,
            streams: 1,
            call_timeout: Duration::from_secs(1),
        });
        let seat = |path: &str| Seat::parse(path).unwrap();
        let police = rooms.of(&seat("agency/police/service/cases"));
        let held = [police.enter(Kind::Call), police.enter(Kind::Call)];
        assert!(held.iter().all(Option::is_some));
        assert!(rooms.of(&seat("agency/police/service/other")).enter(Kind::Call).is_none());
        assert!(rooms.of(&seat("agency/police/officer/ig-1")).enter(Kind::Call).is_some());
        assert!(police.enter(Kind::Stream).is_some(), "other kinds have places of their own");
        assert!(rooms.of(&seat("agency/housing/service/cases")).enter(Kind::Call).is_some());
        let [_, officers, systems] = &rooms.in_progress()[..] else { panic!("three rooms") };
        assert_eq!((officers.agency.as_str(), officers.role), ("police", "officers"));
        assert_eq!((systems.role, systems.calls, systems.streams), ("systems", 2, 0));
        drop(held);
        assert!(police.enter(Kind::Call).is_some());
    }
}
