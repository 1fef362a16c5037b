//! Puts a backup back into empty directories. While it does, a mark stands there that no start goes past; erased keys
//! are left out before anything is written; and the keys' id, without which they are no keys, comes last.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};

use super::{error::BackupError, manifest::BackupFile, store::BackupDir};
use crate::journal::{files, id::JournalId, keys, slot_set::SlotSet};

/// Stands in the journal's directory while a restore is under way.
const MARK: &str = "restoring";
const COPY_BYTES: usize = 1 << 20;

/// The directories that a backup is put back into.
#[derive(Debug)]
pub struct Target {
    journal_dir: PathBuf,
    keys_dir: PathBuf,
    /// What is there already, and stays.
    master_key: PathBuf,
}

impl Target {
    /// Marks the directories as those of a restore. They are made if need be.
    ///
    /// # Errors
    ///
    /// [`BackupError::TargetOccupied`] where there is anything in them, but for the master key.
    pub fn begin(
        journal_dir: &Path,
        keys_dir: &Path,
        master_key: &Path,
    ) -> Result<Self, BackupError> {
        for dir in [journal_dir, keys_dir] {
            files::create_dir(dir).map_err(BackupError::io(dir))?;
            for entry in fs::read_dir(dir).map_err(BackupError::io(dir))? {
                let path = entry.map_err(BackupError::io(dir))?.path();
                if path != master_key {
                    return Err(BackupError::TargetOccupied { path });
                }
            }
        }
        let mark = journal_dir.join(MARK);
        files::create(&mark, b"").map_err(BackupError::io(mark))?;
        Ok(Self {
            journal_dir: journal_dir.into(),
            keys_dir: keys_dir.into(),
            master_key: master_key.into(),
        })
    }

    /// Tells whether a restore into this journal's directory was begun and not finished.
    pub fn is_unfinished(journal_dir: &Path) -> bool {
        // What cannot be looked at is no reason to go on.
        journal_dir.join(MARK).try_exists().unwrap_or(true)
    }

    /// Puts the segments back.
    ///
    /// # Errors
    ///
    /// [`BackupError`] names the file: of the backup where it is not what its manifest names, of the target where it
    /// cannot be written.
    pub fn put_segments(&self, from: &BackupDir) -> Result<(), BackupError> {
        for file in from.known().iter().flat_map(|it| &it.files) {
            let to = self.journal_dir.join(&file.name);
            copy_checked(&from.path_of(file), file, &to)?;
        }
        files::sync_dir(&self.journal_dir).map_err(BackupError::io(&self.journal_dir))
    }

    /// Puts the keys back, but for those of the slots that were erased since.
    ///
    /// # Errors
    ///
    /// As [`put_segments`](Self::put_segments).
    pub fn put_keys(&self, from: &BackupDir, erased: &SlotSet) -> Result<(), BackupError> {
        let slots = self.keys_dir.join(keys::SLOTS);
        files::create_dir(&slots).map_err(BackupError::io(&slots))?;
        for file in from.known().iter().flat_map(|it| &it.files) {
            let path = from.path_of(file);
            let mut content = fs::read(&path).map_err(BackupError::io(&path))?;
            if ring::digest::digest(&SHA256, &content).as_ref() != file.digest {
                return Err(BackupError::Damaged { path, what: OTHER });
            }
            let chunk = file.name.strip_prefix(keys::SLOTS).map(|it| it.trim_matches(['/', '.']));
            if let Some(chunk) = chunk.and_then(|it| it.strip_suffix(".keys")?.parse::<u64>().ok())
            {
                // P5: an erased key never gets to the disk again.
                let places = content.chunks_exact_mut(keys::SLOT_BYTES);
                for (slot, place) in (chunk * keys::SLOTS_IN_CHUNK..).zip(places) {
                    if erased.contains(slot) {
                        place.fill(0);
                    }
                }
            }
            let to = self.keys_dir.join(&file.name);
            files::replace(&to, &content).map_err(BackupError::io(to))?;
        }
        Ok(())
    }

    /// Writes the keys' id: with it they are the journal's.
    ///
    /// # Errors
    ///
    /// [`BackupError`] where it cannot be written.
    pub fn put_id(&self, journal: JournalId) -> Result<(), BackupError> {
        let id = self.keys_dir.join(keys::ID);
        files::replace(&id, format!("{journal}\n").as_bytes()).map_err(BackupError::io(id))
    }

    /// Takes the mark away: from here on a broker may start.
    ///
    /// # Errors
    ///
    /// [`BackupError`] where it cannot be removed: the restore was not finished then.
    pub fn finish(self) -> Result<(), BackupError> {
        let mark = self.journal_dir.join(MARK);
        fs::remove_file(&mark)
            .and_then(|()| files::sync_dir(&self.journal_dir))
            .map_err(BackupError::io(mark))
    }

    /// Takes back what was put there, so that it can be tried again: there was nothing else. Where that fails the mark
    /// stays.
    pub fn abandon(self) {
        let mark = self.journal_dir.join(MARK);
        let cleared =
            clear(&self.journal_dir, &|path| *path == mark, &|path| fs::remove_file(path))
                .and_then(|()| {
                    clear(&self.keys_dir, &|path| *path == self.master_key, &|path| {
                        files::destroy(path)
                    })
                });
        if cleared.is_ok() {
            drop(fs::remove_file(mark));
        }
    }
}

const OTHER: &str = "it is not the file that its manifest names";

/// Removes everything in a directory but what is kept.
fn clear(
    dir: &Path,
    is_kept: &dyn Fn(&PathBuf) -> bool,
    remove: &dyn Fn(&Path) -> io::Result<()>,
) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if is_kept(&path) {
            continue;
        }
        if path.is_dir() {
            clear(&path, is_kept, remove)?;
            fs::remove_dir(path)?;
        } else {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Copies a file, and holds what was copied against its digest.
fn copy_checked(from: &Path, file: &BackupFile, to: &Path) -> Result<(), BackupError> {
    let mut source = File::open(from).map_err(BackupError::io(from))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut target = options.open(to).map_err(BackupError::io(to))?;
    let (mut context, mut buffer, mut bytes) = (Context::new(&SHA256), vec![0; COPY_BYTES], 0);
    loop {
        let read = source.read(&mut buffer).map_err(BackupError::io(from))?;
        if read == 0 {
            break;
        }
        let step = buffer.get(..read).unwrap_or_default();
        context.update(step);
        target.write_all(step).map_err(BackupError::io(to))?;
        bytes += read as u64;
    }
    target.sync_all().map_err(BackupError::io(to))?;
    if bytes == file.bytes && context.finish().as_ref() == file.digest {
        Ok(())
    } else {
        Err(BackupError::Damaged { path: from.into(), what: OTHER })
    }
}
