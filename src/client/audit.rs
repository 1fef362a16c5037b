//! Calls of the `Audit` service. Every record shown is held against the log, and its seal read back.

use tonic::transport::Channel;

use super::{
    Connection, Error, connection::ANSWER_BYTES_MAX, entry::Entry, export::Links, fault::Fault,
};
use crate::{
    domain::{Hex, QueryPurpose},
    merkle::{Chain, Note},
    pb::v1::{self as pb, audit_client::AuditClient},
    record::Record,
};

/// What a seal says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seal {
    /// Size of the tree that the export covers.
    pub size: u64,
    /// Index of the record of the export.
    pub record: u64,
    /// SHA-256 of the manifest's list.
    pub manifest: [u8; 32],
}

/// A seal that the log's key signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    /// What it says.
    pub seal: Seal,
    /// The signed note.
    pub note: String,
}

impl Seal {
    /// Returns the five lines that are signed.
    pub fn text(&self, origin: &str) -> String {
        let (size, record, manifest) = (self.size, self.record, Hex(&self.manifest));
        format!("portway export v1\n{origin}\nsize {size}\nrecord {record}\nsha256 {manifest}\n")
    }

    /// Opens a signed seal. It has one spelling: one signature, that of the log's key that signs trees of the
    /// size, over exactly these lines.
    ///
    /// # Errors
    ///
    /// [`Fault::Seal`].
    pub fn open(note: &str, log: &Chain) -> Result<Self, Fault> {
        let note = Note::parse(note).map_err(|_| Fault::Seal)?;
        let seal = Self::parse(note.text()).ok_or(Fault::Seal)?;
        log.at(seal.size).verify(&note).map_err(|_| Fault::Seal)?;
        if note.signatures().len() == 1 && seal.text(log.origin()) == note.text() {
            Ok(seal)
        } else {
            Err(Fault::Seal)
        }
    }

    /// Reads leniently: the caller compares with the one right spelling.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(2);
        let size = lines.next()?.strip_prefix("size ")?.parse().ok()?;
        let record = lines.next()?.strip_prefix("record ")?.parse().ok()?;
        let manifest = from_hex(lines.next()?.strip_prefix("sha256 ")?)?;
        Some(Self { size, record, manifest })
    }
}

/// Reads 64 hex digits.
pub(super) fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes: &[[u8; 2]; 32] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(bytes) {
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

impl Connection {
    /// Shows one record, verified to stand in the log.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] or [`Error::Failed`] with the broker's reason, [`Error::Verification`] where the
    /// record is not the one at that index.
    pub async fn show_record(
        &self,
        index: u64,
        purpose: QueryPurpose,
    ) -> Result<pb::ShowRecordResponse, Error> {
        let known = self.known();
        let request = pb::ShowRecordRequest { index, purpose: purpose.number().into() };
        let answer = self.audit().show_record(request).await?.into_inner();
        let seen = self.settle(known.as_deref(), &answer.checkpoint, None).await?;
        let shown = answer.record.as_ref().ok_or(Fault::Protocol("the record"))?;
        if shown.index != index {
            return Err(Fault::Record { index: shown.index, what: "another index" }.into());
        }
        entry(shown, &answer.inclusion).open(&seen.checkpoint)?;
        Ok(answer)
    }

    /// Reads the records below index `end` that the caller may see, and hands each over. The commitments
    /// are verified, as is that none of the own agency's records is missing between the first and the
    /// last: each names the one before it. That the leaves stand in the tree is for the caller to hold
    /// against the entries.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where a record is out of
    /// order, not what its leaf commits to, or not linked to the one before.
    pub async fn export_records(
        &self,
        end: u64,
        purpose: QueryPurpose,
        mut take: impl FnMut(pb::LogRecord),
    ) -> Result<(), Error> {
        let request = pb::ExportRecordsRequest { start: 0, end, purpose: purpose.number().into() };
        let mut answers = self.audit().export_records(request).await?.into_inner();
        let mut links = Links::new(self.identity().agency());
        let mut next = 0;
        while let Some(answer) = answers.message().await? {
            for shown in answer.records {
                let index = shown.index;
                if index < next || index >= end {
                    return Err(Fault::RecordOrder { index }.into());
                }
                next = index + 1;
                links.follow(&shown, &open(&shown)?)?;
                take(shown);
            }
        }
        Ok(links.end()?)
    }

    /// Has the manifest of an export recorded and signed.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where the seal is not one of
    /// this manifest.
    pub async fn seal_export(
        &self,
        size: u64,
        manifest: [u8; 32],
        purpose: QueryPurpose,
    ) -> Result<Sealed, Error> {
        let request = pb::SealExportRequest {
            size,
            manifest: manifest.to_vec().into(),
            purpose: purpose.number().into(),
        };
        let answer = self.audit().seal_export(request).await?.into_inner();
        let seal = Seal::open(&answer.seal, &self.identity().memory().chain())?;
        if seal == (Seal { size, record: answer.index, manifest }) {
            Ok(Sealed { seal, note: answer.seal })
        } else {
            Err(Fault::Seal.into())
        }
    }

    pub(super) fn audit(&self) -> AuditClient<Channel> {
        AuditClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

/// Returns the entry that a record shown speaks of.
pub(super) fn entry<'a>(shown: &'a pb::LogRecord, inclusion: &'a [bytes::Bytes]) -> Entry<'a> {
    Entry {
        index: shown.index,
        record: &shown.record,
        salt: &shown.salt,
        leaf: Some(&shown.leaf),
        inclusion,
    }
}

/// Verifies that a record is what its leaf commits to, and reads it.
fn open(shown: &pb::LogRecord) -> Result<Record, Fault> {
    let entry = entry(shown, &[]);
    entry.commitment()?;
    entry.decode()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    #[test]
    fn a_seal_has_one_spelling() {
        let log = sample::signer();
        let chain = Chain::new(log.verifier().clone());
        let seal = Seal { size: 7, record: 9, manifest: [0xab; 32] };
        let text = seal.text(sample::ORIGIN);
        let sign = |text: &str| sample::sign(&log, text);

        assert_eq!(Seal::open(&sign(&text), &chain), Ok(seal));
        for bad in [
            text.replace("size 7", "size 07"),
            text.replace("size 7", "size +7"),
            text.replace("v1", "v2"),
            text.replace(sample::ORIGIN, "another/portway/log"),
            text.replace("abab", "ABAB"),
            text.replace("abab", "ab"),
            format!("{text}more\n"),
        ] {
            assert_eq!(Seal::open(&sign(&bad), &chain), Err(Fault::Seal), "{bad}");
        }
        let other = sample::other_signer();
        assert_eq!(Seal::open(&sample::sign(&other, &text), &chain), Err(Fault::Seal));
    }
}
