//! The identity directory: who this client is, which broker it trusts, and which log.
//!
//! `cert.pem` and `key.pem` speak for the client, `ca.pem` vouches for brokers, `log.vkey` is the log's
//! key as it was handed over at enrolment. The log's key is never taken from the wire.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
    version::TLS13,
};
use x509_parser::{extensions::GeneralName, prelude::FromDer, prelude::X509Certificate};

use super::{Error, memory::Memory};
use crate::{
    domain::{AgencyId, Seat, Timestamp},
    identity::{last_moment, private_key, read_private},
    merkle::Verifier,
};

/// An identity, ready to connect with.
#[derive(Clone, Debug)]
pub struct Identity {
    seat: Seat,
    trust_domain: String,
    not_after: Timestamp,
    dir: PathBuf,
    /// What was good when the files were read last.
    tls: Arc<Mutex<Arc<ClientConfig>>>,
    memory: Arc<Memory>,
}

impl Identity {
    /// Reads an identity directory, and what was remembered there of the log.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] with the name of the file that is missing or wrong.
    pub fn load(dir: &Path) -> Result<Self, Error> {
        let (chain, config) = pair(dir)?;
        let (trust_domain, seat) = chain
            .first()
            .and_then(spiffe_id)
            .ok_or_else(|| wrong(&dir.join("cert.pem"), "does not name who it is for"))?;
        let not_after = chain.first().and_then(last_moment).unwrap_or_default();
        let log = read_vkey(&dir.join("log.vkey"))?;
        let memory = Arc::new(Memory::open(dir, log)?);
        let tls = Arc::new(Mutex::new(config));
        Ok(Self { seat, trust_domain, not_after, dir: dir.to_owned(), tls, memory })
    }

    /// Returns as what the identity's certificate speaks.
    pub const fn seat(&self) -> &Seat {
        &self.seat
    }

    /// Returns the agency it speaks for; an operator speaks for none.
    pub const fn agency(&self) -> Option<&AgencyId> {
        self.seat.agency()
    }

    /// Returns the trust domain of its certificate.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// Returns the last moment of its certificate.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Returns the key of the log that was handed over at enrolment.
    pub fn log(&self) -> &Verifier {
        self.memory.verifier()
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns what it remembers of the log.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Reads the files again, so that a program that runs on takes up a renewed certificate. What is missing, half
    /// replaced or somebody else's changes nothing.
    pub(super) fn tls(&self) -> Arc<ClientConfig> {
        let mut last = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(renewed) = self.renewed() {
            *last = renewed;
        }
        Arc::clone(&last)
    }

    fn renewed(&self) -> Option<Arc<ClientConfig>> {
        let chain = certificates(&self.dir.join("cert.pem")).ok()?;
        let (trust_domain, seat) = chain.first().and_then(spiffe_id)?;
        let is_own = (&trust_domain, &seat) == (&self.trust_domain, &self.seat);
        // A key and a certificate that do not belong together are refused there.
        is_own.then(|| tls(&self.dir, chain).ok()).flatten()
    }
}

/// Reads a file that holds one verifier key.
///
/// # Errors
///
/// [`Error::Configuration`] with the name of the file.
pub(super) fn read_vkey(path: &Path) -> Result<Verifier, Error> {
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    text.trim_end().parse().map_err(|error| wrong(path, error))
}

/// How often a pair is read anew that was replaced while it was read.
const PAIR_TRIES: usize = 50;

/// Reads the certificate and the key that belongs to it. A renewal puts both in place at one stroke, and they are two
/// files: where they do not fit, and the certificate is another by now, both are read again.
fn pair(dir: &Path) -> Result<(Vec<CertificateDer<'static>>, Arc<ClientConfig>), Error> {
    let path = dir.join("cert.pem");
    let mut tries = PAIR_TRIES;
    loop {
        let chain = certificates(&path)?;
        tries -= 1;
        match tls(dir, chain.clone()) {
            Ok(config) => return Ok((chain, config)),
            // The key was read behind the certificate: it is of another pair only if that has come since.
            Err(_) if tries > 0 && certificates(&path).is_ok_and(|now| now != chain) => {}
            Err(error) => return Err(error),
        }
    }
}

/// TLS 1.3, mutual, HTTP/2, and no resumption: every connection is checked anew.
fn tls(dir: &Path, chain: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Error> {
    let ca = dir.join("ca.pem");
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&ca)? {
        roots.add(certificate).map_err(|error| wrong(&ca, error))?;
    }
    let path = dir.join("key.pem");
    let pem = read_private(&path).map_err(|error| wrong(&path, error.fault))?;
    let key = private_key(&pem).ok_or_else(|| wrong(&path, "holds no key"))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| Error::configuration(error.to_string()))?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| wrong(&path, error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) | Err(_) => Err(wrong(path, "holds no certificate")),
    }
}

/// Reads trust domain and seat from the one SPIFFE id that a certificate of ours has.
fn spiffe_id(certificate: &CertificateDer<'_>) -> Option<(String, Seat)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let mut uris = names.value.general_names.iter().filter_map(|name| {
        if let GeneralName::URI(uri) = name { uri.strip_prefix("spiffe://") } else { None }
    });
    let (trust_domain, path) = uris.next()?.split_once('/')?;
    let seat = Seat::parse(path)?;
    uris.next().is_none().then(|| (trust_domain.to_owned(), seat))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::configuration(format!("{}: {error}", path.display()))
}

pub(super) fn wrong(path: &Path, what: impl std::fmt::Display) -> Error {
    let path: PathBuf = path.into();
    Error::configuration(format!("{}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    #[test]
    fn an_identity_knows_whom_it_speaks_for() {
        let dir = sample::identity_dir();

        let identity = Identity::load(dir.path()).expect("a whole identity");

        assert_eq!(identity.seat().to_string(), "agency/police/service/rms");
        assert_eq!(identity.trust_domain(), sample::TRUST_DOMAIN);
        assert_eq!(identity.log().name(), sample::ORIGIN);
        assert_eq!(identity.memory().known_size(), 0);
    }

    #[test]
    fn the_file_at_fault_is_named() {
        for name in ["cert.pem", "key.pem", "ca.pem", "log.vkey"] {
            for content in [None, Some("nothing of use")] {
                let dir = sample::identity_dir();
                match content {
                    Some(text) => fs::write(dir.path().join(name), text).unwrap(),
                    None => fs::remove_file(dir.path().join(name)).unwrap(),
                }

                let error = Identity::load(dir.path()).expect_err(name);

                assert!(
                    matches!(&error, Error::Configuration(text) if text.contains(name)),
                    "{error}"
                );
            }
        }
    }

    /// The pair is put in place by one link, and key and certificate are two files: whoever reads them while the link is
    /// turned reads again.
    #[test]
    fn a_pair_that_is_being_replaced_is_read_whole() {
        let dir = sample::identity_dir();
        let at = |name: &str| dir.path().join(name);
        // So many that none comes back while it is read, which no renewal does.
        let names: Vec<String> = (0..24).map(|number| number.to_string()).collect();
        for pair in &names {
            let other = sample::identity_dir();
            fs::create_dir(at(pair)).unwrap();
            for name in ["cert.pem", "key.pem"] {
                fs::copy(other.path().join(name), at(pair).join(name)).unwrap();
            }
        }
        std::os::unix::fs::symlink("0", at("pair")).unwrap();
        for name in ["cert.pem", "key.pem"] {
            fs::remove_file(at(name)).unwrap();
            std::os::unix::fs::symlink(format!("pair/{name}"), at(name)).unwrap();
        }
        let stops = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut pairs = names.iter().cycle().skip(1);
                while !stops.load(std::sync::atomic::Ordering::Relaxed) {
                    std::os::unix::fs::symlink(pairs.next().unwrap(), at("next")).unwrap();
                    fs::rename(at("next"), at("pair")).unwrap();
                    std::thread::park_timeout(std::time::Duration::from_micros(300));
                }
            });
            let read: Vec<_> = (0..300).map(|_| Identity::load(dir.path()).map(drop)).collect();
            stops.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(read.iter().all(Result::is_ok), "{:?}", read.iter().find(|it| it.is_err()));
        });
    }

    #[test]
    fn a_renewed_certificate_is_taken_up_and_nothing_else() {
        let dir = sample::identity_dir();
        let identity = Identity::load(dir.path()).unwrap();
        let shown = || {
            let resolver = Arc::clone(&identity.tls().client_auth_cert_resolver);
            let schemes = [rustls::SignatureScheme::ECDSA_NISTP256_SHA256];
            resolver.resolve(&[], &schemes).unwrap().cert.clone()
        };
        let put = |from: &tempfile::TempDir, names: &[&str]| {
            for name in names {
                fs::copy(from.path().join(name), dir.path().join(name)).unwrap();
            }
        };
        let old = shown();
        let [renewed, other] = ["agency/police/service/rms", "agency/council/service/crm"]
            .map(sample::identity_dir_of);
        put(&other, &["cert.pem", "key.pem"]);
        assert_eq!(shown(), old, "somebody else's");
        put(&renewed, &["cert.pem"]);
        assert_eq!(shown(), old, "without its key");
        put(&renewed, &["key.pem"]);
        let new = shown();
        assert_ne!(new, old);
        fs::remove_file(dir.path().join("cert.pem")).unwrap();
        assert_eq!(shown(), new, "the last that was good");
    }
}
