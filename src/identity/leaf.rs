//! Reads who a certificate names: exactly one SPIFFE id (spiffe.io, X509-SVID §2), compared as
//! bytes. It never decides whether the certificate may be believed; `Trust` does.

use rustls::pki_types::CertificateDer;
use x509_parser::{
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
        OID_SIG_ED25519,
    },
    prelude::{FromDer, GeneralName, X509Certificate},
    public_key::PublicKey,
};

use super::{Rejection, credentials::last_moment};
use crate::domain::{Caller, Seat, Timestamp, TrustDomain};

/// What a client's certificate says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Leaf {
    /// Whom it names.
    pub(super) seat: Seat,
    /// Its last moment.
    pub(super) not_after: Timestamp,
}

/// Reads a certificate that has been verified to come from a known CA.
pub(super) fn read(
    certificate: &CertificateDer<'_>,
    domain: &TrustDomain,
) -> Result<Leaf, Rejection> {
    let (rest, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| Rejection::CertificateInvalid)?;
    if !rest.is_empty() {
        return Err(Rejection::CertificateInvalid);
    }
    if !is_fit(&parsed) {
        return Err(Rejection::KeyUnfit);
    }
    is_for_clients(&parsed)?;
    let seat = seat(&parsed, domain)?;
    let not_after = last_moment(certificate).ok_or(Rejection::CertificateInvalid)?;
    Ok(Leaf { seat, not_after })
}

/// webpki accepts a certificate without extended key usage; here it must name client authentication
/// (RFC 5280 §4.2.1.12), and a key usage, where given, must allow signatures (RFC 8446 §4.4.2.2).
fn is_for_clients(parsed: &X509Certificate<'_>) -> Result<(), Rejection> {
    if !matches!(parsed.extended_key_usage(), Ok(Some(usage)) if usage.value.client_auth) {
        return Err(Rejection::NotForClients);
    }
    match parsed.key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.digital_signature() && !usage.value.key_cert_sign() => {
            Ok(())
        }
        Ok(Some(_)) => Err(Rejection::NotForSigning),
        Err(_) => Err(Rejection::CertificateInvalid),
    }
}

/// Returns whether a certificate names a key that nobody should rely on. One that cannot be read is not told here.
pub(super) fn has_unfit_key(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| !is_fit(&parsed))
}

/// ECDSA on P-256 or P-384, Ed25519, RSA of 2048 to 8192 bits: what ring verifies, and nothing weaker.
fn is_fit(parsed: &X509Certificate<'_>) -> bool {
    let key = parsed.public_key();
    let kind = &key.algorithm.algorithm;
    if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = key.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
        curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
    } else if *kind == OID_PKCS1_RSAENCRYPTION {
        matches!(key.parsed(), Ok(PublicKey::RSA(rsa)) if RSA_BITS.contains(&rsa.key_size()))
    } else {
        *kind == OID_SIG_ED25519
    }
}

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

fn seat(parsed: &X509Certificate<'_>, domain: &TrustDomain) -> Result<Seat, Rejection> {
    let names = match parsed.subject_alternative_name() {
        Ok(Some(names)) => &names.value.general_names,
        Ok(None) => return Err(Rejection::SanMissing),
        Err(_) => return Err(Rejection::SanMalformed),
    };
    if names.iter().any(|name| matches!(name, GeneralName::Invalid(..))) {
        return Err(Rejection::SanMalformed);
    }
    let mut uris = names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    match (uris.next(), uris.next()) {
        (None, _) => Err(Rejection::SanMissing),
        (Some(uri), None) => seat_of(uri, domain),
        (Some(_), Some(_)) => Err(Rejection::SanAmbiguous),
    }
}

fn seat_of(uri: &str, domain: &TrustDomain) -> Result<Seat, Rejection> {
    // Said apart, because these two are what people get wrong.
    if uri.contains('%') {
        return Err(Rejection::SanEscaped);
    }
    if uri.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Rejection::SanNotLowerCase);
    }
    let (authority, path) = uri
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or(Rejection::SanMalformed)?;
    let named: TrustDomain = authority.parse().map_err(|_| Rejection::SanMalformed)?;
    if named != *domain {
        return Err(Rejection::WrongTrustDomain);
    }
    let seat = Seat::parse(path).ok_or(Rejection::SanMalformed)?;
    // Whoever runs the broker goes by this name, and needs no certificate.
    if seat == Caller::local().seat { Err(Rejection::SanMalformed) } else { Ok(seat) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spiffe_id_has_one_spelling() {
        let domain: TrustDomain = "exchange.example".parse().unwrap();
        let good = "spiffe://exchange.example/agency/police/service/rms";
        assert_eq!(seat_of(good, &domain).unwrap().to_string(), "agency/police/service/rms");
        for (bad, reason) in [
            ("spiffe://exchange.example/agency/p%6flice/service/rms", Rejection::SanEscaped),
            ("spiffe://exchange.example/agency/police/service/rms/", Rejection::SanMalformed),
            ("spiffe://exchange.example/operator/local", Rejection::SanMalformed),
            ("spiffe://exchange.example//agency/police/service/rms", Rejection::SanMalformed),
            ("spiffe://exchange.example:443/operator/ops", Rejection::SanMalformed),
            ("spiffe://Exchange.example/operator/ops", Rejection::SanNotLowerCase),
            ("spiffe://exchange.example", Rejection::SanMalformed),
            ("SPIFFE://exchange.example/operator/ops", Rejection::SanNotLowerCase),
            ("https://exchange.example/operator/ops", Rejection::SanMalformed),
            ("spiffe://exchange.example/operator/ops?x", Rejection::SanMalformed),
            ("spiffe://exchange.example.evil/operator/ops", Rejection::WrongTrustDomain),
            ("spiffe://xchange.example/operator/ops", Rejection::WrongTrustDomain),
        ] {
            assert_eq!(seat_of(bad, &domain), Err(reason), "{bad}");
        }
    }
}
