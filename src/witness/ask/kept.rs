//! The newest cosigned checkpoint of one witness, in a file beside the anchor, so that a restart knows it. To lose it
//! costs one question.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::Cosigned;
use crate::{
    ledger::Ledger,
    merkle::{Note, WitnessKey},
};

/// The file.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    key: WitnessKey,
}

impl Kept {
    pub(super) fn new(dir: &Path, key: &WitnessKey) -> Self {
        Self { path: dir.join(format!("cosigned-{}", key.key_id())), key: key.clone() }
    }

    /// Reads what is kept, where it is of this witness and of a tree that this log has.
    pub(super) fn read(&self, ledger: &Ledger) -> Option<Cosigned> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            text => text.ok(),
        };
        let cosigned = text.and_then(|note| {
            let seconds = self.key.verify(&Note::parse(&note).ok()?).ok()?;
            Some(Cosigned { size: ledger.own_size(&note)?, seconds, note })
        });
        if cosigned.is_none() {
            let file = self.path.display();
            tracing::warn!(%file, "not a cosigned checkpoint of this log: passed over");
        }
        cosigned
    }

    /// Replaces it as a whole. Not synced: a power cut may bring an older one back.
    pub(super) fn write(&self, note: &str) {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let written = NamedTempFile::new_in(dir).and_then(|mut file| {
            file.write_all(note.as_bytes())?;
            file.persist(&self.path)?;
            Ok(())
        });
        if let Err(error) = written {
            tracing::warn!(%error, "a cosigned checkpoint could not be kept");
        }
    }
}
