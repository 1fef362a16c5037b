//! A start: keys, anchor and journal are made together or found together, checked against each other,
//! and the state is read. Whatever does not fit stops the start and says what to look at.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use tokio::sync::watch;

use super::{
    Ledger, LedgerError, Running,
    contents::Contents,
    handle::Shared,
    keeper::Keeper,
    outlets::Outlets,
    queue,
    rate::Rate,
    reading::{Place, ReadLog, finish_erasures},
    replay, rotation,
    salts::Salts,
    secrets::Secrets,
    snapshot::{self, Maker},
    thread::{self, Aside},
    time_watch::{self, TimeWatch},
    writer::Writer,
};
use crate::domain::{Clock, Timestamp, TrustDomain};
use crate::exchange::Limiter;
use crate::journal::{
    self, Anchor, AnchorError, AnchorFile, JournalId, KeyError, Keys, MasterKey, OpenError,
    Segments, SnapshotFiles, Target,
};
use crate::policy::Rules;
use crate::record::{Event, SnapshotTaken};

/// Where a log is kept, and what it is called.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Directory of the journal's segments.
    pub journal_dir: PathBuf,
    /// Size of a segment in bytes, 1 MiB to 1 GiB.
    pub segment_bytes: u64,
    /// Directory of the keys.
    pub keys_dir: PathBuf,
    /// File of the master key.
    pub master_key: PathBuf,
    /// Directory of the anchor.
    pub anchor_dir: PathBuf,
    /// Origin of the log, `<trust domain>/portway/<log name>`.
    pub origin: String,
    /// The rules that decide.
    pub rules: Arc<Rules>,
    /// The trust domain.
    pub domain: TrustDomain,
    /// Commands that may wait in each lane, 1 to 65536; one that is larger than 1 KiB counts for each KiB.
    pub queue: usize,
    /// Commands that one batch may carry, 1 to 4096, counted likewise.
    pub batch: usize,
    /// How fast each agency may publish.
    pub publish_rate: Rate,
    /// Goes on without an anchor, once: the operator says that its disk was lost.
    pub accept_lost_anchor: bool,
    /// Directory of the snapshots; whatever is missing there only makes a start slower.
    pub snapshots_dir: PathBuf,
    /// How many entries may follow a snapshot before the next is due, 16 to 1,000,000,000.
    pub snapshot_records: u64,
    /// Reads the whole journal, though there may be a snapshot to go on from.
    pub check_full: bool,
}

/// A ledger that has started.
#[derive(Debug)]
pub struct Start {
    /// To write to and read from.
    pub ledger: Ledger,
    /// The writer's thread.
    pub running: Running,
    /// How many entries were read.
    pub read: u64,
    /// How many entries the snapshot stood for that was gone on from, where there was one.
    pub snapshot: Option<u64>,
}

/// Opens the log, or makes it where there is nothing at all yet, and starts the writer.
///
/// # Errors
///
/// [`LedgerError`] says what does not fit; nothing is changed then, except that a torn tail beyond
/// the anchor may have been cut.
pub fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Start, LedgerError> {
    if fork_mark(settings).exists() {
        return Err(LedgerError::Forked(fork_mark(settings).display().to_string()));
    }
    if Target::is_unfinished(&settings.journal_dir) {
        return Err(LedgerError::Restoring(settings.journal_dir.display().to_string()));
    }
    let found = find(settings)?;
    let anchor = found.anchor.read()?;
    let files = SnapshotFiles::new(&settings.snapshots_dir, found.id);
    let log = read(settings, &found, (&anchor, &files), clock.now())?;
    let (read, snapshot) = (log.replayed.read, log.known.map(|known| known.size));
    tracing::info!(size = log.replayed.commit.size, read, snapshot, "the log was read");
    let mut first = Vec::new();
    if let Some(cut) = log.cut {
        tracing::error!(size = cut.size, bytes = cut.bytes, "a torn tail of the journal was cut");
        first.push(Event::TailCut { size: cut.size, bytes: cut.bytes });
    }
    let fresh = fresh_snapshot(settings, &log, &files);
    let known = fresh.or(log.known);
    first.extend(fresh.map(Event::SnapshotTaken));
    let origin = replay::origin(log.journal.as_ref())?;
    let mut writer = writer(log, found.secrets, &settings.domain, clock)?;
    writer.state.decide_by(Arc::clone(&settings.rules));
    check_anchor(&writer, &anchor)?;
    let erased = finish_erasures(&writer.secrets.keys, &writer.state, &anchor.erased)?;
    // Nobody makes a key yet, and the anchor outlives what a crash may take from the journal.
    writer.secrets.signing.tidy(&writer.secrets.keys, anchor.size)?;
    match origin {
        Some(stored) if stored != settings.origin => {
            return Err(LedgerError::OtherOrigin { stored, configured: settings.origin.clone() });
        }
        Some(_) => {}
        None => first.insert(0, started(&writer, &settings.origin)?),
    }
    first.push(Event::BrokerStarted {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules: settings.rules.hash(),
    });
    first.extend(time_watch::at_start(&writer.state, writer.now));
    writer.first = first;
    // The start's own records come first, before anybody can ask for anything: even a new log has a
    // signed checkpoint to show then.
    writer.turn(Vec::new())?;
    rotation::publish(
        &settings.keys_dir,
        &writer.secrets,
        (writer.journal.as_ref(), &writer.tree),
    )?;
    let (commands, queue) = queue::queue(settings.queue);
    let shared = Shared::of(&writer, (fork_mark(settings), files.clone()));
    let keeper = Keeper::start((found.anchor, erased), &writer, &settings.keys_dir)?;
    let maker = Maker::start(&writer, files, settings.snapshot_records, known)?;
    let running = thread::start(writer, queue, settings.batch, Aside { keeper, maker })?;
    let ledger = Ledger::new(commands, settings.publish_rate, shared);
    Ok(Start { ledger, running, read, snapshot })
}

fn read(
    settings: &Settings,
    found: &Found,
    (anchor, files): (&Anchor, &SnapshotFiles),
    now: Timestamp,
) -> Result<ReadLog, LedgerError> {
    let place = Place {
        dir: &settings.journal_dir,
        settings: journal::Settings { journal_id: found.id, segment_bytes: settings.segment_bytes },
        anchor,
        secrets: &found.secrets,
        now,
    };
    if found.is_new { place.create() } else { place.read((!settings.check_full).then_some(files)) }
}

/// What had to be read in full need not be by the next start.
fn fresh_snapshot(
    settings: &Settings,
    log: &ReadLog,
    files: &SnapshotFiles,
) -> Option<SnapshotTaken> {
    if log.replayed.read < settings.snapshot_records {
        return None;
    }
    let taken = snapshot::write(&log.replayed.state, (log.journal.as_ref(), &log.tree), files);
    taken.inspect_err(|error| tracing::error!(%error, "a snapshot could not be taken")).ok()
}

/// The checkpoint that a client showed and this log lacks.
pub(super) fn fork_mark(settings: &Settings) -> PathBuf {
    settings.anchor_dir.join("forked")
}

/// What stands on the disks, or was just made.
struct Found {
    id: JournalId,
    secrets: Secrets,
    anchor: AnchorFile,
    is_new: bool,
}

fn find(settings: &Settings) -> Result<Found, LedgerError> {
    match Segments::journal_id_of(&settings.journal_dir) {
        Ok(id) => find_existing(settings, id),
        Err(OpenError::Missing { .. }) => make(settings),
        Err(error) => Err(error.into()),
    }
}

/// Opens the secrets of the journal `id`.
pub(super) fn secrets_of(settings: &Settings, id: JournalId) -> Result<Secrets, LedgerError> {
    let keys_lost = || LedgerError::KeysLost(settings.keys_dir.display().to_string());
    let master = match MasterKey::load(&settings.master_key) {
        Err(KeyError::Missing { .. }) => return Err(keys_lost()),
        loaded => loaded?,
    };
    match Secrets::open(&settings.keys_dir, id, &master, &settings.origin) {
        Err(LedgerError::Key(KeyError::Missing { .. })) => Err(keys_lost()),
        opened => opened,
    }
}

fn find_existing(settings: &Settings, id: JournalId) -> Result<Found, LedgerError> {
    let secrets = secrets_of(settings, id)?;
    let anchor = match AnchorFile::open(&settings.anchor_dir, id) {
        Err(AnchorError::Missing { .. }) if settings.accept_lost_anchor => {
            tracing::error!("going on without the anchor, as the operator said");
            AnchorFile::create(&settings.anchor_dir, id)?
        }
        Err(AnchorError::Missing { .. }) => {
            return Err(LedgerError::AnchorLost(settings.anchor_dir.display().to_string()));
        }
        opened => opened?,
    };
    Ok(Found { id, secrets, anchor, is_new: false })
}

/// Makes a new log: keys, then the anchor, then (by the caller) the journal. A crash on the way is
/// told by keys that were never used; keys that were used mean that a journal is gone.
fn make(settings: &Settings) -> Result<Found, LedgerError> {
    let master = if settings.master_key.exists() {
        MasterKey::load(&settings.master_key)?
    } else {
        if let Some(dir) = settings.master_key.parent() {
            create_private_dir(dir)?;
        }
        MasterKey::create(&settings.master_key)?
    };
    let (id, secrets) = match Keys::journal_id_of(&settings.keys_dir) {
        Err(KeyError::Missing { .. }) => {
            let id = JournalId::random().map_err(|_| KeyError::Random)?;
            let keys = Keys::create(&settings.keys_dir, id, &master)?;
            (id, Secrets::create(keys, &settings.origin)?)
        }
        Err(error) => return Err(error.into()),
        Ok(id) => {
            let keys = Keys::open(&settings.keys_dir, id, &master)?;
            if keys.reserved() > 0 {
                let path = settings.journal_dir.clone();
                return Err(OpenError::Missing { path }.into());
            }
            (id, Secrets::create(keys, &settings.origin)?)
        }
    };
    let anchor = match AnchorFile::open(&settings.anchor_dir, id) {
        Err(AnchorError::Missing { .. }) => AnchorFile::create(&settings.anchor_dir, id)?,
        opened => opened?,
    };
    match anchor.read()?.size {
        0 => Ok(Found { id, secrets, anchor, is_new: true }),
        size => Err(LedgerError::RolledBack(size)),
    }
}

pub(super) fn writer(
    log: ReadLog,
    secrets: Secrets,
    domain: &TrustDomain,
    clock: Arc<dyn Clock>,
) -> Result<Writer, LedgerError> {
    let ReadLog { journal, tree, replayed, .. } = log;
    let now = clock.now();
    secrets.signing.follow(&secrets.keys, replayed.chain)?;
    let bars = watch::Sender::new(Arc::new(replayed.state.bars().clone()));
    let watch = TimeWatch::of(clock.as_ref());
    let owed = watch::Sender::new(replayed.state.owed().map(|(which, _)| which).collect());
    Ok(Writer {
        journal,
        clock,
        secrets: Arc::new(secrets),
        salts: Salts::default(),
        domain: domain.clone(),
        tree,
        state: replayed.state,
        frontier: replayed.frontier,
        contents: Contents::default(),
        outlets: Outlets::default(),
        streams: 0,
        served: 0,
        now,
        work: super::batch::Work::default(),
        acknowledged: std::collections::BTreeMap::new(),
        commits: watch::Sender::new(replayed.commit),
        bars,
        owed,
        forked: Arc::new(Mutex::new(false)),
        full: None,
        counted: Limiter::default(),
        free: 0,
        watch,
        destructions: Vec::new(),
        erasures: Arc::new(watch::Sender::new(0)),
        first: Vec::new(),
    })
}

/// The first record of a log.
pub(super) fn started(writer: &Writer, origin: &str) -> Result<Event, LedgerError> {
    let vkey = writer.secrets.signing.signer()?.vkey();
    Ok(Event::LogStarted { origin: origin.to_owned(), vkey })
}

/// The journal has to extend what the anchor knows, under our own signature.
fn check_anchor(writer: &Writer, anchor: &Anchor) -> Result<(), LedgerError> {
    if anchor.size == 0 {
        return Ok(());
    }
    let chain = writer.secrets.signing.chain()?;
    let known = chain
        .open(&anchor.checkpoint)
        .map_err(|_| LedgerError::AnchorMismatch("its checkpoint is not signed by this log"))?;
    let root = writer
        .tree
        .root(anchor.size)
        .map_err(|_| LedgerError::AnchorMismatch("the journal is smaller"))?;
    if known.size == anchor.size && known.root == root {
        Ok(())
    } else {
        Err(LedgerError::AnchorMismatch("the entries are others"))
    }
}

pub(super) fn create_private_dir(dir: &Path) -> Result<(), LedgerError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| LedgerError::Io { path: dir.display().to_string(), source })
}
