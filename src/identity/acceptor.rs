//! Accepts connections and shakes hands, many at a time and bounded in number and time. It always accepts: when
//! there is no place left, one that has waited long makes room, so that strangers who say nothing hold up nobody.
//! Only connections whose caller is known come out of it.

use std::{future::poll_fn, io, net::SocketAddr, pin::pin, sync::Arc, task::Poll, time::Duration};

use rustls::{
    InvalidMessage, ServerConfig,
    pki_types::UnixTime,
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
    time_provider::TimeProvider,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::{self, Instant},
};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    Bounds, Certificates, Connection, Connections, PeerStream, Rejection, Rejections, Trust,
    check::{Check, Finding},
    connection::Admission,
    desk::Desk,
    lobby::{Guest, Lobby},
    provider,
    trust::Voucher,
    turns::{Turn, Turns},
};
use crate::{
    domain::{Bars, Caller, Clock, Fingerprint},
    tasks::Tasks,
};

/// Where and how connections are accepted.
#[derive(Clone, Copy, Debug)]
pub struct AcceptorSettings {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many handshakes may be in progress, and four times as many peers that have not said hello; beyond
    /// them, the oldest of the busiest address makes room for whoever comes.
    pub handshakes_max: usize,
    /// How long a handshake may take, and after it an HTTP/2 connection to begin.
    pub handshake_timeout: Duration,
    /// How many connections may be open; further ones are closed.
    pub bounds: Bounds,
}

impl AcceptorSettings {
    /// Returns how many descriptors that may take.
    pub fn descriptors_max(&self) -> usize {
        self.bounds.open_max.saturating_add(held_max(self.handshakes_max))
    }

    /// Makes the usual settings: 256 handshakes of 5 s, 1024 connections, 256 of one agency.
    pub const fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            handshakes_max: 256,
            handshake_timeout: Duration::from_secs(5),
            bounds: Bounds { open_max: 1024, open_per_agency_max: 256 },
        }
    }
}

/// A bound socket, and what decides who may come in through it.
#[derive(Debug)]
pub struct Acceptor {
    listener: TcpListener,
    local_address: SocketAddr,
    /// Bounds what is held at all: one that was told to make room is gone only when its task has run.
    handshakes: Arc<Semaphore>,
    lobby: Arc<Lobby>,
    desk: Desk,
    door: Arc<Door>,
}

/// What every handshake needs.
#[derive(Debug)]
struct Door {
    trust: watch::Receiver<Arc<Trust>>,
    bars: watch::Receiver<Arc<Bars>>,
    clock: Arc<dyn Clock>,
    connections: Arc<Connections>,
    rejections: Arc<Rejections>,
    turns: Arc<Turns>,
    certificates: Arc<Certificates>,
    handshake_timeout: Duration,
}

impl Acceptor {
    /// Binds the socket. Each handshake takes the newest generation of `trust`, and the newest `bars`.
    ///
    /// # Errors
    ///
    /// The system's, where the address cannot be bound.
    pub fn bind(
        settings: AcceptorSettings,
        (trust, bars): (watch::Receiver<Arc<Trust>>, watch::Receiver<Arc<Bars>>),
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let listener = listen(settings.listen)?;
        let local_address = listener.local_addr()?;
        let door = Door {
            trust,
            bars,
            clock,
            connections: Arc::new(Connections::new(settings.bounds)),
            rejections: Arc::default(),
            turns: Arc::default(),
            certificates: Arc::default(),
            handshake_timeout: settings.handshake_timeout,
        };
        let lobby = Lobby::new(settings.handshakes_max);
        let held_max = held_max(settings.handshakes_max).min(Semaphore::MAX_PERMITS);
        let handshakes = Arc::new(Semaphore::new(held_max));
        let (desk, door) = (Desk::open()?, Arc::new(door));
        Ok(Self { listener, local_address, handshakes, lobby, desk, door })
    }

    /// Returns the address it is bound to.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_address
    }

    /// Returns the live connections.
    pub fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.door.connections)
    }

    /// Returns the counters of refused connections.
    pub fn rejections(&self) -> Arc<Rejections> {
        Arc::clone(&self.door.rejections)
    }

    /// Returns the certificates that have been in use.
    pub fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.door.certificates)
    }

    /// Accepts until `stop` fires; then the stream ends. Connections that came out of it go on.
    pub fn accept(
        self,
        tasks: &Tasks,
        stop: CancellationToken,
    ) -> ReceiverStream<io::Result<PeerStream>> {
        let (admitted, incoming) = mpsc::channel(ADMITTED_WAITING_MAX);
        let sweep = sweep(Arc::clone(&self.door), stop.clone());
        tasks.keep("identity-expiry", stop.clone(), sweep);
        let accepting = self.run(admitted, tasks.clone(), stop.clone());
        tasks.keep("identity-accept", stop, accepting);
        ReceiverStream::new(incoming)
    }

    async fn run(self, admitted: Admitted, tasks: Tasks, stop: CancellationToken) {
        while let Some(Some((permit, socket, address))) =
            stop.run_until_cancelled(self.next()).await
        {
            let door = Arc::clone(&self.door);
            let (admitted, stop) = (admitted.clone(), stop.clone());
            let guest = self.lobby.enter(address.ip());
            tasks.spawn_on(self.desk.handle(), "identity-handshake", async move {
                let coming_in = door.come_in((socket, address), guest, admitted);
                stop.run_until_cancelled(coming_in).await;
                drop(permit);
            });
        }
    }

    /// Waits for the next connection.
    async fn next(&self) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
        let permit = Arc::clone(&self.handshakes).acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((socket, address)) => return Some((permit, socket, address)),
                Err(error) => {
                    // Out of descriptors, accept fails at once and again: without a pause it spins, and without
                    // room made it goes on until a stranger's time is up.
                    tracing::warn!(%error, "accept failed");
                    (0..MADE_ROOM).for_each(|_| self.lobby.make_room());
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

type Admitted = mpsc::Sender<io::Result<PeerStream>>;

/// Returns how many connections may be held that have not shaken hands: as many as have places, and as many again
/// that were told to make room and have not gone yet.
const fn held_max(handshakes_max: usize) -> usize {
    Lobby::places(handshakes_max).saturating_mul(2)
}

/// Binds the address. The kernel's queue is as long as its own bound allows, because a connection that finds it
/// full comes again only after a second.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(KERNEL_QUEUE_MAX)
}

const KERNEL_QUEUE_MAX: u32 = 4096;
const ADMITTED_WAITING_MAX: usize = 16;
const MADE_ROOM: usize = 16;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Cuts connections whose certificate has run out, and those on which nothing begins; says how many more were
/// refused than have a line of their own. It reads the clock each time, because a timer set
/// when the connection was made would not follow a clock that is put right.
async fn sweep(door: Arc<Door>, stop: CancellationToken) {
    let mut interval = time::interval(SWEEP_INTERVAL);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        door.certificates.note_open(&door.connections, door.clock.now());
        let count = door.connections.cut_expired(door.clock.now());
        if count > 0 {
            tracing::info!(count, "connections cut: certificate expired");
        }
        for connection in door.connections.cut_silent(door.handshake_timeout) {
            let reason = Rejection::ConnectionSilent;
            if door.rejections.add(reason) {
                tracing::info!(peer = %connection.address(), %reason, certificate = %connection.caller().certificate, "connection cut");
            }
        }
        for (reason, count) in door.rejections.untold() {
            tracing::info!(%reason, count, "more connections refused");
        }
    }
}

/// A connection that is not let in: why, and with which certificate.
struct Turned {
    reason: Rejection,
    certificate: Option<Fingerprint>,
}

impl From<Rejection> for Turned {
    fn from(reason: Rejection) -> Self {
        Self { reason, certificate: None }
    }
}

impl Door {
    async fn come_in(
        &self,
        (socket, address): (TcpStream, SocketAddr),
        guest: Guest,
        admitted: Admitted,
    ) {
        match self.admit(socket, address, guest).await {
            Ok(stream) => {
                tracing::debug!(peer = %address, "connected");
                if admitted.send(Ok(stream)).await.is_err() {
                    tracing::debug!(peer = %address, "closed: nobody takes connections any more");
                }
            }
            Err(Turned { reason, certificate }) => {
                if self.rejections.add(reason) {
                    let certificate = certificate.map(tracing::field::display);
                    tracing::info!(peer = %address, %reason, certificate, "connection refused");
                }
            }
        }
    }

    async fn admit(
        &self,
        socket: TcpStream,
        address: SocketAddr,
        mut guest: Guest,
    ) -> Result<PeerStream, Turned> {
        let until = Instant::now() + self.handshake_timeout;
        let greeted = greeted(socket, &guest, until).await?.map_err(|error| {
            tracing::debug!(peer = %address, %error, "no hello");
            Rejection::HandshakeFailed
        })?;
        guest.greet();
        let turn = self.turn(&guest, until).await.inspect_err(|_| forget(&greeted.io))?;
        let trust = Arc::clone(&self.trust.borrow());
        let bars = Arc::clone(&self.bars.borrow());
        let check = Arc::new(Check::new(Arc::clone(&trust), bars));
        let shaken = self.shake((greeted, turn), (&trust, &check), (&guest, until)).await;
        drop(guest);
        let finding = check.finding();
        let certificate = finding.map(|finding| finding.certificate);
        let turned = |reason| Turned { reason, certificate };

        let stream = shaken.map_err(turned)?.map_err(|error| {
            // What rustls says of it holds nothing that the peer chose.
            tracing::debug!(peer = %address, %error, "handshake failed");
            turned(why(&error, finding))
        })?;
        let Some(Finding { certificate, outcome: Ok(voucher), chain }) = finding else {
            return Err(turned(Rejection::NoCertificate));
        };
        let Voucher { leaf, authorities, until } = voucher.clone();
        let caller = Caller { seat: leaf.seat, certificate: *certificate };
        let (chain, not_after) = (chain.clone(), leaf.not_after);
        let admission = Admission { caller, chain, not_after, authorities, until };
        let entry = self.connections.admit(admission, address).map_err(turned)?;
        self.still(entry.connection(), trust).map_err(turned)?;
        let connection = entry.connection();
        self.certificates.note(connection.caller(), connection.not_after(), self.clock.now());
        Ok(PeerStream::new(stream, entry))
    }

    /// Holds a connection against what came into force while it shook hands. P4: in the list first, then these
    /// looks. Whoever replaces the trust or bars somebody, and then goes through the list, misses nobody.
    fn still(&self, connection: &Connection, mut trust: Arc<Trust>) -> Result<(), Rejection> {
        loop {
            let bars = Arc::clone(&self.bars.borrow());
            if let Some(bar) = connection.bar(&bars) {
                return Err(bar.into());
            }
            let newest = Arc::clone(&self.trust.borrow());
            if Arc::ptr_eq(&trust, &newest) {
                return Ok(());
            }
            connection.vouch(&newest, (self.clock.now(), &bars))?;
            trust = newest;
        }
    }

    /// Waits until a hello may be answered.
    async fn turn(&self, guest: &Guest, until: Instant) -> Result<Turn, Rejection> {
        let turn = in_time(guest, until, self.turns.take(guest.number())).await?;
        if guest.has_to_go() { Err(Rejection::HandshakeEvicted) } else { Ok(turn) }
    }

    /// Answers a hello, and takes what the peer shows.
    async fn shake(
        &self,
        (greeted, turn): (StartHandshake<TcpStream>, Turn),
        (trust, check): (&Trust, &Arc<Check>),
        (guest, until): (&Guest, Instant),
    ) -> Result<io::Result<TlsStream<TcpStream>>, Rejection> {
        let config = match self.server_config(trust, check) {
            Ok(config) => Arc::new(config),
            Err(error) => return Ok(Err(io::Error::other(error))),
        };
        let mut shaking = pin!(greeted.into_stream(config));
        // What a hello costs is spent here, in the turn; what follows waits for the peer.
        let answered = poll_fn(|context| Poll::Ready(shaking.as_mut().poll(context))).await;
        drop(turn);
        let shaken = match answered {
            Poll::Ready(shaken) => shaken,
            Poll::Pending => in_time(guest, until, shaking.as_mut()).await.inspect_err(|_| {
                shaking.get_ref().map(forget);
            })?,
        };
        Ok(shaken.and_then(|stream| match stream.get_ref().1.alpn_protocol() {
            Some(ALPN_H2) => Ok(stream),
            Some(_) | None => Err(io::ErrorKind::Unsupported.into()),
        }))
    }

    /// Makes the configuration of one handshake: of its own, because the check keeps what it found.
    fn server_config(
        &self,
        trust: &Trust,
        check: &Arc<Check>,
    ) -> Result<ServerConfig, rustls::Error> {
        let pair: CertifiedKey = CertifiedKey::clone(trust.credentials().certified_key());
        let mut config = ServerConfig::builder_with_details(
            provider(),
            Arc::new(CertificateTime(Arc::clone(&self.clock))),
        )
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::<Check>::clone(check))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        // No tickets, no sessions: a resumed connection would skip the check of the certificate.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(config)
    }
}

/// Waits for a peer's hello. Until there is one, nothing is worked out for it.
async fn greeted(
    socket: TcpStream,
    guest: &Guest,
    until: Instant,
) -> Result<io::Result<StartHandshake<TcpStream>>, Rejection> {
    if let Err(error) = socket.set_nodelay(true) {
        return Ok(Err(error));
    }
    let mut greeting = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket);
    in_time(guest, until, &mut greeting).await.inspect_err(|_| {
        greeting.take_io().as_ref().map(forget);
    })
}

/// Waits for a step of a handshake, as long as there are time and a place for it.
async fn in_time<T>(
    guest: &Guest,
    until: Instant,
    step: impl Future<Output = T>,
) -> Result<T, Rejection> {
    tokio::select! {
        biased;
        done = step => Ok(done),
        () = guest.shown_out() => Err(Rejection::HandshakeEvicted),
        () = time::sleep_until(until) => Err(Rejection::HandshakeTimeout),
    }
}

/// Has the kernel keep nothing of a peer that has to go: it would wait for it to say goodbye.
fn forget(socket: &TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "linger not set");
    }
}

const ALPN_H2: &[u8] = b"h2";

/// Lets the one clock decide whether a certificate is valid.
#[derive(Debug)]
pub(super) struct CertificateTime(pub(super) Arc<dyn Clock>);

impl TimeProvider for CertificateTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now().ms())))
    }
}

/// Tells why a handshake failed: what the check found says more than what rustls made of it.
fn why(error: &io::Error, finding: Option<&Finding>) -> Rejection {
    use InvalidMessage::{CertificatePayloadTooLarge, HandshakePayloadTooLarge};
    if let Some(Finding { outcome: Err(reason), .. }) = finding {
        return *reason;
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => Rejection::NoCertificate,
        // After the hello, the peer's chain is the only message that can be long.
        Some(rustls::Error::InvalidMessage(
            CertificatePayloadTooLarge | HandshakePayloadTooLarge,
        )) => Rejection::ChainTooLong,
        _ => Rejection::HandshakeFailed,
    }
}
