//! The stage: each agency with its own CA and keys, and the real broker on loopback.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{sync::oneshot, task::JoinSet};

use super::{DemoError, samples::Parts, token_key};
use crate::adapters::token::TokenKey;
use crate::client::{Connection, Identity};
use crate::config::Settings;
use crate::domain::{AgencyId, Clock, Name, Seat, SystemClock, Timestamp, TrustDomain};
use crate::pki::{Authority, CA_DAYS, Host, PkiError, Profile, Scope};
use crate::server::{Server, ServerError};

const DOMAIN: &str = "portway.example";
const SERVICE: &str = "case-system";
const OFFICER: &str = "information-governance";
const OPERATOR: &str = "operations";

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
    let pki = Pki { dir, domain: &domain, now: SystemClock.now() };
    pki.make(&agencies)?;
    let config = dir.join("broker").join("portway.toml");
    write(&config, &configuration(&domain, &agencies, "127.0.0.1:0"))?;
    let settings = Settings::read(&config)?;
    let vkey = settings.ledger.keys_dir.join("log.vkey");
    let server = Server::start(settings, Arc::new(SystemClock)).await?;
    let connect = server.address().to_string();
    // With its port written down, the broker can be served again where the demo left it.
    write(&config, &configuration(&domain, &agencies, &connect))?;
    let (stop, stopped) = oneshot::channel();
    let mut broker = JoinSet::new();
    broker.spawn(server.run(async move { stopped.await.unwrap_or_default() }));
    for identity in pki.identities(&agencies) {
        let to = identity.join("log.vkey");
        fs::copy(&vkey, &to)
            .map_err(|error| DemoError::Directory { path: to, what: error.to_string() })?;
    }
    let mut services = BTreeMap::new();
    let mut officers = BTreeMap::new();
    for agency in &agencies {
        let service = Identity::load(&pki.seat(agency, "service"))?;
        services.insert(agency.clone(), Connection::connect(&connect, service).await?);
        let officer = Identity::load(&pki.seat(agency, "officer"))?;
        officers.insert(agency.clone(), Connection::connect(&connect, officer).await?);
    }
    let homes: Vec<PathBuf> = agencies.iter().map(|it| pki.seat(it, "service")).collect();
    let token_key = token_key::make(&homes)?;
    Ok(Stage { connect, domain, services, officers, token_key, stop, broker })
}

fn check_empty(dir: &Path) -> Result<(), DemoError> {
    let wrong = |what: &str| DemoError::Directory { path: dir.into(), what: what.to_owned() };
    fs::create_dir_all(dir).map_err(|error| wrong(&error.to_string()))?;
    let mut entries = fs::read_dir(dir).map_err(|error| wrong(&error.to_string()))?;
    if entries.next().is_some() { Err(wrong("it is not empty")) } else { Ok(()) }
}

/// Certificates: made where they are used, signed by each agency's own CA.
struct Pki<'a> {
    dir: &'a Path,
    domain: &'a TrustDomain,
    now: Timestamp,
}

impl Pki<'_> {
    fn make(&self, agencies: &[AgencyId]) -> Result<(), DemoError> {
        let broker = self.dir.join("broker");
        let table = broker.join("ca");
        make_dir(&table)?;
        let server_ca = self.authority("broker", Scope::Server)?;
        let hosts = ["localhost", "127.0.0.1"].into_iter().map(str::parse::<Host>);
        let hosts = hosts.collect::<Result<_, _>>();
        let hosts = hosts.map_err(|_| DemoError::Task("localhost is no host".to_owned()))?;
        let profile = Profile::Server { hosts };
        server_ca.issue(&broker.join("server"), &profile, server_ca.pem(), self.now)?;
        let domain = self.domain.clone();
        let operators = self.authority("operators", Scope::Operators { domain })?;
        write(&table.join("operators.pem"), operators.pem())?;
        let operator = Seat::Operator { id: name(OPERATOR)? };
        let home = self.dir.join("identities").join("operator");
        operators.issue(&home, &self.client(operator), server_ca.pem(), self.now)?;
        for agency in agencies {
            let scope = Scope::Agency { domain: self.domain.clone(), agency: agency.clone() };
            let ca = self.authority(agency.as_str(), scope)?;
            write(&table.join(format!("{agency}.pem")), ca.pem())?;
            let service = Seat::Service { agency: agency.clone(), name: name(SERVICE)? };
            let officer = Seat::Officer { agency: agency.clone(), id: name(OFFICER)? };
            for (kind, seat) in [("service", service), ("officer", officer)] {
                let home = self.seat(agency, kind);
                ca.issue(&home, &self.client(seat), server_ca.pem(), self.now)?;
            }
        }
        Ok(())
    }

    fn authority(&self, name: &str, scope: Scope) -> Result<Authority, PkiError> {
        let ca = Authority::create(&format!("{name} demo CA"), scope, CA_DAYS, self.now)?;
        ca.save(&self.dir.join("ca").join(name))?;
        Ok(ca)
    }

    fn client(&self, seat: Seat) -> Profile {
        Profile::Client { domain: self.domain.clone(), seat }
    }

    fn seat(&self, agency: &AgencyId, kind: &str) -> PathBuf {
        self.dir.join("identities").join(agency.as_str()).join(kind)
    }

    fn identities(&self, agencies: &[AgencyId]) -> Vec<PathBuf> {
        let seats =
            agencies.iter().flat_map(|it| [self.seat(it, "service"), self.seat(it, "officer")]);
        seats.chain([self.dir.join("identities").join("operator")]).collect()
    }
}

fn configuration(domain: &TrustDomain, agencies: &[AgencyId], listen: &str) -> String {
    let mut text = format!(
        "# Written by portway demo. Serve it again with: portway serve --config <this file>\n\n\
         [server]\nlisten = \"{listen}\"\nidentity = \"server\"\ntrust_domain = \"{domain}\"\n\n\
         [operators]\nca = \"ca/operators.pem\"\n\n\
         [journal]\nengine = \"segments\"\ndir = \"journal\"\n\n\
         [ledger]\nanchor_dir = \"anchor\"\nkeys_dir = \"keys\"\n\n\
         [views]\ndir = \"views\"\n"
    );
    for agency in agencies {
        // Writing to a string does not fail.
        write!(text, "\n[[agency]]\nid = \"{agency}\"\nca = \"ca/{agency}.pem\"\n")
            .unwrap_or_default();
    }
    text
}

fn name(text: &str) -> Result<Name, DemoError> {
    text.parse().map_err(|_| DemoError::Task(text.to_owned()))
}

fn make_dir(dir: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(dir)
        .map_err(|error| DemoError::Directory { path: dir.into(), what: error.to_string() })
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    fs::write(path, text)
        .map_err(|error| DemoError::Directory { path: path.into(), what: error.to_string() })
}
