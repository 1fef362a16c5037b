//! What is in force and how reloads went: for the status, and for whoever measures. It decides nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{CrlStanding, Trust};
use crate::domain::Timestamp;

/// The generation in force, and what became of others.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct GenerationStanding {
    /// How many came into force since the start, the first included.
    pub taken: u64,
    /// How many were refused since the start.
    pub refused: u64,
    /// What is wrong with the newest, where it was refused: the file and the fault.
    pub fault: Option<String>,
    /// SHA-256 over the content of the files of the one in force.
    pub digest: [u8; 32],
    /// When it came into force.
    pub since: Timestamp,
    /// The last moment of the server's certificate.
    pub server_not_after: Timestamp,
    /// The lists of revocations.
    pub crls: Vec<CrlStanding>,
}

/// The same, shared.
#[derive(Debug, Default)]
pub struct Generations(Mutex<GenerationStanding>);

impl Generations {
    /// Returns how it stands.
    pub fn standing(&self) -> GenerationStanding {
        self.lock().clone()
    }

    /// Notes that a generation has come into force.
    pub fn take(&self, trust: &Trust, digest: [u8; 32], now: Timestamp) {
        let mut standing = self.lock();
        *standing = GenerationStanding {
            taken: standing.taken + 1,
            refused: standing.refused,
            fault: None,
            digest,
            since: now,
            server_not_after: trust.credentials().not_after(),
            crls: trust.crl_standings(),
        };
    }

    /// Notes that one was refused.
    pub fn refuse(&self, fault: &str) {
        let mut standing = self.lock();
        standing.refused += 1;
        standing.fault = Some(fault.to_owned());
    }

    /// Notes that the files are again those of the generation in force.
    pub fn settle(&self) {
        self.lock().fault = None;
    }

    fn lock(&self) -> MutexGuard<'_, GenerationStanding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
