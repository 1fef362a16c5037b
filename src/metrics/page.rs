//! The page: what there is to say now. Nothing of it is kept between two looks, and nobody waits for it: the writer is
//! not asked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;

use super::{
    certificates,
    family::{Family, Text},
};
use crate::{
    domain::{AgencyId, Clock, Timestamp},
    grpc::{Admission, InProgress},
    identity::{Connections, Generations, Rejection, Rejections, Trust},
    ledger::Ledger,
    witness::{Fault, Standing, Witnesses},
};

/// How many notices recipients have not acknowledged, as it was last counted.
#[derive(Debug, Default)]
pub struct NoticeCounts {
    outstanding: AtomicU64,
    overdue: AtomicU64,
}

impl NoticeCounts {
    /// Notes how many are outstanding, and how many of them overdue.
    pub fn set(&self, (outstanding, overdue): (usize, usize)) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.outstanding.store(count(outstanding), Ordering::Relaxed);
        self.overdue.store(count(overdue), Ordering::Relaxed);
    }
}

/// What is watched over.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The log.
    pub ledger: Ledger,
    /// What is in progress, and what was turned away.
    pub admission: Admission,
    /// The live connections.
    pub connections: Arc<Connections>,
    /// The refused ones.
    pub rejections: Arc<Rejections>,
    /// The certificates in force.
    pub trust: watch::Receiver<Arc<Trust>>,
    /// How generations went.
    pub generations: Arc<Generations>,
    /// The witnesses that are asked.
    pub witnesses: Witnesses,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Notices to recipients.
    pub notices: Arc<NoticeCounts>,
    /// When the broker started.
    pub started_at: Timestamp,
}

impl Watched {
    /// Writes the page.
    pub fn page(&self) -> String {
        let mut text = Text::default();
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        text.family(Family::BuildInfo).add(&version, 1);
        text.family(Family::StartTime).add_moment(&[], self.started_at.ms());
        text.family(Family::LogEntries).add(&[], self.ledger.newest().size);
        let trust = Arc::clone(&self.trust.borrow());
        certificates::write(&mut text, &trust, &self.connections);
        self.write_generations(&mut text);
        self.write_connections(&mut text);
        for (family, count) in [
            (Family::NoticesOutstanding, &self.notices.outstanding),
            (Family::NoticesOverdue, &self.notices.overdue),
        ] {
            text.family(family).add(&[], count.load(Ordering::Relaxed));
        }
        self.write_load(&mut text);
        self.write_witnesses(&mut text);
        text.finish()
    }

    fn write_generations(&self, text: &mut Text) {
        let standing = self.generations.standing();
        let mut samples = text.family(Family::CrlNextUpdate);
        for crl in standing.crls {
            let authority = crl.issuer.to_string();
            samples.add_moment(&[("authority", &authority)], crl.next_update.ms());
        }
        text.family(Family::GenerationFault).add(&[], u64::from(standing.fault.is_some()));
        text.family(Family::GenerationsRefused).add(&[], standing.refused);
    }

    fn write_connections(&self, text: &mut Text) {
        let mut counts = BTreeMap::<_, u64>::new();
        for connection in self.connections.open() {
            *counts.entry(connection.caller().seat.agency().cloned()).or_default() += 1;
        }
        let mut samples = text.family(Family::Connections);
        for (agency, count) in counts {
            samples.add(&[("agency", agency.as_ref().map_or("", AgencyId::as_str))], count);
        }
        let mut samples = text.family(Family::ConnectionsRefused);
        for reason in Rejection::ALL {
            samples.add(&[("reason", reason.code())], self.rejections.count(reason));
        }
    }

    fn write_witnesses(&self, text: &mut Text) {
        let (standing, now) = (self.witnesses.standing(), self.clock.now());
        let behind = |it: &Standing| it.behind_since.map_or(0, |since| now.since(since).as_secs());
        let conflict = |it: &Standing| u64::from(it.fault == Some(Fault::Conflict));
        let size = |it: &Standing| it.cosigned.as_ref().map_or(0, |cosigned| cosigned.size);
        let up = |it: &Standing| u64::from(it.fault.is_none());
        for (family, value) in [
            (Family::WitnessBehind, &behind as &dyn Fn(&Standing) -> u64),
            (Family::WitnessConflict, &conflict),
            (Family::WitnessSize, &size),
            (Family::WitnessUp, &up),
        ] {
            let mut samples = text.family(family);
            for witness in &standing {
                samples.add(&[("witness", &witness.name)], value(witness));
            }
        }
    }

    fn write_load(&self, text: &mut Text) {
        let in_progress = self.admission.in_progress();
        for (family, count) in [
            (Family::CallsInProgress, (|it| it.calls) as fn(&InProgress) -> u64),
            (Family::Streams, |it| it.streams),
        ] {
            let mut samples = text.family(family);
            for one in &in_progress {
                samples.add(&[("agency", &one.agency), ("role", one.role)], count(one));
            }
        }
        let mut samples = text.family(Family::RequestsTurnedAway);
        for (reason, count) in self.admission.turned_away() {
            samples.add(&[("reason", reason)], count);
        }
    }
}
