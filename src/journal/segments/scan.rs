//! Reads a whole journal when it is opened: checks every byte, finds the head, mends a torn end.
//!
//! A commit writes one batch and syncs it before the next is written, so a torn batch can only
//! be the last. Anything else that is wrong is damage, and damage is refused, never mended.

use std::{fs, path::Path};

use super::{
    OpenError,
    disk::SegmentFile,
    format::{BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION},
    marks::{BatchPlace, Marks},
    segment_name,
    tail::Tail,
    walk::{Flaw, Walk},
    write::Segment,
};
use crate::journal::{contract::Head, files, id::JournalId};

/// How much is read at a time.
pub(super) const WINDOW_BYTES: usize = 1 << 20;

/// A torn end that was cut off: never acknowledged, or never anchored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TailCut {
    /// How many entries are left.
    pub size: u64,
    /// How many bytes were cut.
    pub bytes: u64,
}

/// A segment that was found sound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) first_index: u64,
    /// The end of its last batch.
    pub(super) used: u64,
}

/// What a scan has found.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    pub(super) dir: &'a Path,
    pub(super) journal: JournalId,
    /// How many entries must be there.
    anchored: u64,
    /// Whether a torn end is cut off, or refused.
    mends: bool,
    pub(super) head: Head,
    pub(super) marks: Marks,
    pub(super) segments: Vec<Extent>,
    /// The last segment; `None` when it was the first and was never finished.
    pub(super) last: Option<Segment>,
    pub(super) cut: Option<TailCut>,
    pub(super) bytes: u64,
}

impl<'a> Scan<'a> {
    /// Scans the journal in `dir`; of its entries, the first `anchored` must be there.
    ///
    /// # Errors
    ///
    /// Damage, or an older state than `anchored`; see [`OpenError`].
    pub(super) fn run(dir: &'a Path, journal: JournalId, anchored: u64) -> Result<Self, OpenError> {
        Self::of(dir, journal, anchored, true)
    }

    /// Scans the journal in `dir` and writes nothing: a torn end is refused like damage.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub(super) fn look(dir: &'a Path, journal: JournalId) -> Result<Self, OpenError> {
        Self::of(dir, journal, 0, false)
    }

    fn of(
        dir: &'a Path,
        journal: JournalId,
        anchored: u64,
        mends: bool,
    ) -> Result<Self, OpenError> {
        let firsts = segments(dir)?;
        if firsts.is_empty() {
            return Err(OpenError::Missing { path: dir.into() });
        }
        let mut scan = Self { mends, ..Self::new(dir, journal, anchored) };
        scan.rest(&firsts)?;
        Ok(scan)
    }

    pub(super) fn new(dir: &'a Path, journal: JournalId, anchored: u64) -> Self {
        Self {
            dir,
            journal,
            anchored,
            mends: true,
            head: Head::default(),
            marks: Marks::default(),
            segments: Vec::new(),
            last: None,
            cut: None,
            bytes: 0,
        }
    }

    /// Scans the segments that are left, the journal's last among them.
    pub(super) fn rest(&mut self, firsts: &[u64]) -> Result<(), OpenError> {
        for (position, &first_index) in firsts.iter().enumerate() {
            self.segment(first_index, position + 1 == firsts.len())?;
        }
        if self.head.size < self.anchored {
            let (have, anchored) = (self.head.size, self.anchored);
            return Err(OpenError::OlderThanAnchor { have, anchored });
        }
        Ok(())
    }

    fn segment(&mut self, first_index: u64, is_last: bool) -> Result<(), OpenError> {
        let path = self.dir.join(segment_name(first_index));
        let io = || OpenError::io(&path);
        if first_index != self.head.size {
            return Err(self.damaged(&path, "the segment before it is missing or incomplete"));
        }
        let segment = SegmentFile::open(&path).map_err(io())?;
        let size = segment.file.metadata().map_err(io())?.len();
        let tail = Tail::new(&segment.file, size);
        let Some(header) = tail.segment_header().map_err(io())? else {
            // The header is synced before the first batch is written behind it: without one,
            // a last segment that holds nothing else was never finished.
            let is_empty = tail.is_zero_from(SEGMENT_HEADER_BYTES as u64).map_err(io())?;
            if is_last && is_empty && !self.mends {
                return Ok(());
            }
            if is_last && is_empty {
                return fs::remove_file(&path)
                    .and_then(|()| files::sync_dir(self.dir))
                    .map_err(io());
            }
            return Err(self.damaged(&path, "header of the segment"));
        };
        self.expect_header(&path, &header)?;
        let used = self.batches(&path, &tail, (is_last, SEGMENT_HEADER_BYTES as u64))?;
        self.take(segment.clone(), Extent { first_index, used }, size);
        Ok(())
    }

    /// Takes in a segment of `size` bytes that was found sound.
    pub(super) fn take(&mut self, file: SegmentFile, extent: Extent, size: u64) {
        let Extent { first_index, used } = extent;
        self.bytes += size;
        self.segments.push(extent);
        self.last = Some(Segment { file, first_index, used, filled: size });
    }

    fn expect_header(&self, path: &Path, header: &SegmentHeader) -> Result<(), OpenError> {
        if header.version != VERSION {
            return Err(OpenError::Version { path: path.into(), version: header.version });
        }
        if header.journal != self.journal {
            return Err(OpenError::OfAnotherJournal { path: path.into() });
        }
        if header.first_index != self.head.size {
            return Err(self.damaged(path, "the segment has another's name"));
        }
        Ok(())
    }

    /// Reads the segment's batches from `offset` on and returns where the last one ends.
    pub(super) fn batches(
        &mut self,
        path: &Path,
        tail: &Tail<'_>,
        (is_last, mut offset): (bool, u64),
    ) -> Result<u64, OpenError> {
        let mut walk = Walk::new(tail.file, self.journal, tail.size, WINDOW_BYTES);
        loop {
            let what = match self.batch(&mut walk, offset) {
                Ok(end) => {
                    offset = end;
                    continue;
                }
                Err(Flaw::Io(error)) => return Err(OpenError::io(path)(error)),
                Err(Flaw::Bad(what)) => what,
            };
            self.marks.forget_from(self.head.size);
            if !tail.is_zero_from(offset).map_err(OpenError::io(path))? {
                let is_torn = self.mends
                    && is_last
                    && self.head.size >= self.anchored
                    && !self.is_followed(tail, offset).map_err(OpenError::io(path))?;
                if !is_torn {
                    return Err(self.damaged(path, what));
                }
                let bytes = tail.cut(offset).map_err(OpenError::io(path))?;
                self.cut = Some(TailCut { size: self.head.size, bytes });
            }
            return Ok(offset);
        }
    }

    /// Reads the batch at `offset` and returns its end; the head moves behind it when all of it
    /// is sound.
    pub(super) fn batch(&mut self, walk: &mut Walk<'_>, offset: u64) -> Result<u64, Flaw> {
        let header = walk.batch_header(offset)?;
        let place = BatchPlace { segment: self.segments.len(), offset };
        if header.first_index != self.head.size || header.frame_count == 0 {
            return Err(Flaw::Bad("place of a batch"));
        }
        let checkpoint = walk.checkpoint(offset, &header)?;
        let mut frame_start = offset + header.frames_start();
        let size = header.first_index + u64::from(header.frame_count);
        for index in header.first_index..size {
            let frame = walk.frame_header(frame_start, index)?;
            walk.frame(frame_start, &frame)?;
            self.marks.pass(index, place, frame_start);
            frame_start += frame.frame_bytes();
        }
        if frame_start != offset + header.batch_bytes() {
            return Err(Flaw::Bad("size of a batch"));
        }
        self.head = Head { size, checkpoint };
        Ok(frame_start)
    }

    /// Tells whether a later batch stands behind the flaw at `offset`: then the batch there had
    /// been synced, and what ails it is damage.
    fn is_followed(&self, tail: &Tail<'_>, offset: u64) -> std::io::Result<bool> {
        tail.holds_batch(offset + 1, |bytes| {
            BatchHeader::decode(bytes, &self.journal)
                .is_some_and(|header| header.first_index > self.head.size)
        })
    }

    fn damaged(&self, path: &Path, what: &'static str) -> OpenError {
        OpenError::Damaged { index: self.head.size, segment: path.into(), what }
    }
}

/// Lists the first indexes of the segments in `dir`, in order; other files are none of ours.
pub(in crate::journal) fn segments(dir: &Path) -> Result<Vec<u64>, OpenError> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(dir).map_err(OpenError::io(dir))? {
        let name = entry.map_err(OpenError::io(dir))?.file_name();
        let first = name.to_str().and_then(|name| name.strip_suffix(".seg")?.parse().ok());
        if let Some(first) = first.filter(|&first| name == *segment_name(first)) {
            firsts.push(first);
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}
