//! The engine of one directory of segments: creates, opens and locks it, and gives turns.
//!
//! Who writes is settled here; how, in `write`, and what readers see, in `read`.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    ops::Range,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use super::{
    bearings::Bearings,
    condense::remove_leftovers,
    error::OpenError,
    marks::{BatchPlace, Marks},
    read::Committed,
    scan::{self, Extent, Scan, TailCut},
    segment_path,
    tail::Tail,
    write::{AppendError, Writer, create_first},
};
use crate::journal::{
    contract::{Batch, CommitError, Condense, Failure, Frame, Head, Journal, JournalError, Turn},
    files,
    id::JournalId,
};

const SEGMENT_BYTES_MIN: u64 = 1 << 20;
const SEGMENT_BYTES_MAX: u64 = 1 << 30;
const LOCK: &str = "lock";

/// How a journal is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The journal's name, as its keys and its anchor know it.
    pub journal_id: JournalId,
    /// The size of a segment: 1 MiB to 1 GiB. A larger batch gets a segment of its own.
    pub segment_bytes: u64,
}

impl Settings {
    /// The usual size of a segment: 64 MiB.
    pub const SEGMENT_BYTES: u64 = 64 << 20;
}

/// What opening a journal has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recovery {
    /// The torn end that was cut off, if there was one.
    pub cut: Option<TailCut>,
    /// How many bytes were read and checked.
    pub bytes: u64,
}

/// The engine that keeps a journal in segment files.
#[derive(Debug)]
pub struct Segments {
    pub(super) writer: Mutex<Writer>,
    pub(super) committed: RwLock<Committed>,
    pub(super) dir: PathBuf,
    pub(super) journal: JournalId,
    /// Keeps other processes out for as long as it is open.
    _lock: Lock,
}

impl Segments {
    /// Makes an empty journal in `dir`, which is made too if need be.
    ///
    /// # Errors
    ///
    /// [`OpenError::AlreadyExists`] when there is one; other variants name what stands in the way.
    pub fn create(dir: &Path, settings: &Settings) -> Result<Self, OpenError> {
        check(settings)?;
        files::create_dir(dir).map_err(OpenError::io(dir))?;
        let lock = lock(dir)?;
        let firsts = scan::segments(dir)?;
        let is_unfinished = match Self::journal_id_of(dir) {
            Err(OpenError::Missing { .. }) => firsts.iter().all(|&first| first == 0),
            Err(error) => return Err(error),
            Ok(_) => false,
        };
        if !is_unfinished {
            return Err(OpenError::AlreadyExists { path: dir.into() });
        }
        if !firsts.is_empty() {
            // The making of the first segment was cut off: the scan removes it, or says what stands in it.
            Scan::run(dir, settings.journal_id, 0)?;
        }
        Self::begin(dir, settings, lock)
    }

    /// Opens the journal in `dir`: reads and checks all of it, and cuts off a torn end.
    ///
    /// The first `anchored` entries are known to have been durable; they must be there and sound.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] and [`OpenError::OlderThanAnchor`] when acknowledged entries are
    /// missing or changed; other variants name what stands in the way. Nothing is written then.
    pub fn open(
        dir: &Path,
        settings: &Settings,
        anchored: u64,
    ) -> Result<(Self, Recovery), OpenError> {
        check(settings)?;
        if !dir.try_exists().map_err(OpenError::io(dir))? {
            return Err(OpenError::Missing { path: dir.into() });
        }
        let lock = lock(dir)?;
        let scan = Scan::run(dir, settings.journal_id, anchored)?;
        Self::of_scan(scan, dir, settings, lock)
    }

    /// Opens the journal in `dir` as [`open`](Self::open) does, but reads only what follows entry `size`,
    /// where its [`bearings`](Journal::bearings) said how it stood; none where it does not stand so, and
    /// all of it has to be read. Damage before that entry is found when it is read.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub fn open_at(
        dir: &Path,
        settings: &Settings,
        anchored: u64,
        (size, bearings): (u64, &[u8]),
    ) -> Result<Option<(Self, Recovery)>, OpenError> {
        check(settings)?;
        let Some(bearings) = Bearings::from_bytes(bearings) else { return Ok(None) };
        let lock = lock(dir)?;
        let journal = (dir, settings.journal_id);
        let scan = Scan::resume(journal, anchored, (size, bearings))?;
        scan.map(|scan| Self::of_scan(scan, dir, settings, lock)).transpose()
    }

    fn of_scan(
        scan: Scan<'_>,
        dir: &Path,
        settings: &Settings,
        lock: Lock,
    ) -> Result<(Self, Recovery), OpenError> {
        let recovery = Recovery { cut: scan.cut, bytes: scan.bytes };
        remove_leftovers(dir).map_err(OpenError::io(dir))?;
        let journal = match Self::found(dir, settings, scan, lock) {
            Ok(journal) => journal,
            // The making of the very first segment was cut off.
            Err(lock) => Self::begin(dir, settings, lock)?,
        };
        Ok((journal, recovery))
    }

    /// Opens the journal in `dir` as it stands, to be read: reads and checks all of it, and writes nothing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Damaged`] where its end is torn too: only an opening that may write mends that.
    pub fn open_as_is(dir: &Path, settings: &Settings) -> Result<Self, OpenError> {
        check(settings)?;
        let lock = lock(dir)?;
        let scan = Scan::look(dir, settings.journal_id)?;
        Self::found(dir, settings, scan, lock).map_err(|_| OpenError::Missing { path: dir.into() })
    }

    /// Makes a journal of what a scan has found; hands the lock back where that is no segment.
    fn found(dir: &Path, settings: &Settings, scan: Scan<'_>, lock: Lock) -> Result<Self, Lock> {
        let Some(last) = scan.last else { return Err(lock) };
        let committed = Committed {
            head: scan.head,
            marks: scan.marks,
            segments: scan.segments,
            last: Arc::clone(&last.file.file),
            condensed: 0,
            failure: None,
        };
        let writer = Writer::new(settings, dir, last);
        Ok(Self::of(dir, writer, committed, lock))
    }

    /// Returns the id of the journal in `dir`, as its first segment says, without opening it.
    ///
    /// # Errors
    ///
    /// [`OpenError::Missing`] when there is none, or none whose first segment is whole.
    pub fn journal_id_of(dir: &Path) -> Result<JournalId, OpenError> {
        let path = segment_path(dir, 0);
        let missing = || OpenError::Missing { path: dir.into() };
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            opened => opened.map_err(OpenError::io(&path))?,
        };
        let size = file.metadata().map_err(OpenError::io(&path))?.len();
        let header = Tail::new(&file, size).segment_header().map_err(OpenError::io(&path))?;
        header.map(|header| header.journal).ok_or_else(missing)
    }

    fn begin(dir: &Path, settings: &Settings, lock: Lock) -> Result<Self, OpenError> {
        let first = create_first(dir, settings).map_err(OpenError::io(dir))?;
        let committed = Committed {
            head: Head::default(),
            marks: Marks::default(),
            segments: vec![Extent { first_index: first.first_index, used: first.used }],
            last: Arc::clone(&first.file.file),
            condensed: 0,
            failure: None,
        };
        Ok(Self::of(dir, Writer::new(settings, dir, first), committed, lock))
    }

    fn of(dir: &Path, writer: Writer, committed: Committed, lock: Lock) -> Self {
        Self {
            dir: dir.into(),
            journal: writer.journal,
            committed: RwLock::new(committed),
            writer: Mutex::new(writer),
            _lock: lock,
        }
    }
}

impl Journal for Segments {
    fn turn(&self, seen: u64) -> Result<Box<dyn Turn + '_>, JournalError> {
        // A panic while writing leaves the end of the file in an unknown state.
        let writer = self.writer.lock().map_err(|_| {
            JournalError::Fatal(Failure::new("a writer stopped", &io::Error::other("panic")))
        })?;
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &committed.failure {
            return Err(JournalError::Fatal(failure.clone()));
        }
        let head = committed.head.clone();
        if seen > head.size {
            return Err(JournalError::Ahead { seen, size: head.size });
        }
        Ok(Box::new(SegmentsTurn { journal: self, writer, seen, head }))
    }

    fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Frame>, JournalError> {
        self.read_frames(range, bytes_max)
    }

    fn head(&self) -> Head {
        self.committed.read().unwrap_or_else(PoisonError::into_inner).head.clone()
    }

    fn has_room(&self, bytes: u64) -> bool {
        files::has_room(&self.dir, bytes)
    }

    fn checkpoint_covering(&self, index: u64) -> Result<Head, JournalError> {
        self.read_checkpoint(index)
    }

    fn bearings(&self, size: u64) -> Result<Vec<u8>, JournalError> {
        self.read_bearings(size).map(|bearings| bearings.to_bytes())
    }

    fn closed(&self) -> Vec<Range<u64>> {
        self.closed_segments()
    }

    fn close(&self) {
        // Of a journal that has failed nothing is to be closed any more.
        if let Ok(mut writer) = self.writer.lock() {
            writer.closes = true;
        }
    }

    fn condense(&self, first: u64, condense: &mut Condense<'_>) -> Result<(), JournalError> {
        self.condense_segment(first, condense)
    }
}

struct SegmentsTurn<'a> {
    journal: &'a Segments,
    writer: MutexGuard<'a, Writer>,
    seen: u64,
    head: Head,
}

impl Turn for SegmentsTurn<'_> {
    fn news(&self) -> Range<u64> {
        self.seen..self.head.size
    }

    fn head(&self) -> Head {
        self.head.clone()
    }

    fn commit(mut self: Box<Self>, batch: Batch) -> Result<Head, CommitError> {
        let first_index = self.head.size;
        let appended = self.writer.append(&batch, first_index);
        let mut committed = self.journal.committed.write().unwrap_or_else(PoisonError::into_inner);
        let appended = match appended {
            Ok(appended) => appended,
            Err(AppendError::Refused(error)) => return Err(error),
            Err(AppendError::Failed(error, failure)) => {
                committed.failure = Some(failure);
                return Err(error);
            }
        };
        if appended.opened {
            committed.segments.push(Extent { first_index, used: 0 });
            committed.last = Arc::clone(&self.writer.file.file);
        }
        if let Some(last) = committed.segments.last_mut() {
            last.used = self.writer.used;
        }
        let segment = committed.segments.len().saturating_sub(1);
        let place = BatchPlace { segment, offset: appended.offset };
        committed.marks.pass_batch(place, &batch, first_index);
        committed.head =
            Head { size: first_index + batch.frames.len() as u64, checkpoint: batch.checkpoint };
        Ok(committed.head.clone())
    }
}

fn check(settings: &Settings) -> Result<(), OpenError> {
    let is_within = (SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&settings.segment_bytes);
    if is_within { Ok(()) } else { Err(OpenError::SegmentBytes) }
}

/// A directory's lock. It belongs to the open file and not to this handle: a child that is being spawned
/// holds a copy until it has become another program, so that letting go has to be said.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file would do as well, only later.
        drop(self.0.unlock());
    }
}

fn lock(dir: &Path) -> Result<Lock, OpenError> {
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(&path).map_err(OpenError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A copy of the lock stays behind, as in a child between fork and exec.
    #[test]
    #[expect(clippy::used_underscore_binding, reason = "to copy what is otherwise only held")]
    fn a_closed_journal_can_be_opened_though_a_copy_of_its_lock_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let settings =
            Settings { journal_id: JournalId::from_bytes([1; 16]), segment_bytes: 1 << 20 };
        let journal = Segments::create(dir.path(), &settings).unwrap();
        let copy = journal._lock.0.try_clone().unwrap();
        drop(journal);
        Segments::open(dir.path(), &settings, 0).unwrap();
        drop(copy);
    }
}
