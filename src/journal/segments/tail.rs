//! Looks at the end of a segment: is it zeros, does a batch stand in it; and cuts it.

use std::{fs::File, io, os::unix::fs::FileExt};

use super::{
    disk::ZEROS,
    format::{BATCH_HEADER_BYTES, BATCH_MAGIC, SEGMENT_HEADER_BYTES, SegmentHeader},
};

/// A segment file, seen from behind.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    pub(super) file: &'a File,
    pub(super) size: u64,
}

impl<'a> Tail<'a> {
    pub(super) fn new(file: &'a File, size: u64) -> Self {
        Self { file, size }
    }

    /// Reads the segment's header; `None` when it is not whole.
    pub(super) fn segment_header(&self) -> io::Result<Option<SegmentHeader>> {
        let mut header = None;
        if self.size >= SEGMENT_HEADER_BYTES as u64 {
            let mut bytes = [0; SEGMENT_HEADER_BYTES];
            self.file.read_exact_at(&mut bytes, 0)?;
            header = SegmentHeader::decode(&bytes);
        }
        Ok(header)
    }

    /// Tells whether there is nothing but zeros from `offset` to the end of the file.
    pub(super) fn is_zero_from(&self, offset: u64) -> io::Result<bool> {
        Ok(self.content_end(offset)? == offset)
    }

    /// Overwrites everything from `offset` with zeros, durably, and returns how much there was.
    /// A crash on the way leaves another torn end, to be cut again.
    pub(super) fn cut(&self, offset: u64) -> io::Result<u64> {
        let end = self.content_end(offset)?;
        let mut at = offset;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
            self.file.write_all_at(ZEROS.get(..length).unwrap_or(&ZEROS), at)?;
            at += length as u64;
        }
        self.file.sync_data()?;
        Ok(end - offset)
    }

    /// Tells whether the header of a batch that `is_ours` accepts begins at or behind `offset`.
    pub(super) fn holds_batch(
        &self,
        offset: u64,
        is_ours: impl Fn(&[u8]) -> bool,
    ) -> io::Result<bool> {
        let mut found = false;
        // Blocks overlap by a header less one byte, so that none is missed across their bounds.
        self.blocks(offset, BATCH_HEADER_BYTES - 1, |_, block| {
            found = found
                || block
                    .windows(BATCH_HEADER_BYTES)
                    .any(|bytes| bytes.starts_with(&BATCH_MAGIC) && is_ours(bytes));
        })?;
        Ok(found)
    }

    /// Returns the end of the last byte that is not zero, or `offset` when there is none.
    fn content_end(&self, offset: u64) -> io::Result<u64> {
        let mut end = offset.min(self.size);
        self.blocks(offset, 0, |at, block| {
            if ZEROS.get(..block.len()).is_none_or(|zeros| zeros != block) {
                let last = block.iter().rposition(|&byte| byte != 0);
                end = last.map_or(end, |last| at + last as u64 + 1);
            }
        })?;
        Ok(end.max(offset))
    }

    /// Shows the bytes from `offset` to the end, a block of 64 KiB (and `overlap`) at a time.
    fn blocks(
        &self,
        offset: u64,
        overlap: usize,
        mut show: impl FnMut(u64, &[u8]),
    ) -> io::Result<()> {
        let mut buffer = vec![0; ZEROS.len() + overlap];
        let mut at = offset;
        while at < self.size {
            let left = usize::try_from(self.size - at).unwrap_or(usize::MAX);
            let length = buffer.len().min(left);
            let block = buffer.get_mut(..length).unwrap_or_default();
            self.file.read_exact_at(block, at)?;
            show(at, block);
            at += ZEROS.len() as u64;
        }
        Ok(())
    }
}
