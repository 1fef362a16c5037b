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
    VerifiedBackup, again, verify_backup,
};
use crate::domain::{Clock, Timestamp};
use crate::journal::{
    self, Anchor, AnchorFile, BackupDir, BackupKind, JournalId, KeyError, MasterKey, Segments,
    SlotSet, Target,
};
use crate::merkle::Note;

/// Where a log is restored from.
#[derive(Clone, Debug)]
pub struct RestoreFrom {
    /// Directory of the journal's backup.
    pub journal: PathBuf,
    /// Directory of that of the keys.
    pub keys: PathBuf,
    /// The anchor, as a file or in its directory: the newest there is. None where the operator says that it is lost.
    pub anchor: Option<PathBuf>,
    /// Whether the log goes on under another origin.
    pub new_origin: bool,
    /// The file of a checkpoint of this log that somebody holds, and the backup lacks.
    pub checkpoint: Option<PathBuf>,
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
    /// How it stands to the anchor. Where it is behind and goes on under its own origin, a start is refused.
    pub behind: Behind,
    /// How many key slots the anchor knows to be erased.
    pub erased: u64,
    /// The verifier key of the origin under which it goes on, where that is another.
    pub vkey: Option<String>,
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
    if from.anchor.is_none() && !from.new_origin {
        return Err(LedgerError::Backup(
            "without its anchor nobody knows whether a backup is the newest, and going on from an older one would be a \
             fork: give --new-origin too"
                .to_owned(),
        ));
    }
    let master = load_master(settings)?;
    let (_, manifest) = BackupDir::read(&from.journal, BackupKind::Journal)?;
    let journal = manifest.journal;
    let read = |path: &PathBuf| AnchorFile::read_at(path, journal);
    let anchor = from.anchor.as_ref().map(read).transpose()?;
    let place = AnchorPlace::find(settings, from)?;
    let backup = verify_backup(&from.journal, Some(&from.keys), Some(&master), anchor.as_ref())?;
    let behind = anchor.as_ref().map_or(Behind::Nothing, |anchor| standing(&backup, anchor));
    let lost = if from.new_origin {
        let shown = from.checkpoint.clone().or_else(|| place.forked.clone());
        Some(again::lost_checkpoint(&backup, (anchor.as_ref(), behind), shown.as_deref())?)
    } else {
        None
    };
    let target = Target::begin(&settings.journal_dir, &settings.keys_dir, &settings.master_key)?;
    let erased = anchor.as_ref().map(|it| it.erased.clone()).unwrap_or_default();
    let mut vkey = None;
    let put = put(&target, from, &left_out(from, &backup, &erased)?)
        .and_then(|()| Ok(target.put_id(journal)?))
        .and_then(|()| read_back(settings, &backup, &master, clock.now()))
        .and_then(|read| match (lost, &anchor) {
            (Some(lost), _) => {
                let commit = again::go_on(settings, read, (&backup, lost), clock)?;
                let file = settings.keys_dir.join("log.vkey");
                vkey = fs::read_to_string(file).ok().map(|it| it.trim_end().to_owned());
                let (size, checkpoint) = (commit.size, commit.checkpoint.clone());
                place.renew(journal, &Anchor { size, checkpoint, erased: erased.clone() })
            }
            (None, Some(anchor)) => place.put((journal, anchor)),
            (None, None) => Ok(()),
        });
    if let Err(error) = put {
        target.abandon();
        return Err(error);
    }
    target.finish()?;
    Ok(Restored { backup, behind, erased: erased.count(), vkey })
}

/// Returns the slots whose keys are not put back: those that the anchor knows to be erased, and where entries are lost,
/// those of what is lost. Nothing of it can be erased any more, and no two alerts are to have one key.
fn left_out(
    from: &RestoreFrom,
    backup: &VerifiedBackup,
    erased: &SlotSet,
) -> Result<SlotSet, LedgerError> {
    let mut left_out = erased.clone();
    if from.new_origin {
        let (keys, _) = BackupDir::read(&from.keys, BackupKind::Keys)?;
        left_out.insert_range(backup.slots..keys.slots().max(backup.slots));
    }
    Ok(left_out)
}

fn put(target: &Target, from: &RestoreFrom, erased: &SlotSet) -> Result<(), LedgerError> {
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
fn read_back(
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
    let text = |note: &str| Note::parse(note).ok().map(|note| note.text().to_owned());
    // Both are the log's own: whose signature the log's is was verified with it.
    if backup.anchored.is_some() && text(&backup.anchored_note) == text(&anchor.checkpoint) {
        Behind::Nothing
    } else {
        Behind::Other { anchored }
    }
}

/// Where the anchor goes.
struct AnchorPlace {
    dir: PathBuf,
    /// The one that was given, where it stands elsewhere.
    given: Option<PathBuf>,
    /// The checkpoint that a client showed to the broker that ran here, and that its log lacked.
    forked: Option<PathBuf>,
}

/// What a broker keeps beside its anchor and must not forget: the highest number of each list of revocations (P4).
const BESIDE: &str = "crl-numbers";
/// The checkpoint of a fork, once the log has gone on from it.
const ANSWERED: &str = "forked.answered";

impl AnchorPlace {
    /// The place has to be empty, unless what stands there is the anchor that was given.
    fn find(settings: &Settings, from: &RestoreFrom) -> Result<Self, LedgerError> {
        let dir = settings.anchor_dir.clone();
        let own = AnchorFile::path_in(&dir);
        let real = |path: &Path| fs::canonicalize(path).ok();
        let is_given = |given: &PathBuf| real(&own) == real(given) || real(&dir) == real(given);
        let stands = own.exists() && from.anchor.as_ref().is_some_and(is_given);
        let mark = fork_mark(settings);
        let forked = mark.exists().then_some(mark);
        if let Some(mark) = forked.as_ref().filter(|_| !from.new_origin) {
            return Err(LedgerError::Forked(mark.display().to_string()));
        }
        if own.exists() && !stands {
            return Err(LedgerError::Backup(format!(
                "{} is there already: give just that one with --anchor, or an empty directory for it",
                own.display()
            )));
        }
        Ok(Self { dir, given: from.anchor.clone().filter(|_| !stands), forked })
    }

    /// Puts the anchor there as it is.
    fn put(&self, (journal, anchor): (JournalId, &Anchor)) -> Result<(), LedgerError> {
        if self.given.is_none() {
            return Ok(());
        }
        self.put_beside()?;
        Ok(AnchorFile::create(&self.dir, journal)?.write(anchor)?)
    }

    /// Puts another anchor there, for a log that goes on under another origin.
    fn renew(&self, journal: JournalId, anchor: &Anchor) -> Result<(), LedgerError> {
        self.put_beside()?;
        AnchorFile::renew(&self.dir, journal, anchor)?;
        if let Some(mark) = &self.forked {
            let to = self.dir.join(ANSWERED);
            fs::rename(mark, &to).map_err(io(&to))?;
        }
        Ok(())
    }

    fn put_beside(&self) -> Result<(), LedgerError> {
        create_private_dir(&self.dir)?;
        // The anchor may have been given as the file itself: what stands beside it is wanted all the same.
        let beside = self.given.as_ref().map(|given| {
            if given.is_dir() { given.join(BESIDE) } else { given.with_file_name(BESIDE) }
        });
        if let Some(beside) = beside.filter(|it| it.exists()) {
            let to = self.dir.join(BESIDE);
            fs::copy(&beside, &to).map_err(io(&to))?;
        }
        Ok(())
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> LedgerError {
    let path = path.display().to_string();
    move |source| LedgerError::Io { path, source }
}
