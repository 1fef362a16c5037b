//! The log's key hands over to another: the writer's part, and what the log says of its keys. The record is the
//! last of its batch, so that no tree has it without both signatures.

use std::{path::Path, sync::Arc};

use super::{
    Commit, LedgerError, Rejection,
    command::{Answer, CredentialCommand},
    replay::checked,
    secrets::Secrets,
    tree::Tree,
    writer::Writer,
};
use crate::domain::{Act, Caller, Reason, Seat};
use crate::journal::Journal;
use crate::merkle::{Chain, Hash, Signer, Verifier, next_origin};
use crate::record::{CertificateIssued, Event, LogRestored, Rotation};

/// A rotation that waits for the end of its turn.
pub(super) struct Rotating {
    by: Caller,
    next: Signer,
    answer: Answer<(u64, Arc<Commit>)>,
}

impl Writer {
    /// Does what is asked about the log's key and certificates.
    pub(super) fn credential(&mut self, command: CredentialCommand) -> Result<(), LedgerError> {
        match command {
            CredentialCommand::List { answer } => {
                let issued = self.state.issued().map(|(index, it)| (index, it.clone()));
                let issued: Vec<_> = issued.collect();
                self.work.answer(answer, move |_| issued);
                Ok(())
            }
            CredentialCommand::Record { issued, answer } => self.record_certificate(issued, answer),
            CredentialCommand::Rotate { by, answer } => self.rotate_key(by, answer),
        }
    }

    /// Makes the next key; what it follows is recorded as the last of this turn.
    fn rotate_key(
        &mut self,
        by: Caller,
        answer: Answer<(u64, Arc<Commit>)>,
    ) -> Result<(), LedgerError> {
        if !matches!(by.seat, Seat::Operator { .. }) {
            let rejection = self.refuse(&by, Act::RotateKey, Reason::WrongRole.into(), None)?;
            self.work.reject(answer, rejection);
            return Ok(());
        }
        if self.secrets.signing.chain()?.is_full() {
            let full = Reason::TooManyRotations.into();
            let rejection = self.refuse(&by, Act::RotateKey, full, None)?;
            self.work.reject(answer, rejection);
            return Ok(());
        }
        if self.work.rotating.is_some() {
            self.work.reject(answer, Rejection::Busy);
            return Ok(());
        }
        match self.secrets.signing.make_next(&self.secrets.keys) {
            Ok(next) => self.work.rotating = Some(Rotating { by, next, answer }),
            Err(error) => {
                tracing::error!(%error, "a new key for the log could not be made");
                let rejection = Rejection::Unavailable("the new key could not be made");
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }

    /// Records that a certificate was issued, where one more may be.
    fn record_certificate(
        &mut self,
        issued: CertificateIssued,
        answer: Answer<u64>,
    ) -> Result<(), LedgerError> {
        match self.state.may_be_issued(&issued.by.seat) {
            Ok(()) => {
                let index = self.record(Event::CertificateIssued(issued))?;
                self.work.answer(answer, move |_| index);
            }
            Err(refusal) => {
                let rejection = self.refuse(&issued.by, Act::RenewCertificate, refusal, None)?;
                self.work.reject(answer, rejection);
            }
        }
        Ok(())
    }

    /// Records the rotation that was asked for in this turn: nothing may come after it.
    pub(super) fn record_rotation(&mut self) -> Result<(), LedgerError> {
        let Some(Rotating { by, next, answer }) = self.work.rotating.take() else { return Ok(()) };
        let old = self.secrets.signing.signer()?.vkey();
        let index = self.record(Event::KeyRotated { by, old, new: next.vkey() })?;
        self.work.next = Some(next);
        self.work.answer(answer, move |commit| (index, Arc::clone(commit)));
        Ok(())
    }
}

/// Reads the chain of the log's keys; none in an empty log. `rotated` are the indexes of the records that tell of
/// a new key. Whatever a key signed is checked against both.
///
/// # Errors
///
/// `LedgerError` where a record does not say it, or a checkpoint is not signed by both keys.
pub(super) fn chain(
    (journal, tree): (&dyn Journal, &Tree),
    rotated: &[u64],
) -> Result<Option<Chain>, LedgerError> {
    let Some(frame) = journal.read(0..1, 1)?.pop() else { return Ok(None) };
    let Event::LogStarted { vkey, .. } = checked(&frame, 0)?.event else {
        return Err(LedgerError::Damaged { index: 0, what: "it does not say whose log it is" });
    };
    let unfit = |_| LedgerError::Damaged { index: 0, what: "its key is none" };
    let mut chain = Chain::new(vkey.parse().map_err(unfit)?);
    for &index in rotated {
        let what = "the log's key does not hand over there";
        let damaged = LedgerError::Damaged { index, what };
        let frame = journal.read(index..index + 1, 1)?.pop();
        let frame = frame.ok_or(LedgerError::unreadable(index))?;
        if let Event::LogRestored(it) = checked(&frame, index)?.event {
            let Ok(root) = tree.root(index) else { return Err(damaged) };
            chain = restored(&chain, &it, (index, root)).ok_or(damaged)?;
            continue;
        }
        let rotation = rotation((journal, tree), index)?;
        match rotation.follow(&chain) {
            Ok((next, checkpoint)) if Ok(checkpoint.root) == tree.root(checkpoint.size) => {
                chain = next;
            }
            Ok(_) | Err(_) => return Err(damaged),
        }
    }
    Ok(Some(chain))
}

/// Returns the chain with which a restored log goes on; none where the record does not fit the `size` entries before it,
/// whose tree has that root. What was signed until then is history.
pub(super) fn restored(
    before: &Chain,
    it: &LogRestored,
    (size, root): (u64, Hash),
) -> Option<Chain> {
    let key: Verifier = it.vkey.parse().ok()?;
    let fits = it.old_origin == before.origin()
        && it.origin == next_origin(before.origin())
        && it.origin == key.name()
        && (it.old_size, it.old_root) == (size, *root.as_bytes());
    fits.then(|| Chain::beginning(key, size + 1))
}

/// Reads the proof of one rotation.
///
/// # Errors
///
/// `LedgerError` where it cannot be read.
pub(super) fn rotation(
    (journal, tree): (&dyn Journal, &Tree),
    index: u64,
) -> Result<Rotation, LedgerError> {
    let frame = journal.read(index..index + 1, 1)?.pop();
    let frame = frame.ok_or(LedgerError::unreadable(index))?;
    Ok(Rotation {
        index,
        record: frame.record,
        salt: frame.salt,
        inclusion: tree.inclusion(index, index + 1)?,
        checkpoint: journal.checkpoint_covering(index)?.checkpoint,
    })
}

/// Writes the log's key, and how it came to be the one, where enrolment can take them from. Enrolment may do so at
/// any moment, so that a file is never half written; the rotations come first.
///
/// # Errors
///
/// `LedgerError` where they cannot be written.
pub(super) fn publish(
    dir: &Path,
    secrets: &Secrets,
    log: (&dyn Journal, &Tree),
) -> Result<(), LedgerError> {
    let chain = secrets.signing.chain()?;
    let sizes = chain.spans().filter_map(|span| span.last);
    let rotations: Vec<Rotation> =
        sizes.map(|size| rotation(log, size - 1)).collect::<Result<_, _>>()?;
    if !rotations.is_empty() {
        replace(dir, Rotation::FILE, &rotations.iter().map(Rotation::to_line).collect::<String>())?;
    }
    replace(dir, "log.vkey", &format!("{}\n", chain.newest()))
}

fn replace(dir: &Path, name: &str, text: &str) -> Result<(), LedgerError> {
    let (path, next) = (dir.join(name), dir.join(format!("{name}.tmp")));
    if std::fs::read(&path).is_ok_and(|stored| stored == text.as_bytes()) {
        return Ok(());
    }
    std::fs::write(&next, text)
        .and_then(|()| std::fs::rename(&next, &path))
        .map_err(|source| LedgerError::Io { path: path.display().to_string(), source })
}
