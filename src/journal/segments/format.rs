//! The bytes of a segment: headers made and read, and nothing that touches a file.
//!
//! `docs/journal-format.md` describes them for other programs; integers are little-endian.

use crc32fast::Hasher;

use crate::journal::{
    contract::{Batch, Frame},
    id::JournalId,
};

/// The size of a segment's header, the place of its first batch.
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
/// The size of a batch's header; the checkpoint and the frames follow.
pub(super) const BATCH_HEADER_BYTES: usize = 40;
/// The size of a frame's header; salt, record and body follow.
pub(super) const FRAME_HEADER_BYTES: usize = 52;
/// The size of a salt.
pub(super) const SALT_BYTES: usize = 32;
/// The largest batch, so that every offset in a segment fits 32 bits.
pub(super) const BATCH_BYTES_MAX: usize = 1 << 30;
/// What a batch begins with.
pub(super) const BATCH_MAGIC: [u8; 8] = *b"PWBATCH1";
/// The version of everything described here.
pub(super) const VERSION: u32 = 1;

const SEGMENT_MAGIC: [u8; 8] = *b"PWSEG001";
const SEGMENT_FIELDS_BYTES: usize = 40;

/// The head of a segment file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SegmentHeader {
    pub(super) journal: JournalId,
    pub(super) first_index: u64,
    pub(super) version: u32,
}

impl SegmentHeader {
    /// Lays the header out, zeros to its end.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(&SEGMENT_MAGIC);
        bytes.extend_from_slice(self.journal.as_bytes());
        bytes.extend_from_slice(&self.first_index.to_le_bytes());
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&checksum(&[&bytes]).to_le_bytes());
        bytes.resize(SEGMENT_HEADER_BYTES, 0);
        bytes
    }

    /// Reads a header; `None` when any of its bytes is not as it was written.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let padding = bytes.get(SEGMENT_FIELDS_BYTES..SEGMENT_HEADER_BYTES)?;
        let sound = bytes.get(..8)? == SEGMENT_MAGIC
            && checksum(&[bytes.get(..36)?]) == u32_at(bytes, 36)?
            && padding.iter().all(|&byte| byte == 0);
        let header = Self {
            journal: JournalId::from_bytes(array_at(bytes, 8)?),
            first_index: u64_at(bytes, 24)?,
            version: u32_at(bytes, 32)?,
        };
        sound.then_some(header)
    }
}

/// The head of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BatchHeader {
    pub(super) first_index: u64,
    pub(super) frames_bytes: u64,
    pub(super) frame_count: u32,
    pub(super) checkpoint_bytes: u32,
    pub(super) checkpoint_checksum: u32,
}

impl BatchHeader {
    fn encode(&self, journal: &JournalId, bytes: &mut Vec<u8>) {
        let mut fields = Vec::with_capacity(BATCH_HEADER_BYTES);
        fields.extend_from_slice(&BATCH_MAGIC);
        fields.extend_from_slice(&self.first_index.to_le_bytes());
        fields.extend_from_slice(&self.frames_bytes.to_le_bytes());
        fields.extend_from_slice(&self.frame_count.to_le_bytes());
        fields.extend_from_slice(&self.checkpoint_bytes.to_le_bytes());
        fields.extend_from_slice(&self.checkpoint_checksum.to_le_bytes());
        let checksum = checksum(&[journal.as_bytes(), &fields]);
        bytes.extend_from_slice(&fields);
        bytes.extend_from_slice(&checksum.to_le_bytes());
    }

    /// Reads a header; `None` when any of its bytes is not as it was written.
    ///
    /// The checksum begins with the journal's id, which nobody outside knows: bytes inside a
    /// record cannot be made to look like a batch to the search for what follows a torn one.
    pub(super) fn decode(bytes: &[u8], journal: &JournalId) -> Option<Self> {
        let sound = bytes.get(..8)? == BATCH_MAGIC
            && checksum(&[journal.as_bytes(), bytes.get(..36)?]) == u32_at(bytes, 36)?;
        let header = Self {
            first_index: u64_at(bytes, 8)?,
            frames_bytes: u64_at(bytes, 16)?,
            frame_count: u32_at(bytes, 24)?,
            checkpoint_bytes: u32_at(bytes, 28)?,
            checkpoint_checksum: u32_at(bytes, 32)?,
        };
        sound.then_some(header)
    }

    /// Returns how far behind the batch's start its first frame stands.
    pub(super) fn frames_start(&self) -> u64 {
        BATCH_HEADER_BYTES as u64 + u64::from(self.checkpoint_bytes)
    }

    /// Returns the size of the whole batch.
    pub(super) fn batch_bytes(&self) -> u64 {
        self.frames_start().saturating_add(self.frames_bytes)
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct FrameHeader {
    pub(super) leaf: [u8; 32],
    pub(super) record_bytes: u32,
    pub(super) body_bytes: u32,
    /// Of the salt and the record together: they are destroyed together.
    pub(super) record_checksum: u32,
    pub(super) body_checksum: u32,
}

impl FrameHeader {
    /// Lays the header out. Its checksum covers the entry's index, so that frames which have
    /// changed places are noticed.
    fn encode(&self, index: u64, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(&self.leaf);
        bytes.extend_from_slice(&self.record_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.body_bytes.to_le_bytes());
        bytes.extend_from_slice(&self.record_checksum.to_le_bytes());
        bytes.extend_from_slice(&self.body_checksum.to_le_bytes());
        let fields = bytes.get(start..).unwrap_or_default();
        let checksum = checksum(&[&index.to_le_bytes(), fields]);
        bytes.extend_from_slice(&checksum.to_le_bytes());
    }

    /// Reads the header of entry `index`; `None` when any of its bytes is not as it was written.
    pub(super) fn decode(bytes: &[u8], index: u64) -> Option<Self> {
        let sound = checksum(&[&index.to_le_bytes(), bytes.get(..48)?]) == u32_at(bytes, 48)?;
        let header = Self {
            leaf: array_at(bytes, 0)?,
            record_bytes: u32_at(bytes, 32)?,
            body_bytes: u32_at(bytes, 36)?,
            record_checksum: u32_at(bytes, 40)?,
            body_checksum: u32_at(bytes, 44)?,
        };
        sound.then_some(header)
    }

    /// Returns the size of salt and record.
    pub(super) fn record_part_bytes(&self) -> u64 {
        SALT_BYTES as u64 + u64::from(self.record_bytes)
    }

    /// Returns the size of the whole frame.
    pub(super) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + self.record_part_bytes() + u64::from(self.body_bytes)
    }
}

/// Returns the size of a frame as stored.
pub(super) fn frame_bytes(frame: &Frame) -> usize {
    FRAME_HEADER_BYTES + SALT_BYTES + frame.record.len() + frame.body.len()
}

/// Appends a whole batch to `bytes`.
///
/// # Errors
///
/// Says why the batch cannot be stored; `bytes` is then as before.
pub(super) fn encode_batch(
    batch: &Batch,
    first_index: u64,
    journal: &JournalId,
    bytes: &mut Vec<u8>,
) -> Result<(), &'static str> {
    let header = batch_header(batch, first_index)?;
    header.encode(journal, bytes);
    bytes.extend_from_slice(batch.checkpoint.as_bytes());
    for (index, frame) in (first_index..).zip(&batch.frames) {
        let header = FrameHeader {
            leaf: frame.leaf,
            record_bytes: length(frame.record.len())?,
            body_bytes: length(frame.body.len())?,
            record_checksum: checksum(&[&frame.salt, &frame.record]),
            body_checksum: checksum(&[&frame.body]),
        };
        header.encode(index, bytes);
        bytes.extend_from_slice(&frame.salt);
        bytes.extend_from_slice(&frame.record);
        bytes.extend_from_slice(&frame.body);
    }
    Ok(())
}

fn batch_header(batch: &Batch, first_index: u64) -> Result<BatchHeader, &'static str> {
    if batch.frames.is_empty() {
        return Err("it is empty");
    }
    let frames_bytes = batch.frames.iter().map(frame_bytes).fold(0, usize::saturating_add);
    let whole = frames_bytes.saturating_add(BATCH_HEADER_BYTES + batch.checkpoint.len());
    if whole > BATCH_BYTES_MAX {
        return Err(TOO_LARGE);
    }
    Ok(BatchHeader {
        first_index,
        frames_bytes: u64::from(length(frames_bytes)?),
        frame_count: length(batch.frames.len())?,
        checkpoint_bytes: length(batch.checkpoint.len())?,
        checkpoint_checksum: checksum(&[batch.checkpoint.as_bytes()]),
    })
}

const TOO_LARGE: &str = "it is larger than 1 GiB";

fn length(length: usize) -> Result<u32, &'static str> {
    u32::try_from(length).map_err(|_| TOO_LARGE)
}

/// CRC-32 (the one of IEEE 802.3) over the parts, one after the other.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{conformance, files};

    const JOURNAL: JournalId = JournalId::from_bytes([7; 16]);

    /// The bytes of the smallest journals, as written down in the format's document.
    #[test]
    fn the_bytes_are_those_of_the_document() {
        let header = SegmentHeader { journal: JOURNAL, first_index: 258, version: VERSION };
        assert_eq!(
            files::hex(&header.encode()),
            format!(
                "{}{}{}{}{}{}",
                files::hex(b"PWSEG001"),
                "07".repeat(16),
                "0201000000000000",
                "01000000",
                files::hex(&crc32fast::hash(&header.encode()[..36]).to_le_bytes()),
                "00".repeat(24)
            )
        );
        let mut bytes = Vec::new();
        encode_batch(&conformance::batch(2, 300), 300, &JOURNAL, &mut bytes).unwrap();
        let header = BatchHeader::decode(&bytes, &JOURNAL).unwrap();
        assert_eq!(header.batch_bytes(), bytes.len() as u64);
        assert_eq!((header.first_index, header.frame_count), (300, 2));
        let frame = FrameHeader::decode(&bytes[40 + 12..], 300).unwrap();
        assert_eq!((frame.leaf, frame.record_bytes, frame.body_bytes), ([49; 32], 10, 0));
        assert_eq!(FrameHeader::decode(&bytes[40 + 12..], 301), None);
    }

    #[test]
    fn every_bit_of_a_header_counts() {
        let segment = SegmentHeader { journal: JOURNAL, first_index: 0, version: VERSION };
        let mut batch = Vec::new();
        encode_batch(&conformance::batch(1, 0), 0, &JOURNAL, &mut batch).unwrap();
        assert_eq!(SegmentHeader::decode(&segment.encode()), Some(segment));
        for bit in 0..SEGMENT_HEADER_BYTES * 8 {
            let mut bytes = segment.encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::decode(&bytes), None);
        }
        for bit in 0..BATCH_HEADER_BYTES * 8 {
            let mut bytes = batch.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(BatchHeader::decode(&bytes, &JOURNAL), None);
        }
        assert_eq!(BatchHeader::decode(&batch, &JournalId::from_bytes([8; 16])), None);
    }
}
