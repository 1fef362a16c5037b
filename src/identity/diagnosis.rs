//! Tells why rustls refuses a chain, in the words of the log and the counters. Nothing is decided here.

use rustls::{CertificateError, OtherError, pki_types::CertificateDer};

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
pub(super) fn why(error: &rustls::Error, intermediates: &[CertificateDer<'_>]) -> Rejection {
    use CertificateError as Wrong;
    let rustls::Error::InvalidCertificate(wrong) = error else {
        return Rejection::CertificateInvalid;
    };
    if matches!(wrong, Wrong::Expired | Wrong::ExpiredContext { .. }) {
        Rejection::Expired
    } else if matches!(wrong, Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) {
        Rejection::NotYetValid
    } else if matches!(wrong, Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. }) {
        Rejection::NotForClients
    } else if matches!(wrong, Wrong::UnsupportedSignatureAlgorithmContext { .. }) {
        Rejection::SignatureUnfit
    } else if matches!(wrong, Wrong::UnknownIssuer | Wrong::BadSignature) {
        // A signature under a key that is too short is checked by nobody.
        let unfit = intermediates.iter().any(|it| leaf::has_unfit_key(it));
        // A CA of the same name but with another key is as unknown as one of another name.
        if unfit { Rejection::KeyUnfit } else { Rejection::UnknownCa }
    } else if let Wrong::Other(OtherError(other)) = wrong {
        other.downcast_ref().map_or(Rejection::CertificateInvalid, why_webpki)
    } else {
        Rejection::CertificateInvalid
    }
}

fn why_webpki(error: &webpki::Error) -> Rejection {
    use webpki::Error as Wrong;
    if matches!(error, Wrong::CaUsedAsEndEntity) {
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
        Rejection::CertificateInvalid
    }
}
