//! Certificate signing requests (RFC 2986): made with a new key, and read with suspicion. What a
//! request asks for is only ever matched against a profile, never copied into a certificate.

use rcgen::{CertificateSigningRequestParams, IsCa, KeyPair, PublicKeyData, SanType};
use rustls::pki_types::{CertificateSigningRequestDer, pem::PemObject};
use x509_parser::{certification_request::X509CertificationRequest, prelude::FromDer};
use zeroize::Zeroizing;

use super::{Host, PkiError, Profile};
use crate::domain::{Seat, TrustDomain};

/// A new key, ECDSA on P-256 because every TLS library takes it, and the request for its certificate.
pub struct NewRequest {
    /// The key in PEM form (PKCS #8).
    pub key_pem: Zeroizing<String>,
    /// The request in PEM form.
    pub pem: String,
}

impl std::fmt::Debug for NewRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewRequest").field("pem", &self.pem).finish_non_exhaustive()
    }
}

impl NewRequest {
    /// Makes a key and a request.
    ///
    /// # Errors
    ///
    /// `Request` for a server without a name; `Make` where the system gives no key.
    pub fn new(profile: &Profile) -> Result<Self, PkiError> {
        if matches!(profile, Profile::Server { hosts } if hosts.is_empty()) {
            return Err(NO_NAME);
        }
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let pem = profile.params()?.serialize_request(&key)?.pem()?;
        Ok(Self { key_pem: Zeroizing::new(key.serialize_pem()), pem })
    }
}

/// A request whose signature shows that whoever made it holds the key.
#[derive(Debug)]
pub struct Request {
    pub(super) profile: Profile,
    pub(super) key: rcgen::SubjectPublicKeyInfo,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// `Unreadable` where it is none; `Request` says which rule it breaks.
    pub fn parse(pem: &str) -> Result<Self, PkiError> {
        let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| PkiError::Unreadable)?;
        let request = CertificateSigningRequestParams::from_der(&der).map_err(|error| {
            PkiError::Request(if error == rcgen::Error::InvalidCertificationRequestSignature {
                "its signature is not valid"
            } else {
                "it holds something that no profile allows"
            })
        })?;
        if matches!(request.params.is_ca, IsCa::Ca(_)) {
            return Err(PkiError::Request("it asks for a ca certificate"));
        }
        // The key as it stands there: the signature's algorithm does not tell the curve.
        let (_, parsed) =
            X509CertificationRequest::from_der(&der).map_err(|_| PkiError::Unreadable)?;
        let key = rcgen::SubjectPublicKeyInfo::from_der(
            parsed.certification_request_info.subject_pki.raw,
        )
        .map_err(|_| PkiError::Request("its key is of an unsupported kind"))?;
        Ok(Self { profile: profile_of(&request.params.subject_alt_names)?, key })
    }

    /// Returns what it asks for.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the public key's bytes.
    pub fn public_key(&self) -> &[u8] {
        self.key.der_bytes()
    }

    /// Tells whether it asks for a certificate of this private key, PEM.
    pub fn is_of(&self, key_pem: &str) -> bool {
        KeyPair::from_pem(key_pem).is_ok_and(|key| key.public_key_raw() == self.public_key())
    }
}

const NO_NAME: PkiError = PkiError::Request("it names nobody");

fn profile_of(names: &[SanType]) -> Result<Profile, PkiError> {
    match names {
        [] => Err(NO_NAME),
        [SanType::URI(uri)] => client_of(uri.as_str()).ok_or(PkiError::Request(
            "its uri is not spiffe://TRUST-DOMAIN/agency/AGENCY/service|officer/NAME or .../operator/ID",
        )),
        names => {
            let hosts = names.iter().map(host_of).collect::<Option<Vec<_>>>();
            hosts.map(|hosts| Profile::Server { hosts }).ok_or(PkiError::Request(
                "its names are neither exactly one uri, nor all dns names and ip addresses",
            ))
        }
    }
}

fn client_of(uri: &str) -> Option<Profile> {
    let (domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let domain: TrustDomain = domain.parse().ok()?;
    Some(Profile::Client { domain, seat: Seat::parse(path)? })
}

fn host_of(name: &SanType) -> Option<Host> {
    if let SanType::IpAddress(address) = name {
        Some(Host::Ip(*address))
    } else if let SanType::DnsName(name) = name {
        name.as_str().parse().ok().filter(|host| matches!(host, Host::Dns(_)))
    } else {
        None
    }
}
