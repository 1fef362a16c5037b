//! A backup is verified as a log: every file by its digest, every batch and record by itself, the tree from its first
//! leaf, the checkpoint after each batch, and the keys of the log from the first to the one that signed the last.

use std::path::Path;

use super::super::{
    LedgerError,
    replay::{checked, is_told, stub},
    rotation::restored,
};
use crate::journal::{Anchor, BackupDir, BackupKind, BackupManifest, Batch, JournalId, MasterKey};
use crate::merkle::{Chain, Checkpoint, Frontier, Hash, Note, leaf_hash};
use crate::record::{Event, Retention};

/// A backup that is what it says.
#[derive(Clone, Debug)]
pub struct VerifiedBackup {
    /// What it holds.
    pub manifest: BackupManifest,
    /// The root of its tree.
    pub root: Hash,
    /// The keys of the log.
    pub chain: Chain,
    /// How many bytes of the journal were read.
    pub bytes: u64,
    /// How many key slots its entries use.
    pub slots: u64,
    /// The root of the tree of as many entries as the anchor has, where a batch ends there.
    pub(super) anchored: Option<Hash>,
    /// The checkpoint of that tree, as the log has it.
    pub(super) anchored_note: String,
}

/// Verifies the backup of a journal in `from`, and that of its keys in `keys_from` where one is given: whole, of the
/// same journal, and with what the journal needs. With the master key, also that they open.
///
/// # Errors
///
/// `LedgerError` names the first file or entry that does not match.
pub fn verify_backup(
    from: &Path,
    keys_from: Option<&Path>,
    master: Option<&MasterKey>,
    anchor: Option<&Anchor>,
) -> Result<VerifiedBackup, LedgerError> {
    let (dir, manifest) = BackupDir::read(from, BackupKind::Journal)?;
    dir.check_files()?;
    let mut reading = Reading { anchored_at: anchor.map(|it| it.size), ..Reading::default() };
    let mut fault = None;
    dir.read_batches(&mut |batch| {
        if fault.is_none() {
            fault = reading.take(&batch).err();
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    let verified = reading.conclude(manifest)?;
    if let Some(keys_from) = keys_from {
        check_keys(&verified, keys_from, master)?;
    }
    Ok(verified)
}

/// Returns the journal that a backup in `from` is of.
///
/// # Errors
///
/// `LedgerError` where there is no backup of a journal.
pub fn journal_of_backup(from: &Path) -> Result<JournalId, LedgerError> {
    Ok(BackupDir::read(from, BackupKind::Journal)?.1.journal)
}

fn check_keys(
    journal: &VerifiedBackup,
    keys_from: &Path,
    master: Option<&MasterKey>,
) -> Result<(), LedgerError> {
    let (keys, manifest) = BackupDir::read(keys_from, BackupKind::Keys)?;
    if manifest.journal != journal.manifest.journal {
        let path = keys_from.join("manifest");
        return Err(crate::journal::BackupError::OfAnotherJournal { path }.into());
    }
    keys.check_files()?;
    if keys.slots() < journal.slots {
        return Err(LedgerError::Backup(format!(
            "{} holds {} key slots, but the journal's backup uses {}: its keys are older than it",
            keys_from.display(),
            keys.slots(),
            journal.slots
        )));
    }
    if let Some(master) = master {
        keys.check_master(master)?;
    }
    Ok(())
}

/// How far a backup was read.
#[derive(Debug, Default)]
struct Reading {
    frontier: Frontier,
    chain: Option<Chain>,
    bytes: u64,
    slots: u64,
    last: String,
    /// The last entry whose record was erased, and the index from which on none may be.
    erased: Option<u64>,
    records_from: u64,
    anchored_at: Option<u64>,
    anchored: Option<Hash>,
    anchored_note: String,
}

impl Reading {
    fn take(&mut self, batch: &Batch) -> Result<(), LedgerError> {
        let mut next = None;
        for frame in &batch.frames {
            let index = self.frontier.size();
            let damaged = |what| LedgerError::Damaged { index, what };
            if next.is_some() {
                return Err(damaged("it follows a handing over within one batch"));
            }
            if frame.is_erased() {
                // That this log left it, the keys tell: whoever restores it reads all of it with them.
                let slot = stub(frame, index, None)?.slot;
                self.slots = self.slots.max(slot.map_or(0, |slot| slot + 1));
                self.erased = Some(index);
                self.frontier.append(leaf_hash(&frame.leaf));
                self.bytes += frame.record.len() as u64;
                continue;
            }
            let record = checked(frame, index)?;
            self.slots = self.slots.max(record.event.slot().map_or(0, |slot| slot + 1));
            if let Event::Retention(Retention::RecordsErased { up_to, .. }) = record.event {
                self.records_from = self.records_from.max(up_to);
            } else if let Event::KeyRotated { old, new, .. } = record.event {
                next = Some((old, new));
            } else if let Event::LogRestored(it) = record.event {
                let before = (index, self.frontier.root());
                let chain = self.chain.as_ref().and_then(|chain| restored(chain, &it, before));
                self.chain = Some(chain.ok_or_else(|| damaged("the log does not go on there"))?);
            } else if let (Event::LogStarted { vkey, .. }, 0) = (record.event, index) {
                let key = vkey.parse().map_err(|_| damaged("its key is none"))?;
                self.chain = Some(Chain::new(key));
            }
            self.frontier.append(leaf_hash(&frame.leaf));
            self.bytes += (frame.record.len() + frame.body.len()) as u64;
        }
        let (size, root) = (self.frontier.size(), self.frontier.root());
        let index = size.saturating_sub(1);
        let damaged = |what| LedgerError::Damaged { index, what };
        let chain = self.chain.as_ref().ok_or_else(|| damaged("nothing says whose log it is"))?;
        if let Some((old, new)) = next {
            let what = "the log's key does not hand over there";
            let key = new.parse().map_err(|_| damaged(what))?;
            if chain.newest().to_string() != old {
                return Err(damaged(what));
            }
            let (chain, _) =
                chain.followed_by(key, &batch.checkpoint).map_err(|_| damaged(what))?;
            self.chain = Some(chain);
        }
        let origin = self.chain.as_ref().map(Chain::origin).unwrap_or_default().to_owned();
        let note = Note::parse(&batch.checkpoint).ok();
        let text = Checkpoint { origin, size, root }.text();
        if note.is_none_or(|note| note.text() != text) {
            return Err(damaged("the checkpoint behind it is not of this tree"));
        }
        if self.anchored_at == Some(size) {
            self.anchored = Some(root);
            self.anchored_note.clone_from(&batch.checkpoint);
        }
        self.last.clone_from(&batch.checkpoint);
        Ok(())
    }

    fn conclude(self, manifest: BackupManifest) -> Result<VerifiedBackup, LedgerError> {
        is_told(self.erased, self.records_from)?;
        let (size, root) = (self.frontier.size(), self.frontier.root());
        let what = "the last checkpoint is not signed by the key of the log";
        let damaged = LedgerError::Damaged { index: size.saturating_sub(1), what };
        let Some(chain) = self.chain else { return Err(damaged) };
        let is_signed = chain.open(&self.last).is_ok_and(|it| (it.size, it.root) == (size, root));
        if !is_signed {
            return Err(damaged);
        }
        if self.last != manifest.checkpoint || chain.origin() != manifest.origin {
            return Err(LedgerError::Backup(
                "the manifest names another checkpoint or origin than the journal".to_owned(),
            ));
        }
        let Self { bytes, slots, anchored, anchored_note, .. } = self;
        Ok(VerifiedBackup { manifest, root, chain, bytes, slots, anchored, anchored_note })
    }
}
