//! What a CA of ours may sign. X.509 cannot say it: no verifier knows name constraints for the URIs
//! that name callers, so it stands in `ca.toml` beside the key, and in the broker's table.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{PkiError, Profile};
use crate::domain::{AgencyId, Seat, TrustDomain};

/// What a CA may sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Services and officers of one agency.
    Agency {
        /// The trust domain.
        domain: TrustDomain,
        /// The agency.
        agency: AgencyId,
    },
    /// Auditors of the partnership.
    Auditors {
        /// The trust domain.
        domain: TrustDomain,
    },
    /// Operators of the broker.
    Operators {
        /// The trust domain.
        domain: TrustDomain,
    },
    /// Servers.
    Server,
}

impl Scope {
    /// Decides whether a certificate of `profile` is within it.
    pub fn covers(&self, profile: &Profile) -> bool {
        match (self, profile) {
            (Self::Agency { domain, agency }, Profile::Client { domain: of, seat }) => {
                domain == of && seat.agency() == Some(agency)
            }
            (Self::Auditors { domain }, Profile::Client { domain: of, seat }) => {
                domain == of && matches!(seat, Seat::Auditor { .. })
            }
            (Self::Operators { domain }, Profile::Client { domain: of, seat }) => {
                domain == of && matches!(seat, Seat::Operator { .. })
            }
            (Self::Server, Profile::Server { .. }) => true,
            (
                Self::Agency { .. } | Self::Auditors { .. } | Self::Operators { .. },
                Profile::Server { .. },
            )
            | (Self::Server, Profile::Client { .. }) => false,
        }
    }

    /// Reads `ca.toml`.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, PkiError> {
        let wrong = || PkiError::Scope { path: path.to_owned() };
        let file: ScopeFile = toml::from_str(text).map_err(|_| wrong())?;
        let domain = file.trust_domain.map(|domain| domain.parse()).transpose();
        let agency = file.agency.map(|agency| agency.parse()).transpose();
        match (domain, agency, (file.auditors, file.operators, file.server)) {
            (Ok(Some(domain)), Ok(Some(agency)), (false, false, false)) => {
                Ok(Self::Agency { domain, agency })
            }
            (Ok(Some(domain)), Ok(None), (true, false, false)) => Ok(Self::Auditors { domain }),
            (Ok(Some(domain)), Ok(None), (false, true, false)) => Ok(Self::Operators { domain }),
            (Ok(None), Ok(None), (false, false, true)) => Ok(Self::Server),
            _ => Err(wrong()),
        }
    }

    /// Writes `ca.toml`.
    pub(super) fn to_toml(&self) -> String {
        let heading = "# What this CA may sign.\n";
        match self {
            Self::Agency { domain, agency } => {
                format!("{heading}trust_domain = \"{domain}\"\nagency = \"{agency}\"\n")
            }
            Self::Auditors { domain } => {
                format!("{heading}trust_domain = \"{domain}\"\nauditors = true\n")
            }
            Self::Operators { domain } => {
                format!("{heading}trust_domain = \"{domain}\"\noperators = true\n")
            }
            Self::Server => format!("{heading}server = true\n"),
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ScopeFile {
    trust_domain: Option<String>,
    agency: Option<String>,
    #[serde(default)]
    auditors: bool,
    #[serde(default)]
    operators: bool,
    #[serde(default)]
    server: bool,
}
