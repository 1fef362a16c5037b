//! Everything the simulation runs on: journal, clock, keys, the writer, and what the agencies know.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{
    ask::{Request, Ticket, Waiting},
    audit::Audit,
    op::Op,
    stream::Stream,
    trace::{Seen, Trace},
};
use crate::domain::{AgencyId, AgreementId, AlertId, Clock, Timestamp, TrustDomain};
use crate::journal::{Fault, Journal, JournalId, Keys, MasterKey, Memory, SlotSet, SnapshotFiles};
use crate::ledger::{
    Erasable, Rejection,
    command::Command,
    open,
    reading::{ReadLog, finish_erasures},
    records,
    replay::{self, Pace, Replay},
    retention::RetentionCommand,
    secrets::Secrets,
    snapshot::{self, Parts, Untrusted},
    time_watch,
    writer::Writer,
};
use crate::record::{Event, SnapshotTaken};

pub(super) const ORIGIN: &str = "example.org/portway/simulation";

/// A clock that stands where it is put.
#[derive(Debug)]
struct SetClock(AtomicU64, AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }

    fn steady(&self) -> Duration {
        Duration::from_millis(self.1.load(Ordering::Relaxed))
    }
}

/// The keys of the log: made once, opened at every start.
pub(super) struct Keyring {
    dir: TempDir,
    id: JournalId,
    master: MasterKey,
}

impl Keyring {
    pub(super) fn create() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let id = JournalId::from_bytes([3; 16]);
        let master = MasterKey::create(&dir.path().join(MasterKey::FILE)).unwrap();
        let keys = Keys::create(dir.path(), id, &master).unwrap();
        // As many as a run uses: each world has a copy, in which it may destroy what it will.
        keys.reserve(KEYS).unwrap();
        drop(Secrets::create(keys, ORIGIN).unwrap());
        Self { dir, id, master }
    }

    fn copy(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_dir(self.dir.path(), dir.path());
        let master = MasterKey::load(&dir.path().join(MasterKey::FILE)).unwrap();
        Self { dir, id: self.id, master }
    }

    pub(super) fn secrets(&self) -> Secrets {
        Secrets::open(self.dir.path(), self.id, &self.master, ORIGIN).unwrap()
    }
}

/// How many keys are made once for all worlds.
const KEYS: u64 = 10 * 1024;

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The snapshots of a world, and the newest that this process knows.
pub(super) struct Snapshots {
    _dir: TempDir,
    pub(super) files: SnapshotFiles,
    known: Option<SnapshotTaken>,
}

impl Snapshots {
    fn new(keyring: &Keyring) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let files = SnapshotFiles::new(dir.path(), keyring.id);
        Self { _dir: dir, files, known: None }
    }
}

/// What an acknowledged publish was told: its index and its leaf.
type Told = (u64, [u8; 32]);

pub(super) struct World {
    keyring: Keyring,
    clock: Arc<SetClock>,
    pub(super) journal: Memory,
    pub(super) writer: Writer,
    pub(super) trace: Arc<Trace>,
    pub(super) audit: Audit,
    pub(super) streams: Vec<Stream>,
    /// Everything that was ever handed in for publication.
    pub(super) requests: Vec<Request>,
    /// The publishes that were acknowledged.
    pub(super) told: BTreeMap<(AgencyId, AlertId), Told>,
    pub(super) tickets: Vec<Ticket>,
    /// Withdrawals that were acknowledged.
    pub(super) withdrawn: Vec<(AgreementId, u64)>,
    /// Subscriptions whose deletion was acknowledged.
    pub(super) deleted: Vec<u64>,
    /// Numbers that came out of some stream, by subscription.
    pub(super) came: BTreeMap<(u64, u64), bool>,
    pub(super) unique: u64,
    pub(super) fault: Option<Fault>,
    pub(super) snapshots: Snapshots,
    /// Until when nothing is written, because there was no space.
    pub(super) full_until: Timestamp,
    /// The furthest that the writer's time has come.
    pub(super) latest: Timestamp,
    /// The process dies between the next erasure's record and the end of its keys.
    pub(super) dies_erasing: bool,
    /// Where the writer says which records may be erased.
    erasable: Option<oneshot::Receiver<Result<Option<Erasable>, Rejection>>>,
}

/// What a turn showed, from outside.
pub(super) struct Turn {
    pub(super) size_before: u64,
    pub(super) answers: Vec<Waiting>,
    pub(super) seen: Vec<Seen>,
    pub(super) expects_unavailable: bool,
}

impl World {
    pub(super) fn new(keyring: &Keyring) -> Self {
        let keyring = keyring.copy();
        let journal = Memory::new();
        let start = Timestamp::parse("2026-06-01T09:00:00Z").unwrap();
        let clock = Arc::new(SetClock(AtomicU64::new(start.ms()), AtomicU64::new(0)));
        let (writer, _) = start_writer(&journal, &keyring, &clock, None);
        let snapshots = Snapshots::new(&keyring);
        Self {
            trace: Trace::new(journal.clone()),
            audit: Audit::new(&writer.secrets),
            keyring,
            clock,
            journal,
            writer,
            streams: Vec::new(),
            requests: Vec::new(),
            told: BTreeMap::new(),
            tickets: Vec::new(),
            withdrawn: Vec::new(),
            deleted: Vec::new(),
            came: BTreeMap::new(),
            unique: 0,
            fault: None,
            snapshots,
            full_until: Timestamp::EPOCH,
            latest: start,
            dies_erasing: false,
            erasable: None,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn set_clock(&self, to: Timestamp) {
        self.clock.0.store(to.ms(), Ordering::Relaxed);
    }

    pub(super) fn wait_for(
        &mut self,
        ticket: Ticket,
        answered: oneshot::Receiver<Result<u64, Rejection>>,
    ) {
        self.trace.wait_for((self.tickets.len(), answered));
        self.tickets.push(ticket);
    }

    /// The process dies between two turns and a new one starts.
    pub(super) fn restart(&mut self, quick: bool) {
        for stream in &mut self.streams {
            // Its connection is gone with the process, and nobody can speak on it any more.
            stream.open = false;
            stream.cut = true;
            stream.key = None;
        }
        let files = quick.then_some(&self.snapshots.files);
        let (writer, known) = start_writer(&self.journal, &self.keyring, &self.clock, files);
        self.writer = writer;
        self.snapshots.known = known;
        if known.is_some() {
            self.audit.count("quick start");
        }
        self.latest = self.audit.at.max(self.now());
        self.full_until = Timestamp::EPOCH;
    }

    /// Takes a snapshot of what is committed, as the thread beside the writer does; the turn records it.
    fn snapshot(&mut self) -> (Command, Waiting) {
        let Writer { journal, secrets, tree, .. } = &self.writer;
        let Snapshots { files, known, .. } = &mut self.snapshots;
        let replay = Replay::until((journal, secrets, tree), journal.head().size).unwrap();
        let taken = snapshot::take(replay, known.as_ref(), files, &Pace::FULL).unwrap();
        let kept: Vec<u64> = known.iter().chain([&taken]).map(|it| it.size).collect();
        files.keep(&kept).unwrap();
        *known = Some(taken);
        (Command::RecordSnapshot(taken), Waiting::Nobody)
    }

    /// Has everything that is closed by now count as old.
    fn erase_records(&mut self, dies: bool) -> (Command, Waiting) {
        let past = (self.journal.closed().last().map_or(0, |range| range.end), self.audit.at);
        self.journal.close();
        let (answer, erasable) = oneshot::channel();
        self.erasable = Some(erasable).filter(|_| !dies);
        (Command::Retention(RetentionCommand::EraseRecords { past, answer }), Waiting::Nobody)
    }

    /// Erases records after the turn that recorded it, as the sweep does beside the writer.
    fn condense(&mut self) {
        let Some(Ok(Ok(Some(erasable)))) = self.erasable.take().map(|mut it| it.try_recv()) else {
            return;
        };
        let condensed = records::condense((&self.writer.journal, &self.writer.secrets), &erasable);
        // What is left of it is done by the next, and by then the state may have been read anew.
        let Ok(condensed) = condensed else { return self.audit.count("erased in part") };
        for _ in 0..condensed.records {
            self.audit.count("record erased");
        }
    }

    /// Does an operation and takes a turn.
    pub(super) fn step(&mut self, op: &Op) -> Turn {
        let mut commands = Vec::new();
        self.condense();
        match op {
            Op::AdvanceClock { ms } => {
                self.clock.1.fetch_add(*ms, Ordering::Relaxed);
                self.set_clock(Timestamp::from_ms(self.now().ms() + ms));
            }
            Op::DieErasing => self.dies_erasing = true,
            Op::JumpClock { ms } => self.set_clock(Timestamp::from_ms(self.now().ms() + ms)),
            Op::Batch(asks) => {
                for ask in asks {
                    commands.extend(self.command(ask));
                }
            }
            Op::EraseRecords { dies, stops_after } => {
                self.journal.condense_at_most(*stops_after);
                commands.push(self.erase_records(*dies));
            }
            Op::FaultOnNextCommit(fault) => self.fault = Some(*fault),
            Op::One(ask) => commands.extend(self.command(ask)),
            Op::Restart { quick } => self.restart(*quick),
            Op::SetBackClock { ms } => self.set_clock(Timestamp::from_ms(self.now().ms() - ms)),
            Op::Snapshot => commands.push(self.snapshot()),
        }
        self.turn(commands)
    }

    pub(super) fn turn(&mut self, asked: Vec<(Command, Waiting)>) -> Turn {
        let (commands, answers): (Vec<Command>, Vec<Waiting>) = asked.into_iter().unzip();
        if let Some(fault) = self.fault {
            self.journal.on_next_commit(fault);
        }
        let size_before = self.journal.head().size;
        let behind = self.now().after(Duration::from_secs(5)) < self.latest;
        let rests = behind || self.now() < self.full_until;
        if !rests {
            self.latest = self.latest.max(self.now());
            // The disk was asked, and a clock that is set back takes nothing of that back.
            self.full_until = Timestamp::EPOCH;
        }
        self.writer.turn(commands.into_iter().map(Into::into).collect()).unwrap();
        // It may have struck without anybody to be told so.
        if self.fault == Some(Fault::Full) && !self.journal.awaits_fault() {
            self.full_until = self.latest.after(Duration::from_secs(1));
        }
        let seen = self.trace.take();
        Turn { size_before, answers, seen, expects_unavailable: rests }
    }
}

fn start_writer(
    journal: &Memory,
    keyring: &Keyring,
    clock: &Arc<SetClock>,
    files: Option<&SnapshotFiles>,
) -> (Writer, Option<SnapshotTaken>) {
    let domain: TrustDomain = "example.org".parse().unwrap();
    let shared: Arc<dyn Journal> = Arc::new(journal.clone());
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let secrets = keyring.secrets();
    let sizes = files.map(|it| it.sizes().unwrap()).unwrap_or_default();
    let quick = sizes.into_iter().find_map(|size| {
        let snapshot = files?.read(size).unwrap();
        let parts = Parts::from_bytes(snapshot.content.clone()).unwrap();
        let read = (&snapshot, &parts);
        match ReadLog::resume(Arc::clone(&shared), &secrets, read, clock.now()) {
            Ok(log) => Some(log),
            // The turn that was to record it was lost, or has not come.
            Err(Untrusted::Content | Untrusted::Erased(_) | Untrusted::Unrecorded) => None,
            Err(Untrusted::Ledger(error)) => panic!("{error}"),
        }
    });
    let log = quick.unwrap_or_else(|| ReadLog::whole(shared, &secrets, clock.now()).unwrap());
    let (known, origin) = (log.known, replay::origin(log.journal.as_ref()).unwrap());
    let mut writer = open::writer(log, secrets, &domain, clock).unwrap();
    if origin.is_none() {
        writer.first.push(open::started(&writer, ORIGIN).unwrap());
    }
    finish_erasures(&writer.secrets.keys, &writer.state, &SlotSet::default()).unwrap();
    writer.first.extend(time_watch::at_start(&writer.state, writer.now));
    writer.first.push(Event::BrokerStarted { version: "0".to_owned(), rules: [0; 32] });
    (writer, known)
}
