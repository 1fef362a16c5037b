//! Makes keys, requests and small CAs, and signs what a CA may sign: for pilots, tests and agencies
//! without a PKI of their own. It never decides who may connect (`identity` does), never overwrites.

mod authority;
mod describe;
mod files;
mod issuers;
mod pair;
mod profile;
mod rehearsal;
mod request;
mod scope;

use std::{io, path::PathBuf};

pub use authority::Authority;
pub use describe::{Description, describe};
pub use files::{create_directory, write_private, write_public};
pub use issuers::{IssuerSource, Issuers, Renewed};
pub use pair::replace_pair;
pub use profile::{Host, InvalidHost, Profile};
pub use rehearsal::Rehearsal;
pub use request::{NewRequest, Request};
pub use scope::Scope;

use crate::identity::TrustError;

/// How long a CA of ours lives unless told otherwise, in days.
pub const CA_DAYS: u64 = 3650;
/// How long a leaf lives unless told otherwise, in days: short, so that renewing is practised.
pub const LEAF_DAYS: u64 = 90;
/// The longest that a leaf may live, in days.
pub const LEAF_DAYS_MAX: u64 = 398;

/// Why a key, a request or a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The lifetime is out of bounds.
    #[error("days must be 1 to {max}")]
    Days {
        /// The most there may be.
        max: u64,
    },
    /// The CA's certificate has expired.
    #[error("the ca has expired")]
    Expired,
    /// A file could not be read or made.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The cryptographic library would not.
    #[error("certificate not made: {0}")]
    Make(#[from] rcgen::Error),
    /// The CA may not sign for the names of the request.
    #[error("the ca's scope (ca.toml) does not cover the names of the request")]
    OutOfScope,
    /// There is no randomness to be had.
    #[error("the system gives no random numbers")]
    Random,
    /// The request is not one that any profile allows.
    #[error("request refused: {0}")]
    Request(&'static str),
    /// The scope of a CA is not readable as one.
    #[error("{}: must hold trust_domain with agency, auditors = true or operators = true, or server = true", path.display())]
    Scope {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate or key file is wrong.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There is no certificate or request in it.
    #[error("no certificate or request in PEM form")]
    Unreadable,
}

#[cfg(test)]
mod tests;
