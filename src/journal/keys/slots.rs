//! Slots of random keys, each of which can be destroyed alone.
//!
//! A chunk of 1,024 slots is filled and synced before any of its keys is handed out, so that a
//! commit which uses one stays a single sync. No key is kept in memory but wrapped, and that no longer than in the file.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use zeroize::Zeroizing;

use super::{
    error::KeyError,
    master::{MasterKey, NONCE_BYTES, WRAPPING_BYTES, Wrap},
};
use crate::journal::{files, id::JournalId, slot_set::SlotSet};

const LABEL: &str = "portway/v1/journal/keys/slots";
pub(in crate::journal) const DIR: &str = "slots";
pub(in crate::journal) const SLOTS_IN_CHUNK: u64 = COUNT as u64;
const COUNT: usize = 1024;
/// Nonce 12, ciphertext 32, tag 16, CRC-32 4.
pub(in crate::journal) const SLOT_BYTES: usize = 64;
const SEALED_BYTES: usize = WRAPPING_BYTES + 32;
/// A journal's id and a slot's number.
const PLACE_BYTES: usize = 16 + 8;
pub(in crate::journal) const CHUNK_BYTES: u64 = SLOTS_IN_CHUNK * SLOT_BYTES as u64;
/// How many chunks are kept as they were read.
const KEPT_CHUNKS: usize = 8;

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
    kept: Mutex<Kept>,
}

/// A chunk as it stands in its file; wiped from memory when nobody needs it any more.
type Chunk = Arc<Zeroizing<Vec<u8>>>;

/// The chunks used last.
#[derive(Default)]
struct Kept {
    /// The newest in front: who writes, who delivers and who indexes are each at a place of their own, and go on
    /// from there in order.
    chunks: VecDeque<(u64, Chunk)>,
    /// Counts erasures: what was read before one is not kept after it.
    erasures: u64,
}

impl Kept {
    fn find(&mut self, number: u64) -> Option<Chunk> {
        let place = self.chunks.iter().position(|(it, _)| *it == number)?;
        let (_, chunk) = self.chunks.remove(place)?;
        Some(self.keep(number, chunk))
    }

    fn keep(&mut self, number: u64, chunk: Chunk) -> Chunk {
        self.chunks.truncate(KEPT_CHUNKS - 1);
        self.chunks.push_front((number, Arc::clone(&chunk)));
        chunk
    }

    fn forget(&mut self, number: u64) {
        self.erasures += 1;
        self.chunks.retain(|(it, _)| *it != number);
    }
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
            kept: Mutex::default(),
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
        // At once: a call of the system for each would cost more than the wrapping.
        let mut keys = Zeroizing::new(vec![[0; 32]; COUNT]);
        let mut nonces = vec![[0; NONCE_BYTES]; COUNT];
        self.wrap.draw(keys.as_flattened_mut())?;
        self.wrap.draw(nonces.as_flattened_mut())?;
        let mut content = Vec::with_capacity(COUNT * SLOT_BYTES);
        for ((slot, key), nonce) in (chunk * SLOTS_IN_CHUNK..).zip(keys.iter()).zip(nonces) {
            let sealed = self.wrap.seal_under(nonce, &self.place(slot), key)?;
            content.extend_from_slice(&sealed);
            content.extend_from_slice(&crc32fast::hash(&sealed).to_le_bytes());
        }
        Ok(content)
    }

    pub(super) fn key(&self, slot: u64) -> Result<SlotKey, KeyError> {
        let (number, offset) = self.locate(slot)?;
        let path = || chunk_path(&self.dir, number);
        let chunk = self.chunk(number).map_err(|error| KeyError::io(path())(error))?;
        let damaged = || KeyError::Damaged { path: path() };
        let start = usize::try_from(offset).map_err(|_| damaged())?;
        let bytes = chunk.get(start..start + SLOT_BYTES).ok_or_else(damaged)?;
        if bytes == [0; SLOT_BYTES] {
            return Err(KeyError::Erased { slot });
        }
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
            let erased = overwrite(&path, &offsets);
            // P5: whatever became of it, nothing is answered from memory that the file may lack.
            self.kept().forget(chunk);
            erased.map_err(KeyError::io(path))?;
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

    /// Returns a chunk as it stood in its file after the last erasure that had ended when this was asked.
    fn chunk(&self, number: u64) -> io::Result<Chunk> {
        let erasures = {
            let mut kept = self.kept();
            if let Some(chunk) = kept.find(number) {
                return Ok(chunk);
            }
            kept.erasures
        };
        let chunk = Arc::new(Zeroizing::new(fs::read(chunk_path(&self.dir, number))?));
        let mut kept = self.kept();
        // P5: one that was read while something was erased may hold it still.
        Ok(if kept.erasures == erasures { kept.keep(number, chunk) } else { chunk })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the wrapping is bound to: a key moved to another slot or journal does not open.
    fn place(&self, slot: u64) -> [u8; PLACE_BYTES] {
        let mut place = [0; PLACE_BYTES];
        let (journal, number) = place.split_at_mut(PLACE_BYTES - 8);
        journal.copy_from_slice(self.journal.as_bytes());
        number.copy_from_slice(&slot.to_le_bytes());
        place
    }
}

/// P5: overwritten in place, so that the wrapped keys are gone from the file itself.
fn overwrite(path: &Path, offsets: &[u64]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    for offset in offsets {
        file.write_all_at(&[0; SLOT_BYTES], *offset)?;
    }
    file.sync_all()
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
