//! A scan that begins where an earlier one may end: what was closed before is looked at only from outside.
//!
//! Whatever is not as the bearings say, nothing is changed, and all has to be read.

use std::path::Path;

use super::{
    OpenError,
    bearings::Bearings,
    disk::SegmentFile,
    format::{SegmentHeader, VERSION},
    scan::{Extent, Scan, segments},
    segment_name,
    tail::Tail,
    walk::{Flaw, Walk},
};
use crate::journal::{contract::Head, id::JournalId};

impl<'a> Scan<'a> {
    /// Scans the journal in `dir` from the batch on that ends at entry `size`; none where `bearings` do not
    /// lead to one.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run), of what is read.
    pub(super) fn resume(
        (dir, journal): (&'a Path, JournalId),
        anchored: u64,
        (size, bearings): (u64, Bearings),
    ) -> Result<Option<Self>, OpenError> {
        let firsts = segments(dir)?;
        let known = bearings.segments.iter().map(|it| it.first_index);
        let Some((last, closed)) = bearings.segments.split_last() else { return Ok(None) };
        if !known.eq(firsts.iter().copied().take(bearings.segments.len())) {
            return Ok(None);
        }
        let mut scan = Self::new(dir, journal, anchored);
        for extent in closed {
            if scan.stored(extent)?.is_none_or(|stored| stored != extent.used) {
                return Ok(None);
            }
        }
        scan.segments = closed.to_vec();
        scan.marks = bearings.marks;
        let Some(stored) = scan.stored(last)? else { return Ok(None) };
        let path = dir.join(segment_name(last.first_index));
        let segment = SegmentFile::open(&path).map_err(OpenError::io(&path))?;
        let tail = Tail::new(&segment.file, stored);
        let Some(end) =
            scan.batch_known(&tail, bearings.batch, size).map_err(OpenError::io(&path))?
        else {
            return Ok(None);
        };
        let (is_last, rest) = match firsts.get(bearings.segments.len()..) {
            Some(rest) => (rest.is_empty(), rest),
            None => (true, [].as_slice()),
        };
        let used = scan.batches(&path, &tail, (is_last, end))?;
        scan.take(segment.clone(), Extent { first_index: last.first_index, used }, stored);
        scan.rest(rest)?;
        Ok(Some(scan))
    }

    /// Returns the length of a segment whose header is as it has to be.
    fn stored(&self, extent: &Extent) -> Result<Option<u64>, OpenError> {
        let path = self.dir.join(segment_name(extent.first_index));
        let file = SegmentFile::open(&path).map_err(OpenError::io(&path))?.file;
        let size = file.metadata().map_err(OpenError::io(&path))?.len();
        let header = Tail::new(&file, size).segment_header().map_err(OpenError::io(&path))?;
        let due = SegmentHeader {
            journal: self.journal,
            first_index: extent.first_index,
            version: VERSION,
        };
        Ok((header == Some(due)).then_some(size))
    }

    /// Reads the batch that is known to end at entry `size`, and returns where it ends in the file; none
    /// where no sound one stands there. Without it, zeros behind it could be anything's end.
    fn batch_known(
        &mut self,
        tail: &Tail<'_>,
        offset: u64,
        size: u64,
    ) -> std::io::Result<Option<u64>> {
        let mut walk = Walk::new(tail.file, self.journal, tail.size, super::scan::WINDOW_BYTES);
        let mut read = || {
            let header = walk.batch_header(offset)?;
            self.marks.forget_from(header.first_index);
            self.head = Head { size: header.first_index, checkpoint: String::new() };
            self.batch(&mut walk, offset)
        };
        match read() {
            Ok(end) if self.head.size == size => Ok(Some(end)),
            Ok(_) | Err(Flaw::Bad(_)) => Ok(None),
            Err(Flaw::Io(error)) => Err(error),
        }
    }
}
