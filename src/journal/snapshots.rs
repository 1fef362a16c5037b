//! A directory of snapshots: files that spare a start from reading all of the journal.
//!
//! Knows that a file is whole and of this journal, never whether what it says is true: that is for
//! whoever compares its digest. Every one of them may be deleted at any time.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use ring::digest::{Context, SHA256};

use super::{files, id::JournalId};

const MAGIC: [u8; 8] = *b"PWSNAP01";
const HEADER_BYTES: usize = 40;
const CHECKSUM_BYTES: usize = 4;
/// No snapshot is larger.
const BYTES_MAX: u64 = 16 << 30;
/// How much is written between two syncs: a commit may have to wait for one of them.
const STEP_BYTES: usize = 256 << 10;
const SUFFIX: &str = ".snap";
const TEMPORARY: &str = ".tmp";

/// Why a snapshot cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file is not as it was written.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not match.
        what: &'static str,
    },
    /// The system refused access.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is a snapshot of another journal.
    #[error("{path} belongs to another journal")]
    OfAnotherJournal {
        /// The file.
        path: PathBuf,
    },
}

impl SnapshotError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// A snapshot that was read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// How many entries it stands for.
    pub size: u64,
    /// What it says of them.
    pub content: Bytes,
    /// SHA-256 of the whole file.
    pub digest: [u8; 32],
}

/// The snapshots of one journal.
#[derive(Clone, Debug)]
pub struct SnapshotFiles {
    dir: PathBuf,
    journal: JournalId,
}

impl SnapshotFiles {
    /// Names the directory of a journal's snapshots. It is made when the first one is written.
    pub fn new(dir: &Path, journal: JournalId) -> Self {
        Self { dir: dir.into(), journal }
    }

    /// Lists the sizes that there are snapshots of, the largest first.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Io`] where the directory cannot be read. One that is missing holds none.
    pub fn sizes(&self) -> Result<Vec<u64>, SnapshotError> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(SnapshotError::io(&self.dir))?,
        };
        let mut sizes = Vec::new();
        for entry in entries {
            let name = entry.map_err(SnapshotError::io(&self.dir))?.file_name();
            let size = name.to_str().and_then(|it| it.strip_suffix(SUFFIX)?.parse().ok());
            sizes.extend(size.filter(|size| name == *file_name(*size)));
        }
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        Ok(sizes)
    }

    /// Reads the snapshot of `size` entries.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`] where it is not whole, or of another journal.
    pub fn read(&self, size: u64) -> Result<Snapshot, SnapshotError> {
        let path = self.dir.join(file_name(size));
        let io = || SnapshotError::io(&path);
        let damaged = |what| SnapshotError::Damaged { path: path.clone(), what };
        let file = fs::File::open(&path).map_err(io())?;
        let length = file.metadata().map_err(io())?.len();
        if length > BYTES_MAX {
            return Err(damaged("it is too large"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        file.take(length).read_to_end(&mut bytes).map_err(io())?;
        let mut digest = Context::new(&SHA256);
        digest.update(&bytes);
        let mut content = Bytes::from(bytes);
        if content.len() < HEADER_BYTES + CHECKSUM_BYTES {
            return Err(damaged("it is cut short"));
        }
        let checksum = content.split_off(content.len() - CHECKSUM_BYTES);
        if crc32fast::hash(&content).to_le_bytes() != *checksum {
            return Err(damaged("checksum"));
        }
        let header = content.split_to(HEADER_BYTES);
        let due = header_of(self.journal, size, content.len() as u64);
        if header == due.as_slice() {
            return Ok(Snapshot { size, content, digest: digest_of(digest) });
        }
        let id = MAGIC.len()..MAGIC.len() + 16;
        if header.get(id.clone()) == due.get(id) {
            Err(damaged("header"))
        } else {
            Err(SnapshotError::OfAnotherJournal { path })
        }
    }

    /// Writes the snapshot of `size` entries and returns the SHA-256 of its file. It has its name only
    /// once it is whole and durable.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Io`]; what was begun is removed by the next [`keep`](Self::keep).
    pub fn write(&self, size: u64, content: &[u8]) -> Result<[u8; 32], SnapshotError> {
        files::create_dir(&self.dir).map_err(SnapshotError::io(&self.dir))?;
        let path = self.dir.join(file_name(size));
        let next = self.dir.join(format!("{size:020}{TEMPORARY}"));
        let header = header_of(self.journal, size, content.len() as u64);
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&header);
        checksum.update(content);
        let checksum = checksum.finalize().to_le_bytes();
        let mut digest = Context::new(&SHA256);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&next).and_then(|mut file| {
            for part in [&header[..], content, &checksum[..]] {
                digest.update(part);
                for step in part.chunks(STEP_BYTES) {
                    file.write_all(step)?;
                    if step.len() == STEP_BYTES {
                        file.sync_data()?;
                    }
                }
            }
            file.sync_all()?;
            fs::rename(&next, &path)?;
            files::sync_dir(&self.dir)
        });
        written.map_err(SnapshotError::io(&next))?;
        Ok(digest_of(digest))
    }

    /// Removes every snapshot of another size than those of `sizes`, and what was never finished.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::Io`] where one cannot be removed.
    pub fn keep(&self, sizes: &[u64]) -> Result<(), SnapshotError> {
        let io = || SnapshotError::io(&self.dir);
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(io())?,
        };
        for entry in entries {
            let entry = entry.map_err(io())?;
            let name = entry.file_name();
            let kept = sizes.iter().any(|size| name == *file_name(*size));
            let name = name.to_str().unwrap_or_default();
            let is_ours = [SUFFIX, TEMPORARY].iter().any(|suffix| name.ends_with(suffix));
            if is_ours && !kept {
                fs::remove_file(entry.path()).map_err(io())?;
            }
        }
        Ok(())
    }
}

fn header_of(journal: JournalId, size: u64, content_bytes: u64) -> Vec<u8> {
    [&MAGIC[..], &journal.as_bytes()[..], &size.to_le_bytes()[..], &content_bytes.to_le_bytes()[..]]
        .concat()
}

fn file_name(size: u64) -> String {
    format!("{size:020}{SUFFIX}")
}

fn digest_of(context: Context) -> [u8; 32] {
    let mut digest = [0; 32];
    for (byte, from) in digest.iter_mut().zip(context.finish().as_ref()) {
        *byte = *from;
    }
    digest
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const JOURNAL: JournalId = JournalId::from_bytes([4; 16]);

    fn files() -> (tempfile::TempDir, SnapshotFiles) {
        let dir = tempfile::tempdir().unwrap();
        let files = SnapshotFiles::new(&dir.path().join("snapshots"), JOURNAL);
        (dir, files)
    }

    #[test]
    fn a_snapshot_reads_back_with_the_digest_of_its_file() {
        let (_dir, files) = files();
        assert!(files.sizes().unwrap().is_empty());
        let content = vec![7; 2 * STEP_BYTES + 5];
        let digest = files.write(12, &content).unwrap();
        let read = files.read(12).unwrap();
        assert_eq!((read.size, read.content.as_ref(), read.digest), (12, &content[..], digest));
        let path = files.dir.join(file_name(12));
        let whole = fs::read(&path).unwrap();
        assert_eq!(ring::digest::digest(&SHA256, &whole).as_ref(), digest);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&files.dir), mode(&path)), (0o700, 0o600));
    }

    #[test]
    fn a_changed_cut_or_renamed_snapshot_is_refused() {
        let (_dir, files) = files();
        files.write(3, b"content").unwrap();
        let path = files.dir.join(file_name(3));
        let sound = fs::read(&path).unwrap();
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            files.read(3).expect_err("a flipped bit");
        }
        for length in 0..sound.len() {
            fs::write(&path, &sound[..length]).unwrap();
            files.read(3).expect_err("cut short");
        }
        fs::write(files.dir.join(file_name(4)), &sound).unwrap();
        assert!(matches!(files.read(4), Err(SnapshotError::Damaged { what: "header", .. })));
        fs::write(&path, &sound).unwrap();
        let other = SnapshotFiles::new(&files.dir, JournalId::from_bytes([5; 16]));
        assert!(matches!(other.read(3), Err(SnapshotError::OfAnotherJournal { .. })));
        assert!(files.read(3).is_ok());
    }

    #[test]
    fn only_those_to_keep_are_kept() {
        let (_dir, files) = files();
        for size in [5, 900, 71] {
            files.write(size, b"content").unwrap();
        }
        fs::write(files.dir.join("7.tmp"), "never finished").unwrap();
        fs::write(files.dir.join("7.snap"), "of no size").unwrap();
        fs::write(files.dir.join("readme"), "not ours").unwrap();
        assert_eq!(files.sizes().unwrap(), [900, 71, 5]);
        files.keep(&[900, 71]).unwrap();
        assert_eq!(files.sizes().unwrap(), [900, 71]);
        assert_eq!(fs::read_dir(&files.dir).unwrap().count(), 3);
    }
}
