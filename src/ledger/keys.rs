//! The ledger's keys as others see them: rotated on an operator's word, proven to whoever asks, and what they
//! sign beside checkpoints.

use std::sync::{Arc, PoisonError};

use super::{
    Commit, Ledger, LedgerError, Rejection,
    command::{Command, CredentialCommand},
    handle::Done,
    rotation,
};
use crate::domain::{Act, Caller, Hex, QueryPurpose, Reason, Refusal};
use crate::merkle::{Chain, Checkpoint, Note};
use crate::record::{CertificateIssued, Rotation};

/// How many rotations are listed at once.
const LISTED_MAX: usize = 64;

impl Ledger {
    /// Makes a new key for the log, to which the old one hands over. Returns the index of the record and the
    /// commit that both keys signed.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); [`Rejection::Busy`] while another rotation is under way.
    pub async fn rotate_key(&self, by: Caller) -> Done<(u64, Arc<Commit>)> {
        self.submit(&by.clone(), |answer| {
            Command::Credential(CredentialCommand::Rotate { by, answer })
        })
        .await
    }

    /// Records that a certificate was issued, before anybody is given it; returns the index of the record.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn record_certificate(&self, issued: CertificateIssued) -> Done<u64> {
        let by = issued.by.clone();
        self.submit(&by, |answer| Command::Credential(CredentialCommand::Record { issued, answer }))
            .await
    }

    /// Lists the certificates that were issued and have not ended, with their records' indexes.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn certificates(&self, by: &Caller) -> Done<Vec<(u64, CertificateIssued)>> {
        self.submit(by, |answer| Command::Credential(CredentialCommand::List { answer })).await
    }

    /// Lists rotations after the tree of `after` entries, oldest first, and whether more follow.
    ///
    /// # Errors
    ///
    /// `LedgerError` where they cannot be read.
    pub fn key_rotations(&self, after: u64) -> Result<(Vec<Rotation>, bool), LedgerError> {
        let chain = self.shared.secrets.signing.chain()?;
        let log = (self.shared.journal.as_ref(), self.shared.tree.as_ref());
        let sizes = chain.spans().filter_map(|span| span.last).filter(|size| after < *size);
        let mut listed = Vec::new();
        for size in sizes {
            if listed.len() == LISTED_MAX {
                return Ok((listed, true));
            }
            listed.push(rotation::rotation(log, size - 1)?);
        }
        Ok((listed, false))
    }

    /// Returns the origin of the log: the one that it goes on under, where it was restored.
    pub fn origin(&self) -> String {
        let signing = &self.shared.secrets.signing;
        signing.chain().map_or_else(|_| signing.origin().to_owned(), |it| it.origin().to_owned())
    }

    /// Records an export and signs its manifest; returns the seal and the record's index.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish); refused as [`Reason::KeyRotated`] where the log's key was rotated after
    /// that size: what the new key seals has to be of its own time.
    pub async fn seal_export(
        &self,
        by: Caller,
        purpose: QueryPurpose,
        size: u64,
        manifest: [u8; 32],
    ) -> Done<(String, u64)> {
        let refusal = Refusal::at(Reason::KeyRotated, "size");
        if size < self.chain()?.newest_from() {
            return Err(self.refuse(by, Act::ReadLog, refusal).await);
        }
        let index = self.record_export(by, purpose, (size, manifest)).await?;
        let unavailable = |_| Rejection::Unavailable("the seal could not be made");
        let signer = self.shared.secrets.signing.signer().map_err(unavailable)?;
        // It may have been rotated meanwhile.
        if size < self.chain()?.newest_from() {
            return Err(Rejection::Refused { refusal, decision: None });
        }
        let (origin, digest) = (signer.name(), Hex(&manifest));
        let text =
            format!("portway export v1\n{origin}\nsize {size}\nrecord {index}\nsha256 {digest}\n");
        let signature = signer.sign(&text);
        let note = Note::new(text, vec![signature])
            .map_err(|_| Rejection::Unavailable("the seal could not be made"))?;
        Ok((note.to_string(), index))
    }

    /// Looks at a checkpoint that a client holds; returns its size. Our own signature on a tree that
    /// we lack means that this log was rolled back or forked: the broker stops signing, and does not
    /// start again until an operator has looked at it. A key that handed over may be in others' hands by now: what
    /// it signed is refused, and stops nothing.
    ///
    /// # Errors
    ///
    /// A sentence where the note is not a checkpoint of this log, or shows a fork.
    pub fn shown(&self, note: &str) -> Result<u64, &'static str> {
        let foreign = "it is not a checkpoint that this log signed";
        let chain = self.chain().map_err(|_| foreign)?;
        let ours = self.newest();
        let shown = chain.open(note).map_err(|_| {
            warn_of_strange_key(note, &chain, ours.size);
            foreign
        })?;
        if self.has(&shown) {
            return Ok(shown.size);
        }
        let is_signed_now = chain.newest_from() <= shown.size;
        tracing::error!(
            shown = shown.size,
            ours = ours.size,
            is_signed_now,
            "a client holds our signature on a tree that we lack: this log was rolled back or \
             forked, or a key that it no longer uses was stolen. By the key in use, nothing more is signed"
        );
        if !is_signed_now {
            return Err("it shows another log under a key that this one has replaced");
        }
        *self.shared.forked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        if let Err(error) = std::fs::write(&self.shared.fork_mark, note) {
            tracing::error!(%error, "the fork could not be noted: a restart would forget it");
        }
        Err("it shows a newer or another log under the same signature")
    }

    /// Returns the size of a checkpoint where this log signed it and has its tree.
    pub fn own_size(&self, note: &str) -> Option<u64> {
        let checkpoint = self.chain().ok()?.open(note).ok()?;
        self.has(&checkpoint).then_some(checkpoint.size)
    }

    fn has(&self, checkpoint: &Checkpoint) -> bool {
        checkpoint.size <= self.newest().size
            && self.shared.tree.root(checkpoint.size).is_ok_and(|root| root == checkpoint.root)
    }

    fn chain(&self) -> Done<Arc<Chain>> {
        let unread = |_| Rejection::Unavailable("the log was not read yet");
        self.shared.secrets.signing.chain().map_err(unread)
    }
}

/// Tells whoever watches of a larger tree under this log's name that none of its keys has signed. Anybody could have made
/// it, so that it stops nothing; but a broker that was rolled back to before a rotation is shown just this.
fn warn_of_strange_key(note: &str, chain: &Chain, ours: u64) {
    let text = Note::parse(note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    if let Some(shown) = text.filter(|it| it.origin == chain.origin() && ours < it.size) {
        tracing::error!(
            shown = shown.size,
            ours,
            "a client holds a checkpoint of a larger tree under this log's name, by a key that is not known: it is forged, \
             or this log was rolled back to before its key was rotated"
        );
    }
}
