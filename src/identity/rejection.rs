//! Why a connection was refused: for the log and the counters. The peer learns only its TLS alert.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use rustls::CertificateError;

use crate::domain::Bar;

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rejection {
    /// The agency was revoked by an operator.
    AgencyRevoked,
    /// The agency is suspended by an operator.
    AgencySuspended,
    /// The agency of the SAN is not in the table.
    AgencyUnknown,
    /// A CA between the certificate and its root, or the root, was revoked by an operator.
    AuthorityRevoked,
    /// A known CA issued the certificate, but may not speak for whom it names.
    CaNotEntitled,
    /// The certificate breaks another rule: malformed, a CA's own, not for client authentication.
    CertificateInvalid,
    /// The certificate was revoked by an operator, or it or a CA above it stands on a list of revocations.
    CertificateRevoked,
    /// The list of revocations of one of its CAs is out of date.
    CrlExpired,
    /// The certificate, or one between it and its CA, is past its last moment.
    Expired,
    /// Not TLS 1.3, not HTTP/2, or broken off.
    HandshakeFailed,
    /// The handshake took too long.
    HandshakeTimeout,
    /// No certificate was presented.
    NoCertificate,
    /// The certificate, or one between it and its CA, is before its first moment.
    NotYetValid,
    /// A CA above it has no list of revocations, though its agency's have.
    RevocationUnknown,
    /// More than one URI SAN.
    SanAmbiguous,
    /// The URI SAN is not one of the three SPIFFE forms, byte for byte.
    SanMalformed,
    /// No URI SAN.
    SanMissing,
    /// As many connections are open as may be, of all agencies or of this one.
    TooMany,
    /// No CA in the table issued the certificate.
    UnknownCa,
    /// The URI SAN stands in another trust domain.
    WrongTrustDomain,
}

impl Rejection {
    /// Every reason.
    pub const ALL: [Self; 20] = [
        Self::AgencyRevoked,
        Self::AgencySuspended,
        Self::AgencyUnknown,
        Self::AuthorityRevoked,
        Self::CaNotEntitled,
        Self::CertificateInvalid,
        Self::CertificateRevoked,
        Self::CrlExpired,
        Self::Expired,
        Self::HandshakeFailed,
        Self::HandshakeTimeout,
        Self::NoCertificate,
        Self::NotYetValid,
        Self::RevocationUnknown,
        Self::SanAmbiguous,
        Self::SanMalformed,
        Self::SanMissing,
        Self::TooMany,
        Self::UnknownCa,
        Self::WrongTrustDomain,
    ];

    /// Returns the code that logs and metrics carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AgencyRevoked => "AGENCY_REVOKED",
            Self::AgencySuspended => "AGENCY_SUSPENDED",
            Self::AgencyUnknown => "AGENCY_UNKNOWN",
            Self::AuthorityRevoked => "AUTHORITY_REVOKED",
            Self::CaNotEntitled => "CA_NOT_ENTITLED",
            Self::CertificateInvalid => "CERTIFICATE_INVALID",
            Self::CertificateRevoked => "CERTIFICATE_REVOKED",
            Self::CrlExpired => "CRL_EXPIRED",
            Self::Expired => "EXPIRED",
            Self::HandshakeFailed => "HANDSHAKE_FAILED",
            Self::HandshakeTimeout => "HANDSHAKE_TIMEOUT",
            Self::NoCertificate => "NO_CERTIFICATE",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::RevocationUnknown => "REVOCATION_UNKNOWN",
            Self::SanAmbiguous => "SAN_AMBIGUOUS",
            Self::SanMalformed => "SAN_MALFORMED",
            Self::SanMissing => "SAN_MISSING",
            Self::TooMany => "TOO_MANY",
            Self::UnknownCa => "UNKNOWN_CA",
            Self::WrongTrustDomain => "WRONG_TRUST_DOMAIN",
        }
    }

    /// Tells whether a chain that leads to the right CA is refused for what is revoked, or not known not to be.
    pub(super) const fn is_of_revocation(self) -> bool {
        matches!(
            self,
            Self::AuthorityRevoked
                | Self::CertificateRevoked
                | Self::CrlExpired
                | Self::RevocationUnknown
        )
    }

    /// Returns what the verifier tells rustls, and so which alert the peer gets (RFC 8446 §6.2).
    pub(super) const fn alert(self) -> CertificateError {
        match self {
            Self::Expired => CertificateError::Expired,
            Self::NotYetValid => CertificateError::NotValidYet,
            Self::UnknownCa => CertificateError::UnknownIssuer,
            Self::CertificateInvalid => CertificateError::BadEncoding,
            Self::AuthorityRevoked | Self::CertificateRevoked => CertificateError::Revoked,
            // One answer for all of these: who may speak here is not for everyone to find out.
            Self::AgencyRevoked
            | Self::AgencySuspended
            | Self::AgencyUnknown
            | Self::CaNotEntitled
            | Self::CrlExpired
            | Self::HandshakeFailed
            | Self::HandshakeTimeout
            | Self::NoCertificate
            | Self::RevocationUnknown
            | Self::SanAmbiguous
            | Self::SanMalformed
            | Self::SanMissing
            | Self::TooMany
            | Self::WrongTrustDomain => CertificateError::ApplicationVerificationFailure,
        }
    }
}

impl From<Bar> for Rejection {
    fn from(bar: Bar) -> Self {
        match bar {
            Bar::AgencyRevoked => Self::AgencyRevoked,
            Bar::AgencySuspended => Self::AgencySuspended,
            Bar::Authority => Self::AuthorityRevoked,
            Bar::Certificate => Self::CertificateRevoked,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How often each reason applied since the start.
#[derive(Debug, Default)]
pub struct Rejections {
    counts: Mutex<BTreeMap<Rejection, u64>>,
}

impl Rejections {
    /// Returns how often `reason` applied.
    pub fn count(&self, reason: Rejection) -> u64 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&reason).copied().unwrap_or_default()
    }

    pub(super) fn add(&self, reason: Rejection) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(reason).or_default() += 1;
    }
}
