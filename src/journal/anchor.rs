//! The anchor: how far the journal had come, kept apart from it.
//!
//! A journal that ends before its anchor was rolled back. Knows the size, and passes the
//! checkpoint through unread.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{files, id::JournalId, slot_set::SlotSet};

const FILE: &str = "anchor";
/// What stood there before a log went on from a backup.
const REPLACED: &str = "anchor.replaced";
const TITLE: &str = "portway anchor v1";
/// No anchor is larger; about two million ranges of erased slots.
const BYTES_MAX: u64 = 64 << 20;

/// What is known of the journal from outside.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Anchor {
    /// How many entries were durable.
    pub size: u64,
    /// The checkpoint that covers them; empty while there is none.
    pub checkpoint: String,
    /// The key slots that have been erased, so that a restored backup can be cleaned again.
    pub erased: SlotSet,
}

/// Why an anchor cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The directory holds an anchor already.
    #[error("{path} exists already")]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// The anchor would go back; it only ever grows.
    #[error("the anchor stands at {anchored} entries and cannot go back to {size}")]
    Backwards {
        /// Where it stands.
        anchored: u64,
        /// Where it was asked to go.
        size: u64,
    },
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
    /// There is no anchor in the directory.
    #[error("{path} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The anchor belongs to another journal.
    #[error("{path} belongs to another journal")]
    OfAnotherJournal {
        /// The file.
        path: PathBuf,
    },
}

/// The file that holds the anchor of one journal.
#[derive(Debug)]
pub struct AnchorFile {
    path: PathBuf,
    journal: JournalId,
    /// The size last read or written; held while writing.
    anchored: Mutex<u64>,
}

impl AnchorFile {
    /// Makes the anchor of an empty journal in `dir`, which is made too if need be.
    ///
    /// # Errors
    ///
    /// [`AnchorError::AlreadyExists`] when there is one; an anchor is never made over.
    pub fn create(dir: &Path, journal: JournalId) -> Result<Self, AnchorError> {
        let file = Self { path: dir.join(FILE), journal, anchored: Mutex::new(0) };
        files::create_dir(dir).map_err(io(dir))?;
        if file.path.try_exists().map_err(io(&file.path))? {
            return Err(AnchorError::AlreadyExists { path: file.path });
        }
        file.write(&Anchor::default())?;
        Ok(file)
    }

    /// Returns where the anchor of a directory stands.
    pub fn path_in(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }

    /// Reads an anchor of `journal` that stands anywhere: `path` is its file, or the directory that holds it.
    ///
    /// # Errors
    ///
    /// See [`AnchorError`]; each names the file.
    pub fn read_at(path: &Path, journal: JournalId) -> Result<Anchor, AnchorError> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        Self { path, journal, anchored: Mutex::new(0) }.read()
    }

    /// Opens the anchor in `dir` and checks it.
    ///
    /// # Errors
    ///
    /// See [`AnchorError`]; each names the file.
    pub fn open(dir: &Path, journal: JournalId) -> Result<Self, AnchorError> {
        let mut file = Self { path: dir.join(FILE), journal, anchored: Mutex::new(0) };
        file.anchored = Mutex::new(file.read()?.size);
        Ok(file)
    }

    /// Puts the anchor of a log that goes on from a backup in the place of the one before, which may know more. That one
    /// is kept beside it, as `anchor.replaced`.
    ///
    /// # Errors
    ///
    /// See [`AnchorError`]; each names the file.
    pub fn renew(dir: &Path, journal: JournalId, anchor: &Anchor) -> Result<(), AnchorError> {
        files::create_dir(dir).map_err(io(dir))?;
        let (path, kept) = (dir.join(FILE), dir.join(REPLACED));
        match fs::read(&path) {
            Ok(before) => files::replace(&kept, &before).map_err(io(&kept))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(&path)(error)),
        }
        Self { path, journal, anchored: Mutex::new(0) }.write(anchor)
    }

    /// Reads the anchor.
    ///
    /// # Errors
    ///
    /// See [`AnchorError`]; each names the file.
    pub fn read(&self) -> Result<Anchor, AnchorError> {
        let size = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(AnchorError::Missing { path: self.path.clone() });
            }
            metadata => metadata.map_err(io(&self.path))?.len(),
        };
        if size > BYTES_MAX {
            return Err(self.damaged("it is too large"));
        }
        let bytes = fs::read(&self.path).map_err(io(&self.path))?;
        let text = str::from_utf8(&bytes).map_err(|_| self.damaged("it is not text"))?;
        self.decode(text)
    }

    /// Replaces the anchor, durably: a crash leaves the old one or the new one.
    ///
    /// # Errors
    ///
    /// [`AnchorError::Backwards`] when `anchor` holds fewer entries than the last; `Io` otherwise.
    pub fn write(&self, anchor: &Anchor) -> Result<(), AnchorError> {
        let mut anchored = self.anchored.lock().unwrap_or_else(PoisonError::into_inner);
        if anchor.size < *anchored {
            return Err(AnchorError::Backwards { anchored: *anchored, size: anchor.size });
        }
        let text = encode(anchor, self.journal);
        files::replace(&self.path, text.as_bytes()).map_err(io(&self.path))?;
        *anchored = anchor.size;
        Ok(())
    }

    fn decode(&self, text: &str) -> Result<Anchor, AnchorError> {
        let line = "it has no checksum";
        let body = text.strip_suffix('\n').ok_or_else(|| self.damaged(line))?;
        let (body, last) = body.rsplit_once('\n').ok_or_else(|| self.damaged(line))?;
        let checksum = last.strip_prefix("crc32 ").ok_or_else(|| self.damaged(line))?;
        let checksum = files::unhex(checksum).ok_or_else(|| self.damaged(line))?;
        if crc32fast::hash(body.as_bytes()) != u32::from_be_bytes(checksum) {
            return Err(self.damaged("its checksum does not match"));
        }
        let (journal, anchor) = parse(body).ok_or_else(|| self.damaged("a line is not known"))?;
        if journal != self.journal {
            return Err(AnchorError::OfAnotherJournal { path: self.path.clone() });
        }
        Ok(anchor)
    }

    fn damaged(&self, what: &'static str) -> AnchorError {
        AnchorError::Damaged { path: self.path.clone(), what }
    }
}

/// Writes the anchor as text; the checksum covers everything before its own line's break.
fn encode(anchor: &Anchor, journal: JournalId) -> String {
    let ranges = anchor.erased.ranges();
    let erased: Vec<_> = ranges.map(|range| format!("{}-{}", range.start, range.end - 1)).collect();
    let body = format!(
        "{TITLE}\njournal {journal}\nsize {}\nerased {}\ncheckpoint\n{}",
        anchor.size,
        erased.join(","),
        anchor.checkpoint
    );
    let checksum = files::hex(&crc32fast::hash(body.as_bytes()).to_be_bytes());
    format!("{body}\ncrc32 {checksum}\n")
}

fn parse(body: &str) -> Option<(JournalId, Anchor)> {
    let rest = body.strip_prefix(TITLE)?.strip_prefix("\njournal ")?;
    let (journal, rest) = rest.split_once("\nsize ")?;
    let (size, rest) = rest.split_once("\nerased ")?;
    let (ranges, checkpoint) = rest.split_once("\ncheckpoint\n")?;
    let mut erased = SlotSet::default();
    for range in ranges.split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-')?;
        erased.insert_range(first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?);
    }
    let checkpoint = checkpoint.to_owned();
    Some((journal.parse().ok()?, Anchor { size: size.parse().ok()?, checkpoint, erased }))
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> AnchorError {
    let path = path.to_owned();
    move |source| AnchorError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: JournalId = JournalId::from_bytes([3; 16]);

    fn anchor(size: u64) -> Anchor {
        let checkpoint = format!("origin\n{size}\nroot\n\n\u{2014} origin signature\n");
        Anchor { size, checkpoint, erased: [1, 2, 3, 9].into_iter().collect() }
    }

    #[test]
    fn an_anchor_reads_back_after_reopening() {
        let dir = tempfile::tempdir().unwrap();
        let file = AnchorFile::create(&dir.path().join("anchor"), JOURNAL).unwrap();
        assert_eq!(file.read().unwrap(), Anchor::default());
        file.write(&anchor(7)).unwrap();
        let file = AnchorFile::open(&dir.path().join("anchor"), JOURNAL).unwrap();
        assert_eq!(file.read().unwrap(), anchor(7));
    }

    #[test]
    fn an_anchor_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        AnchorFile::create(dir.path(), JOURNAL).unwrap().write(&anchor(7)).unwrap();
        let file = AnchorFile::open(dir.path(), JOURNAL).unwrap();
        let refused = file.write(&anchor(6)).unwrap_err();
        assert!(matches!(refused, AnchorError::Backwards { anchored: 7, size: 6 }));
        file.write(&anchor(7)).unwrap();
        let refused = AnchorFile::create(dir.path(), JOURNAL).unwrap_err();
        assert!(matches!(refused, AnchorError::AlreadyExists { .. }));
    }

    #[test]
    fn a_missing_anchor_is_not_a_damaged_one() {
        let dir = tempfile::tempdir().unwrap();
        let error = AnchorFile::open(dir.path(), JOURNAL).unwrap_err();
        assert!(matches!(error, AnchorError::Missing { .. }));
        assert!(error.to_string().contains(dir.path().to_str().unwrap()), "{error}");
    }

    #[test]
    fn another_journals_anchor_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(AnchorFile::create(dir.path(), JOURNAL).unwrap());
        let other = AnchorFile::open(dir.path(), JournalId::from_bytes([4; 16])).unwrap_err();
        assert!(matches!(other, AnchorError::OfAnotherJournal { .. }));
    }

    #[test]
    fn every_flipped_bit_and_every_shorter_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        AnchorFile::create(dir.path(), JOURNAL).unwrap().write(&anchor(7)).unwrap();
        let path = dir.path().join(FILE);
        let sound = fs::read(&path).unwrap();
        for bit in 0..sound.len() * 8 {
            let mut bytes = sound.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            let error = AnchorFile::open(dir.path(), JOURNAL).unwrap_err();
            assert!(matches!(error, AnchorError::Damaged { .. }), "bit {bit}: {error}");
        }
        for length in 0..sound.len() {
            fs::write(&path, &sound[..length]).unwrap();
            let error = AnchorFile::open(dir.path(), JOURNAL).unwrap_err();
            assert!(matches!(error, AnchorError::Damaged { .. }), "length {length}: {error}");
        }
    }
}
