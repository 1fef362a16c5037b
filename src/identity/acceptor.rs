//! Accepts connections and shakes hands, many at a time and bounded in number and time, so that a
//! silent client holds up nobody. Only connections whose caller is known come out of it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    pki_types::UnixTime,
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
    time_provider::TimeProvider,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::{
    Bounds, Certificates, Connections, PeerStream, Rejection, Rejections, Trust,
    check::{Check, Finding},
    provider,
};
use crate::{
    domain::{Caller, Clock, Fingerprint},
    tasks::Tasks,
};

/// Where and how connections are accepted.
#[derive(Clone, Copy, Debug)]
pub struct AcceptorSettings {
    /// The address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How many handshakes may be in progress; further peers wait in the kernel's queue.
    pub handshakes_max: usize,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How many connections may be open; further ones are closed.
    pub bounds: Bounds,
}

impl AcceptorSettings {
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
    handshakes: Arc<Semaphore>,
    door: Arc<Door>,
}

/// What every handshake needs.
#[derive(Debug)]
struct Door {
    trust: watch::Receiver<Arc<Trust>>,
    clock: Arc<dyn Clock>,
    connections: Arc<Connections>,
    rejections: Arc<Rejections>,
    certificates: Arc<Certificates>,
    handshake_timeout: Duration,
}

impl Acceptor {
    /// Binds the socket. Each handshake takes the newest generation of `trust`.
    ///
    /// # Errors
    ///
    /// The system's, where the address cannot be bound.
    pub async fn bind(
        settings: AcceptorSettings,
        trust: watch::Receiver<Arc<Trust>>,
        clock: Arc<dyn Clock>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let local_address = listener.local_addr()?;
        let door = Door {
            trust,
            clock,
            connections: Arc::new(Connections::new(settings.bounds)),
            rejections: Arc::default(),
            certificates: Arc::default(),
            handshake_timeout: settings.handshake_timeout,
        };
        let handshakes = Arc::new(Semaphore::new(settings.handshakes_max));
        Ok(Self { listener, local_address, handshakes, door: Arc::new(door) })
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
            tasks.spawn("identity-handshake", async move {
                let coming_in = door.come_in(socket, address, admitted);
                stop.run_until_cancelled(coming_in).await;
                drop(permit);
            });
        }
    }

    /// Waits for the next connection, and for its turn to shake hands.
    async fn next(&self) -> Option<(OwnedSemaphorePermit, TcpStream, SocketAddr)> {
        let permit = Arc::clone(&self.handshakes).acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((socket, address)) => return Some((permit, socket, address)),
                Err(error) => {
                    // Out of descriptors, accept fails at once and again: without a pause it spins.
                    tracing::warn!(%error, "accept failed");
                    time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

type Admitted = mpsc::Sender<io::Result<PeerStream>>;

const ADMITTED_WAITING_MAX: usize = 16;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Cuts connections whose certificate has run out. It reads the clock each time, because a timer set
/// when the connection was made would not follow a clock that is put right.
async fn sweep(door: Arc<Door>, stop: CancellationToken) {
    let mut interval = time::interval(SWEEP_INTERVAL);
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        door.certificates.note_open(&door.connections, door.clock.now());
        let count = door.connections.cut_expired(door.clock.now());
        if count > 0 {
            tracing::info!(count, "connections cut: certificate expired");
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
    async fn come_in(&self, socket: TcpStream, address: SocketAddr, admitted: Admitted) {
        match self.admit(socket, address).await {
            Ok(stream) => {
                tracing::debug!(peer = %address, "connected");
                if admitted.send(Ok(stream)).await.is_err() {
                    tracing::debug!(peer = %address, "closed: nobody takes connections any more");
                }
            }
            Err(Turned { reason, certificate }) => {
                self.rejections.add(reason);
                let certificate = certificate.map(tracing::field::display);
                tracing::info!(peer = %address, %reason, certificate, "connection refused");
            }
        }
    }

    async fn admit(&self, socket: TcpStream, address: SocketAddr) -> Result<PeerStream, Turned> {
        let trust = Arc::clone(&self.trust.borrow());
        let check = Arc::new(Check::new(Arc::clone(&trust)));
        let shaking = self.shake(socket, &trust, &check);
        let shaken = time::timeout(self.handshake_timeout, shaking).await;
        let finding = check.finding();
        let certificate = finding.map(|finding| finding.certificate);
        let turned = |reason| Turned { reason, certificate };

        let stream = shaken.map_err(|_| turned(Rejection::HandshakeTimeout))?.map_err(|error| {
            // What rustls says of it holds nothing that the peer chose.
            tracing::debug!(peer = %address, %error, "handshake failed");
            turned(why(&error, finding))
        })?;
        let Some(Finding { certificate, outcome: Ok(leaf) }) = finding else {
            return Err(turned(Rejection::NoCertificate));
        };
        let caller = Caller { seat: leaf.seat.clone(), certificate: *certificate };
        let entry = self.connections.admit(caller, address, leaf.not_after).map_err(turned)?;
        // P4: in the list first, then this look. Whoever replaces the trust and then goes through
        // the list misses nobody.
        if Arc::ptr_eq(&trust, &self.trust.borrow()) {
            let connection = entry.connection();
            let (caller, not_after) = (connection.caller(), connection.not_after());
            self.certificates.note(caller, not_after, self.clock.now());
            Ok(PeerStream::new(stream, entry))
        } else {
            Err(turned(Rejection::TrustChanged))
        }
    }

    async fn shake(
        &self,
        socket: TcpStream,
        trust: &Trust,
        check: &Arc<Check>,
    ) -> io::Result<TlsStream<TcpStream>> {
        socket.set_nodelay(true)?;
        let config = self.server_config(trust, check).map_err(io::Error::other)?;
        let stream = TlsAcceptor::from(Arc::new(config)).accept(socket).await?;
        if stream.get_ref().1.alpn_protocol() == Some(ALPN_H2) {
            Ok(stream)
        } else {
            Err(io::ErrorKind::Unsupported.into())
        }
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
    if let Some(Finding { outcome: Err(reason), .. }) = finding {
        return *reason;
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => Rejection::NoCertificate,
        _ => Rejection::HandshakeFailed,
    }
}
