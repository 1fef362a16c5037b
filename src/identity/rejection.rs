//! Why a connection was refused: for the log and the counters. The peer learns only its TLS alert.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
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
    /// The certificate is a CA's own.
    CaCertificate,
    /// A known CA issued the certificate, but may not speak for whom it names.
    CaNotEntitled,
    /// The certificate, or one between it and its CA, is malformed or breaks another rule.
    CertificateInvalid,
    /// The certificate was revoked by an operator, or it or a CA above it stands on a list of revocations.
    CertificateRevoked,
    /// More certificates, or more bytes of them, than a chain needs.
    ChainTooLong,
    /// The handshake was done, and HTTP/2 did not begin in time.
    ConnectionSilent,
    /// The list of revocations of one of its CAs is out of date.
    CrlExpired,
    /// The certificate, or one between it and its CA, is past its last moment.
    Expired,
    /// It had waited longest when room was needed for others.
    HandshakeEvicted,
    /// Not TLS 1.3, not HTTP/2, or broken off.
    HandshakeFailed,
    /// The handshake took too long.
    HandshakeTimeout,
    /// A key is neither ECDSA on P-256 or P-384, nor Ed25519, nor RSA of 2048 to 8192 bits.
    KeyUnfit,
    /// No certificate was presented.
    NoCertificate,
    /// The certificate is not for client authentication.
    NotForClients,
    /// The key usage does not allow signatures, or allows to sign certificates.
    NotForSigning,
    /// The certificate, or one between it and its CA, is before its first moment.
    NotYetValid,
    /// A CA above it has no list of revocations, though its agency's have.
    RevocationUnknown,
    /// More than one URI SAN.
    SanAmbiguous,
    /// The URI SAN has percent-encoding in it.
    SanEscaped,
    /// The URI SAN is not one of the three SPIFFE forms, byte for byte.
    SanMalformed,
    /// No URI SAN.
    SanMissing,
    /// The URI SAN has a capital letter in it.
    SanNotLowerCase,
    /// A certificate is signed in a way that is not accepted, such as with SHA-1.
    SignatureUnfit,
    /// As many connections are open as may be, of all agencies or of this one.
    TooMany,
    /// No CA in the table issued the certificate.
    UnknownCa,
    /// A critical extension is not known here.
    UnknownExtension,
    /// The URI SAN stands in another trust domain.
    WrongTrustDomain,
}

impl Rejection {
    /// Every reason.
    pub const ALL: [Self; 31] = [
        Self::AgencyRevoked,
        Self::AgencySuspended,
        Self::AgencyUnknown,
        Self::AuthorityRevoked,
        Self::CaCertificate,
        Self::CaNotEntitled,
        Self::CertificateInvalid,
        Self::CertificateRevoked,
        Self::ChainTooLong,
        Self::ConnectionSilent,
        Self::CrlExpired,
        Self::Expired,
        Self::HandshakeEvicted,
        Self::HandshakeFailed,
        Self::HandshakeTimeout,
        Self::KeyUnfit,
        Self::NoCertificate,
        Self::NotForClients,
        Self::NotForSigning,
        Self::NotYetValid,
        Self::RevocationUnknown,
        Self::SanAmbiguous,
        Self::SanEscaped,
        Self::SanMalformed,
        Self::SanMissing,
        Self::SanNotLowerCase,
        Self::SignatureUnfit,
        Self::TooMany,
        Self::UnknownCa,
        Self::UnknownExtension,
        Self::WrongTrustDomain,
    ];

    /// Returns the code that logs and metrics carry.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AgencyRevoked => "AGENCY_REVOKED",
            Self::AgencySuspended => "AGENCY_SUSPENDED",
            Self::AgencyUnknown => "AGENCY_UNKNOWN",
            Self::AuthorityRevoked => "AUTHORITY_REVOKED",
            Self::CaCertificate => "CA_CERTIFICATE",
            Self::CaNotEntitled => "CA_NOT_ENTITLED",
            Self::CertificateInvalid => "CERTIFICATE_INVALID",
            Self::CertificateRevoked => "CERTIFICATE_REVOKED",
            Self::ChainTooLong => "CHAIN_TOO_LONG",
            Self::ConnectionSilent => "CONNECTION_SILENT",
            Self::CrlExpired => "CRL_EXPIRED",
            Self::Expired => "EXPIRED",
            Self::HandshakeEvicted => "HANDSHAKE_EVICTED",
            Self::HandshakeFailed => "HANDSHAKE_FAILED",
            Self::HandshakeTimeout => "HANDSHAKE_TIMEOUT",
            Self::KeyUnfit => "KEY_UNFIT",
            Self::NoCertificate => "NO_CERTIFICATE",
            Self::NotForClients => "NOT_FOR_CLIENTS",
            Self::NotForSigning => "NOT_FOR_SIGNING",
            Self::NotYetValid => "NOT_YET_VALID",
            Self::RevocationUnknown => "REVOCATION_UNKNOWN",
            Self::SanAmbiguous => "SAN_AMBIGUOUS",
            Self::SanEscaped => "SAN_ESCAPED",
            Self::SanMalformed => "SAN_MALFORMED",
            Self::SanMissing => "SAN_MISSING",
            Self::SanNotLowerCase => "SAN_NOT_LOWER_CASE",
            Self::SignatureUnfit => "SIGNATURE_UNFIT",
            Self::TooMany => "TOO_MANY",
            Self::UnknownCa => "UNKNOWN_CA",
            Self::UnknownExtension => "UNKNOWN_EXTENSION",
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
            // What is wrong with the certificate itself, whoever looks at it.
            Self::CaCertificate
            | Self::CertificateInvalid
            | Self::ChainTooLong
            | Self::KeyUnfit
            | Self::NotForClients
            | Self::NotForSigning
            | Self::SignatureUnfit
            | Self::UnknownExtension => CertificateError::BadEncoding,
            Self::AuthorityRevoked | Self::CertificateRevoked => CertificateError::Revoked,
            // One answer for all of these: who may speak here is not for everyone to find out.
            Self::AgencyRevoked
            | Self::AgencySuspended
            | Self::AgencyUnknown
            | Self::CaNotEntitled
            | Self::ConnectionSilent
            | Self::CrlExpired
            | Self::HandshakeEvicted
            | Self::HandshakeFailed
            | Self::HandshakeTimeout
            | Self::NoCertificate
            | Self::RevocationUnknown
            | Self::SanAmbiguous
            | Self::SanEscaped
            | Self::SanMalformed
            | Self::SanMissing
            | Self::SanNotLowerCase
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
    counts: Mutex<BTreeMap<Rejection, Count>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    ever: u64,
    /// Since somebody last asked what was not told.
    lately: u64,
}

/// How many refusals of one reason have a line of their own each time: strangers must not write the log.
const TOLD_MAX: u64 = 10;

impl Rejections {
    /// Returns how often `reason` applied.
    pub fn count(&self, reason: Rejection) -> u64 {
        self.counts().get(&reason).map_or(0, |count| count.ever)
    }

    /// Counts one, and returns whether it is worth a line of its own.
    pub(super) fn add(&self, reason: Rejection) -> bool {
        let mut counts = self.counts();
        let count = counts.entry(reason).or_default();
        count.ever += 1;
        count.lately += 1;
        count.lately <= TOLD_MAX
    }

    /// Returns how many of each reason had no line since the last time.
    pub(super) fn untold(&self) -> Vec<(Rejection, u64)> {
        let mut counts = self.counts();
        let lately =
            counts.iter_mut().map(|(reason, count)| (*reason, std::mem::take(&mut count.lately)));
        lately
            .filter(|(_, lately)| *lately > TOLD_MAX)
            .map(|(reason, lately)| (reason, lately - TOLD_MAX))
            .collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Rejection, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flood is counted in full, and told in a few lines and one number.
    #[test]
    fn a_flood_does_not_write_the_log() {
        let rejections = Rejections::default();
        let told = (0..1000).filter(|_| rejections.add(Rejection::HandshakeEvicted)).count();
        assert!(rejections.add(Rejection::UnknownCa), "another reason has lines of its own");

        assert_eq!(told, 10);
        assert_eq!(rejections.count(Rejection::HandshakeEvicted), 1000);
        assert_eq!(rejections.untold(), [(Rejection::HandshakeEvicted, 990)]);
        assert_eq!(rejections.untold(), []);
        assert!(rejections.add(Rejection::HandshakeEvicted), "and again from the next time on");
    }
}
