//! Who is speaking: what the certificate of a connection says, and nothing from any message.

use std::fmt;

use super::{AgencyId, Name, Reason, Refusal};

/// SHA-256 of a certificate.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// Bytes, to be shown as lower-case hex digits.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a caller sits as.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Seat {
    /// One who audits the whole partnership: sees every record, and never content.
    Auditor {
        /// The auditor's id.
        id: Name,
    },
    /// An information-governance officer of an agency.
    Officer {
        /// The agency.
        agency: AgencyId,
        /// The officer's id.
        id: Name,
    },
    /// One who runs the broker.
    Operator {
        /// The operator's id.
        id: Name,
    },
    /// A system of an agency.
    Service {
        /// The agency.
        agency: AgencyId,
        /// The system's name.
        name: Name,
    },
}

impl Seat {
    /// Returns the agency it speaks for; an auditor and an operator speak for none.
    pub const fn agency(&self) -> Option<&AgencyId> {
        match self {
            Self::Officer { agency, .. } | Self::Service { agency, .. } => Some(agency),
            Self::Auditor { .. } | Self::Operator { .. } => None,
        }
    }
}

/// The path of the SPIFFE id, without a slash first.
impl fmt::Display for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auditor { id } => write!(f, "auditor/{id}"),
            Self::Officer { agency, id } => write!(f, "agency/{agency}/officer/{id}"),
            Self::Operator { id } => write!(f, "operator/{id}"),
            Self::Service { agency, name } => write!(f, "agency/{agency}/service/{name}"),
        }
    }
}

impl Seat {
    /// Reads the path of a SPIFFE id, compared as bytes: one spelling only.
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let seat = match (parts.next()?, parts.next()?, parts.next(), parts.next()) {
            ("agency", agency, Some("officer"), Some(id)) => {
                Self::Officer { agency: agency.parse().ok()?, id: id.parse().ok()? }
            }
            ("agency", agency, Some("service"), Some(name)) => {
                Self::Service { agency: agency.parse().ok()?, name: name.parse().ok()? }
            }
            ("auditor", id, None, None) => Self::Auditor { id: id.parse().ok()? },
            ("operator", id, None, None) => Self::Operator { id: id.parse().ok()? },
            _ => return None,
        };
        parts.next().is_none().then_some(seat)
    }
}

/// Who is speaking.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Caller {
    /// As what.
    pub seat: Seat,
    /// With which certificate.
    pub certificate: Fingerprint,
}

impl Caller {
    /// Returns whoever runs the broker, on its own machine and without a certificate: `operator/local`. No
    /// certificate names it.
    pub fn local() -> Self {
        Self { seat: Seat::Operator { id: Name::local() }, certificate: Fingerprint([0; 32]) }
    }

    /// Returns the agency that it is an officer of.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` for all others.
    pub fn officer(&self) -> Result<&AgencyId, Refusal> {
        match &self.seat {
            Seat::Officer { agency, .. } => Ok(agency),
            Seat::Auditor { .. } | Seat::Operator { .. } | Seat::Service { .. } => {
                Err(Reason::WrongRole.into())
            }
        }
    }

    /// Returns the agency it speaks for.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` for an auditor and an operator, who speak for none.
    pub fn member(&self) -> Result<&AgencyId, Refusal> {
        self.seat.agency().ok_or(Reason::WrongRole.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_has_one_spelling() {
        for path in [
            "agency/police/service/rms",
            "agency/police/officer/ig-1",
            "auditor/icb-1",
            "operator/ops",
        ] {
            assert_eq!(Seat::parse(path).expect(path).to_string(), path);
        }
        for bad in [
            "agency/police",
            "agency/police/service",
            "agency/police/service/rms/",
            "agency//service/rms",
            "agency/police/admin/rms",
            "operator/ops/x",
            "operator",
            "auditor",
            "auditor/icb-1/police",
            "/operator/ops",
            "agency/police/service/r%6ds",
            "agency/Police/service/rms",
        ] {
            assert_eq!(Seat::parse(bad), None, "{bad}");
        }
    }
}
