//! Walks through the batches and frames of one segment, and checks every checksum on the way.
//!
//! Reads ahead into a window; what it hands out shares the window's memory. Never writes.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;

use super::format::{
    BATCH_HEADER_BYTES, BatchHeader, FRAME_HEADER_BYTES, FrameHeader, SALT_BYTES, checksum,
};
use crate::journal::{contract::Frame, id::JournalId};

/// Why the bytes at some place are not what is expected there.
#[derive(Debug)]
pub(super) enum Flaw {
    /// The bytes are not as written; says what does not match.
    Bad(&'static str),
    /// The bytes could not be read.
    Io(io::Error),
}

/// A walker through one segment.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    file: &'a File,
    journal: JournalId,
    /// Nothing is read at or behind this offset.
    end: u64,
    window: Bytes,
    window_start: u64,
    window_bytes: usize,
}

impl<'a> Walk<'a> {
    /// Makes a walker that reads up to `end`, `window_bytes` at a time or what a part needs.
    pub(super) fn new(file: &'a File, journal: JournalId, end: u64, window_bytes: usize) -> Self {
        Self { file, journal, end, window: Bytes::new(), window_start: 0, window_bytes }
    }

    /// Reads the header of the batch at `offset`, which must lie whole before the end.
    pub(super) fn batch_header(&mut self, offset: u64) -> Result<BatchHeader, Flaw> {
        let bytes = self.bytes(offset, BATCH_HEADER_BYTES as u64)?;
        let header =
            BatchHeader::decode(&bytes, &self.journal).ok_or(Flaw::Bad("header of a batch"))?;
        if header.batch_bytes() > self.end - offset {
            return Err(Flaw::Bad(CUT_SHORT));
        }
        Ok(header)
    }

    /// Reads the checkpoint of the batch at `offset`.
    pub(super) fn checkpoint(&mut self, offset: u64, header: &BatchHeader) -> Result<String, Flaw> {
        let start = offset + BATCH_HEADER_BYTES as u64;
        let bytes = self.bytes(start, u64::from(header.checkpoint_bytes))?;
        if checksum(&[&bytes]) != header.checkpoint_checksum {
            return Err(Flaw::Bad(CHECKPOINT));
        }
        String::from_utf8(bytes.into()).map_err(|_| Flaw::Bad(CHECKPOINT))
    }

    /// Reads the header of the frame at `offset`.
    pub(super) fn frame_header(&mut self, offset: u64, index: u64) -> Result<FrameHeader, Flaw> {
        let bytes = self.bytes(offset, FRAME_HEADER_BYTES as u64)?;
        FrameHeader::decode(&bytes, index).ok_or(Flaw::Bad("header of a frame"))
    }

    /// Reads what follows the frame header at `offset`.
    pub(super) fn frame(&mut self, offset: u64, header: &FrameHeader) -> Result<Frame, Flaw> {
        let start = offset + FRAME_HEADER_BYTES as u64;
        let mut rest = self.bytes(start, header.frame_bytes() - FRAME_HEADER_BYTES as u64)?;
        let body_start = rest.len() - usize::try_from(header.body_bytes).unwrap_or(rest.len());
        let body = rest.split_off(body_start);
        if checksum(&[&rest]) != header.record_checksum {
            return Err(Flaw::Bad("record"));
        }
        if checksum(&[&body]) != header.body_checksum {
            return Err(Flaw::Bad("body"));
        }
        let record = rest.split_off(SALT_BYTES);
        let salt = rest.as_ref().try_into().map_err(|_| Flaw::Bad(CUT_SHORT))?;
        Ok(Frame { leaf: header.leaf, salt, record, body })
    }

    /// Returns `length` bytes from `offset`.
    fn bytes(&mut self, offset: u64, length: u64) -> Result<Bytes, Flaw> {
        if offset.checked_add(length).is_none_or(|end| end > self.end) {
            return Err(Flaw::Bad(CUT_SHORT));
        }
        let length = usize::try_from(length).map_err(|_| Flaw::Bad(CUT_SHORT))?;
        let start = offset.checked_sub(self.window_start);
        let start = start.and_then(|start| usize::try_from(start).ok());
        match start {
            Some(start) if start.saturating_add(length) <= self.window.len() => {
                Ok(self.window.slice(start..start + length))
            }
            Some(_) | None => {
                self.read_window(offset, length).map_err(Flaw::Io)?;
                Ok(self.window.slice(..length))
            }
        }
    }

    /// Reads a window that begins at `offset` and holds at least `length` bytes.
    fn read_window(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
        let mut window = vec![0; self.window_bytes.max(length).min(left)];
        self.file.read_exact_at(&mut window, offset)?;
        self.window = window.into();
        self.window_start = offset;
        Ok(())
    }
}

const CUT_SHORT: &str = "batch cut short";
const CHECKPOINT: &str = "checkpoint of a batch";
