//! The stage: each agency with its own CA and keys, and the real broker on loopback.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use tokio::{sync::oneshot, task::JoinSet};

use super::{DemoError, samples::Parts, token_key};
use crate::adapters::token::TokenKey;
use crate::client::{Connection, Identity};
use crate::config::{self, Settings};
use crate::domain::{AgencyId, Clock, SystemClock, TrustDomain};
use crate::pki::Rehearsal;
use crate::server::{Server, ServerError};

const DOMAIN: &str = "portway.example";

/// The running broker, and everybody's connections.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) connect: String,
    pub(super) domain: TrustDomain,
    pub(super) services: BTreeMap<AgencyId, Connection>,
    pub(super) officers: BTreeMap<AgencyId, Connection>,
    pub(super) token_key: TokenKey,
    stop: oneshot::Sender<()>,
    broker: JoinSet<Result<(), ServerError>>,
}

impl Stage {
    /// Stops the broker in order.
    pub(super) async fn stop(self) -> Result<(), DemoError> {
        let Self { services, officers, stop, mut broker, .. } = self;
        drop((services, officers));
        // A broker that ended by itself says why below.
        stop.send(()).unwrap_or_default();
        match broker.join_next().await {
            Some(Ok(ended)) => Ok(ended?),
            Some(Err(error)) => Err(DemoError::Task(error.to_string())),
            None => Ok(()),
        }
    }
}

pub(super) async fn build(dir: &Path, parts: &Parts) -> Result<Stage, DemoError> {
    check_empty(dir)?;
    let domain: TrustDomain = DOMAIN.parse().map_err(|_| DemoError::Task(DOMAIN.to_owned()))?;
    let agencies: Vec<AgencyId> = parts.extracts.iter().map(|it| it.agency.clone()).collect();
    let pki = Rehearsal { dir, domain: &domain, now: SystemClock.now() };
    pki.make(&agencies)?;
    let config = dir.join("broker").join("portway.toml");
    write(&config, &config::rehearsal("demo", &domain, &agencies, "127.0.0.1:0"))?;
    let settings = Settings::read(&config)?;
    let vkey = settings.ledger.keys_dir.join("log.vkey");
    let server = Server::start(settings, Arc::new(SystemClock)).await?;
    let connect = server.address().to_string();
    // With its port written down, the broker can be served again where the demo left it.
    write(&config, &config::rehearsal("demo", &domain, &agencies, &connect))?;
    let (stop, stopped) = oneshot::channel();
    let mut broker = JoinSet::new();
    broker.spawn(server.run(async move { stopped.await.unwrap_or_default() }));
    pki.enrol(&agencies, &vkey)?;
    let mut services = BTreeMap::new();
    let mut officers = BTreeMap::new();
    for agency in &agencies {
        let service = Identity::load(&pki.service(agency))?;
        services.insert(agency.clone(), Connection::connect(&connect, service).await?);
        let officer = Identity::load(&pki.officer(agency))?;
        officers.insert(agency.clone(), Connection::connect(&connect, officer).await?);
    }
    let homes: Vec<_> = agencies.iter().map(|it| pki.service(it)).collect();
    let token_key = token_key::make(&homes)?;
    Ok(Stage { connect, domain, services, officers, token_key, stop, broker })
}

fn check_empty(dir: &Path) -> Result<(), DemoError> {
    let wrong = |what: &str| DemoError::Directory { path: dir.into(), what: what.to_owned() };
    fs::create_dir_all(dir).map_err(|error| wrong(&error.to_string()))?;
    let mut entries = fs::read_dir(dir).map_err(|error| wrong(&error.to_string()))?;
    if entries.next().is_some() { Err(wrong("it is not empty")) } else { Ok(()) }
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    fs::write(path, text)
        .map_err(|error| DemoError::Directory { path: path.into(), what: error.to_string() })
}
