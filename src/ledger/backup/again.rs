//! A log goes on from a backup that lacks entries which it once had: under another origin and another key, with a record
//! that says so first. Under the old origin it would be a fork of what clients, witnesses and the anchor remember.

use std::{fs, path::Path, sync::Arc};

use super::{
    super::{
        Commit, LedgerError,
        open::{self, Settings},
        reading::ReadLog,
        replay::Replayed,
        rotation,
        secrets::Secrets,
        signing::Signing,
    },
    Behind, VerifiedBackup,
};
use crate::domain::Clock;
use crate::journal::Anchor;
use crate::merkle::{Checkpoint, CheckpointError, Note, generation_of, next_origin};
use crate::record::{Event, LogRestored};

/// A record holds no longer note: a checkpoint, and the signatures of witnesses.
const NOTE_BYTES_MAX: u64 = 16 << 10;

/// The newest checkpoint of the log that was known and cannot be reached any more; empty where none is.
///
/// It is the anchor's, or one that somebody showed: `shown` is the file of it. That one has to be signed by the log's
/// key; the anchor is our own.
///
/// # Errors
///
/// `LedgerError` where what was shown is none, or nothing was lost and the log needs no other origin.
pub(super) fn lost_checkpoint(
    backup: &VerifiedBackup,
    (anchor, behind): (Option<&Anchor>, Behind),
    shown: Option<&Path>,
) -> Result<String, LedgerError> {
    let mut lost = match (anchor, behind) {
        (Some(anchor), Behind::Lost { .. } | Behind::Other { .. }) => anchor.checkpoint.clone(),
        (Some(_), Behind::Nothing) | (None, _) => String::new(),
    };
    if let Some(path) = shown {
        let note = read_note(path)?;
        let is_of_log = backup.chain.open(&note).is_ok_and(|it| {
            it.size > backup.manifest.size
                || (it.size == backup.manifest.size && it.root != backup.root)
        });
        if !is_of_log {
            return Err(LedgerError::Backup(format!(
                "{}: it is not a checkpoint of this log, signed by its key, of a tree that the backup lacks",
                path.display()
            )));
        }
        if size_of(&note) > size_of(&lost) {
            lost = note;
        }
    }
    if lost.is_empty() && anchor.is_some() {
        return Err(LedgerError::Backup(
            "nothing is known to be lost: restore without --new-origin, and the log goes on as it was".to_owned(),
        ));
    }
    Ok(lost)
}

fn read_note(path: &Path) -> Result<String, LedgerError> {
    let io = |source| LedgerError::Io { path: path.display().to_string(), source };
    if fs::metadata(path).map_err(io)?.len() > NOTE_BYTES_MAX {
        return Err(LedgerError::Backup(format!("{}: too long for a checkpoint", path.display())));
    }
    fs::read_to_string(path).map_err(io)
}

fn size_of(note: &str) -> u64 {
    Note::parse(note)
        .map_err(CheckpointError::from)
        .and_then(|note| Checkpoint::parse(note.text()))
        .map_or(0, |checkpoint| checkpoint.size)
}

/// Goes on under another origin: makes its key, records where it comes from, and destroys the keys of the old origin.
///
/// # Errors
///
/// `LedgerError` where that is not durable.
pub(super) fn go_on(
    settings: &Settings,
    (log, secrets): (ReadLog, Secrets),
    (backup, lost_checkpoint): (&VerifiedBackup, String),
    clock: &Arc<dyn Clock>,
) -> Result<Arc<Commit>, LedgerError> {
    let old_origin = backup.chain.origin().to_owned();
    if generation_of(&old_origin).0 != settings.origin {
        let (stored, configured) = (old_origin, settings.origin.clone());
        return Err(LedgerError::OtherOrigin { stored, configured });
    }
    let (origin, old_size) = (next_origin(&old_origin), backup.manifest.size);
    let chain = Signing::make_again(&secrets.keys, &origin, old_size)?;
    let vkey = chain.newest().to_string();
    let replayed = Replayed { chain: Some(chain), ..log.replayed };
    let mut writer =
        open::writer(ReadLog { replayed, ..log }, secrets, &settings.domain, Arc::clone(clock))?;
    writer.state.decide_by(Arc::clone(&settings.rules));
    let old_root = *backup.root.as_bytes();
    let restored = LogRestored { origin, vkey, old_origin, old_size, old_root, lost_checkpoint };
    writer.first = vec![Event::LogRestored(restored)];
    writer.turn(Vec::new())?;
    let commit = writer.newest();
    if commit.size <= old_size {
        return Err(LedgerError::Backup(
            "the record of the restoration could not be written: look at the clock, which may be behind the log, and \
             at the space on the disk"
                .to_owned(),
        ));
    }
    writer.secrets.signing.tidy(&writer.secrets.keys, u64::MAX)?;
    let log = (writer.journal.as_ref(), writer.tree.as_ref());
    rotation::publish(&settings.keys_dir, &writer.secrets, log)?;
    Ok(commit)
}
