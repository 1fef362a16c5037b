//! Certificates for tests, good and bad, made when a test runs. Only tests know this file.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::domain::Timestamp;

/// The day on which all tests of this room happen.
pub(super) fn today() -> Timestamp {
    Timestamp::parse("2026-11-23T12:00:00Z").unwrap()
}

/// A CA.
pub(super) struct Ca {
    pub(super) pem: String,
    /// What a leaf's chain needs besides the leaf: nothing for a root.
    between: String,
    params: CertificateParams,
    key: KeyPair,
}

/// A certificate chain and its key.
#[derive(Clone)]
pub(super) struct Minted {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Ca {
    pub(super) fn root(name: &str) -> Self {
        Self::root_for(name, 3650)
    }

    pub(super) fn root_for(name: &str, days: u64) -> Self {
        let (params, key) = (authority(name, days), KeyPair::generate().unwrap());
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, between: String::new(), params, key }
    }

    pub(super) fn intermediate(&self, name: &str) -> Self {
        self.intermediate_for(name, 3650)
    }

    pub(super) fn intermediate_for(&self, name: &str, days: u64) -> Self {
        let (params, key) = (authority(name, days), KeyPair::generate().unwrap());
        let pem = params.signed_by(&key, &self.issuer()).unwrap().pem();
        Self { between: format!("{pem}{}", self.between), pem, params, key }
    }

    pub(super) fn issue(&self, leaf: &CertificateParams) -> Minted {
        let key = KeyPair::generate().unwrap();
        let pem = leaf.signed_by(&key, &self.issuer()).unwrap().pem();
        Minted { chain: format!("{pem}{}", self.between), key: key.serialize_pem() }
    }

    /// A list of what it has revoked, in force from a day ago for `days`.
    pub(super) fn crl(&self, number: u64, revoked: &[&Minted], days: u64) -> String {
        let params = CertificateParams::default();
        let revoked = revoked.iter().map(|minted| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial(&minted.chain)),
            revocation_time: params.not_before,
            reason_code: None,
            invalidity_date: None,
        });
        let term = valid(today(), days);
        let list = CertificateRevocationListParams {
            this_update: term.not_before,
            next_update: term.not_after,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer()).unwrap().pem().unwrap()
    }

    /// The CA as a certificate of its own issuer's.
    pub(super) fn as_minted(&self) -> Minted {
        Minted { chain: self.pem.clone(), key: self.key.serialize_pem() }
    }

    fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }
}

fn authority(name: &str, days: u64) -> CertificateParams {
    let mut params = valid(today(), days);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn serial(chain: &str) -> Vec<u8> {
    let der = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    certificate.raw_serial().to_vec()
}

/// A certificate valid from a day before `from`, for `days`.
fn valid(from: Timestamp, days: u64) -> CertificateParams {
    let moment = |timestamp: Timestamp| {
        OffsetDateTime::from_unix_timestamp(i64::try_from(timestamp.ms() / 1000).unwrap()).unwrap()
    };
    let mut params = CertificateParams::default();
    params.not_before = moment(from.before(std::time::Duration::from_secs(86_400)));
    params.not_after = moment(from.plus_days(days));
    params
}

/// A client's certificate with these URI names.
pub(super) fn client(uris: &[&str]) -> CertificateParams {
    client_from(today(), uris)
}

/// A client's certificate with these URI names, valid for 90 days.
pub(super) fn client_from(from: Timestamp, uris: &[&str]) -> CertificateParams {
    let mut params = valid(from, 90);
    params.subject_alt_names =
        uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

/// A server's certificate for localhost.
pub(super) fn server() -> CertificateParams {
    let mut params = client(&[]);
    params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// Writes a file that only its owner may read, and returns its path.
pub(super) fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}
