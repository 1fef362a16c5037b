//! Where peers wait until they have shaken hands. It is bounded and never closed: when it is full, whoever comes
//! is let in, and the one that has waited longest at the busiest address is shown out. So strangers that hold
//! places without a word lose them to whoever comes next, and a peer that gets on with it is gone before its turn.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// How many may wait before they have said hello, for each that may wait after it: they cost a socket, and no
/// cryptography.
const SILENT_FOR_EACH_GREETED: usize = 4;

/// Everybody who waits.
#[derive(Debug)]
pub(super) struct Lobby {
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    last_number: u64,
    /// Those that have not said hello, and those that have: floods of one kind show out nobody of the other.
    benches: [Bench; 2],
}

/// One kind of guests.
#[derive(Debug)]
struct Bench {
    places: usize,
    taken: usize,
    by_source: HashMap<Source, BTreeMap<u64, CancellationToken>>,
    /// How many sit there from each source, and its oldest guest: the last one is who makes room.
    by_count: BTreeMap<(usize, Reverse<u64>), Source>,
}

/// Where somebody comes from, as far as one party can choose it: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()
            }
        })
    }
}

impl Lobby {
    /// Makes a lobby for so many that have said hello.
    pub(super) fn new(greeted_max: usize) -> Arc<Self> {
        let silent_max = greeted_max.saturating_mul(SILENT_FOR_EACH_GREETED);
        let benches = [silent_max, greeted_max].map(Bench::new);
        Arc::new(Self { waiting: Mutex::new(Waiting { last_number: 0, benches }) })
    }

    /// Returns how many may wait at most.
    pub(super) const fn places(greeted_max: usize) -> usize {
        greeted_max.saturating_mul(SILENT_FOR_EACH_GREETED + 1)
    }

    /// Lets somebody in, who has said nothing yet.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Guest {
        let source = Source::from(from);
        let told = CancellationToken::new();
        let mut waiting = self.waiting();
        waiting.last_number += 1;
        let number = waiting.last_number;
        let [silent, _] = &mut waiting.benches;
        silent.sit(source, number, told.clone());
        Guest { lobby: Arc::clone(self), source, number, has_greeted: false, told }
    }

    /// Shows one out, because its descriptor is needed: one who has said nothing, or where there is none, another.
    pub(super) fn make_room(&self) {
        let [silent, greeted] = &mut self.waiting().benches;
        if !silent.show_one_out() {
            greeted.show_one_out();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bench {
    fn new(places: usize) -> Self {
        Self { places, taken: 0, by_source: HashMap::new(), by_count: BTreeMap::new() }
    }

    fn sit(&mut self, source: Source, number: u64, told: CancellationToken) {
        self.change(source, |seated| seated.insert(number, told));
        // After it has sat down, so that it counts among its own.
        if self.taken > self.places {
            self.show_one_out();
        }
    }

    /// Tells one to go; returns whether there was one.
    fn show_one_out(&mut self) -> bool {
        let Some((_, &source)) = self.by_count.last_key_value() else { return false };
        let shown = self.change(source, BTreeMap::pop_first);
        shown.is_some_and(|(_, told)| {
            told.cancel();
            true
        })
    }

    /// Changes who sits there from one source, and keeps the counts.
    fn change<T>(
        &mut self,
        source: Source,
        change: impl FnOnce(&mut BTreeMap<u64, CancellationToken>) -> T,
    ) -> T {
        let seated = self.by_source.entry(source).or_default();
        let key = |seated: &BTreeMap<u64, _>| {
            seated.first_key_value().map(|(&oldest, _)| (seated.len(), Reverse(oldest)))
        };
        let (before, old) = (seated.len(), key(seated));
        let changed = change(seated);
        let (after, new) = (seated.len(), key(seated));
        self.taken = (self.taken + after).saturating_sub(before);
        if after == 0 {
            self.by_source.remove(&source);
        }
        if old != new {
            old.and_then(|old| self.by_count.remove(&old));
            new.and_then(|new| self.by_count.insert(new, source));
        }
        changed
    }
}

/// One who waits. Dropped, it has left.
#[derive(Debug)]
pub(super) struct Guest {
    lobby: Arc<Lobby>,
    source: Source,
    number: u64,
    has_greeted: bool,
    told: CancellationToken,
}

impl Guest {
    /// Moves it on among those that have said hello.
    pub(super) fn greet(&mut self) {
        let mut waiting = self.lobby.waiting();
        let [silent, greeted] = &mut waiting.benches;
        let moved = silent.change(self.source, |seated| seated.remove(&self.number));
        // One that has been shown out meanwhile has nowhere to go.
        if let Some(told) = moved {
            greeted.sit(self.source, self.number, told);
            self.has_greeted = true;
        }
    }

    /// Returns its number among all who have come, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Tells whether it has to make room.
    pub(super) fn has_to_go(&self) -> bool {
        self.told.is_cancelled()
    }

    /// Waits until it has to make room.
    pub(super) async fn shown_out(&self) {
        self.told.cancelled().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut waiting = self.lobby.waiting();
        let [silent, greeted] = &mut waiting.benches;
        let bench = if self.has_greeted { greeted } else { silent };
        bench.change(self.source, |seated| seated.remove(&self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(lobby: &Arc<Lobby>, from: &str) -> Guest {
        lobby.enter(from.parse().unwrap())
    }

    fn shown_out(guests: &[Guest]) -> Vec<usize> {
        (0..guests.len()).filter(|&at| guests[at].told.is_cancelled()).collect()
    }

    fn taken(lobby: &Lobby) -> [usize; 2] {
        let waiting = lobby.waiting();
        for bench in &waiting.benches {
            let seated = bench.by_source.values().map(BTreeMap::len);
            assert_eq!(seated.sum::<usize>(), bench.taken);
            assert_eq!(bench.by_count.len(), bench.by_source.len());
        }
        [&waiting.benches[0], &waiting.benches[1]].map(|bench| bench.taken)
    }

    #[test]
    fn the_oldest_makes_room_and_no_newcomer_is_turned_away() {
        let lobby = Lobby::new(1);
        let guests: Vec<_> = (0..7).map(|_| enter(&lobby, "192.0.2.1")).collect();

        assert_eq!(shown_out(&guests), [0, 1, 2]);
        assert_eq!(taken(&lobby), [4, 0]);
        drop(guests);
        assert_eq!(taken(&lobby), [0, 0]);
    }

    /// Somebody older, from elsewhere, stays while one address floods.
    #[test]
    fn the_busiest_address_makes_room_first() {
        let lobby = Lobby::new(1);
        let elsewhere = enter(&lobby, "192.0.2.9");
        let guests: Vec<_> = (0..9).map(|_| enter(&lobby, "192.0.2.1")).collect();

        assert_eq!(shown_out(&guests), [0, 1, 2, 3, 4, 5]);
        assert!(!elsewhere.told.is_cancelled());
        assert_eq!(taken(&lobby), [4, 0]);
    }

    /// Where no address has more than another, the oldest goes.
    #[test]
    fn among_addresses_alike_the_oldest_makes_room() {
        let lobby = Lobby::new(1);
        let guests: Vec<_> =
            (1..=6).map(|host| enter(&lobby, &format!("192.0.2.{host}"))).collect();

        assert_eq!(shown_out(&guests), [0, 1]);
    }

    /// Neither kind of flood shows out the other kind.
    #[test]
    fn those_that_have_said_hello_wait_apart() {
        let lobby = Lobby::new(2);
        let mut honest = enter(&lobby, "192.0.2.1");
        honest.greet();
        let silent: Vec<_> = (0..20).map(|_| enter(&lobby, "192.0.2.1")).collect();
        assert!(!honest.told.is_cancelled());
        assert_eq!((shown_out(&silent).len(), taken(&lobby)), (12, [8, 1]));

        let newcomer = enter(&lobby, "192.0.2.2");
        let stalled = (0..3).map(|_| {
            let mut guest = enter(&lobby, "192.0.2.3");
            guest.greet();
            guest
        });
        let stalled: Vec<_> = stalled.collect();
        assert_eq!(
            (shown_out(&stalled), taken(&lobby)[1]),
            (vec![0, 1], 2),
            "of the busiest address"
        );
        assert!(!newcomer.told.is_cancelled());
    }

    /// One that is shown out while it says hello does not come back in.
    #[test]
    fn who_has_been_shown_out_stays_out() {
        let lobby = Lobby::new(1);
        let mut late = enter(&lobby, "192.0.2.1");
        let mut greeted = enter(&lobby, "192.0.2.1");
        greeted.greet();
        lobby.make_room();
        assert!(late.told.is_cancelled() && !greeted.told.is_cancelled());
        lobby.make_room();
        lobby.make_room();
        assert!(greeted.told.is_cancelled(), "where nobody is silent");

        late.greet();

        assert_eq!(taken(&lobby), [0, 0]);
        drop(late);
        assert_eq!(taken(&lobby), [0, 0]);
    }

    /// A host of IPv6 has a whole network of addresses to choose from.
    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8:0:1::1"), source("2001:db8::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
