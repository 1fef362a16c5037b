//! The witness's decision: check and persist under one lock, and only then cosign. It never cosigns a tree that does
//! not extend the one that it cosigned last.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    home::{Home, HomeError},
    memory::{Cosigned, Memory, MemoryError},
    request::Submission,
};
use crate::{
    domain::{Clock, Timestamp},
    merkle::{Chain, Checkpoint, Cosigner, Note, Verifier, WitnessKey, verify_consistency},
    record::Rotation,
};

/// What a witness runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name of its key: a URL without its scheme.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its directory, nobody else's.
    pub dir: PathBuf,
    /// The logs that it knows, by origin.
    pub logs: Vec<KnownLog>,
}

/// A log that a witness knows.
#[derive(Clone, Debug)]
pub struct KnownLog {
    /// A key of the log.
    pub key: Verifier,
    /// The file that says how its keys were rotated, read again when a signature is not of a known one.
    pub rotations: Option<PathBuf>,
}

impl KnownLog {
    /// Reads how the log's keys were rotated, without looking at it.
    fn read(&self) -> Result<String, WitnessError> {
        let Some(path) = &self.rotations else { return Ok(String::new()) };
        match fs::read_to_string(path) {
            // Nothing was rotated yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            text => text.map_err(|error| self.wrong(&error)),
        }
    }

    /// Follows the chain of the log's keys.
    fn chain(&self, rotations: &str) -> Result<Chain, WitnessError> {
        let rotations = Rotation::from_lines(rotations).map_err(|error| self.wrong(&error))?;
        Rotation::chain(&self.key, &rotations).map_err(|error| self.wrong(&error))
    }

    fn wrong(&self, what: &dyn std::fmt::Display) -> WitnessError {
        let path = self.rotations.clone().unwrap_or_default();
        WitnessError::Log { path, what: what.to_string() }
    }
}

/// A witness.
#[derive(Debug)]
pub struct Witness {
    cosigner: Cosigner,
    logs: BTreeMap<String, Log>,
    /// The one lock over check and persist.
    memory: Mutex<Memory>,
    clock: Arc<dyn Clock>,
    _lock: fs::File,
}

#[derive(Debug)]
struct Log {
    known: KnownLog,
    keys: Mutex<Keys>,
}

/// What is known of a log's keys, and the text that it was read from last.
#[derive(Debug)]
struct Keys {
    chain: Chain,
    rotations: String,
}

impl Witness {
    /// Opens a witness on its directory; the first start makes the key.
    ///
    /// # Errors
    ///
    /// [`WitnessError`] names the file that is wrong, in others' use, or lost.
    pub fn open(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, WitnessError> {
        let mut logs = BTreeMap::new();
        for known in settings.logs.iter().cloned() {
            let rotations = known.read()?;
            let keys = Mutex::new(Keys { chain: known.chain(&rotations)?, rotations });
            logs.insert(known.key.name().to_owned(), Log { known, keys });
        }
        let Home { cosigner, memory, lock } = Home::open(&settings.dir, &settings.name)?;
        Ok(Self { cosigner, logs, memory: Mutex::new(memory), clock, _lock: lock })
    }

    /// Returns the public side of its key.
    pub const fn key(&self) -> &WitnessKey {
        self.cosigner.key()
    }

    /// Does what `add-checkpoint` asks: returns the line of the cosignature. It blocks for a write to the disk.
    ///
    /// # Errors
    ///
    /// [`Refused`]; nothing was cosigned.
    pub fn add_checkpoint(&self, body: &[u8]) -> Result<String, Refused> {
        let submission = Submission::parse(body).ok_or(Refused::Malformed)?;
        let note = Note::parse(&submission.checkpoint).map_err(|_| Refused::Malformed)?;
        // Which log it is stands in the text, and nothing else is believed of it yet.
        let claimed = Checkpoint::parse(note.text()).map_err(|_| Refused::Malformed)?;
        let log = self.logs.get(&claimed.origin).ok_or(Refused::UnknownLog)?;
        let checkpoint = log.open(&submission.checkpoint).ok_or(Refused::NotSigned)?;
        if submission.old > checkpoint.size {
            return Err(Refused::Malformed);
        }
        let mut memory = lock(&self.memory);
        let last = memory.of(&checkpoint.origin);
        check(&memory, &last, &submission, &checkpoint)?;
        if checkpoint.size > last.size {
            // On disk before the cosignature is made: no crash lets it cosign what contradicts this.
            memory.remember(&checkpoint, &submission.checkpoint)?;
        }
        let line = self.cosigner.cosign(note.text(), seconds(self.clock.now()));
        drop(memory);
        tracing::debug!(origin = checkpoint.origin, size = checkpoint.size, "cosigned");
        Ok(format!("{line}\n"))
    }
}

impl Log {
    /// Opens a checkpoint; where no known key signed it, the rotations are read again. They are followed once for each
    /// change: whoever sends what nobody signed must not have thousands of signatures verified each time.
    fn open(&self, note: &str) -> Option<Checkpoint> {
        let mut keys = lock(&self.keys);
        if let Ok(checkpoint) = keys.chain.open(note) {
            return Some(checkpoint);
        }
        self.known.rotations.as_ref()?;
        let followed = self.known.read().and_then(|rotations| {
            if rotations == keys.rotations {
                return Ok(None);
            }
            keys.rotations = rotations;
            self.known.chain(&keys.rotations).map(Some)
        });
        match followed {
            // What was followed once stays followed: a file that is put back takes no key away.
            Ok(Some(newer)) if newer.holds(keys.chain.newest()) => keys.chain = newer,
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(error) => tracing::warn!(%error, "the rotations of a log's key are not followed"),
        }
        keys.chain.open(note).ok()
    }
}

/// Holds a checkpoint that the log signed against the one that was cosigned last.
fn check(
    memory: &Memory,
    last: &Cosigned,
    submission: &Submission,
    checkpoint: &Checkpoint,
) -> Result<(), Refused> {
    let Checkpoint { origin, size, root } = checkpoint;
    if submission.old != last.size {
        return Err(Refused::Conflict { size: last.size });
    }
    if *size == last.size && *root != last.root {
        report_fork(memory, last, &submission.checkpoint, checkpoint);
        return Err(Refused::Conflict { size: last.size });
    }
    if last.size == 0 {
        return if submission.proof.is_empty() { Ok(()) } else { Err(Refused::BadProof) };
    }
    verify_consistency(last.size, &last.root, *size, root, &submission.proof).map_err(|_| {
        tracing::warn!(
            origin,
            size,
            cosigned = last.size,
            "a tree is not shown to extend the last"
        );
        Refused::BadProof
    })
}

const FORKED: &str = "the log forked: it signed two trees of one size";

/// Two trees of one size, and the log's signature on both.
fn report_fork(memory: &Memory, last: &Cosigned, shown: &str, checkpoint: &Checkpoint) {
    let (origin, size) = (&checkpoint.origin, checkpoint.size);
    match memory.keep_fork(&last.checkpoint, shown) {
        Ok(file) => {
            let file = file.map(|file| file.display().to_string());
            tracing::error!(origin, size, file, "{FORKED}");
        }
        Err(error) => tracing::error!(origin, size, %error, "{FORKED}, and the proof is not kept"),
    }
}

const fn seconds(now: Timestamp) -> u64 {
    now.ms() / 1000
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a witness does not cosign.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The proof does not show that the tree extends the one cosigned last.
    #[error("the proof does not hold")]
    BadProof,
    /// The tree cosigned last has another size than was said, or another root at the same size.
    #[error("the last tree cosigned has another size, or another root")]
    Conflict {
        /// Its size.
        size: u64,
    },
    /// The body is none.
    #[error("malformed")]
    Malformed,
    /// What was cosigned could not be made durable.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// None of the log's keys signed it.
    #[error("not signed by a known key of the log")]
    NotSigned,
    /// No log of that origin is known.
    #[error("unknown log")]
    UnknownLog,
}

/// Why a witness cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Its directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// It cannot listen there.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// What it should know of a log.
    #[error("{path}: {what}")]
    Log {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}
