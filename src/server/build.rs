//! Start and stop. A start calls one function per room; a stop goes the other way.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::Server as Transport;
use tonic_health::ServingStatus;
use tower::util::MapResponseLayer;

use super::{local, notices::Notifier, reload::Reloader};
use crate::config::Settings;
use crate::domain::{Clock, Timestamp};
use crate::endpoint::Endpoint;
use crate::grpc::{
    Admission, AgreementsService, AuditService, Broker, ExchangeService, LogService,
    OperationsService, Reloading, RetentionService, RightsService, SubscriptionsService, hold,
};
use crate::identity::{
    Acceptor, Connections, CrlMarks, Generations, PeerStream, Trust, TrustError,
};
use crate::ledger::{self, Ledger, LedgerError, Reader, Running, Sweeper};
use crate::metrics::{self, NoticeCounts, Watched};
use crate::pb::{self, v1};
use crate::pki::{Issuers, PkiError};
use crate::tasks::Tasks;
use crate::views::{Views, ViewsError};
use crate::witness::Witnesses;

/// Why a broker cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The local socket cannot be listened on.
    #[error("{}: cannot be listened on: {_1}", .0.display())]
    Socket(PathBuf, std::io::Error),
    /// The log.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The issuers of certificates.
    #[error("an issuer: {0}")]
    Issuer(#[from] PkiError),
    /// The transport.
    #[error("the transport stopped: {0}")]
    Transport(String),
    /// Certificates and CAs.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The views.
    #[error("the views: {0}")]
    Views(#[from] ViewsError),
}

/// A running broker.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    ledger: Ledger,
    running: Running,
    connections: Arc<Connections>,
    tasks: Tasks,
    stop: CancellationToken,
    drain_timeout: Duration,
    transport: oneshot::Receiver<Result<(), tonic::transport::Error>>,
    reloading: Reloading,
}

impl Server {
    /// Starts a broker; it serves when this returns.
    ///
    /// # Errors
    ///
    /// [`ServerError`] says what stands in the way; nothing was served then.
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Self, ServerError> {
        let (trust, issuers, generations) = first_generation(&settings, clock.now())?;
        let anchor_dir = settings.ledger.anchor_dir.clone();
        let marks = CrlMarks::within(&anchor_dir);
        let start = open_ledger(settings.ledger, Arc::clone(&clock)).await?;
        marks.note(&trust.borrow())?;
        let views = open_views(settings.views_dir, start.ledger.reader()).await?;
        let (listen, bars) = (settings.acceptor.listen, start.ledger.bars());
        let acceptor =
            Acceptor::bind(settings.acceptor, (trust.subscribe(), bars), Arc::clone(&clock))
                .map_err(|error| ServerError::Listen(listen, error))?;
        let (address, connections) = (acceptor.local_addr(), acceptor.connections());
        let (tasks, stop) = (Tasks::new(), CancellationToken::new());
        let (reloading, asked) = Reloading::new();
        let witnesses = Witnesses::start(
            &settings.witnesses,
            &anchor_dir,
            (&start.ledger, &clock),
            (&tasks, &stop),
        );
        let broker = Broker {
            ledger: start.ledger.clone(),
            views: views.clone(),
            witnesses,
            started_at: clock.now(),
            clock,
            connections: Arc::clone(&connections),
            rejections: acceptor.rejections(),
            certificates: acceptor.certificates(),
            issuers: issuers.subscribe(),
            renewals: Arc::default(),
            releasing: Arc::default(),
            trust: trust.subscribe(),
            generations,
            reloading: reloading.clone(),
            tasks: tasks.clone(),
            drain: stop.clone(),
        };
        serve_locally(settings.operate_socket.as_deref(), &broker)?;
        let admission = Admission::new(settings.limits)
            .map_err(|error| ServerError::Transport(error.to_string()))?;
        let notices = Notifier::start(&broker, settings.notice_due_days);
        let watched = watched(&broker, &admission, notices);
        let metrics = show(settings.metrics, watched, (&tasks, &stop)).await?;
        let incoming = acceptor.accept(&tasks, stop.clone());
        let ticking = tick(start.ledger.clone(), admission.clone(), stop.clone());
        tasks.keep("ledger-tick", stop.clone(), ticking);
        let files = (settings.config, settings.trust.domain, settings.files, settings.digest);
        let reloader = Reloader::new(&broker, files, (trust, issuers, marks));
        // Once to see a change, once more to see that it has ended, and as long again to take it.
        let reloads = reloader.run(asked, settings.cut_within / 4, stop.clone());
        tasks.keep("reload", stop.clone(), reloads);
        keep_up(views, Sweeper::new(start.ledger.clone(), settings.sweep), (&tasks, &stop));
        let routes = routes(&broker, settings.notice_due_days).await;
        let served = (routes, admission, settings.streams_per_connection_max);
        let transport = serve(&tasks, served, incoming, stop.clone());
        let size = start.ledger.newest().size;
        tracing::info!(%address, size, read = start.read, snapshot = start.snapshot, "serving");
        Ok(Self {
            address,
            metrics,
            ledger: start.ledger,
            running: start.running,
            connections,
            tasks,
            stop,
            drain_timeout: settings.drain_timeout,
            transport,
            reloading,
        })
    }

    /// Returns the address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the way to ask for another generation of certificates, CAs, CRLs, agency table and rules.
    pub fn reloading(&self) -> Reloading {
        self.reloading.clone()
    }

    /// Returns the address at which figures are shown.
    pub const fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Serves until `stop` is ready or the ledger cannot go on; then stops within the bound.
    ///
    /// # Errors
    ///
    /// [`ServerError`] where the broker stopped by itself: start it again, and it looks at the disk.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), ServerError> {
        tokio::select! {
            () = stop => {}
            ended = self.running.ended() => {
                // The writer only ends by itself when it cannot go on.
                self.shut().await;
                return Err(ended.err().unwrap_or(LedgerError::Stopped("unasked".into())).into());
            }
        }
        tracing::info!("stopping");
        self.shut().await;
        self.ledger.stop();
        self.running.ended().await?;
        tracing::info!("stopped");
        Ok(())
    }

    /// No new connections; streams are told; calls may finish until the bound, and are cut then.
    async fn shut(&mut self) {
        self.stop.cancel();
        let finished = tokio::time::timeout(self.drain_timeout, &mut self.transport).await;
        if finished.is_err() {
            let count = self.connections.cut_where(|_| true);
            tracing::warn!(count, "connections cut: they did not end in time");
        }
        if tokio::time::timeout(CUT_TIMEOUT, self.tasks.drained()).await.is_err() {
            tracing::warn!(tasks = self.tasks.count(), "tasks did not end in time");
        }
    }
}

/// Follows the log with the views, makes them anew after erasures, and erases what is due.
fn keep_up(views: Views, sweeper: Sweeper, (tasks, stop): (&Tasks, &CancellationToken)) {
    let (commits, erasures) = (sweeper.ledger().commits(), sweeper.ledger().erased());
    let renewed = views.clone().renew_after_erasures(erasures, stop.clone());
    tasks.keep("views-renewed", stop.clone(), renewed);
    tasks.keep("views", stop.clone(), views.follow(commits, stop.clone()));
    tasks.keep("sweep", stop.clone(), sweeper.run(stop.clone()));
}

/// Serves whoever runs the broker, where the settings name a socket.
fn serve_locally(path: Option<&Path>, broker: &Broker) -> Result<(), ServerError> {
    let Some(path) = path else { return Ok(()) };
    local::serve(path, broker, broker.drain.clone())
        .map_err(|error| ServerError::Socket(path.to_owned(), error))
}

/// Shows figures to whoever watches over the broker, where the settings say so.
async fn show(
    listen: Option<SocketAddr>,
    watched: Watched,
    (tasks, stop): (&Tasks, &CancellationToken),
) -> Result<Option<SocketAddr>, ServerError> {
    let Some(listen) = listen else { return Ok(None) };
    let endpoint = Endpoint::bind(listen).await;
    let endpoint = endpoint.map_err(|error| ServerError::Listen(listen, error))?;
    let address = endpoint.local_addr();
    metrics::serve(endpoint, watched, tasks, stop.clone());
    tracing::info!(%address, path = metrics::PATH, "metrics");
    Ok(Some(address))
}

/// Reads what the broker starts with. A list that a running one would refuse is refused here too.
fn first_generation(settings: &Settings, now: Timestamp) -> Result<FirstGeneration, ServerError> {
    let trust = Trust::load(&settings.trust, now)?;
    let issuers = Issuers::load(&settings.trust.domain, &settings.issuers, now)?;
    CrlMarks::within(&settings.ledger.anchor_dir).check(&trust)?;
    let generations = Generations::default();
    generations.take(&trust, settings.digest, now);
    let (trust, issuers) = (Arc::new(trust), Arc::new(issuers));
    Ok((watch::Sender::new(trust), watch::Sender::new(issuers), Arc::new(generations)))
}

/// What a broker starts with, as it is followed from then on.
type FirstGeneration = (watch::Sender<Arc<Trust>>, watch::Sender<Arc<Issuers>>, Arc<Generations>);

fn watched(broker: &Broker, admission: &Admission, notices: Arc<NoticeCounts>) -> Watched {
    Watched {
        ledger: broker.ledger.clone(),
        admission: admission.clone(),
        connections: Arc::clone(&broker.connections),
        rejections: Arc::clone(&broker.rejections),
        trust: broker.trust.clone(),
        generations: Arc::clone(&broker.generations),
        witnesses: broker.witnesses.clone(),
        clock: Arc::clone(&broker.clock),
        notices,
        started_at: broker.started_at,
    }
}

/// Opens the views; what they lack is indexed later.
async fn open_views(dir: PathBuf, reader: Reader) -> Result<Views, ServerError> {
    let opened = tokio::task::spawn_blocking(move || Views::open(&dir, reader)).await;
    let panicked = |_| ViewsError::Unusable("their opening has panicked".to_owned());
    Ok(opened.map_err(panicked)??)
}

/// Lets the writer look at the clock while nobody asks for anything, and says who was turned away.
async fn tick(ledger: Ledger, admission: Admission, stop: CancellationToken) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    while stop.run_until_cancelled(interval.tick()).await.is_some() {
        ledger.tick();
        admission.report();
    }
    admission.report();
}

/// A start reads the whole journal: off the runtime's threads.
async fn open_ledger(
    settings: ledger::Settings,
    clock: Arc<dyn Clock>,
) -> Result<ledger::Start, ServerError> {
    let opened = tokio::task::spawn_blocking(move || ledger::open(&settings, clock)).await;
    let panicked = |_| LedgerError::Stopped("the start has panicked".to_owned());
    Ok(opened.map_err(panicked)??)
}

/// How long tasks may take to notice that their connection is gone.
const CUT_TIMEOUT: Duration = Duration::from_secs(2);
/// The largest message; the largest subscription or agreement.
const BYTES_MAX: usize = 64 << 10;
const GOVERNANCE_BYTES_MAX: usize = 1 << 20;
/// What one stream, and one connection, may send ahead of its reader: it is held in memory.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 512 << 10;
const HEADER_BYTES_MAX: u32 = 16 << 10;
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

async fn routes(broker: &Broker, notice_due_days: u64) -> Routes {
    let exchange =
        v1::written::exchange_server::ExchangeServer::new(ExchangeService(broker.clone()));
    let subscriptions =
        v1::subscriptions_server::SubscriptionsServer::new(SubscriptionsService(broker.clone()));
    let agreements =
        v1::agreements_server::AgreementsServer::new(AgreementsService(broker.clone()));
    let audit = v1::audit_server::AuditServer::new(AuditService(broker.clone()));
    let log = v1::log_server::LogServer::new(LogService(broker.clone()));
    let operations =
        v1::operations_server::OperationsServer::new(OperationsService(broker.clone()));
    let retention = v1::retention_server::RetentionServer::new(RetentionService(broker.clone()));
    let rights = RightsService { broker: broker.clone(), due_days: notice_due_days };
    let rights = v1::rights_server::RightsServer::new(rights);
    let (health, health_service) = tonic_health::server::health_reporter();
    for service in SERVICES {
        health.set_service_status(service, ServingStatus::Serving).await;
    }
    let mut routes = Routes::builder();
    routes
        .add_service(exchange.max_decoding_message_size(BYTES_MAX))
        .add_service(subscriptions.max_decoding_message_size(GOVERNANCE_BYTES_MAX))
        .add_service(agreements.max_decoding_message_size(GOVERNANCE_BYTES_MAX))
        .add_service(audit.max_decoding_message_size(BYTES_MAX))
        .add_service(log.max_decoding_message_size(BYTES_MAX))
        .add_service(operations.max_decoding_message_size(BYTES_MAX))
        .add_service(retention.max_decoding_message_size(BYTES_MAX))
        .add_service(rights.max_decoding_message_size(BYTES_MAX))
        .add_service(health_service.max_decoding_message_size(BYTES_MAX));
    let descriptors = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    // Both: gRPC's own client for Python knows only the older one.
    match (descriptors().build_v1(), descriptors().build_v1alpha()) {
        (Ok(reflection), Ok(older)) => {
            routes
                .add_service(reflection.max_decoding_message_size(BYTES_MAX))
                .add_service(older.max_decoding_message_size(BYTES_MAX));
        }
        (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "reflection is off"),
    }
    routes.routes()
}

const SERVICES: [&str; 9] = [
    "",
    "portway.v1.Agreements",
    "portway.v1.Audit",
    "portway.v1.Exchange",
    "portway.v1.Log",
    "portway.v1.Operations",
    "portway.v1.Retention",
    "portway.v1.Rights",
    "portway.v1.Subscriptions",
];

fn serve(
    tasks: &Tasks,
    (routes, admission, streams_max): (Routes, Admission, u32),
    incoming: impl tokio_stream::Stream<Item = std::io::Result<PeerStream>> + Send + 'static,
    stop: CancellationToken,
) -> oneshot::Receiver<Result<(), tonic::transport::Error>> {
    let (tell, ended) = oneshot::channel();
    let shutdown = stop.clone().cancelled_owned();
    tasks.keep("grpc", stop, async move {
        let served = Transport::builder()
            .layer(admission)
            .max_concurrent_streams(Some(streams_max))
            .initial_stream_window_size(Some(STREAM_WINDOW_BYTES))
            .initial_connection_window_size(Some(CONNECTION_WINDOW_BYTES))
            .http2_max_header_list_size(Some(HEADER_BYTES_MAX))
            .http2_max_pending_accept_reset_streams(Some(20))
            .http2_max_local_error_reset_streams(Some(128))
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .layer(MapResponseLayer::new(hold))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, shutdown)
            .await;
        // Nobody waits when the server was dropped.
        drop(tell.send(served));
    });
    ended
}
