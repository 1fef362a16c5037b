//! Reads one segment file by itself, from its header to the end of its last sound batch: for copies of segments,
//! which stand outside of any journal. Never writes, and never decides what a flaw means.

use std::{fs::File, path::Path};

use super::{
    OpenError,
    format::{BatchHeader, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION},
    scan::WINDOW_BYTES,
    tail::Tail,
    walk::{Flaw, Walk},
};
use crate::journal::{
    contract::{Batch, Head},
    id::JournalId,
};

/// How far a segment is sound.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::journal) struct Walked {
    /// How many entries there are up to its last sound batch, and that batch's checkpoint; empty where it has none.
    pub(in crate::journal) head: Head,
    /// The end of that batch; 0 where the segment has no header of its own.
    pub(in crate::journal) used: u64,
    /// What is wrong behind it, unless nothing but zeros stands there.
    pub(in crate::journal) flaw: Option<&'static str>,
    /// Whether a later batch stands behind what is wrong: then it is no end that is being written.
    pub(in crate::journal) is_followed: bool,
}

/// Reads the segment at `path`, which begins with entry `first_index`, and shows its batches in order.
///
/// # Errors
///
/// [`OpenError`] where the file cannot be read, or is another journal's.
pub(in crate::journal) fn walk(
    path: &Path,
    (journal, first_index): (JournalId, u64),
    show: &mut dyn FnMut(Batch),
) -> Result<Walked, OpenError> {
    let io = || OpenError::io(path);
    let file = File::open(path).map_err(io())?;
    let size = file.metadata().map_err(io())?.len();
    let tail = Tail::new(&file, size);
    let mut walked = Walked {
        head: Head { size: first_index, checkpoint: String::new() },
        used: 0,
        flaw: None,
        is_followed: false,
    };
    match tail.segment_header().map_err(io())? {
        Some(header) => expect(path, &header, (journal, first_index))?,
        None => return Ok(Walked { flaw: Some("header of the segment"), ..walked }),
    }
    walked.used = SEGMENT_HEADER_BYTES as u64;
    let mut reading = Walk::new(&file, journal, size, WINDOW_BYTES);
    loop {
        match next(&mut reading, &walked) {
            Ok((batch, end)) => {
                walked.head.size += batch.frames.len() as u64;
                walked.head.checkpoint.clone_from(&batch.checkpoint);
                walked.used = end;
                show(batch);
            }
            Err(Flaw::Io(error)) => return Err(OpenError::io(path)(error)),
            Err(Flaw::Bad(what)) => {
                if !tail.is_zero_from(walked.used).map_err(io())? {
                    walked.flaw = Some(what);
                    let later = |bytes: &[u8]| {
                        BatchHeader::decode(bytes, &journal)
                            .is_some_and(|header| header.first_index > walked.head.size)
                    };
                    walked.is_followed = tail.holds_batch(walked.used + 1, later).map_err(io())?;
                }
                return Ok(walked);
            }
        }
    }
}

fn expect(
    path: &Path,
    header: &SegmentHeader,
    (journal, first_index): (JournalId, u64),
) -> Result<(), OpenError> {
    if header.version != VERSION {
        return Err(OpenError::Version { path: path.into(), version: header.version });
    }
    if header.journal != journal {
        return Err(OpenError::OfAnotherJournal { path: path.into() });
    }
    if header.first_index != first_index {
        let what = "the segment has another's name";
        return Err(OpenError::Damaged { index: first_index, segment: path.into(), what });
    }
    Ok(())
}

/// Reads the batch behind what was walked through, and where it ends.
fn next(reading: &mut Walk<'_>, walked: &Walked) -> Result<(Batch, u64), Flaw> {
    let offset = walked.used;
    let header = reading.batch_header(offset)?;
    if header.first_index != walked.head.size || header.frame_count == 0 {
        return Err(Flaw::Bad("place of a batch"));
    }
    let checkpoint = reading.checkpoint(offset, &header)?;
    let mut at = offset + header.frames_start();
    let mut frames = Vec::new();
    for index in header.first_index..header.first_index + u64::from(header.frame_count) {
        let frame = reading.frame_header(at, index)?;
        frames.push(reading.frame(at, &frame)?);
        at += frame.frame_bytes();
    }
    if at != offset + header.batch_bytes() {
        return Err(Flaw::Bad("size of a batch"));
    }
    Ok((Batch { frames, checkpoint }, at))
}
