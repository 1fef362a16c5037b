//! The directory of a backup. Files have their digest in their names and are never changed, so that the manifest that
//! is there stays true until the next one has replaced it, at one stroke; only then what it no longer names goes.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};

use super::{
    error::BackupError,
    manifest::{BackupFile, BackupKind, BackupManifest},
};
use crate::journal::{
    contract::Batch,
    files,
    id::JournalId,
    segments::{self, Walked},
};

const MANIFEST: &str = "manifest";
pub(super) const FILES: &str = "files";
const LOCK: &str = "lock";
/// No manifest is larger; some five hundred thousand files.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// How much is read at a time.
const READ_BYTES: usize = 1 << 20;

/// A directory that holds a backup, or is to.
#[derive(Debug)]
pub struct BackupDir {
    pub(super) dir: PathBuf,
    pub(super) kind: BackupKind,
    /// What is there already.
    pub(super) known: Option<BackupManifest>,
    /// Keeps other backups out of it while it is open to be written.
    _lock: Option<File>,
}

impl BackupDir {
    /// Opens a directory to back `journal` up to; it is made if need be.
    ///
    /// # Errors
    ///
    /// [`BackupError::OfAnotherJournal`], [`BackupError::OfOtherKind`] and [`BackupError::Occupied`] where it holds
    /// something else than an earlier backup of the same.
    pub fn open(dir: &Path, kind: BackupKind, journal: JournalId) -> Result<Self, BackupError> {
        files::create_dir(dir).map_err(BackupError::io(dir))?;
        check_names(dir)?;
        let known = match read_manifest(dir, kind) {
            Err(BackupError::Missing { .. }) => None,
            read => Some(read?),
        };
        if known.as_ref().is_some_and(|known| known.journal != journal) {
            return Err(BackupError::OfAnotherJournal { path: dir.join(MANIFEST) });
        }
        let lock = lock(dir)?;
        let inner = dir.join(FILES);
        files::create_dir(&inner).map_err(BackupError::io(inner))?;
        Ok(Self { dir: dir.into(), kind, known, _lock: Some(lock) })
    }

    /// Opens a backup to be read. Nothing in it is checked yet but its manifest.
    ///
    /// # Errors
    ///
    /// [`BackupError::Missing`] where there is none, [`BackupError::Damaged`] where its manifest is not as it was.
    pub fn read(dir: &Path, kind: BackupKind) -> Result<(Self, BackupManifest), BackupError> {
        let manifest = read_manifest(dir, kind)?;
        let known = Some(manifest.clone());
        Ok((Self { dir: dir.into(), kind, known, _lock: None }, manifest))
    }

    /// Holds every file that the manifest names against its digest.
    ///
    /// # Errors
    ///
    /// [`BackupError`] names the first that is missing or changed.
    pub fn check_files(&self) -> Result<(), BackupError> {
        for file in self.known.iter().flat_map(|known| &known.files) {
            let path = self.path_of(file);
            let (bytes, digest) = digest_of(&path).map_err(BackupError::io(&path))?;
            if (bytes, digest) != (file.bytes, file.digest) {
                return Err(BackupError::Damaged {
                    path,
                    what: "it is not the file that its manifest names",
                });
            }
        }
        Ok(())
    }

    /// Reads every batch of a journal's backup, in order.
    ///
    /// # Errors
    ///
    /// [`BackupError`] names the file in which something does not match.
    pub fn read_batches(&self, show: &mut dyn FnMut(Batch)) -> Result<(), BackupError> {
        let mut size = 0;
        let Some(known) = &self.known else { return Ok(()) };
        for file in &known.files {
            let path = self.path_of(file);
            let damaged = |what| BackupError::Damaged { path: path.clone(), what };
            if file.name != segments::segment_name(size) {
                return Err(damaged("the segment before it is missing or incomplete"));
            }
            let walked = segments::walk(&path, (known.journal, size), show)?;
            let Walked { head, used, flaw, .. } = walked;
            if flaw.is_some() || used != file.bytes {
                return Err(damaged(flaw.unwrap_or("it ends where no batch does")));
            }
            size = head.size;
        }
        if size == known.size {
            Ok(())
        } else {
            let path = self.dir.join(MANIFEST);
            Err(BackupError::Damaged { path, what: "its segments hold another number of entries" })
        }
    }

    /// Returns the manifest that is there.
    pub fn known(&self) -> Option<&BackupManifest> {
        self.known.as_ref()
    }

    /// Puts another manifest in place, durably: from here on it is the backup. What it does not name is removed.
    ///
    /// # Errors
    ///
    /// [`BackupError`]: where the manifest was not written the one before stays good.
    pub fn finish(&mut self, manifest: BackupManifest) -> Result<(), BackupError> {
        let path = self.dir.join(MANIFEST);
        files::replace(&path, manifest.encode().as_bytes()).map_err(BackupError::io(path))?;
        self.known = Some(manifest);
        self.sweep()
    }

    /// Removes what the manifest does not name: what was replaced, and what a run that failed has left. P5: of a key
    /// its bytes go first.
    ///
    /// # Errors
    ///
    /// [`BackupError`] where a file cannot be removed.
    pub fn sweep(&self) -> Result<(), BackupError> {
        let inner = self.dir.join(FILES);
        let named: Vec<PathBuf> =
            self.known.iter().flat_map(|it| &it.files).map(|it| self.path_of(it)).collect();
        for entry in fs::read_dir(&inner).map_err(BackupError::io(&inner))? {
            let path = entry.map_err(BackupError::io(&inner))?.path();
            if named.contains(&path) {
                continue;
            }
            let removed = match self.kind {
                BackupKind::Journal => fs::remove_file(&path),
                BackupKind::Keys => files::destroy(&path),
            };
            removed.map_err(BackupError::io(path))?;
        }
        Ok(())
    }

    pub(super) fn path_of(&self, file: &BackupFile) -> PathBuf {
        self.dir.join(file.path())
    }

    /// Returns the file of that name that is there already, where it still is what it was.
    pub(super) fn holds(&self, name: &str, of: (u64, [u8; 32])) -> Option<BackupFile> {
        let file = self.known.as_ref()?.files.iter().find(|it| it.name == name)?;
        let is_same = (file.bytes, file.digest) == of;
        let stands = || digest_of(&self.path_of(file)).ok() == Some(of);
        (is_same && stands()).then(|| file.clone())
    }

    /// Gives a file that was written and synced the name of its content.
    pub(super) fn name(&self, from: &Path, name: &str) -> Result<BackupFile, BackupError> {
        let (bytes, digest) = digest_of(from).map_err(BackupError::io(from))?;
        let file = BackupFile { name: name.to_owned(), bytes, digest };
        let path = self.path_of(&file);
        let named = fs::rename(from, &path).and_then(|()| files::sync_dir(&self.dir.join(FILES)));
        named.map_err(BackupError::io(path))?;
        Ok(file)
    }

    /// Writes a small file.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<BackupFile, BackupError> {
        let next = self.temporary();
        files::replace(&next, content).map_err(BackupError::io(&next))?;
        self.name(&next, name)
    }

    /// Returns where a file stands before it has its name.
    pub(super) fn temporary(&self) -> PathBuf {
        self.dir.join(FILES).join("next")
    }
}

/// Returns length and SHA-256 of a file.
pub(super) fn digest_of(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::open(path)?;
    let (mut context, mut buffer, mut bytes) = (Context::new(&SHA256), vec![0; READ_BYTES], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(buffer.get(..read).unwrap_or_default());
        bytes += read as u64;
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    Ok((bytes, digest))
}

/// Nothing but a backup may be there: what is not named by a manifest is removed.
fn check_names(dir: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(dir).map_err(BackupError::io(dir))? {
        let entry = entry.map_err(BackupError::io(dir))?;
        let name = entry.file_name();
        let is_ours = ["manifest.tmp", MANIFEST, FILES, LOCK].iter().any(|it| name == **it);
        if !is_ours {
            return Err(BackupError::Occupied { path: entry.path() });
        }
    }
    Ok(())
}

fn read_manifest(dir: &Path, kind: BackupKind) -> Result<BackupManifest, BackupError> {
    let path = dir.join(MANIFEST);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BackupError::Missing { path });
        }
        opened => opened.map_err(BackupError::io(&path))?,
    };
    let mut bytes = Vec::new();
    file.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes).map_err(BackupError::io(&path))?;
    let damaged = |what| BackupError::Damaged { path: path.clone(), what };
    let text = str::from_utf8(&bytes).map_err(|_| damaged("it is not text"))?;
    let manifest = BackupManifest::decode(text).map_err(damaged)?;
    if manifest.kind == kind {
        Ok(manifest)
    } else {
        let (is, due) = (manifest.kind.text(), kind.text());
        Err(BackupError::OfOtherKind { path, is, due })
    }
}

fn lock(dir: &Path) -> Result<File, BackupError> {
    let path = dir.join(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(&path).map_err(BackupError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BackupError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(BackupError::Io { path, source }),
    }
}
