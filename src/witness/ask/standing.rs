//! How a witness stands: what it has cosigned, since when it is behind, and why.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::domain::Timestamp;

/// A checkpoint of ours that a witness cosigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cosigned {
    /// Size of its tree.
    pub size: u64,
    /// When it was cosigned, by the witness's clock, in seconds since 1970.
    pub seconds: u64,
    /// The checkpoint with the log's signatures and the witness's.
    pub note: String,
}

/// How a witness stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// The newest checkpoint that it cosigned.
    pub cosigned: Option<Cosigned>,
    /// Since when there is something that it has not cosigned; none = there is nothing.
    pub behind_since: Option<Timestamp>,
    /// Why the last question failed; none = it did not.
    pub fault: Option<Fault>,
}

/// Why a witness did not cosign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It answered with something else than a cosignature of its key on this checkpoint.
    Answer,
    /// It has cosigned a tree of this log that this one does not extend: one of both was rolled back or forked.
    Conflict,
    /// It did not answer in time.
    TooSlow,
    /// It does not know the log's key.
    UnknownKey,
    /// It does not know the log.
    UnknownLog,
    /// It cannot be reached.
    Unreachable,
}

impl Fault {
    /// Returns its name for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Answer => "ANSWER",
            Self::Conflict => "CONFLICT",
            Self::TooSlow => "TOO_SLOW",
            Self::UnknownKey => "UNKNOWN_KEY",
            Self::UnknownLog => "UNKNOWN_LOG",
            Self::Unreachable => "UNREACHABLE",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "its answer is no cosignature of its key on this checkpoint",
            Self::Conflict => "it has cosigned a tree of this log that this log does not extend",
            Self::TooSlow => "it did not answer in time",
            Self::UnknownKey => "it does not know the log's key",
            Self::UnknownLog => "it does not know this log",
            Self::Unreachable => "it cannot be reached",
        })
    }
}

/// A witness that is asked, as everybody may look at it.
#[derive(Debug)]
pub(super) struct Asked(Mutex<Standing>);

impl Asked {
    pub(super) fn new(name: &str, cosigned: Option<Cosigned>) -> Self {
        let name = name.to_owned();
        Self(Mutex::new(Standing { name, cosigned, behind_since: None, fault: None }))
    }

    pub(super) fn standing(&self) -> Standing {
        self.lock().clone()
    }

    /// Returns the size of the newest tree that it cosigned; 0 = none.
    pub(super) fn size(&self) -> u64 {
        self.lock().cosigned.as_ref().map_or(0, |cosigned| cosigned.size)
    }

    /// Notes that there is something to cosign.
    pub(super) fn falls_behind(&self, now: Timestamp) {
        self.lock().behind_since.get_or_insert(now);
    }

    /// Notes a fault. It is told of when it is another than before, and not for each question.
    pub(super) fn fails(&self, fault: Fault) {
        let mut standing = self.lock();
        if standing.fault.replace(fault) == Some(fault) {
            return;
        }
        let (witness, size) = (&standing.name, standing.cosigned.as_ref().map(|it| it.size));
        if fault == Fault::Conflict {
            tracing::error!(witness, size, "{fault}: one of both was rolled back or forked");
        } else {
            tracing::warn!(
                witness,
                size,
                fault = fault.code(),
                "a witness does not cosign: {fault}"
            );
        }
    }

    /// Notes a cosignature. `more_since` is since when there is something beyond it.
    pub(super) fn cosigns(&self, cosigned: Cosigned, more_since: Option<Timestamp>) {
        let mut standing = self.lock();
        if standing.fault.take().is_some() {
            let (witness, size) = (&standing.name, cosigned.size);
            tracing::info!(witness, size, "a witness cosigns again");
        }
        standing.behind_since = more_since;
        standing.cosigned = Some(cosigned);
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
