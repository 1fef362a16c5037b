//! Copies a keys directory, wrapped as it is: sealed secrets and slots, never the master key. A key that is being made,
//! handed over or erased meanwhile is seen by its name or its checksum, and copied again.

use std::{fs, io, path::Path, thread, time::Duration};

use super::{copy::Copied, error::BackupError, manifest::BackupFile, store::BackupDir};
use crate::journal::{
    id::JournalId,
    keys::{self, KeyError, Keys, MasterKey},
};

/// How often a file is read anew that is just being overwritten, and the pause before.
const TRIES: u32 = 20;
const RETRY: Duration = Duration::from_millis(20);

impl BackupDir {
    /// Copies the wrapped keys in `from`. Called after the journal was copied: keys are made ahead of need, so that
    /// those of all entries that were copied are there.
    ///
    /// # Errors
    ///
    /// [`BackupError`]: what there was before is still good.
    pub fn copy_keys(&self, from: &Path, journal: JournalId) -> Result<Copied, BackupError> {
        if Keys::journal_id_of(from)? != journal {
            return Err(KeyError::OfAnotherJournal { path: from.into() }.into());
        }
        let mut copied = Copied::default();
        for name in Self::sealed_names(from)? {
            let path = from.join(&name);
            let content = match fs::read(&path) {
                // Destroyed meanwhile: whoever compares the names before and after starts again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                read => read.map_err(BackupError::io(&path))?,
            };
            self.keep(&name, &content, &mut copied)?;
        }
        let slots = from.join(keys::SLOTS);
        for chunk in 0..keys::count_chunks(&slots)? {
            let path = slots.join(keys::chunk_name(chunk));
            let content = read_chunk(&path)?;
            let name = format!("{}/{}", keys::SLOTS, keys::chunk_name(chunk));
            self.keep(&name, &content, &mut copied)?;
        }
        Ok(copied)
    }

    /// Lists the secrets of a keys directory by the names of their files, in order.
    ///
    /// # Errors
    ///
    /// [`BackupError`] where it cannot be read.
    pub fn sealed_names(from: &Path) -> Result<Vec<String>, BackupError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(from).map_err(BackupError::io(from))? {
            let name = entry.map_err(BackupError::io(from))?.file_name();
            let name = name.to_str().filter(|name| name.ends_with(keys::SUFFIX));
            names.extend(name.map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Tells how many slots a backup of keys holds.
    pub fn slots(&self) -> u64 {
        let files = self.known().iter().flat_map(|it| &it.files).collect::<Vec<_>>();
        let chunks = files.iter().filter(|it| it.name.starts_with(keys::SLOTS)).count();
        chunks as u64 * keys::SLOTS_IN_CHUNK
    }

    /// Holds the secrets of a backup of keys against the master key: every one has to be sealed under it.
    ///
    /// # Errors
    ///
    /// [`KeyError::WrongMaster`], or [`BackupError::Damaged`] with the file.
    pub fn check_master(&self, master: &MasterKey) -> Result<(), BackupError> {
        let Some(known) = self.known() else { return Ok(()) };
        for file in &known.files {
            let Some(name) = file.name.strip_suffix(keys::SUFFIX) else { continue };
            let path = self.path_of(file);
            let content = fs::read(&path).map_err(BackupError::io(&path))?;
            if keys::is_sealed_under(master, known.journal, (name, &content))? {
                continue;
            }
            if name == keys::CHECK {
                return Err(KeyError::WrongMaster.into());
            }
            let what = "it was not sealed under this master key";
            return Err(BackupError::Damaged { path, what });
        }
        Ok(())
    }

    fn keep(&self, name: &str, content: &[u8], copied: &mut Copied) -> Result<(), BackupError> {
        let digest = ring::digest::digest(&ring::digest::SHA256, content);
        let digest: [u8; 32] = digest.as_ref().try_into().unwrap_or_default();
        let known: Option<BackupFile> = self.holds(name, (content.len() as u64, digest));
        if let Some(file) = known {
            copied.files.push(file);
        } else {
            copied.files.push(self.write(name, content)?);
            copied.bytes += content.len() as u64;
        }
        Ok(())
    }
}

fn read_chunk(path: &Path) -> Result<Vec<u8>, BackupError> {
    for _ in 0..TRIES {
        let content = fs::read(path).map_err(BackupError::io(path))?;
        if keys::is_sound(&content) {
            return Ok(content);
        }
        thread::park_timeout(RETRY);
    }
    Err(KeyError::Damaged { path: path.into() }.into())
}
