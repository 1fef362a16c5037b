//! A backup is put back. P5: only with the anchor, whose list says which keys were erased since; they are left out
//! before anything else can read them. What was restored is read once from its first entry before it may be started.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{
        LedgerError,
        open::{Settings, create_private_dir, fork_mark},
        reading::ReadLog,
        secrets::Secrets,
    },
    VerifiedBackup, verify_backup,
};
use crate::domain::{Clock, Timestamp};
use crate::journal::{
    self, Anchor, AnchorFile, BackupDir, BackupKind, JournalId, KeyError, MasterKey, Segments,
    Target,
};

/// Where a log is restored from.
#[derive(Clone, Debug)]
pub struct RestoreFrom {
    /// Directory of the journal's backup.
    pub journal: PathBuf,
    /// Directory of that of the keys.
    pub keys: PathBuf,
    /// The anchor, as a file or in its directory: the newest there is.
    pub anchor: PathBuf,
}

/// How a backup stands to what the anchor knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behind {
    /// Everything that the anchor knows is there.
    Nothing,
    /// The anchor knows so many entries, and they are not all there: what came after the backup is lost.
    Lost {
        /// How many entries the anchor knows.
        anchored: u64,
    },
    /// The anchor knows other entries than those that are there.
    Other {
        /// How many entries the anchor knows.
        anchored: u64,
    },
}

/// A log that was put back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The backup that it was put back from.
    pub backup: VerifiedBackup,
    /// How it stands to the anchor. Where it is behind, a start is refused.
    pub behind: Behind,
    /// How many key slots the anchor knows to be erased.
    pub erased: u64,
}

/// Puts a backup back into the empty directories that the settings name.
///
/// # Errors
///
/// `LedgerError` says what stands in the way; what was put there was taken back, and nothing there can be started.
pub fn restore(
    settings: &Settings,
    from: &RestoreFrom,
    clock: &Arc<dyn Clock>,
) -> Result<Restored, LedgerError> {
    let master = load_master(settings)?;
    let (_, manifest) = BackupDir::read(&from.journal, BackupKind::Journal)?;
    let anchor = AnchorFile::read_at(&from.anchor, manifest.journal)?;
    let place = AnchorPlace::find(settings, &from.anchor)?;
    let backup = verify_backup(&from.journal, Some(&from.keys), Some(&master), Some(&anchor))?;
    let behind = standing(&backup, &anchor);
    let mut target =
        Target::begin(&settings.journal_dir, &settings.keys_dir, &settings.master_key)?;
    let put = put(&mut target, from, &anchor.erased)
        .and_then(|()| Ok(target.put_id(manifest.journal)?))
        .and_then(|()| read_back(settings, &backup, &master, clock.now()).map(drop))
        .and_then(|()| place.put((manifest.journal, &anchor), &from.anchor));
    if let Err(error) = put {
        target.abandon();
        return Err(error);
    }
    target.finish()?;
    Ok(Restored { backup, behind, erased: anchor.erased.count() })
}

fn put(
    target: &mut Target,
    from: &RestoreFrom,
    erased: &journal::SlotSet,
) -> Result<(), LedgerError> {
    let (segments, _) = BackupDir::read(&from.journal, BackupKind::Journal)?;
    let (keys, _) = BackupDir::read(&from.keys, BackupKind::Keys)?;
    target.put_segments(&segments)?;
    Ok(target.put_keys(&keys, erased)?)
}

fn load_master(settings: &Settings) -> Result<MasterKey, LedgerError> {
    match MasterKey::load(&settings.master_key) {
        Err(KeyError::Missing { path }) => Err(LedgerError::Backup(format!(
            "{}: the master key is in no backup: put your copy of it there first, with mode 600",
            path.display()
        ))),
        loaded => Ok(loaded?),
    }
}

/// Reads all of what was put back, as a start would: records, bodies, tree, checkpoint.
pub(super) fn read_back(
    settings: &Settings,
    backup: &VerifiedBackup,
    master: &MasterKey,
    now: Timestamp,
) -> Result<(ReadLog, Secrets), LedgerError> {
    let id = backup.manifest.journal;
    let secrets = Secrets::open(&settings.keys_dir, id, master, &settings.origin)?;
    let stored = journal::Settings { journal_id: id, segment_bytes: settings.segment_bytes };
    let (segments, _) = Segments::open(&settings.journal_dir, &stored, backup.manifest.size)?;
    let log = ReadLog::whole(Arc::new(segments), &secrets, now)?;
    if log.tree.root(backup.manifest.size) == Ok(backup.root) {
        Ok((log, secrets))
    } else {
        Err(LedgerError::Backup("what was put back is not what was verified".to_owned()))
    }
}

/// Tells whether everything that the anchor knows is there.
pub fn standing(backup: &VerifiedBackup, anchor: &Anchor) -> Behind {
    let anchored = anchor.size;
    if anchored == 0 {
        return Behind::Nothing;
    }
    if anchored > backup.manifest.size {
        return Behind::Lost { anchored };
    }
    let known = backup.chain.open(&anchor.checkpoint).ok();
    match (known, backup.anchored) {
        (Some(known), Some(root)) if known.size == anchored && known.root == root => {
            Behind::Nothing
        }
        _ => Behind::Other { anchored },
    }
}

/// Where the anchor goes.
struct AnchorPlace {
    dir: PathBuf,
    /// Whether the one that was given stands there already.
    is_given: bool,
}

/// What a broker keeps beside its anchor and must not forget: the highest number of each list of revocations (P4).
const BESIDE: &str = "crl-numbers";

impl AnchorPlace {
    /// The place has to be empty, unless what stands there is the anchor that was given.
    fn find(settings: &Settings, given: &Path) -> Result<Self, LedgerError> {
        let dir = settings.anchor_dir.clone();
        let own = AnchorFile::path_in(&dir);
        let real = |path: &Path| fs::canonicalize(path).ok();
        let is_given = own.exists() && (real(&own) == real(given) || real(&dir) == real(given));
        if fork_mark(settings).exists() {
            return Err(LedgerError::Forked(fork_mark(settings).display().to_string()));
        }
        if own.exists() && !is_given {
            return Err(LedgerError::Backup(format!(
                "{} is there already: give just that one with --anchor, or an empty directory for it",
                own.display()
            )));
        }
        Ok(Self { dir, is_given })
    }

    fn put(
        &self,
        (journal, anchor): (JournalId, &Anchor),
        given: &Path,
    ) -> Result<(), LedgerError> {
        if self.is_given {
            return Ok(());
        }
        create_private_dir(&self.dir)?;
        let io = |path: &Path| {
            let path = path.display().to_string();
            move |source| LedgerError::Io { path, source }
        };
        let beside = given.join(BESIDE);
        if given.is_dir() && beside.exists() {
            let to = self.dir.join(BESIDE);
            fs::copy(&beside, &to).map_err(io(&to))?;
        }
        Ok(AnchorFile::create(&self.dir, journal)?.write(anchor)?)
    }
}
