//! The promises of the room, over real TLS on the loopback. Every wait has an event to end it; the
//! time limits only keep a broken build from hanging.

mod admission;
mod cutting;
mod files;
mod local;
mod revocation;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpStream, sync::watch};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;

use super::{
    Acceptor, AcceptorSettings, Connections, PeerStream, Rejection, Rejections, Source, Sources,
    Trust,
    acceptor::CertificateTime,
    mint::{self, Ca, Minted},
    provider,
};
use crate::{
    domain::{Bars, Clock, Timestamp},
    tasks::Tasks,
};

/// A clock that a test sets.
#[derive(Debug)]
struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// An acceptor with two agencies, `police` and `council`, and the CAs behind it.
struct Exchange {
    address: SocketAddr,
    clock: Arc<SetClock>,
    connections: Arc<Connections>,
    rejections: Arc<Rejections>,
    incoming: ReceiverStream<io::Result<PeerStream>>,
    trust: watch::Sender<Arc<Trust>>,
    bars: watch::Sender<Arc<Bars>>,
    sources: Sources,
    stop: CancellationToken,
    tasks: Tasks,
    server: Ca,
    police: Ca,
    council: Ca,
    operators: Ca,
    dir: TempDir,
}

impl Exchange {
    fn open() -> Self {
        Self::open_with(|_| ())
    }

    fn open_with(change: impl FnOnce(&mut AcceptorSettings)) -> Self {
        let [server, police, council, operators] =
            ["Server CA", "Police CA", "Council CA", "Operators CA"].map(Ca::root);
        let dir = TempDir::new().unwrap();
        let own = server.issue(&mint::server());
        let write = |name: &str, text: &str| mint::write(dir.path(), name, text);
        let sources = Sources {
            domain: "exchange.example".parse().unwrap(),
            certificate: write("cert.pem", &own.chain),
            key: write("key.pem", &own.key),
            agencies: BTreeMap::from([
                ("police".parse().unwrap(), from(write("police.pem", &police.pem))),
                ("council".parse().unwrap(), from(write("council.pem", &council.pem))),
            ]),
            auditors: None,
            operators: Some(from(write("operators.pem", &operators.pem))),
        };
        let generation = Arc::new(Trust::load(&sources, mint::today()).unwrap());
        let (trust, newest) = watch::channel(generation);
        let bars = watch::Sender::new(Arc::default());
        let clock = Arc::new(SetClock(AtomicU64::new(mint::today().ms())));
        let mut settings = AcceptorSettings::new("127.0.0.1:0".parse().unwrap());
        settings.handshake_timeout = LONG;
        change(&mut settings);
        let (tasks, stop) = (Tasks::new(), CancellationToken::new());
        let acceptor =
            Acceptor::bind(settings, (newest, bars.subscribe()), Arc::<SetClock>::clone(&clock))
                .unwrap();
        let (address, connections) = (acceptor.local_addr(), acceptor.connections());
        let rejections = acceptor.rejections();
        let incoming = acceptor.accept(&tasks, stop.clone());
        Self {
            address,
            clock,
            connections,
            rejections,
            incoming,
            trust,
            bars,
            sources,
            stop,
            tasks,
            server,
            police,
            council,
            operators,
            dir,
        }
    }

    fn client_config(&self, identity: Option<&Minted>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.server.pem.as_bytes()).unwrap()).unwrap();
        let time = Arc::new(CertificateTime(Arc::<SetClock>::clone(&self.clock)));
        let config = ClientConfig::builder_with_details(provider(), time)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => config.with_no_client_auth(),
            Some(Minted { chain, key }) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                config.with_client_auth_cert(chain.collect::<Result<_, _>>().unwrap(), key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config
    }

    async fn dial(&self, identity: Option<&Minted>) -> io::Result<TlsStream<TcpStream>> {
        self.dial_as(self.client_config(identity)).await
    }

    /// Connects. With TLS 1.3 the client is done before the server has looked at its certificate, so
    /// success here says nothing about admission.
    async fn dial_as(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(self.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        guarded(TlsConnector::from(Arc::new(config)).connect(name, socket)).await
    }

    /// Connects and takes the other end of the connection.
    async fn admit(&mut self, identity: &Minted) -> (TlsStream<TcpStream>, PeerStream) {
        let client = self.dial(Some(identity)).await.unwrap();
        let peer = guarded(self.incoming.next()).await.unwrap().unwrap();
        (client, peer)
    }

    /// Connects, sees that nothing comes but the end, and returns the one reason that was counted.
    async fn refused(&self, identity: Option<&Minted>) -> Rejection {
        if let Ok(mut client) = self.dial(identity).await {
            assert_eq!(guarded(client.read(&mut [0; 64])).await.unwrap_or(0), 0);
        }
        self.reason().await
    }

    /// Waits until a refusal has been counted.
    async fn reason(&self) -> Rejection {
        guarded(async {
            loop {
                let counted = |reason: &Rejection| self.rejections.count(*reason) > 0;
                match Rejection::ALL.into_iter().filter(counted).collect::<Vec<_>>()[..] {
                    [] => tokio::task::yield_now().await,
                    [reason] => return reason,
                    ref several => panic!("several reasons: {several:?}"),
                }
            }
        })
        .await
    }

    fn service(&self) -> Minted {
        self.police.issue(&mint::client(&["spiffe://exchange.example/agency/police/service/rms"]))
    }
}

/// Fails a test that would hang. The limit is looked at first: otherwise it would wake, and so pass,
/// work that nobody else woke.
async fn guarded<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("not in time"),
        done = work => done,
    }
}

/// CAs without a list of revocations.
fn from(ca: PathBuf) -> Source {
    Source { ca, crl: None }
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);
