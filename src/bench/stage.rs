//! The stage: throw-away certificates, the broker and the floor as processes of their own, an agreement in
//! force, and a connection for each subscriber.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use prost::Message;

use super::{
    BenchError, Options, broker::BrokerWire, child::Server, floor::FloorWire, papers,
    sample::Samples,
};
use crate::{
    client::{Connection, Identity},
    config,
    domain::{AgencyId, Clock, SystemClock, TrustDomain},
    merkle::Verifier,
    pki::Rehearsal,
    record,
};

/// How many agencies the subscribers belong to at most: an agreement has 64 parties.
const READERS_MAX: usize = 32;

/// Both systems, running.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) broker: Server,
    pub(super) floor: Server,
    /// Where the broker's journal stands.
    pub(super) journal: PathBuf,
    /// For the measurement of the disk: on the same file system.
    pub(super) dir: PathBuf,
    pub(super) broker_wire: BrokerWire,
    pub(super) floor_wire: FloorWire,
    pub(super) samples: Samples,
    pub(super) log: Verifier,
}

/// Who takes part.
struct Cast {
    publisher: AgencyId,
    readers: Vec<AgencyId>,
}

impl Cast {
    fn of(subscribers: usize) -> Result<Self, BenchError> {
        let agency = |name: &str| name.parse().map_err(|_| BenchError::Wrong("an agency's name"));
        let readers = (1..=subscribers.min(READERS_MAX)).map(|it| agency(&format!("reader-{it}")));
        Ok(Self { publisher: agency("publisher")?, readers: readers.collect::<Result<_, _>>()? })
    }

    fn all(&self) -> Vec<AgencyId> {
        std::iter::once(&self.publisher).chain(&self.readers).cloned().collect()
    }

    /// The agency of a subscriber.
    fn reader(&self, subscriber: usize) -> Result<&AgencyId, BenchError> {
        let place = subscriber % self.readers.len().max(1);
        self.readers.get(place).ok_or(BenchError::Wrong("there is no reader"))
    }
}

/// Builds both systems in an empty directory.
pub(super) async fn build(dir: &Path, options: &Options) -> Result<Stage, BenchError> {
    let (now, cast) = (SystemClock.now(), Cast::of(options.subscribers)?);
    let domain: TrustDomain =
        "bench.portway.example".parse().map_err(|_| BenchError::Wrong("the trust domain"))?;
    let pki = Rehearsal { dir, domain: &domain, now };
    pki.make(&cast.all())?;
    let broker_dir = dir.join("broker");
    let file = broker_dir.join("portway.toml");
    let text = config::rehearsal("bench", &domain, &cast.all(), "127.0.0.1:0");
    fs::write(&file, text).map_err(BenchError::task)?;
    let config = file.display().to_string();
    let broker = Server::start(&["serve", "--log-level", "warn", "--config", &config])?;
    pki.enrol(&cast.all(), &broker_dir.join("keys").join("log.vkey"))?;
    let floor_dir = dir.join("floor");
    fs::create_dir(&floor_dir).map_err(BenchError::task)?;
    let floor_arg = floor_dir.display().to_string();
    let floor = Server::start(&["bench", "--floor-config", &config, "--floor-dir", &floor_arg])?;

    agree(&pki, &cast, &broker.address).await?;
    let filling: Bytes = papers::alert(now).encode_to_vec().into();
    let service = |agency| Identity::load(&pki.service(agency));
    let publisher = service(&cast.publisher)?;
    let log = publisher.memory().verifier().clone();
    let at_floor = Connection::connect(&floor.address, publisher.clone()).await?;
    let at_broker = Connection::connect(&broker.address, publisher).await?;
    let mut floor_wire =
        FloorWire { publisher: at_floor.channel(), subscribers: Vec::new(), filling };
    let samples = Samples::default();
    let mut broker_wire =
        BrokerWire::new(at_broker.channel(), &papers::alert(now), samples.clone());
    for subscriber in 0..options.subscribers {
        let agency = cast.reader(subscriber)?;
        let at_floor = Connection::connect(&floor.address, service(agency)?).await?;
        floor_wire.subscribers.push(at_floor.channel());
        let at_broker = Connection::connect(&broker.address, service(agency)?).await?;
        let name = format!("load-{subscriber}");
        at_broker
            .create_subscription(papers::subscription(
                &name,
                vec![papers::AREA.to_owned()],
                now.plus_days(30),
            ))
            .await?;
        broker_wire.add(at_broker.channel(), name);
    }
    let journal = broker_dir.join("journal");
    let dir = dir.to_owned();
    Ok(Stage { broker, floor, journal, dir, broker_wire, floor_wire, samples, log })
}

/// Brings the agreement into force: one officer of every party approves.
async fn agree(pki: &Rehearsal<'_>, cast: &Cast, address: &str) -> Result<(), BenchError> {
    let agreement = papers::agreement(papers::AGREEMENT, &cast.publisher, &cast.readers, pki.now);
    let agreement = record::agreement_to_pb(&agreement.map_err(BenchError::task)?);
    let id = agreement.id.clone();
    let mut version = None;
    for agency in cast.all() {
        let officer = Identity::load(&pki.officer(&agency))?;
        let officer = Connection::connect(address, officer).await?;
        let known = match version {
            Some(version) => version,
            None => officer.propose_agreement(agreement.clone()).await?.version,
        };
        officer.approve_agreement(&id, &known).await?;
        version = Some(known);
    }
    Ok(())
}
