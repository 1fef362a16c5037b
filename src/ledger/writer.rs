//! The writer's turn: decide, seal, commit, and only then answer. One thread runs it; the simulation
//! runs it without one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::sync::watch;

use super::{
    Commit, LedgerError, OwedActs, Receipt, Rejection, Release,
    batch::{Afterwards, Ready, Work},
    command::Command,
    contents::Contents,
    outlets::Outlets,
    replay::{Base, Pace, Replay},
    retention::Destruction,
    salts::Salts,
    secrets::Secrets,
    space::{FULL, Full},
    time_watch::TimeWatch,
    tree::Tree,
    way::Sent,
};
use crate::domain::{Act, Bars, Caller, Clock, Reason, Refusal, Timestamp, TrustDomain};
use crate::exchange::{Limiter, Refusing, State};
use crate::journal::{Batch, CommitError, Journal};
use crate::merkle::Frontier;
use crate::record::{Event, SnapshotTaken};

/// How far the wall clock may be behind the last record, or the last turn, before writing stops.
const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(5);
/// How many records a batch may grow to by deliveries; what waits beyond goes into the next.
pub(super) const BATCH_RECORDS_MAX: usize = 16_384;
/// What an entry takes beside its record and its body, about.
const FRAME_BYTES: usize = 128;
/// How many key slots are kept ready beyond those in use: more than a batch can need.
pub(super) const SLOTS_AHEAD: u64 = 8192;

/// The only writer.
pub(super) struct Writer {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) salts: Salts,
    pub(super) domain: TrustDomain,
    pub(super) tree: Arc<Tree>,
    pub(super) state: State,
    pub(super) frontier: Frontier,
    pub(super) contents: Contents,
    pub(super) outlets: Outlets,
    pub(super) streams: u64,
    /// The subscription whose stream was served last.
    pub(super) served: u64,
    /// The time of the last turn: it never goes back.
    pub(super) now: Timestamp,
    pub(super) work: Work,
    /// Acknowledgements that are not recorded yet: one record a subscription, whatever came in.
    pub(super) acknowledged: BTreeMap<u64, u64>,
    pub(super) commits: watch::Sender<Arc<Commit>>,
    /// Who may not take part, as far as it is durable.
    pub(super) bars: watch::Sender<Arc<Bars>>,
    /// The acts whose recipients are still to be found, as far as they are durable.
    pub(super) owed: watch::Sender<OwedActs>,
    /// Set once this broker was shown its own signature on a tree it lacks: it signs nothing more.
    pub(super) forked: Arc<Mutex<bool>>,
    /// That there was no space when it was last tried.
    pub(super) full: Option<Full>,
    /// The refusals that were counted, and not recorded, before this turn.
    pub(super) counted: Limiter,
    /// How many bodies' keys are destroyed.
    pub(super) erasures: Arc<watch::Sender<u64>>,
    /// The first slot whose key is there, where those before it that no record has used are destroyed.
    pub(super) free: u64,
    /// Watches the wall clock for whatever is erased because its time is over.
    pub(super) watch: TimeWatch,
    /// Keys to destroy, as far as that is durable and nobody has taken it on.
    pub(super) destructions: Vec<Destruction>,
    /// What a start has to record before anything else; kept until it is durable.
    pub(super) first: Vec<Event>,
}

impl Writer {
    /// Takes one turn: does every command, and everything that streams can be sent after them.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the ledger cannot go on: the process has to end and start again.
    pub(super) fn turn(&mut self, commands: Vec<Sent>) -> Result<(), LedgerError> {
        if let Some(rejection) = self.begin()? {
            for Sent { command, .. } in commands {
                // Closing writes nothing, and a stream that is gone must not be sent anything later.
                if let Command::Close { stream } | Command::Leave { stream, .. } = &command {
                    self.close(*stream);
                }
                command.reject(&rejection);
            }
            return Ok(());
        }
        // What was counted in a batch that is lost is counted again.
        self.counted = self.state.limiter().clone();
        for event in self.first.clone() {
            self.record(event)?;
        }
        for subscription in self.state.prune(self.now) {
            if let Some(outlet) = self.outlets.end(subscription) {
                outlet.end(Reason::SubscriptionExpired);
            }
        }
        self.record_counted_refusals(false)?;
        self.watch_clock()?;
        let may_wait = is_only_heard(&commands);
        if !may_wait {
            self.record_acknowledgements()?;
        }
        for sent in commands {
            self.execute(sent)?;
        }
        if !may_wait || self.acknowledged.keys().any(|it| self.state.has_waiting(*it)) {
            self.record_acknowledgements()?;
        }
        self.deliver()?;
        if !self.work.frames.is_empty() {
            self.record_acknowledgements()?;
        }
        self.record_rotation()?;
        let outcome = self.commit()?;
        self.conclude(&outcome);
        Ok(())
    }

    /// Sets the turn's time, or says why nothing can be written. What was decided once by a later
    /// time, such as that something has ended, stays decided, and a record's own time is the time
    /// that it was decided by.
    fn begin(&mut self) -> Result<Option<Rejection>, LedgerError> {
        let wall = self.clock.now();
        if let Some(rejection) = self.cannot_write(wall) {
            return Ok(Some(rejection));
        }
        let rejection = self.lacks_space(wall)?;
        if rejection.is_none() {
            self.now = wall.max(self.now).max(self.state.recorded_at());
        }
        Ok(rejection)
    }

    /// Records what is still only counted, and the last snapshot, before a stop.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub(super) fn last_turn(&mut self, taken: Option<SnapshotTaken>) -> Result<(), LedgerError> {
        if self.begin()?.is_none() {
            self.counted = self.state.limiter().clone();
            self.record_acknowledgements()?;
            self.record_counted_refusals(true)?;
            if let Some(taken) = taken {
                self.record(Event::SnapshotTaken(taken))?;
            }
            let outcome = self.commit()?;
            self.conclude(&outcome);
        }
        Ok(())
    }

    /// Tells whether streams could be sent more without any command.
    pub(super) fn has_more(&self) -> bool {
        self.state.is_ready()
            && self.full.is_none()
            && self.cannot_write(self.clock.now()).is_none()
    }

    /// Returns the newest commit.
    pub(super) fn newest(&self) -> Arc<Commit> {
        Arc::clone(&self.commits.borrow())
    }

    /// Tells every stream that the broker stops.
    pub(super) fn end_streams(&mut self) {
        for outlet in self.outlets.end_all() {
            outlet.unavailable();
        }
    }

    fn cannot_write(&self, wall: Timestamp) -> Option<Rejection> {
        if *self.forked.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return Some(Rejection::Unavailable("a newer log of this broker exists elsewhere"));
        }
        if wall.after(CLOCK_BEHIND_MAX) < self.now.max(self.state.recorded_at()) {
            return Some(Rejection::Unavailable("the clock has gone back"));
        }
        None
    }

    pub(super) fn reserve_slots(&self) -> Result<(), LedgerError> {
        let needed = self.state.slots() + SLOTS_AHEAD;
        if self.secrets.keys.reserved() < needed {
            self.secrets.keys.reserve(needed)?;
        }
        Ok(())
    }

    /// Records refusals that were counted and not recorded one by one.
    pub(super) fn record_counted_refusals(&mut self, all: bool) -> Result<(), LedgerError> {
        for event in self.state.counted_refusals(self.now, all) {
            self.record(event)?;
        }
        Ok(())
    }

    fn record_acknowledgements(&mut self) -> Result<(), LedgerError> {
        for (subscription, number) in std::mem::take(&mut self.acknowledged) {
            if let Ok(Some(event)) = self.state.acknowledge(subscription, number) {
                self.record(event)?;
            }
        }
        Ok(())
    }

    /// Makes the batch durable: the one write. Nothing to write is as good as durable.
    fn commit(&mut self) -> Result<Result<Arc<Commit>, Rejection>, LedgerError> {
        if self.work.frames.is_empty() {
            return Ok(Ok(Arc::clone(&self.commits.borrow())));
        }
        let mut frontier = self.frontier.clone();
        // Each node is hashed here and once: the tree takes them up when they are durable.
        let mut nodes = Vec::with_capacity(2 * self.work.hashes.len());
        for leaf in &self.work.hashes {
            frontier.append_noting(*leaf, |level, node| nodes.push((level, node)));
        }
        let (size, root) = (frontier.size(), frontier.root());
        let next = self.work.next.take();
        let checkpoint = self.secrets.signing.sign((size, root), next.as_ref())?;
        let frames = std::mem::take(&mut self.work.frames);
        let seen = size - frames.len() as u64;
        let bytes: usize =
            frames.iter().map(|it| it.record.len() + it.body.len() + FRAME_BYTES).sum();
        let batch = Batch { frames, checkpoint: checkpoint.clone() };
        let written = match self.journal.turn(seen) {
            Ok(turn) if turn.news().is_empty() => turn.commit(batch),
            Ok(_) => Err(CommitError::Conflict),
            Err(error) => return Err(error.into()),
        };
        match written {
            Ok(_) => {
                // The same order as a start: tree first, then whoever waits for the commit.
                self.tree.extend_noted(&nodes);
                self.frontier = frontier;
                self.first.clear();
                if let Some(next) = next {
                    self.secrets.signing.hand_over(next, &checkpoint)?;
                }
                let commit = Arc::new(Commit { size, root, checkpoint });
                self.commits.send_replace(Arc::clone(&commit));
                // P4: nobody comes in any more before the act is answered.
                self.publish_bars();
                self.publish_owed();
                Ok(Ok(commit))
            }
            Err(CommitError::Fatal(failure)) => Err(LedgerError::Stopped(failure.to_string())),
            Err(CommitError::Full) => {
                self.note_full(bytes as u64);
                self.start_over(FULL)
            }
            Err(CommitError::Conflict | CommitError::Unknown | CommitError::Unfit(_)) => {
                self.start_over("the record could not be made durable")
            }
        }
    }

    /// Throws the private state away and reads it anew: what was decided may or may not be stored.
    fn start_over(
        &mut self,
        why: &'static str,
    ) -> Result<Result<Arc<Commit>, Rejection>, LedgerError> {
        tracing::error!(why, "a batch was not committed; the state is read anew");
        self.work.releases.clear();
        self.contents.clear();
        for outlet in self.outlets.end_all() {
            outlet.unavailable();
        }
        let replay = Replay::new(&self.journal, &self.secrets, &self.tree, self.now)?;
        let replayed = replay.run(Base::default(), &Pace::FULL)?;
        if replayed.frontier.size() > self.frontier.size() {
            // The batch was kept after all, the start's records first, and what it says was counted.
            self.first.clear();
            self.counted = self.state.limiter().clone();
        }
        let newest = self.state.rules();
        let is_recorded = replayed.rules == newest.as_ref().map(|rules| rules.hash());
        let rules = if is_recorded { newest } else { self.work.replaced.take().or(newest) };
        self.state = replayed.state;
        if let Some(rules) = rules {
            self.state.decide_by(rules);
        }
        self.publish_bars();
        self.publish_owed();
        self.state.count_on(std::mem::take(&mut self.counted));
        self.frontier = replayed.frontier;
        self.secrets.sign_as_told(replayed.chain, 0)?;
        self.commits.send_replace(replayed.commit);
        Ok(Err(Rejection::Unavailable(why)))
    }

    /// P5: what a durable batch erases is to be destroyed, whether its callers could be told of it or not.
    fn conclude_erasures(
        &mut self,
        (mut slots, answers): (Vec<u64>, Vec<Afterwards>),
        outcome: &Result<Arc<Commit>, Rejection>,
    ) {
        let answers = match outcome {
            Ok(_) => answers,
            Err(rejection) => {
                for answer in answers {
                    answer(Err(rejection));
                }
                slots.retain(|slot| self.state.is_erased(*slot));
                Vec::new()
            }
        };
        if !slots.is_empty() || !answers.is_empty() {
            self.destructions.push(Destruction { slots, commit: self.newest(), answers });
        }
    }

    /// Lets go of what the turn has gathered. P4: cuts first, then releases, answers last. Only who published is answered
    /// before the releases: what a publication stops was not decided in its turn any more, and they may be many.
    fn conclude(&mut self, outcome: &Result<Arc<Commit>, Rejection>) {
        let work = std::mem::take(&mut self.work);
        for (outlet, spare) in work.cuts {
            outlet.cut(spare);
        }
        // One that was fenced and then cut in the same turn is over already.
        for outlet in work.fenced.into_iter().filter(|it| !it.is_over()) {
            // Until the opening is durable, nobody has taken anybody's place.
            match outcome {
                Ok(_) => outlet.end(Reason::Fenced),
                Err(_) => outlet.unavailable(),
            }
        }
        // The last first: who waits for many answers in their order is woken by the first, when all are there.
        for receipt in work.receipts.into_iter().rev() {
            // P3: a publish is answered here, after the commit, and only here.
            receipt(outcome.as_ref());
        }
        if let Ok(commit) = outcome {
            // P2: the receipt is made here, after the commit, and only here.
            let release = |Ready { outgoing, number, position, index }| Release {
                outgoing,
                receipt: Receipt::new(index, Arc::clone(commit)),
                number,
                position,
            };
            // A stream is handed all of a batch at once: it is woken once, and not for each view.
            for (outlet, ready) in work.releases.into_values() {
                outlet.release(ready.into_iter().map(release).collect());
            }
        }
        self.conclude_erasures((work.slots, work.destroyed), outcome);
        for afterwards in work.afterwards.into_iter().rev() {
            afterwards(outcome.as_ref());
        }
    }

    /// Records a refusal and returns the rejection that tells of it.
    pub(super) fn refuse(
        &mut self,
        by: &Caller,
        act: Act,
        refusal: Refusal,
        agreement: Option<&crate::domain::AgreementId>,
    ) -> Result<Rejection, LedgerError> {
        let event = self.state.refuse(&Refusing { by, act, refusal, agreement }, self.now);
        let decision = match event {
            Some(event) => Some(self.record(event)?),
            None => None,
        };
        tracing::info!(reason = refusal.reason.code(), act = act.code(), by = %by.seat, decision, "refused");
        Ok(Rejection::Refused { refusal, decision })
    }
}

/// Tells whether a turn only hears subscribers. Nobody waits for what they acknowledged: it is recorded with the next batch
/// that there is, by the next tick at the latest, so that who publishes does not wait for a sync of its own.
fn is_only_heard(commands: &[Sent]) -> bool {
    let is_heard =
        |sent: &Sent| matches!(&sent.command, Command::Hear { heard, .. } if !heard.is_last);
    !commands.is_empty() && commands.iter().all(is_heard)
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("size", &self.state.size()).finish_non_exhaustive()
    }
}
