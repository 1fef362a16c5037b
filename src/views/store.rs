//! The engine: sled 0.34, kept at arm's length. Never relied on to outlive a crash, only on its checksums to
//! tell that something did not. Whatever it returns or panics with is damage, to be rebuilt.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::error::Damage;

/// How much memory sled may cache pages in.
const CACHE_BYTES: u64 = 8 << 20;
/// How often sled writes its buffers out in the background; its garbage is only collected there.
const FLUSH_EVERY_MS: u64 = 500;

/// An open index on disk. The last handle that is dropped writes out what is buffered.
#[derive(Clone)]
pub(super) struct Store(sled::Db);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// A key and its value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// What is written in one step.
#[derive(Debug, Default)]
pub(super) struct Batch(sled::Batch);

impl Batch {
    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.0.insert(key, value);
    }
}

impl Store {
    /// Opens the index in `dir`, or makes it where there is none.
    pub(super) fn open(dir: &Path) -> Result<Self, Damage> {
        drop_unfinished_snapshots(dir)?;
        guarded(|| {
            sled::Config::new()
                .path(dir)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(Some(FLUSH_EVERY_MS))
                .open()
        })
        .map(Self)
    }

    pub(super) fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Damage> {
        guarded(|| self.0.get(key)).map(|value| value.map(|it| it.to_vec()))
    }

    /// Returns all rows whose keys begin with a prefix, in order.
    pub(super) fn with_prefix(&self, prefix: &[u8]) -> Result<Vec<Row>, Damage> {
        guarded(|| {
            let rows = self.0.scan_prefix(prefix);
            rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
        })
    }

    /// Writes all of a batch or nothing of it.
    pub(super) fn write(&self, batch: Batch) -> Result<(), Damage> {
        guarded(|| self.0.apply_batch(batch.0))
    }

    /// Writes out what is buffered.
    pub(super) fn flush(&self) -> Result<(), Damage> {
        guarded(|| self.0.flush()).map(|_| ())
    }

    /// Returns how many bytes its files take.
    pub(super) fn bytes(&self) -> Result<u64, Damage> {
        guarded(|| self.0.size_on_disk())
    }
}

/// A kill while sled writes a snapshot leaves `snap.<lsn>.generating`; its next opening takes that for the
/// newest snapshot, finds a bad checksum and refuses to open.
fn drop_unfinished_snapshots(dir: &Path) -> Result<(), Damage> {
    let failed = |error: std::io::Error| Damage::Engine(error.to_string());
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

/// sled asserts what it believes of its files: damaged ones make it panic as well as fail.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, Damage> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| Damage::Engine(error.to_string())),
        Err(_) => Err(Damage::Panicked),
    }
}
