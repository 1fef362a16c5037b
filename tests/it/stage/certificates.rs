//! What operators do with files: certificates and lists of revocations are made, and put where the broker reads
//! them.

use std::{fs, path::Path, time::Duration};

use portway::{
    domain::{Fingerprint, Timestamp},
    pb::v1 as pb,
    pki::{Authority, Profile},
};
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Role, Stage, now};

/// Puts a file where another is read, so that nobody sees half of it.
pub(crate) fn put(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap();
    fs::rename(next, path).unwrap();
}

/// The SHA-256 of an identity's certificate.
pub(crate) fn fingerprint(home: &Path) -> Fingerprint {
    let der = CertificateDer::from_pem_file(home.join("cert.pem")).unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &der);
    Fingerprint(digest.as_ref().try_into().unwrap())
}

/// A list of what the CA in a directory has revoked: number, the identities' directories, and until when it holds.
pub(crate) fn crl(ca: &Path, number: u64, revoked: &[&Path], until: Timestamp) -> String {
    let pem = fs::read_to_string(ca.join("ca.pem")).unwrap();
    let key = KeyPair::from_pem(&fs::read_to_string(ca.join("key.pem")).unwrap()).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&pem, key).unwrap();
    let revoked = revoked.iter().map(|home| {
        let der = CertificateDer::from_pem_file(home.join("cert.pem")).unwrap();
        let (_, certificate) = X509Certificate::from_der(&der).unwrap();
        RevokedCertParams {
            serial_number: SerialNumber::from_slice(certificate.raw_serial()),
            revocation_time: second(now()),
            reason_code: None,
            invalidity_date: None,
        }
    });
    let list = CertificateRevocationListParams {
        this_update: second(now().before(Duration::from_secs(60))),
        next_update: second(until),
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&issuer).unwrap().pem().unwrap()
}

fn second(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(i64::try_from(at.ms() / 1000).unwrap()).unwrap()
}

impl Stage {
    /// Makes another key and certificate for the broker, and puts them in its place one after the other: the CA's
    /// own days decide how long it is valid.
    pub(crate) fn renew_server(&self) {
        let ca = Authority::open(&self.path("ca/server"), now()).unwrap();
        let hosts = vec!["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let renewed = tempfile::tempdir_in(self.path("broker")).unwrap();
        let home = renewed.path().join("server");
        ca.issue(&home, &Profile::Server { hosts }, ca.pem(), now()).unwrap();
        for name in ["key.pem", "cert.pem"] {
            fs::rename(home.join(name), self.path("broker/server").join(name)).unwrap();
        }
    }

    /// Returns the generation in force, as operators see it.
    pub(crate) async fn generation(&self) -> pb::Generation {
        let operator = self.connect("", Role::Operator).await;
        operator.status().await.unwrap().generation.expect("it is told to operators")
    }
}

/// Waits until the broker says of its generation what is expected.
pub(crate) async fn in_force(stage: &Stage, expected: impl Fn(&pb::Generation) -> bool) {
    let operator = stage.connect("", Role::Operator).await;
    loop {
        let generation = operator.status().await.unwrap().generation.unwrap();
        if expected(&generation) {
            return;
        }
        tokio::task::yield_now().await;
    }
}
