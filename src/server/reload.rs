//! Reads another generation of certificates, CAs, CRLs, agency table and rules when it is asked to or when a file
//! has changed, and puts it in force whole or not at all. What else the configuration says is read at a start only.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time,
};
use tokio_util::sync::CancellationToken;

use crate::config::{Files, Settings};
use crate::domain::{Caller, Clock, Hex, KeyId, ReloadCause, TrustDomain};
use crate::grpc::{Asked, Broker, Taken};
use crate::identity::{Connections, CrlMarks, Generations, Trust};
use crate::ledger::{Generation, Ledger};
use crate::pki::Issuers;
use crate::policy::Rules;

/// Keeps a generation in force.
#[derive(Debug)]
pub(super) struct Reloader {
    config: PathBuf,
    domain: TrustDomain,
    clock: Arc<dyn Clock>,
    ledger: Ledger,
    connections: Arc<Connections>,
    generations: Arc<Generations>,
    trust: watch::Sender<Arc<Trust>>,
    issuers: watch::Sender<Arc<Issuers>>,
    marks: CrlMarks,
    /// The files in force, and their digest.
    files: (Files, [u8; 32]),
    /// The files that a refused configuration names.
    candidate: Option<Files>,
    seen: Seen,
    /// Lists that are due, and were told of.
    told: BTreeMap<KeyId, Told>,
}

/// What was seen at looks before.
#[derive(Debug, Default)]
struct Seen {
    /// At the last look.
    last: Option<Look>,
    /// Before the reading of a generation that was refused: it is not tried again until something changes.
    refused: Option<Look>,
    /// Whether the last one was refused.
    is_faulty: bool,
}

/// The digests of the files in force, and of those of the candidate.
type Look = ([u8; 32], Option<[u8; 32]>);

/// A generation that was read and found good.
struct Read {
    trust: Trust,
    issuers: Issuers,
    rules: Arc<Rules>,
    files: Files,
    digest: [u8; 32],
}

/// A generation that was refused.
struct Fault {
    /// What is wrong, and where.
    text: String,
    /// The files it was to be read from, and their digest before.
    read: Option<Box<(Files, [u8; 32])>>,
    /// Whether they changed meanwhile: what was read may never have stood there as a whole.
    is_passing: bool,
}

impl Fault {
    fn of(text: String, read: Option<(Files, [u8; 32])>) -> Self {
        Self { text, read: read.map(Box::new), is_passing: false }
    }

    /// Returns the candidate that is to be watched and what is not to be tried again. That is what stood there
    /// before the reading: what came in between was not looked at, and may be good.
    fn remembered(self, in_force: &Files, before: Look) -> (Option<Files>, Option<Look>) {
        let other = self.read.map(|read| *read).filter(|(files, _)| files != in_force);
        let look = (before.0, other.as_ref().map(|(_, digest)| *digest));
        (other.map(|(files, _)| files), (!self.is_passing).then_some(look))
    }
}

impl Reloader {
    /// Makes one that keeps up what a broker was started with.
    pub(super) fn new(
        broker: &Broker,
        (config, domain, files, digest): (PathBuf, TrustDomain, Files, [u8; 32]),
        (trust, issuers, marks): (watch::Sender<Arc<Trust>>, watch::Sender<Arc<Issuers>>, CrlMarks),
    ) -> Self {
        Self {
            config,
            domain,
            clock: Arc::clone(&broker.clock),
            ledger: broker.ledger.clone(),
            connections: Arc::clone(&broker.connections),
            generations: Arc::clone(&broker.generations),
            trust,
            issuers,
            marks,
            files: (files, digest),
            candidate: None,
            seen: Seen::default(),
            told: BTreeMap::new(),
        }
    }

    /// Looks every `interval`, and whenever it is asked.
    pub(super) async fn run(
        mut self,
        mut asked: mpsc::Receiver<Asked>,
        interval: Duration,
        stop: CancellationToken,
    ) {
        let mut looks = time::interval(interval);
        looks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(asked) = asked.recv() => {
                    let taken = self.take(asked.by, asked.cause).await;
                    if let Some(answer) = asked.answer {
                        // Whoever went away needs no answer.
                        drop(answer.send(taken));
                    }
                }
                _ = looks.tick() => {
                    self.cut_due();
                    self.look().await;
                    self.warn_of_lists();
                }
            }
        }
    }

    /// Cuts who is in and may not be: past a certificate's or a list's end, or barred by a record that came to
    /// light with the journal.
    fn cut_due(&self) {
        let bars = Arc::clone(&self.ledger.bars().borrow());
        let expired = self.connections.cut_expired(self.clock.now());
        let barred = self.connections.cut_barred(&bars);
        if expired + barred > 0 {
            tracing::info!(expired, barred, "connections cut");
        }
    }

    /// Takes another generation where the files have changed and are the same in two looks: what is half written
    /// goes on changing.
    async fn look(&mut self) {
        let look = self.digests().await;
        // What forbids already has to be recorded, or another that takes nothing back.
        let is_narrowed = self.trust.borrow().is_narrowed();
        if look.0 == self.files.1 && self.candidate.is_none() && !is_narrowed {
            self.seen.refused = None;
            if std::mem::take(&mut self.seen.is_faulty) {
                tracing::info!("the files are again those of the generation in force");
                self.generations.settle();
            }
            self.seen.last = None;
            return;
        }
        let is_settled = self.seen.last.replace(look) == Some(look);
        if is_settled && self.seen.refused != Some(look) {
            // What it says of faults is in the log.
            drop(self.take(None, ReloadCause::Files).await);
        }
    }

    async fn digests(&self) -> Look {
        let (files, candidate) = (self.files.0.clone(), self.candidate.clone());
        let look = move || (files.digest(), candidate.map(|files| files.digest()));
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    /// Reads a generation and puts it in force, or says what is wrong with it and leaves the last good one.
    async fn take(&mut self, by: Option<Caller>, cause: ReloadCause) -> Result<Taken, String> {
        let before = self.digests().await;
        let refused = match self.read().await {
            Ok(read) => match self.put_in_force(read, by, cause).await {
                Ok(taken) => return Ok(taken),
                // It is good, and is tried again at the next look.
                Err(fault) => fault,
            },
            Err(fault) => {
                let text = fault.text.clone();
                (self.candidate, self.seen.refused) = fault.remembered(&self.files.0, before);
                text
            }
        };
        self.seen.is_faulty = true;
        self.generations.refuse(&refused);
        tracing::error!(fault = refused, %cause, "generation refused: the last good one stays");
        Err(refused)
    }

    async fn read(&self) -> Result<Read, Fault> {
        let (config, domain) = (self.config.clone(), self.domain.clone());
        let (before, now) = (Arc::clone(&self.trust.borrow()), self.clock.now());
        let marks = self.marks.clone();
        let read = move || {
            let settings =
                Settings::read(&config).map_err(|error| Fault::of(error.to_string(), None))?;
            let files = || Some((settings.files.clone(), settings.digest));
            let fault = |text: String| Fault::of(text, files());
            if settings.trust.domain != domain {
                let text = "server.trust_domain: it cannot change while the broker runs";
                return Err(fault(format!("{}: {text}", config.display())));
            }
            let trust =
                before.load_next(&settings.trust, now).map_err(|error| fault(error.to_string()))?;
            let issuers = Issuers::load(&domain, &settings.issuers, now)
                .map_err(|error| fault(error.to_string()))?;
            // A list that was taken out for a while has to be no older than it was.
            marks.check(&trust).map_err(|error| fault(error.to_string()))?;
            if settings.files.digest() != settings.digest {
                let text = "the files changed while they were read".to_owned();
                return Err(Fault { is_passing: true, ..fault(text) });
            }
            let (files, digest) = (settings.files, settings.digest);
            Ok(Read { trust, issuers, rules: settings.ledger.rules, files, digest })
        };
        let panicked = |_| Fault::of("its reading has panicked".to_owned(), None);
        tokio::task::spawn_blocking(read).await.map_err(panicked)?
    }

    /// P4: what it forbids first, for new handshakes and for whoever is open, then the record; what it allows more, and
    /// its rules, from the record on. Where it cannot be recorded it goes on to forbid, and is tried again.
    async fn put_in_force(
        &mut self,
        read: Read,
        by: Option<Caller>,
        cause: ReloadCause,
    ) -> Result<Taken, String> {
        let Read { trust, issuers, rules, files, digest } = read;
        let narrowed = Arc::new(self.trust.borrow().narrowed_by(&trust));
        self.trust.send_replace(Arc::clone(&narrowed));
        let mut cut = self.cut_untrusted(&narrowed).await;
        let asker = by.clone().unwrap_or_else(Caller::local);
        let generation = Generation { by, cause, digest, rules };
        let index = match self.ledger.reload(&asker, generation).await {
            Ok(index) => index,
            Err(rejection) => return Err(format!("it could not be recorded: {rejection}")),
        };
        let trust = Arc::new(trust);
        self.trust.send_replace(Arc::clone(&trust));
        self.issuers.send_replace(Arc::new(issuers));
        // By whose word they are open may be another now, and its end.
        cut += self.cut_untrusted(&trust).await;
        self.files = (files, digest);
        (self.candidate, self.seen) = (None, Seen::default());
        self.told.clear();
        self.generations.take(&trust, digest, self.clock.now());
        if let Err(error) = self.marks.note(&trust) {
            tracing::error!(%error, "the numbers of crls could not be noted for the next start");
        }
        let generation = Hex(&digest);
        tracing::info!(%generation, index, cut, %cause, "generation in force");
        Ok(Taken { index, digest, cut })
    }

    /// Cuts whoever is in and would not be let in by a generation: every chain is looked at anew, off the
    /// runtime's threads. Whoever is on the way in looks for himself, once he is in the list.
    async fn cut_untrusted(&self, trust: &Arc<Trust>) -> usize {
        let (trust, now) = (Arc::clone(trust), self.clock.now());
        let bars = self.ledger.bars();
        let connections = Arc::clone(&self.connections);
        let newest = move || Arc::clone(&bars.borrow());
        let cut = move || connections.cut_untrusted(&trust, now, newest);
        let done = tokio::task::spawn_blocking(cut).await;
        done.unwrap_or_else(|_| self.connections.cut_where(|_| true))
    }

    /// Tells of each list once that its successor is due, and once that it is out of date.
    fn warn_of_lists(&mut self) {
        let now = self.clock.now();
        for crl in self.trust.borrow().crl_standings() {
            let stage = if crl.next_update <= now {
                Told::Over
            } else if crl.is_due(now) {
                Told::Due
            } else {
                continue;
            };
            if self.told.insert(crl.issuer, stage) == Some(stage) {
                continue;
            }
            let (file, until) = (crl.path.display(), crl.next_update);
            match stage {
                Told::Due => tracing::warn!(%file, %until, "the next crl is due"),
                Told::Over => {
                    tracing::error!(%file, %until, "crl out of date: its ca is closed until the next comes");
                }
            }
        }
    }
}

/// What was said of a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Told {
    /// That the next is due.
    Due,
    /// That it is out of date.
    Over,
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn settings(path: &std::path::Path, text: &str) -> Settings {
        fs::write(path, text).unwrap();
        Settings::read(path).unwrap()
    }

    /// What comes between the reading and the next look was not read: it is tried.
    #[test]
    fn what_came_after_the_reading_is_not_remembered_as_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("portway.toml");
        let whole = include_str!("../../config/portway.toml");
        let in_force = settings(&path, whole);
        let ca = in_force.trust.agencies.values().next().unwrap().ca.clone();
        fs::create_dir_all(ca.parent().unwrap()).unwrap();
        fs::write(&ca, "bad").unwrap();
        let read = Settings::read(&path).unwrap();
        let before = (in_force.files.digest(), None);
        let fault = |is_passing| Fault {
            is_passing,
            ..Fault::of("no good".to_owned(), Some((read.files.clone(), read.digest)))
        };

        fs::write(&ca, "good").unwrap();

        let (candidate, refused) = fault(false).remembered(&in_force.files, before);
        assert_eq!((candidate, refused), (None, Some(before)));
        assert_ne!(refused, Some((in_force.files.digest(), None)));
        assert_eq!(fault(true).remembered(&in_force.files, before).1, None);
    }
}
