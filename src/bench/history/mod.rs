//! A log with a history: alerts of several agencies about many people, spread over months, written by the very
//! ledger of a broker under a clock that is put forward. It is what questions are measured on, and what foreign
//! verifiers are given at full size. Nobody is spoken to over a network.

mod pace;
mod reader;
mod writer;

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
};

use prost::Message;

use super::{BenchError, papers};
use crate::{
    config::{self, Settings},
    domain::{AgencyId, Caller, Clock, Fingerprint, Seat, SystemClock, Timestamp, TrustDomain},
    ledger::{self, Ledger, LedgerError, Rate},
    pki::Rehearsal,
    record::{self, ProposedAgreement},
};
use pace::Pace;

/// How many agencies take part. Each publishes, and each is told by three others.
const AGENCIES: usize = 16;
/// How many agencies are told of an alert.
const READERS: usize = 3;
/// How many alerts each agency has on their way at the same time, at most.
const IN_FLIGHT_MAX: u64 = 24;

/// What is to be written. Whoever makes one has checked the bounds.
#[derive(Clone, Copy, Debug)]
pub struct History {
    /// How many entries the log has in the end, at least.
    pub records: u64,
    /// How many people the alerts are about.
    pub people: u64,
    /// How many days it spans, up to now; at most 360, which is what one agreement covers.
    pub days: u64,
}

/// The exchange whose history it is.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Its directory, as a rehearsal lays it out.
    pub dir: PathBuf,
    /// The agencies, in order.
    pub agencies: Vec<AgencyId>,
}

impl Cast {
    /// Names the exchange in a directory.
    ///
    /// # Errors
    ///
    /// [`BenchError::Wrong`] never, unless the names of agencies are made otherwise one day.
    pub fn new(dir: &Path) -> Result<Self, BenchError> {
        let agency = |it| format!("agency-{it:02}").parse();
        let agencies = (1..=AGENCIES).map(agency).collect::<Result<_, _>>();
        let agencies = agencies.map_err(|_| BenchError::Wrong("an agency's name"))?;
        Ok(Self { dir: dir.to_owned(), agencies })
    }

    /// Returns where its broker's configuration stands.
    pub fn config(&self) -> PathBuf {
        self.dir.join("broker").join("portway.toml")
    }

    /// Returns where the identity of an agency's officer stands.
    pub fn officer(&self, agency: &AgencyId) -> PathBuf {
        self.dir.join("identities").join(agency.as_str()).join("officer")
    }

    /// Returns the agencies that are told what the agency at a place publishes.
    fn readers(&self, publisher: usize) -> Vec<AgencyId> {
        let others = self.agencies.iter().cycle().skip(publisher + 1);
        others.take(READERS).cloned().collect()
    }
}

/// Returns the certificate that an agency's system is recorded with.
pub fn certificate(agency: usize) -> Fingerprint {
    // Never zeros: those stand for whoever needs no certificate.
    Fingerprint([u8::try_from(agency + 1).unwrap_or(u8::MAX); 32])
}

/// Writes a history into a directory that is empty, and leaves a broker there that can be served. Returns how many
/// entries the log has.
///
/// # Errors
///
/// [`BenchError`] where it could not be written.
pub async fn write(dir: &Path, history: History, say: impl Fn(&str)) -> Result<u64, BenchError> {
    let (now, cast) = (SystemClock.now(), Cast::new(dir)?);
    let domain: TrustDomain =
        "bench.portway.example".parse().map_err(|_| BenchError::Wrong("the trust domain"))?;
    let pki = Rehearsal { dir, domain: &domain, now };
    pki.make(&cast.agencies)?;
    let text = config::rehearsal("bench", &domain, &cast.agencies, "127.0.0.1:0");
    fs::write(cast.config(), text).map_err(BenchError::task)?;
    let Settings { ledger: mut settings, views_dir, .. } = Settings::read(&cast.config())?;
    // The broker makes it with its views, and snapshots stand in it.
    fs::create_dir_all(&views_dir).map_err(BenchError::task)?;
    settings.publish_rate = Rate { per_second: 10_000_000, burst: 10_000_000 };

    let begins = Timestamp::from_ms(now.ms() - days(history.days));
    let pace = Pace::new(begins, now);
    let (keys, clock) = (settings.keys_dir.clone(), Arc::clone(&pace));
    let start = tokio::task::spawn_blocking(move || ledger::open(&settings, clock));
    let mut start = start.await.map_err(BenchError::task)??;
    pki.enrol(&cast.agencies, &keys.join("log.vkey"))?;
    let ledger = start.ledger;
    agree(&ledger, &cast, begins).await?;
    let mut readers = tokio::task::JoinSet::new();
    for (place, agency) in cast.agencies.iter().enumerate() {
        let by = system(agency, place)?;
        let publishers = cast.agencies.iter().enumerate();
        let told = publishers.filter(|(it, _)| cast.readers(*it).contains(agency));
        let areas = told.map(|(it, _)| area(it)).collect();
        readers.spawn(reader::open(&ledger, by, (areas, begins)).await?);
    }
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = tokio::task::JoinSet::new();
    for (place, agency) in cast.agencies.iter().enumerate() {
        for _ in 0..in_flight(history) {
            let by = system(agency, place)?;
            let next = Arc::clone(&next);
            let work = writer::Work { ledger: ledger.clone(), by, next, history };
            writers.spawn(writer::run(work, place, Arc::clone(&pace)));
        }
    }
    say("the history is being written");
    while let Some(done) = writers.join_next().await {
        done.map_err(BenchError::task)??;
    }
    ledger.stop();
    start.running.ended().await?;
    // Each reader ends when the ledger ends its stream.
    while let Some(done) = readers.join_next().await {
        done.map_err(BenchError::task)?;
    }
    Ok(ledger.newest().size)
}

/// What is on its way while the clock goes on must not be a day old when it is decided: a request id would be too old.
fn in_flight(History { records, days, .. }: History) -> u64 {
    let records_in_half_a_day = records / (2 * days);
    let alerts = records_in_half_a_day / (READERS as u64 + 2);
    (alerts / AGENCIES as u64).clamp(1, IN_FLIGHT_MAX)
}

const fn days(days: u64) -> u64 {
    days * 24 * 60 * 60 * 1000
}

fn agreement_id(publisher: usize) -> String {
    format!("history-{publisher}")
}

/// Each publisher has an area of its own, so that only who is told of its alerts asks for them.
fn area(publisher: usize) -> String {
    format!("N{publisher}")
}

/// Brings an agreement into force for each publisher.
async fn agree(ledger: &Ledger, cast: &Cast, now: Timestamp) -> Result<(), BenchError> {
    for (place, publisher) in cast.agencies.iter().enumerate() {
        let readers = cast.readers(place);
        let agreement = papers::agreement(&agreement_id(place), publisher, &readers, now);
        let agreement = agreement.map_err(BenchError::task)?;
        let id = agreement.id.clone();
        let bytes = record::agreement_to_pb(&agreement).encode_to_vec().into();
        let proposed = ProposedAgreement { agreement: agreement.into(), bytes };
        let by = officer(publisher)?;
        let proposed = ledger.propose(by, proposed).await.map_err(refused)?;
        for party in std::iter::once(publisher).chain(&readers) {
            let version = proposed.version.to_string();
            let approved = ledger.approve(officer(party)?, id.clone(), version).await;
            approved.map_err(refused)?;
        }
    }
    Ok(())
}

fn officer(agency: &AgencyId) -> Result<Caller, BenchError> {
    caller(&format!("agency/{agency}/officer/ig"), [0; 32])
}

fn system(agency: &AgencyId, place: usize) -> Result<Caller, BenchError> {
    caller(&format!("agency/{agency}/service/rms"), certificate(place).0)
}

fn caller(seat: &str, certificate: [u8; 32]) -> Result<Caller, BenchError> {
    let seat = Seat::parse(seat).ok_or(BenchError::Wrong("a seat"))?;
    Ok(Caller { seat, certificate: Fingerprint(certificate) })
}

fn refused(why: impl Display) -> BenchError {
    BenchError::Refused(why.to_string())
}

impl From<LedgerError> for BenchError {
    fn from(error: LedgerError) -> Self {
        Self::Task(error.to_string())
    }
}
