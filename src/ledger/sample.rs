//! A log for tests of the rooms above: any events, linked and sealed as the writer would, in a journal in memory
//! that counts what is read of it.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use ring::rand::SecureRandom;

use super::{LinkPlace, Reader, secrets::Secrets};
use crate::domain::{AgencyId, Timestamp};
use crate::journal::{
    Batch, Condense, Frame, Head, Journal, JournalError, JournalId, Keys, MasterKey, Memory, Turn,
};
use crate::record::{self, Event, Record, commitment};

/// A log that grows by whatever it is told.
pub(crate) struct Log {
    dir: Arc<tempfile::TempDir>,
    journal: Counted,
    secrets: Arc<Secrets>,
    links: BTreeMap<AgencyId, LinkPlace>,
    size: u64,
    slots: u64,
}

impl Log {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let id = JournalId::from_bytes([3; 16]);
        let master = MasterKey::create(&dir.path().join(MasterKey::FILE)).unwrap();
        let keys = Keys::create(dir.path(), id, &master).unwrap();
        keys.reserve(1).unwrap();
        let secrets = Secrets::create(keys, "example.org/portway/sample").unwrap();
        Self {
            dir: dir.into(),
            journal: Counted::default(),
            secrets: secrets.into(),
            links: BTreeMap::new(),
            size: 0,
            slots: 0,
        }
    }

    /// Returns a copy of its first entries, as an older backup would be, that can grow otherwise.
    pub(crate) fn older(&self, size: u64) -> Self {
        let mut copy = Self {
            dir: Arc::clone(&self.dir),
            journal: Counted::default(),
            secrets: Arc::clone(&self.secrets),
            links: BTreeMap::new(),
            size: 0,
            slots: self.slots,
        };
        for index in 0..size {
            let frame = self.journal.read(index..index + 1, 1).unwrap().remove(0);
            copy.linked(&record::decode(&frame.record).unwrap().event);
            copy.commit(frame);
        }
        copy
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::new(Arc::new(self.journal.clone()), Arc::clone(&self.secrets))
    }

    /// Returns how many entries were read since this was asked the last time.
    pub(crate) fn read_since(&self) -> usize {
        self.journal.read.swap(0, Ordering::Relaxed)
    }

    /// Returns a slot that no event has yet.
    pub(crate) fn slot(&mut self) -> u64 {
        self.slots += 1;
        self.slots - 1
    }

    /// Destroys the key of a slot.
    pub(crate) fn erase(&self, slot: u64) {
        self.secrets.keys.erase(&[slot]).unwrap();
    }

    /// Adds an event, with its body if it has one, and returns its index.
    pub(crate) fn push(&mut self, at: Timestamp, event: Event, body: &[u8]) -> u64 {
        let index = self.size;
        let links = event.agencies().into_iter().map(|agency| self.link(agency, index));
        let links = links.collect::<Vec<_>>();
        self.linked(&event);
        let body = event.slot().map_or_else(Bytes::new, |slot| self.seal(slot, body));
        let bytes = record::encode(&Record { at, links, event });
        let mut salt = [0; 32];
        self.secrets.random.fill(&mut salt).unwrap();
        let leaf = commitment::record(&salt, &bytes);
        self.commit(Frame { leaf, salt, record: bytes, body });
        index
    }

    fn commit(&mut self, frame: Frame) {
        let batch = Batch { frames: vec![frame], checkpoint: format!("{}\n", self.size) };
        self.journal.turn(self.size).unwrap().commit(batch).unwrap();
        self.size += 1;
    }

    fn linked(&mut self, event: &Event) {
        for agency in event.agencies() {
            let place = self.links.entry(agency.clone()).or_default();
            *place = LinkPlace { number: place.number + 1, previous: self.size + 1 };
        }
    }

    fn link(&self, agency: &AgencyId, index: u64) -> [u8; 32] {
        let place = self.links.get(agency).copied().unwrap_or_default();
        let nonce = self.secrets.link_nonce(agency.as_str(), index);
        commitment::link(&nonce, agency.as_str(), place.number + 1, place.previous)
    }

    fn seal(&self, slot: u64, body: &[u8]) -> Bytes {
        self.secrets.keys.reserve(slot + 1).unwrap();
        let key = self.secrets.keys.slot(slot).unwrap();
        let mut random = [0; 32];
        self.secrets.random.fill(&mut random).unwrap();
        Secrets::seal(key.as_bytes(), slot, body, &random).unwrap().into()
    }
}

/// A journal that counts the entries that are read.
#[derive(Clone, Debug, Default)]
struct Counted {
    journal: Memory,
    read: Arc<AtomicUsize>,
}

impl Journal for Counted {
    fn turn(&self, seen: u64) -> Result<Box<dyn Turn + '_>, JournalError> {
        self.journal.turn(seen)
    }

    fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Frame>, JournalError> {
        let frames = self.journal.read(range, bytes_max)?;
        self.read.fetch_add(frames.len(), Ordering::Relaxed);
        Ok(frames)
    }

    fn head(&self) -> Head {
        self.journal.head()
    }

    fn has_room(&self, bytes: u64) -> bool {
        self.journal.has_room(bytes)
    }

    fn checkpoint_covering(&self, index: u64) -> Result<Head, JournalError> {
        self.journal.checkpoint_covering(index)
    }

    fn bearings(&self, size: u64) -> Result<Vec<u8>, JournalError> {
        self.journal.bearings(size)
    }

    fn closed(&self) -> Vec<Range<u64>> {
        self.journal.closed()
    }

    fn close(&self) {
        self.journal.close();
    }

    fn condense(&self, first: u64, condense: &mut Condense<'_>) -> Result<(), JournalError> {
        self.journal.condense(first, condense)
    }
}
