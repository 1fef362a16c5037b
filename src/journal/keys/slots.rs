//! Slots of random keys, each of which can be destroyed alone.
//!
//! A chunk of 1,024 slots is filled and synced before any of its keys is handed out, so that a
//! commit which uses one stays a single sync. Keys are never kept in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use zeroize::Zeroizing;

use super::{
    error::KeyError,
    master::{MasterKey, WRAPPING_BYTES, Wrap},
};
use crate::journal::{files, id::JournalId, slot_set::SlotSet};

const LABEL: &str = "portway/v1/journal/keys/slots";
pub(in crate::journal) const DIR: &str = "slots";
pub(in crate::journal) const SLOTS_IN_CHUNK: u64 = 1024;
/// Nonce 12, ciphertext 32, tag 16, CRC-32 4.
pub(in crate::journal) const SLOT_BYTES: usize = 64;
const SEALED_BYTES: usize = WRAPPING_BYTES + 32;
pub(in crate::journal) const CHUNK_BYTES: u64 = SLOTS_IN_CHUNK * SLOT_BYTES as u64;
/// How many chunks stay open.
const OPEN_CHUNKS: usize = 8;

/// The key of one slot; wiped from memory when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct SlotKey(Zeroizing<[u8; 32]>);

impl SlotKey {
    /// Returns the bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SlotKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SlotKey")
    }
}

/// The slots of a keys directory.
pub(super) struct Slots {
    dir: PathBuf,
    journal: JournalId,
    wrap: Wrap,
    /// How many chunks are whole and durable.
    chunks: AtomicU64,
    /// Held while chunks are made.
    growth: Mutex<()>,
    /// The chunks used last, open, the newest in front: who writes, who delivers and who indexes are each at
    /// a place of their own, and go on from there in order.
    open: Mutex<VecDeque<(u64, Arc<File>)>>,
}

impl Slots {
    pub(super) fn create(
        dir: &Path,
        journal: JournalId,
        master: &MasterKey,
    ) -> Result<Self, KeyError> {
        let slots = dir.join(DIR);
        files::create_dir(&slots).map_err(KeyError::io(slots))?;
        Self::open(dir, journal, master)
    }

    pub(super) fn open(
        dir: &Path,
        journal: JournalId,
        master: &MasterKey,
    ) -> Result<Self, KeyError> {
        let dir = dir.join(DIR);
        let chunks = count_chunks(&dir)?;
        Ok(Self {
            wrap: master.derive(journal, LABEL)?,
            journal,
            dir,
            chunks: AtomicU64::new(chunks),
            growth: Mutex::new(()),
            open: Mutex::new(VecDeque::with_capacity(OPEN_CHUNKS)),
        })
    }

    pub(super) fn reserved(&self) -> u64 {
        self.chunks.load(Ordering::Acquire) * SLOTS_IN_CHUNK
    }

    pub(super) fn reserve(&self, upto: u64) -> Result<(), KeyError> {
        let _growth = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in self.chunks.load(Ordering::Acquire)..upto.div_ceil(SLOTS_IN_CHUNK) {
            let path = chunk_path(&self.dir, chunk);
            let content = self.fill(chunk)?;
            files::replace(&path, &content).map_err(KeyError::io(path))?;
            self.chunks.store(chunk + 1, Ordering::Release);
        }
        Ok(())
    }

    /// Draws and wraps the keys of a chunk.
    fn fill(&self, chunk: u64) -> Result<Vec<u8>, KeyError> {
        let mut content = Vec::new();
        let mut key = Zeroizing::new([0; 32]);
        for slot in chunk * SLOTS_IN_CHUNK..(chunk + 1) * SLOTS_IN_CHUNK {
            self.wrap.draw(&mut *key)?;
            let sealed = self.wrap.seal(&self.place(slot), &*key)?;
            content.extend_from_slice(&sealed);
            content.extend_from_slice(&crc32fast::hash(&sealed).to_le_bytes());
        }
        Ok(content)
    }

    pub(super) fn key(&self, slot: u64) -> Result<SlotKey, KeyError> {
        let (chunk, offset) = self.locate(slot)?;
        let path = || chunk_path(&self.dir, chunk);
        let mut bytes = [0; SLOT_BYTES];
        self.chunk(chunk)
            .and_then(|file| file.read_exact_at(&mut bytes, offset))
            .map_err(|error| KeyError::io(path())(error))?;
        if bytes == [0; SLOT_BYTES] {
            return Err(KeyError::Erased { slot });
        }
        let damaged = || KeyError::Damaged { path: path() };
        let (sealed, checksum) = bytes.split_at_checked(SEALED_BYTES).ok_or_else(damaged)?;
        if crc32fast::hash(sealed).to_le_bytes() != checksum {
            return Err(damaged());
        }
        let key = self.wrap.open(&self.place(slot), sealed);
        let key = key.ok_or_else(|| KeyError::Unopened { path: path() })?;
        let key = key.as_slice().try_into().map_err(|_| damaged())?;
        Ok(SlotKey(Zeroizing::new(key)))
    }

    pub(super) fn erase(&self, slots: &[u64]) -> Result<(), KeyError> {
        let mut offsets = BTreeMap::<u64, Vec<u64>>::new();
        for &slot in slots {
            let (chunk, offset) = self.locate(slot)?;
            offsets.entry(chunk).or_default().push(offset);
        }
        for (chunk, offsets) in offsets {
            let path = chunk_path(&self.dir, chunk);
            let file = OpenOptions::new().write(true).open(&path).map_err(KeyError::io(&path))?;
            // P5: overwritten in place, so that the wrapped key is gone from the file itself.
            for offset in offsets {
                file.write_all_at(&[0; SLOT_BYTES], offset).map_err(KeyError::io(&path))?;
            }
            file.sync_all().map_err(KeyError::io(&path))?;
        }
        Ok(())
    }

    /// Destroys what keys are left of these slots: a backup that was restored may have brought them back.
    pub(super) fn erase_again(&self, slots: &SlotSet) -> Result<u64, KeyError> {
        let (mut left, mut known) = (Vec::new(), (u64::MAX, Vec::new()));
        for slot in slots.slots() {
            let (chunk, offset) = self.locate(slot)?;
            if known.0 != chunk {
                let path = chunk_path(&self.dir, chunk);
                known = (chunk, fs::read(&path).map_err(KeyError::io(path))?);
            }
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let bytes = known.1.get(start..start.saturating_add(SLOT_BYTES));
            if bytes != Some(&[0; SLOT_BYTES]) {
                left.push(slot);
            }
        }
        self.erase(&left)?;
        Ok(left.len() as u64)
    }

    /// Returns a slot's chunk and its offset there.
    fn locate(&self, slot: u64) -> Result<(u64, u64), KeyError> {
        let reserved = self.reserved();
        if slot >= reserved {
            return Err(KeyError::NotReserved { slot, reserved });
        }
        Ok((slot / SLOTS_IN_CHUNK, slot % SLOTS_IN_CHUNK * SLOT_BYTES as u64))
    }

    fn chunk(&self, chunk: u64) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let known = open.iter().position(|(number, _)| *number == chunk);
        let file = match known.and_then(|place| open.remove(place)) {
            Some((_, file)) => file,
            None => Arc::new(File::open(chunk_path(&self.dir, chunk))?),
        };
        open.truncate(OPEN_CHUNKS - 1);
        open.push_front((chunk, Arc::clone(&file)));
        Ok(file)
    }

    /// What the wrapping is bound to: a key moved to another slot or journal does not open.
    fn place(&self, slot: u64) -> Vec<u8> {
        [self.journal.as_bytes().as_slice(), &slot.to_le_bytes()].concat()
    }
}

/// Tells whether every slot of a chunk is as it was written, or erased.
pub(in crate::journal) fn is_sound(chunk: &[u8]) -> bool {
    chunk.len() as u64 == CHUNK_BYTES
        && chunk.chunks_exact(SLOT_BYTES).all(|slot| {
            let (sealed, checksum) = slot.split_at(SEALED_BYTES);
            slot == [0; SLOT_BYTES] || crc32fast::hash(sealed).to_le_bytes() == checksum
        })
}

/// Counts the chunks, which must be whole and without gaps.
pub(in crate::journal) fn count_chunks(dir: &Path) -> Result<u64, KeyError> {
    let mut chunks = Vec::new();
    for entry in fs::read_dir(dir).map_err(KeyError::io(dir))? {
        let entry = entry.map_err(KeyError::io(dir))?;
        let name = entry.file_name();
        let chunk = name.to_str().and_then(|name| name.strip_suffix(".keys")?.parse::<u64>().ok());
        let Some(chunk) = chunk else {
            continue;
        };
        if entry.metadata().map_err(KeyError::io(entry.path()))?.len() != CHUNK_BYTES {
            return Err(KeyError::Damaged { path: entry.path() });
        }
        chunks.push(chunk);
    }
    chunks.sort_unstable();
    for (expected, &chunk) in (0..).zip(&chunks) {
        if chunk != expected {
            return Err(KeyError::Missing { path: chunk_path(dir, expected) });
        }
    }
    Ok(chunks.len() as u64)
}

fn chunk_path(dir: &Path, chunk: u64) -> PathBuf {
    dir.join(chunk_name(chunk))
}

pub(in crate::journal) fn chunk_name(chunk: u64) -> String {
    format!("{chunk:08}.keys")
}
