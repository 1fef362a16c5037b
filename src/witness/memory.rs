//! What a witness has cosigned: of each log the newest checkpoint, in one file that is replaced as a whole, and is on
//! disk before anybody learns of a cosignature. A file that is gone or damaged is never begun anew.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    journal::files,
    merkle::{Checkpoint, Hash, Note, empty_root},
};

const FILE: &str = "cosigned";
const TITLE: &str = "portway witness v1";
/// A file for each proof of a fork, of which so many are kept at most.
const FORKS: &str = "forks";
const FORKS_MAX: u32 = 100;

/// The newest tree of a log that was cosigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Cosigned {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// The signed checkpoint; empty where none was cosigned.
    pub(super) checkpoint: String,
}

impl Cosigned {
    /// None: every tree extends the empty one.
    fn nothing() -> Self {
        Self { size: 0, root: empty_root(), checkpoint: String::new() }
    }
}

/// What was cosigned, by log.
#[derive(Debug)]
pub(super) struct Memory {
    dir: PathBuf,
    logs: BTreeMap<String, Cosigned>,
    /// Set once a write failed: what is on disk is not known any more, and nothing more is cosigned.
    is_lost: bool,
}

impl Memory {
    /// Makes an empty memory.
    pub(super) fn create(dir: &Path) -> Result<Self, MemoryError> {
        let memory = Self { dir: dir.to_owned(), logs: BTreeMap::new(), is_lost: false };
        memory.write(&memory.logs)?;
        Ok(memory)
    }

    /// Reads the memory.
    pub(super) fn open(dir: &Path) -> Result<Self, MemoryError> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(MemoryError::Missing { path });
            }
            text => text.map_err(|source| MemoryError::File { path: path.clone(), source })?,
        };
        let logs = parse(&text).ok_or(MemoryError::Damaged { path })?;
        Ok(Self { dir: dir.to_owned(), logs, is_lost: false })
    }

    /// Returns what was cosigned of a log.
    pub(super) fn of(&self, origin: &str) -> Cosigned {
        self.logs.get(origin).cloned().unwrap_or_else(Cosigned::nothing)
    }

    /// Remembers a larger tree of a log, durably.
    pub(super) fn remember(
        &mut self,
        checkpoint: &Checkpoint,
        note: &str,
    ) -> Result<(), MemoryError> {
        if self.is_lost {
            return Err(MemoryError::Lost);
        }
        let mut logs = self.logs.clone();
        let Checkpoint { origin, size, root } = checkpoint.clone();
        logs.insert(origin, Cosigned { size, root, checkpoint: note.to_owned() });
        self.write(&logs).inspect_err(|_| self.is_lost = true)?;
        self.logs = logs;
        Ok(())
    }

    /// Keeps two checkpoints of one log that contradict each other: with the log's signature on both, they prove that
    /// it forked. The same pair is kept once. Returns the file, or nothing where there are enough of them.
    pub(super) fn keep_fork(&self, one: &str, other: &str) -> Result<Option<PathBuf>, MemoryError> {
        let dir = self.dir.join(FORKS);
        let failed = |source| MemoryError::File { path: dir.clone(), source };
        files::create_dir(&dir).map_err(failed)?;
        let text = format!("{one}\n{other}");
        for number in 1..=FORKS_MAX {
            let path = dir.join(number.to_string());
            match fs::read_to_string(&path) {
                Ok(kept) if kept == text => return Ok(Some(path)),
                Ok(_) => {}
                Err(_) => {
                    files::create(&path, text.as_bytes()).map_err(failed)?;
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    fn write(&self, logs: &BTreeMap<String, Cosigned>) -> Result<(), MemoryError> {
        let path = self.dir.join(FILE);
        let written = files::replace(&path, write(logs).as_bytes());
        written.map_err(|source| MemoryError::File { path, source })
    }
}

/// One line for each log: its checkpoint as a JSON string. The last line is a checksum of all before it.
fn write(logs: &BTreeMap<String, Cosigned>) -> String {
    let mut text = format!("{TITLE}\n");
    for cosigned in logs.values() {
        text.push_str(&serde_json::Value::from(cosigned.checkpoint.as_str()).to_string());
        text.push('\n');
    }
    let checksum = crc32fast::hash(text.as_bytes());
    format!("{text}crc32 {checksum:08x}\n")
}

fn parse(text: &str) -> Option<BTreeMap<String, Cosigned>> {
    let (body, last) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let checksum = last.strip_prefix("crc32 ")?;
    let body = format!("{body}\n");
    if checksum != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return None;
    }
    let mut lines = body.lines();
    (lines.next() == Some(TITLE)).then_some(())?;
    let mut logs = BTreeMap::new();
    for line in lines {
        let checkpoint: String = serde_json::from_str(line).ok()?;
        let Checkpoint { origin, size, root } =
            Checkpoint::parse(Note::parse(&checkpoint).ok()?.text()).ok()?;
        let before = logs.insert(origin, Cosigned { size, root, checkpoint });
        before.is_none().then_some(())?;
    }
    Some(logs)
}

/// Why a witness's memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file is not as it was written.
    #[error(
        "{path}: damaged; put back the newest copy there is, or begin a witness with a new key"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system refused access.
    #[error("{path}: {source}")]
    File {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A write failed before.
    #[error("a write failed before; what is on disk is not known: start the witness again")]
    Lost,
    /// The file is not there.
    #[error(
        "{path}: missing; without it the key would cosign what it has refused: begin a witness with a new key"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
}
