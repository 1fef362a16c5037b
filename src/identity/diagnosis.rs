//! Tells why webpki refuses a chain, in the words of the log and the counters. Nothing is decided here.

use rustls::pki_types::CertificateDer;

use super::{Rejection, leaf};

/// A leaf and what stands between it and its CA: nobody needs more, and paths are looked for in all of it.
const CHAIN_MAX: usize = 8;
const CHAIN_BYTES_MAX: usize = 32 << 10;

/// Returns whether a chain is longer than anybody looks at.
pub(super) fn is_too_long(
    certificate: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> bool {
    let bytes: usize = intermediates.iter().map(|it| it.len()).sum();
    intermediates.len() >= CHAIN_MAX || certificate.len() + bytes > CHAIN_BYTES_MAX
}

/// Tells why a chain was refused: for the log only, nothing is decided by it.
pub(super) fn why(error: &webpki::Error, intermediates: &[CertificateDer<'_>]) -> Rejection {
    use webpki::Error as Wrong;
    if matches!(error, Wrong::CertExpired { .. }) {
        Rejection::Expired
    } else if matches!(error, Wrong::CertNotValidYet { .. }) {
        Rejection::NotYetValid
    } else if matches!(error, Wrong::RequiredEkuNotFoundContext(_)) {
        Rejection::NotForClients
    } else if matches!(error, Wrong::UnsupportedSignatureAlgorithmContext(_)) {
        Rejection::SignatureUnfit
    } else if matches!(error, Wrong::UnknownIssuer | Wrong::InvalidSignatureForPublicKey) {
        // A signature under a key that is too short is checked by nobody.
        let unfit = intermediates.iter().any(|it| leaf::has_unfit_key(it));
        // A CA of the same name but with another key is as unknown as one of another name.
        if unfit { Rejection::KeyUnfit } else { Rejection::UnknownCa }
    } else if matches!(error, Wrong::CaUsedAsEndEntity) {
        Rejection::CaCertificate
    } else if matches!(error, Wrong::UnsupportedCriticalExtension) {
        Rejection::UnknownExtension
    } else if matches!(
        error,
        Wrong::MaximumPathDepthExceeded
            | Wrong::MaximumPathBuildCallsExceeded
            | Wrong::MaximumSignatureChecksExceeded
    ) {
        Rejection::ChainTooLong
    } else {
        of_revocation(error)
    }
}

fn of_revocation(error: &webpki::Error) -> Rejection {
    use webpki::Error as Wrong;
    if matches!(error, Wrong::CertRevoked) {
        Rejection::CertificateRevoked
    } else if matches!(error, Wrong::CrlExpired { .. }) {
        Rejection::CrlExpired
    } else if matches!(error, Wrong::UnknownRevocationStatus) {
        Rejection::RevocationUnknown
    } else {
        Rejection::CertificateInvalid
    }
}
