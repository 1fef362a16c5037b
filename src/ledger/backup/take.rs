//! A backup is taken: first the journal, then the keys, whose slots are made ahead of need. The log's signing keys are
//! the same before and after, or both are copied again: a key that hands over meanwhile is destroyed, and a journal
//! from before would have none to go on with.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::super::{LedgerError, open::Settings};
use crate::domain::Timestamp;
use crate::journal::{
    BackupDir, BackupError, BackupKind, BackupManifest, Copied, JournalId, Segments,
};
use crate::merkle::{Checkpoint, CheckpointError, Note};

/// How often both are copied where a key of the log hands over meanwhile.
const TRIES: usize = 5;

/// What was backed up.
#[derive(Clone, Debug)]
pub struct BackedUp {
    /// What stands in the journal's backup.
    pub journal: BackupManifest,
    /// What stands in that of the keys.
    pub keys: BackupManifest,
    /// How many bytes were written; what was there already counts for nothing.
    pub bytes: u64,
}

/// Backs the log up to two directories, whether or not a broker runs on it. An earlier backup there is carried on, and
/// stays good until the new one is whole.
///
/// # Errors
///
/// `LedgerError` says what stands in the way.
pub fn back_up(
    settings: &Settings,
    (to, keys_to): (&Path, &Path),
    now: Timestamp,
) -> Result<BackedUp, LedgerError> {
    check_places(settings, (to, keys_to))?;
    let id = Segments::journal_id_of(&settings.journal_dir)?;
    let mut journal = BackupDir::open(to, BackupKind::Journal, id)?;
    let mut keys = BackupDir::open(keys_to, BackupKind::Keys, id)?;
    let copied = copy(settings, id, (&journal, &keys)).and_then(|(segments, sealed)| {
        let bytes = segments.bytes + sealed.bytes;
        let head = segments.head.clone();
        let origin = origin_of(&head.checkpoint)?;
        let of = |kind, copied: Copied| BackupManifest {
            kind,
            journal: id,
            origin: origin.clone(),
            size: head.size,
            at: now,
            files: copied.files,
            checkpoint: head.checkpoint.clone(),
        };
        let (segments, sealed) = (of(BackupKind::Journal, segments), of(BackupKind::Keys, sealed));
        // The keys first: those that are newer than a journal fit it too.
        keys.finish(sealed.clone())?;
        journal.finish(segments.clone())?;
        Ok(BackedUp { journal: segments, keys: sealed, bytes })
    });
    if copied.is_err() {
        for dir in [&journal, &keys] {
            // The next run does it, where this one cannot.
            drop(dir.sweep());
        }
    }
    copied
}

fn copy(
    settings: &Settings,
    id: JournalId,
    (journal, keys): (&BackupDir, &BackupDir),
) -> Result<(Copied, Copied), LedgerError> {
    for _ in 0..TRIES {
        let before = BackupDir::sealed_names(&settings.keys_dir)?;
        let segments = journal.copy_segments(&settings.journal_dir, id)?;
        if segments.head.size == 0 {
            return Err(LedgerError::Open(crate::journal::OpenError::Missing {
                path: settings.journal_dir.clone(),
            }));
        }
        let sealed = keys.copy_keys(&settings.keys_dir, id)?;
        if BackupDir::sealed_names(&settings.keys_dir)? == before {
            return Ok((segments, sealed));
        }
    }
    Err(BackupError::Unsteady { path: settings.keys_dir.clone() }.into())
}

/// Returns the origin that a checkpoint names. Nothing is verified by it.
pub(super) fn origin_of(note: &str) -> Result<String, LedgerError> {
    let origin = Note::parse(note)
        .map_err(CheckpointError::from)
        .and_then(|note| Checkpoint::parse(note.text()))
        .map(|checkpoint| checkpoint.origin);
    origin.map_err(|_| LedgerError::Backup("the journal's last checkpoint is none".to_owned()))
}

/// Whoever has journal and keys together can read all content, and a backup inside of what it is a copy of is lost
/// with it: none of the directories lies in another.
fn check_places(settings: &Settings, (to, keys_to): (&Path, &Path)) -> Result<(), LedgerError> {
    let (backup, backup_keys) = (resolved(to)?, resolved(keys_to)?);
    let own = [&settings.journal_dir, &settings.keys_dir, &settings.anchor_dir];
    let mut places = vec![backup, backup_keys];
    for dir in own {
        places.push(resolved(dir)?);
    }
    for (position, place) in places.iter().take(2).enumerate() {
        for other in places.iter().skip(position + 1) {
            if place.starts_with(other) || other.starts_with(place) {
                return Err(LedgerError::Backup(format!(
                    "{} and {} are the same or lie in each other: the backup of the journal, that of the keys, and \
                     what they are copies of each want a place of their own",
                    place.display(),
                    other.display()
                )));
            }
        }
    }
    Ok(())
}

/// Returns the path without links and steps back, whether or not it is there yet.
fn resolved(path: &Path) -> Result<PathBuf, LedgerError> {
    let unreadable =
        |source: io::Error| LedgerError::Io { path: path.display().to_string(), source };
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    for above in absolute.ancestors() {
        match fs::canonicalize(above) {
            Ok(real) => {
                let rest = absolute.strip_prefix(above).unwrap_or(Path::new(""));
                return Ok(if rest.as_os_str().is_empty() { real } else { real.join(rest) });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Ok(absolute)
}
