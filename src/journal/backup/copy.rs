//! Copies a journal's segments while a broker may be writing them: up to the last whole batch, in small steps, without
//! its lock. What is copied is checked in the copy, so that whatever the writer does meanwhile shows.
//!
//! Three things move under it. Space is filled with zeros behind the last batch, which end a copy like the end of a
//! file. A segment is cut to its last batch before the next is made, so that one which is not the last is whole. And
//! erasure overwrites in place: what is seen half done is copied again.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread,
    time::Duration,
};

use super::{
    error::BackupError,
    manifest::BackupFile,
    store::{BackupDir, digest_of},
};
use crate::journal::{
    contract::Head,
    id::JournalId,
    segments::{self, OpenError},
};

/// How much is written between two syncs: a commit may have to wait for one of them.
const STEP_BYTES: usize = 256 << 10;
/// The pause after each step, so that the disk is the journal's most of the time: 50 MB/s at the most.
const REST: Duration = Duration::from_millis(5);
/// How often a segment is copied anew that does not hold together, and the pause before.
const TRIES: u32 = 20;
const RETRY: Duration = Duration::from_millis(50);

/// What was copied of a journal.
#[derive(Clone, Debug, Default)]
pub struct Copied {
    /// The files, in order.
    pub files: Vec<BackupFile>,
    /// How far they go.
    pub head: Head,
    /// How many bytes were written; what was there already counts for nothing.
    pub bytes: u64,
}

impl BackupDir {
    /// Copies the segments of the journal in `from`, up to the last batch that is whole and durable. Segments that are
    /// there already are not written again.
    ///
    /// # Errors
    ///
    /// [`BackupError`]: what there was before is still good.
    pub fn copy_segments(&self, from: &Path, journal: JournalId) -> Result<Copied, BackupError> {
        let mut firsts = segments::segments(from)?;
        let mut copied = Copied::default();
        let mut position = 0;
        loop {
            // What was copied so far may lack records that were erased since this began, and the record that says so may
            // stand in a segment that was begun since.
            if position + 1 >= firsts.len() {
                firsts = segments::segments(from)?;
            }
            let Some(&first) = firsts.get(position) else { break };
            let path = from.join(segments::segment_name(first));
            if first != copied.head.size {
                let what = "the segment before it is missing or incomplete";
                let index = copied.head.size;
                return Err(OpenError::Damaged { index, segment: path, what }.into());
            }
            position += 1;
            let next = firsts.get(position).copied();
            if let (Some(next), Some(file)) = (next, self.kept(&path, first)?) {
                copied.head = Head { size: next, checkpoint: String::new() };
                copied.files.push(file);
                continue;
            }
            let Some((file, head)) = self.copy_segment(&path, (journal, first), next.is_none())?
            else {
                break;
            };
            copied.bytes += file.bytes;
            copied.head = head;
            copied.files.push(file);
            if next.is_none() {
                break;
            }
        }
        Ok(copied)
    }

    /// Returns the copy that is there already of a segment that is written no more.
    fn kept(&self, path: &Path, first: u64) -> Result<Option<BackupFile>, BackupError> {
        let name = segments::segment_name(first);
        let is_known = |it: &BackupFile| it.name == name;
        if !self.known().is_some_and(|known| known.files.iter().any(is_known)) {
            return Ok(None);
        }
        let is = digest_of(path).map_err(BackupError::io(path))?;
        Ok(self.holds(&name, is))
    }

    /// Copies one segment; none where the last one holds no whole batch yet.
    fn copy_segment(
        &self,
        path: &Path,
        (journal, first): (JournalId, u64),
        is_last: bool,
    ) -> Result<Option<(BackupFile, Head)>, BackupError> {
        let next = self.temporary();
        let mut what = "no batch is whole";
        for _ in 0..TRIES {
            let length = copy(path, &next)?;
            let walked = segments::walk(&next, (journal, first), &mut |_| ())?;
            let is_whole = match walked.flaw {
                None => true,
                // What stands behind the last whole batch is one that is being written, or was never finished.
                Some(_) => is_last && !walked.is_followed,
            };
            if is_whole && walked.head.size == first && is_last {
                return Ok(None);
            }
            if is_whole && walked.head.size > first {
                let cut = OpenOptions::new().write(true).open(&next).and_then(|file| {
                    file.set_len(walked.used.min(length))?;
                    file.sync_all()
                });
                cut.map_err(BackupError::io(&next))?;
                return Ok(Some((self.name(&next, &segments::segment_name(first))?, walked.head)));
            }
            what = walked.flaw.unwrap_or(what);
            thread::park_timeout(RETRY);
        }
        Err(OpenError::Damaged { index: first, segment: path.into(), what }.into())
    }
}

/// Copies a file as it is now, step by step, and returns how long it was. What was copied is made durable where it came
/// from: a backup never holds a batch that the journal could still lose.
fn copy(from: &Path, to: &Path) -> Result<u64, BackupError> {
    let mut source = File::open(from).map_err(BackupError::io(from))?;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut target = options.open(to).map_err(BackupError::io(to))?;
    let mut length = 0;
    let mut buffer = vec![0; STEP_BYTES];
    loop {
        let read = fill(&mut source, &mut buffer).map_err(BackupError::io(from))?;
        let step = buffer.get(..read).unwrap_or_default();
        target.write_all(step).and_then(|()| target.sync_data()).map_err(BackupError::io(to))?;
        length += read as u64;
        if read < STEP_BYTES {
            break;
        }
        thread::park_timeout(REST);
    }
    source.sync_data().map_err(BackupError::io(from))?;
    Ok(length)
}

fn fill(source: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
