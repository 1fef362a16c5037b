//! Live connections, and how one is cut: once `cut` has returned, no byte of the connection is handed
//! to the kernel's socket any more, whichever thread was writing (P4).

use std::{
    collections::HashMap,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::time::Instant;

use super::{Rejection, Trust, trust::Voucher};
use crate::domain::{Bar, Bars, Caller, KeyId, Timestamp};

/// How many connections may be open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bounds {
    /// In all.
    pub open_max: usize,
    /// By one agency, so that none can keep the others out.
    pub open_per_agency_max: usize,
}

/// One live connection.
pub struct Connection {
    number: u64,
    caller: Caller,
    address: SocketAddr,
    not_after: Timestamp,
    /// What it presented, the certificate first; nothing where it came over the local socket.
    chain: Vec<CertificateDer<'static>>,
    vouched: Mutex<Vouched>,
    since: Instant,
    /// How many bytes are due before HTTP/2 has begun.
    preface_due: AtomicUsize,
    gate: Mutex<Gate>,
}

/// By whose word the connection is open: it may change while it lives.
#[derive(Debug, Default)]
struct Vouched {
    /// The keys of the CAs.
    authorities: Vec<KeyId>,
    /// The last moment.
    until: Timestamp,
}

/// Who comes in, and by whose word.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) caller: Caller,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) not_after: Timestamp,
    pub(super) authorities: Vec<KeyId>,
    pub(super) until: Timestamp,
}

/// How long the words are that a client begins with (RFC 9113 §3.4). Once they are there, HTTP/2 itself asks whether
/// the other end lives.
const PREFACE_BYTES: usize = 24;

/// Every pass to the socket holds it for the length of one non-blocking call.
#[derive(Default)]
struct Gate {
    is_cut: bool,
    /// It would not be let in any more: what came over it is not done either.
    is_expelled: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// Which half of a connection a call is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Half {
    Read,
    Write,
}

impl Connection {
    /// Returns its number among the connections of this broker, from 1, never used twice.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Returns who is at the other end.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Returns the address of the other end.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the last moment of its certificate.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Tells why whoever holds it may not take part; nothing where it may.
    pub fn bar(&self, bars: &Bars) -> Option<Bar> {
        let by_authority = || {
            let vouched = self.vouched();
            let mut keys = vouched.authorities.iter();
            keys.any(|key| bars.authorities.contains_key(key)).then_some(Bar::Authority)
        };
        bars.against(&self.caller).or_else(by_authority)
    }

    /// Asks a newer trust for the connection.
    pub(super) fn vouch(
        &self,
        trust: &Trust,
        (now, bars): (Timestamp, &Bars),
    ) -> Result<(), Rejection> {
        let Some((leaf, between)) = self.chain.split_first() else { return Ok(()) };
        let at = UnixTime::since_unix_epoch(Duration::from_millis(now.ms()));
        let voucher = trust.vouch(leaf, between, (at, bars))?;
        let Voucher { authorities, until, .. } = voucher;
        *self.vouched() = Vouched { authorities, until };
        Ok(())
    }

    fn vouched(&self) -> MutexGuard<'_, Vouched> {
        self.vouched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the other end has sent something.
    pub(super) fn hear(&self, bytes: usize) {
        // Only one reads a connection at a time, so that nothing is lost in between.
        let due = self.preface_due.load(Ordering::Relaxed);
        if due > 0 {
            self.preface_due.store(due.saturating_sub(bytes), Ordering::Relaxed);
        }
    }

    /// Cuts the connection. When it returns, nothing more is handed to the socket; what the socket
    /// has not sent is dropped as soon as the owner of the stream notices.
    pub fn cut(&self) {
        let wakers = {
            // P4: waits for a write in progress to end, and lets no later one in.
            let mut gate = self.gate();
            gate.is_cut = true;
            [gate.reader.take(), gate.writer.take()]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Cuts it because it would not be let in any more. What it has asked for and still waits is not done (P4).
    fn expel(&self) {
        self.gate().is_expelled = true;
        self.cut();
    }

    /// Returns whether it was cut because it would not be let in any more.
    pub fn is_expelled(&self) -> bool {
        self.gate().is_expelled
    }

    /// Returns whether it has been cut, or is gone.
    pub fn is_cut(&self) -> bool {
        self.gate().is_cut
    }

    /// Runs one non-blocking call to the socket, unless the connection has been cut. Reads go through
    /// here too: to answer a key update or to raise an alert, TLS writes while it reads.
    pub(super) fn pass<T>(
        &self,
        half: Half,
        context: &mut Context<'_>,
        call: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mut gate = self.gate();
        if gate.is_cut {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let polled = call(context);
        if polled.is_pending() {
            let waker = match half {
                Half::Read => &mut gate.reader,
                Half::Write => &mut gate.writer,
            };
            match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            }
        }
        polled
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("caller", &self.caller)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The live connections of one acceptor.
#[derive(Debug)]
pub struct Connections {
    bounds: Bounds,
    live: Mutex<Live>,
}

#[derive(Debug, Default)]
struct Live {
    last_number: u64,
    open: HashMap<u64, Arc<Connection>>,
    /// Those that are gone and that a command still waits for, which came over them.
    gone: Vec<Weak<Connection>>,
}

impl Connections {
    /// Makes an empty list.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, live: Mutex::default() }
    }

    /// Returns how many are open.
    pub fn count(&self) -> usize {
        self.live().open.len()
    }

    /// Returns those that are open now.
    pub fn open(&self) -> Vec<Arc<Connection>> {
        self.live().open.values().cloned().collect()
    }

    /// Returns those that are gone, as far as a command still waits that came over them.
    fn gone(&self) -> Vec<Arc<Connection>> {
        let mut live = self.live();
        live.gone.retain(|gone| gone.strong_count() > 0);
        live.gone.iter().filter_map(Weak::upgrade).collect()
    }

    /// Cuts every connection that `condition` holds for, by agency, caller or certificate, and
    /// returns how many. When it returns, none of them writes any more (P4).
    pub fn cut_where(&self, condition: impl Fn(&Connection) -> bool) -> usize {
        // P4: what waits of whoever has hung up is not done either.
        for connection in self.gone().into_iter().filter(|connection| condition(connection)) {
            connection.expel();
        }
        let hit = self.open().into_iter().filter(|connection| condition(connection));
        hit.inspect(|connection| connection.expel()).count()
    }

    /// Cuts every connection whose certificate has expired at `now`, or the list that it would stand on, and
    /// returns how many.
    pub fn cut_expired(&self, now: Timestamp) -> usize {
        self.cut_where(|connection| connection.vouched().until < now)
    }

    /// Cuts every connection of whom is barred, and returns how many.
    pub fn cut_barred(&self, bars: &Bars) -> usize {
        self.cut_where(|connection| connection.bar(bars).is_some())
    }

    /// Cuts every connection that a newer trust would not let in at `now`, and returns how many. `bars` is asked
    /// again once a connection stands by other CAs: whoever revokes one of them meanwhile sees the old or the new.
    pub fn cut_untrusted(
        &self,
        trust: &Trust,
        now: Timestamp,
        bars: impl Fn() -> Arc<Bars>,
    ) -> usize {
        self.cut_where(|connection| {
            let vouched = connection.vouch(trust, (now, &bars()));
            let vouched = vouched
                .and_then(|()| connection.bar(&bars()).map_or(Ok(()), |bar| Err(bar.into())));
            let refused = vouched.inspect_err(|reason| {
                let certificate = connection.caller.certificate;
                tracing::info!(peer = %connection.address, %reason, %certificate, "connection cut");
            });
            refused.is_err()
        })
    }

    /// Cuts every connection that is open for longer than `patience` and on which HTTP/2 has not begun, and returns
    /// them. A peer that shakes hands and says nothing keeps no place.
    pub(super) fn cut_silent(&self, patience: Duration) -> Vec<Arc<Connection>> {
        let is_silent = |connection: &Arc<Connection>| {
            connection.preface_due.load(Ordering::Relaxed) > 0
                && connection.since.elapsed() > patience
                && !connection.is_cut()
        };
        let silent: Vec<_> = self.open().into_iter().filter(is_silent).collect();
        for connection in &silent {
            connection.cut();
        }
        silent
    }

    /// Takes a connection into the list, for as long as the entry lives.
    pub(super) fn admit(
        self: &Arc<Self>,
        admission: Admission,
        address: SocketAddr,
    ) -> Result<Entry, Rejection> {
        let mut live = self.live();
        let agency = admission.caller.seat.agency();
        let of_agency =
            live.open.values().filter(|other| other.caller.seat.agency() == agency).count();
        // Whoever comes over the local socket comes in always: that is what it is for.
        let is_full = live.open.len() >= self.bounds.open_max && !admission.chain.is_empty();
        if is_full || (agency.is_some() && of_agency >= self.bounds.open_per_agency_max) {
            return Err(Rejection::TooMany);
        }
        let Admission { caller, chain, not_after, authorities, until } = admission;
        live.last_number += 1;
        let number = live.last_number;
        let vouched = Mutex::new(Vouched { authorities, until });
        let connection = Arc::new(Connection {
            number,
            caller,
            address,
            not_after,
            chain,
            vouched,
            since: Instant::now(),
            preface_due: AtomicUsize::new(PREFACE_BYTES),
            gate: Mutex::default(),
        });
        live.open.insert(number, Arc::clone(&connection));
        Ok(Entry { connections: Arc::clone(self), connection })
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the list of live connections.
#[derive(Debug)]
pub(super) struct Entry {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Entry {
    pub(super) const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        {
            let mut live = self.connections.live();
            live.open.remove(&self.connection.number);
            live.gone.retain(|gone| gone.strong_count() > 0);
            live.gone.push(Arc::downgrade(&self.connection));
        }
        // The socket is closed: whoever still holds the connection sees that nothing leaves any more.
        self.connection.cut();
    }
}
