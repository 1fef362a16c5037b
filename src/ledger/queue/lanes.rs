//! The lanes and the order in which they are drained. Pure: whoever calls holds the lock.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::Semaphore;

use super::lane::Lane;

/// Units that a lane may take of a batch before the next lane has its turn.
const SHARE: usize = 64;

#[derive(Debug)]
pub(super) struct Lanes<T> {
    places: HashMap<Lane, usize>,
    waiting: Vec<Waiting<T>>,
    /// Lanes in which something waits, each once, in the order of their turns.
    turns: VecDeque<usize>,
    pub(super) ticked: bool,
    pub(super) stops: bool,
    /// The writer waits to be woken.
    pub(super) idle: bool,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            waiting: Vec::new(),
            turns: VecDeque::new(),
            ticked: false,
            stops: false,
            idle: false,
        }
    }
}

/// One lane.
#[derive(Debug)]
struct Waiting<T> {
    queue: VecDeque<Queued<T>>,
    /// Units that it may still take in this turn (deficit round robin).
    credit: usize,
    /// Units that are free.
    room: Arc<Semaphore>,
}

#[derive(Debug)]
pub(super) struct Queued<T> {
    pub(super) command: T,
    pub(super) units: u32,
    /// Whether its units have to be given back.
    pub(super) is_counted: bool,
}

impl<T> Lanes<T> {
    /// Tells whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Lets nobody in any more, and tells those who wait for a place.
    pub(super) fn stop(&mut self) {
        self.stops = true;
        self.waiting.iter().for_each(|lane| lane.room.close());
    }

    /// Returns the place of a lane, made if it is new.
    pub(super) fn place(&mut self, lane: &Lane, units: usize) -> usize {
        if let Some(place) = self.places.get(lane) {
            return *place;
        }
        let place = self.waiting.len();
        let room = Arc::new(Semaphore::new(units));
        self.waiting.push(Waiting { queue: VecDeque::new(), credit: 0, room });
        self.places.insert(lane.clone(), place);
        place
    }

    /// Returns the free units of a lane; nothing once the writer stops.
    pub(super) fn room(&self, place: usize) -> Option<Arc<Semaphore>> {
        let lane = self.waiting.get(place).filter(|_| !self.stops)?;
        Some(Arc::clone(&lane.room))
    }

    pub(super) fn push(&mut self, place: usize, queued: Queued<T>) {
        let Some(lane) = self.waiting.get_mut(place) else { return };
        if lane.queue.is_empty() {
            self.turns.push_back(place);
        }
        lane.queue.push_back(queued);
    }

    /// Deficit round robin (Shreedhar and Varghese, 1995): each lane in its turn may take a share more, and
    /// what it cannot use for a command that is larger than its share it keeps for the next turn.
    pub(super) fn take(&mut self, units: usize) -> Vec<T> {
        let mut taken = Vec::new();
        let mut left = units;
        while left > 0
            && let Some(place) = self.turns.pop_front()
        {
            let Some(lane) = self.waiting.get_mut(place) else { continue };
            lane.credit += SHARE;
            let used = lane.take(left, &mut taken);
            left = left.saturating_sub(used);
            if lane.queue.is_empty() {
                lane.credit = 0;
            } else {
                // A batch that is full in the midst of a turn leaves no more than the next command needs.
                lane.credit = lane.credit.min(lane.needs().max(SHARE));
                self.turns.push_back(place);
            }
        }
        taken
    }
}

impl<T> Waiting<T> {
    /// Returns the units of the next command.
    fn needs(&self) -> usize {
        let units = self.queue.front().map_or(0, |next| next.units);
        usize::try_from(units).unwrap_or(usize::MAX)
    }

    /// Takes what the lane's credit and the batch allow; returns the units.
    fn take(&mut self, left: usize, taken: &mut Vec<T>) -> usize {
        let (mut used, mut counted) = (0, 0);
        while used < left && self.needs() <= self.credit {
            let units = self.needs();
            let Some(Queued { command, is_counted, .. }) = self.queue.pop_front() else { break };
            self.credit -= units;
            used += units;
            counted += if is_counted { units } else { 0 };
            taken.push(command);
        }
        self.room.add_permits(counted);
        used
    }
}
