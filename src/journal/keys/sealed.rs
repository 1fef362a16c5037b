//! Single secrets, each in a file of its own, bound to the journal and to their names.

use std::{
    fs,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    error::KeyError,
    master::{MasterKey, WRAPPING_BYTES, Wrap},
};
use crate::journal::{files, id::JournalId};

const LABEL: &str = "portway/v1/journal/keys/sealed";
const MAGIC: &[u8] = b"PWSECR01";
const NAME_BYTES_MAX: usize = 64;
pub(in crate::journal) const SUFFIX: &str = ".sealed";

/// The single secrets of a keys directory.
pub(super) struct Sealed {
    dir: PathBuf,
    journal: JournalId,
    wrap: Wrap,
}

impl Sealed {
    pub(super) fn new(
        dir: &Path,
        journal: JournalId,
        master: &MasterKey,
    ) -> Result<Self, KeyError> {
        Ok(Self { dir: dir.into(), journal, wrap: master.derive(journal, LABEL)? })
    }

    pub(super) fn seal(&self, name: &str, secret: &[u8]) -> Result<(), KeyError> {
        let path = self.path(name)?;
        let mut content = MAGIC.to_vec();
        content.extend(self.wrap.seal(&self.place(name), secret)?);
        files::replace(&path, &content).map_err(KeyError::io(path))
    }

    pub(super) fn open(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let path = self.path(name)?;
        let content = fs::read(&path).map_err(KeyError::io(&path))?;
        match content.strip_prefix(MAGIC) {
            Some(sealed) if sealed.len() >= WRAPPING_BYTES => {
                let secret = self.wrap.open(&self.place(name), sealed);
                secret.ok_or(KeyError::Unopened { path })
            }
            Some(_) | None => Err(KeyError::Damaged { path }),
        }
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), KeyError> {
        let path = self.path(name)?;
        files::destroy(&path).map_err(KeyError::io(path))
    }

    /// Destroys what a crash has left of secrets whose names begin so: they never got a name.
    pub(super) fn clear_unfinished(&self, prefix: &str) -> Result<(), KeyError> {
        let suffix = format!("{SUFFIX}{}", files::TEMPORARY);
        for entry in fs::read_dir(&self.dir).map_err(KeyError::io(&self.dir))? {
            let entry = entry.map_err(KeyError::io(&self.dir))?;
            let name = entry.file_name();
            let is_left =
                name.to_str().is_some_and(|it| it.starts_with(prefix) && it.ends_with(&suffix));
            if is_left {
                files::destroy(&entry.path()).map_err(KeyError::io(entry.path()))?;
            }
        }
        Ok(())
    }

    pub(super) fn names(&self) -> Result<Vec<String>, KeyError> {
        let entries = fs::read_dir(&self.dir).map_err(KeyError::io(&self.dir))?;
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(KeyError::io(&self.dir))?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            names.extend(name.map(str::to_owned));
        }
        Ok(names)
    }

    fn path(&self, name: &str) -> Result<PathBuf, KeyError> {
        let is_plain = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if is_plain && (1..=NAME_BYTES_MAX).contains(&name.len()) {
            Ok(self.dir.join(format!("{name}{SUFFIX}")))
        } else {
            Err(KeyError::InvalidName)
        }
    }

    /// What the wrapping is bound to: a secret moved to another name or journal does not open.
    fn place(&self, name: &str) -> Vec<u8> {
        [self.journal.as_bytes(), name.as_bytes()].concat()
    }
}

/// Tells whether the content of a file is a secret of that name, sealed under `master`.
pub(in crate::journal) fn is_sealed_under(
    master: &MasterKey,
    journal: JournalId,
    (name, content): (&str, &[u8]),
) -> Result<bool, KeyError> {
    let sealed = Sealed::new(Path::new(""), journal, master)?;
    let wrapped = content.strip_prefix(MAGIC).unwrap_or_default();
    Ok(sealed.wrap.open(&sealed.place(name), wrapped).is_some())
}
