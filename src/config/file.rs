//! The file as it is read: every key optional, an unknown one an error.

use std::path::PathBuf;

use serde::Deserialize;

use crate::policy::RulesError;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key that is not known.
    #[error("{path}: {message}")]
    Shape {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with its line.
        message: String,
    },
    /// The rules cannot be used.
    #[error("{path}: {source}")]
    Rules {
        /// Their directory, or what is built in.
        path: PathBuf,
        /// What is wrong.
        source: RulesError,
    },
    /// A value is missing or out of its bounds.
    #[error("{path}: {key}: {fault}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What is wrong with it.
        fault: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) server: Server,
    pub(super) auditors: Speakers,
    pub(super) operators: Speakers,
    pub(super) operate: Operate,
    pub(super) journal: Journal,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    pub(super) metrics: Metrics,
    pub(super) views: Views,
    pub(super) policy: Policy,
    pub(super) retention: Retention,
    pub(super) rights: Rights,
    pub(super) agency: Vec<Agency>,
    pub(super) witness: Vec<Witness>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Server {
    pub(super) listen: Option<String>,
    pub(super) identity: Option<PathBuf>,
    pub(super) trust_domain: Option<String>,
    pub(super) handshakes_max: Option<u64>,
    pub(super) handshake_timeout_ms: Option<u64>,
    pub(super) connections_max: Option<u64>,
    pub(super) connections_per_agency_max: Option<u64>,
    pub(super) drain_timeout_ms: Option<u64>,
    pub(super) cut_within_ms: Option<u64>,
}

/// The CAs that speak for those who belong to no agency, and their lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Speakers {
    pub(super) ca: Option<PathBuf>,
    pub(super) crl: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Operate {
    pub(super) socket: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Journal {
    pub(super) engine: Option<String>,
    pub(super) dir: Option<PathBuf>,
    pub(super) segment_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ledger {
    pub(super) log: Option<String>,
    pub(super) anchor_dir: Option<PathBuf>,
    pub(super) keys_dir: Option<PathBuf>,
    pub(super) master_key: Option<PathBuf>,
    pub(super) queue_commands_max: Option<u64>,
    pub(super) batch_commands_max: Option<u64>,
    pub(super) snapshot_records: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    pub(super) publish_per_second: Option<u64>,
    pub(super) publish_burst: Option<u64>,
    pub(super) calls_per_agency_max: Option<u64>,
    pub(super) governance_calls_per_agency_max: Option<u64>,
    pub(super) streams_per_agency_max: Option<u64>,
    pub(super) streams_per_connection_max: Option<u64>,
    pub(super) call_timeout_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Metrics {
    pub(super) listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Views {
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Policy {
    pub(super) dir: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Retention {
    pub(super) sweep_seconds: Option<u64>,
    pub(super) erasures_per_second: Option<u64>,
    pub(super) records_days: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rights {
    pub(super) notice_due_days: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Agency {
    pub(super) id: String,
    pub(super) ca: PathBuf,
    pub(super) crl: Option<PathBuf>,
    pub(super) issuer: Option<Issuer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Issuer {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) days: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Witness {
    pub(super) url: String,
    pub(super) vkey: PathBuf,
}
