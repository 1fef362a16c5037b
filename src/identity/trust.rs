//! One generation of trust: the server's own certificate, and which CA may speak for whom. It is made
//! whole or not at all, never changed, and swapped as one value; nothing here touches the network.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, UnixTime},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    Credentials, Fault, Rejection, TrustError, authorities, credentials, diagnosis,
    leaf::{self, Leaf},
    provider,
};
use crate::domain::{AgencyId, Fingerprint, Seat, Timestamp, TrustDomain};

/// Where a generation of trust is read from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The trust domain that every caller stands in.
    pub domain: TrustDomain,
    /// The server's certificate chain, own certificate first, PEM.
    pub certificate: PathBuf,
    /// The server's private key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// For each agency the CAs that may speak for it, PEM.
    pub agencies: BTreeMap<AgencyId, PathBuf>,
    /// The CAs that may speak for operators, PEM; without them no operator can connect.
    pub operators: Option<PathBuf>,
}

/// One generation of trust.
#[derive(Debug)]
pub struct Trust {
    domain: TrustDomain,
    credentials: Credentials,
    /// All CAs together: tells a stranger from one who claims to be somebody else.
    known: Option<Verifier>,
    agencies: BTreeMap<AgencyId, Option<Verifier>>,
    operators: Option<Verifier>,
    authorities: Vec<Authority>,
}

/// A CA that speaks for somebody.
#[derive(Clone, Debug)]
pub struct Authority {
    /// For which agency; none for operators.
    pub agency: Option<AgencyId>,
    /// Its certificate.
    pub certificate: Fingerprint,
    /// Its last moment.
    pub not_after: Timestamp,
}

type Verifier = Arc<dyn ClientCertVerifier>;

impl Trust {
    /// Reads a generation as of `now`.
    ///
    /// # Errors
    ///
    /// `TrustError` for the first file that is wrong; a generation before it stays as it is.
    pub fn load(sources: &Sources, now: Timestamp) -> Result<Self, TrustError> {
        let credentials = Credentials::read(&sources.certificate, &sources.key)?;
        let mut all = RootCertStore::empty();
        let mut named = Vec::new();
        let mut bundle = |agency: Option<&AgencyId>, path: &PathBuf| {
            let mut own = RootCertStore::empty();
            for certificate in authorities(path, now)? {
                named.push(Authority {
                    agency: agency.cloned(),
                    certificate: credentials::fingerprint(&certificate),
                    not_after: credentials::last_moment(&certificate).unwrap_or_default(),
                });
                all.add(certificate.clone())
                    .and_then(|()| own.add(certificate))
                    .map_err(|error| unusable(path, error))?;
            }
            verifier(own).map_err(|error| unusable(path, error))
        };
        let mut agencies = BTreeMap::new();
        for (agency, path) in &sources.agencies {
            agencies.insert(agency.clone(), bundle(Some(agency), path)?);
        }
        let operators = sources.operators.as_ref();
        let operators = operators.map(|path| bundle(None, path)).transpose()?.flatten();
        let known = verifier(all).map_err(|error| unusable(&sources.certificate, error))?;
        Ok(Self {
            domain: sources.domain.clone(),
            credentials,
            known,
            agencies,
            operators,
            authorities: named,
        })
    }

    /// Returns the server's certificate and key.
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the CAs that speak for somebody.
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// Returns the trust domain.
    pub const fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// Decides whom a presented chain speaks for at `now`. Straight down; yes comes last.
    ///
    /// A known CA is asked for first: a stranger learns nothing about names. After that, whatever
    /// keeps the chain from its agency's own CAs, which are some of the known ones, is that it came
    /// from another's.
    pub(super) fn vouch(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Leaf, Rejection> {
        if diagnosis::is_too_long(certificate, intermediates) {
            return Err(Rejection::ChainTooLong);
        }
        let known = self.known.as_ref().ok_or(Rejection::UnknownCa)?;
        known
            .verify_client_cert(certificate, intermediates, now)
            .map_err(|error| diagnosis::why(&error, intermediates))?;
        let leaf = leaf::read(certificate, &self.domain)?;
        let entitled = self.entitled(&leaf.seat)?.ok_or(Rejection::CaNotEntitled)?;
        entitled
            .verify_client_cert(certificate, intermediates, now)
            .map_err(|_| Rejection::CaNotEntitled)?;
        Ok(leaf)
    }

    fn entitled(&self, seat: &Seat) -> Result<Option<&Verifier>, Rejection> {
        match seat {
            Seat::Operator { .. } => Ok(self.operators.as_ref()),
            Seat::Officer { agency, .. } | Seat::Service { agency, .. } => {
                self.agencies.get(agency).map(Option::as_ref).ok_or(Rejection::AgencyUnknown)
            }
        }
    }
}

/// Makes a verifier for one bundle; of no CAs there is none.
fn verifier(roots: RootCertStore) -> Result<Option<Verifier>, rustls::Error> {
    if roots.is_empty() {
        return Ok(None);
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map(|verifier| Some(verifier as Verifier))
        .map_err(|error| rustls::Error::General(error.to_string()))
}

fn unusable(path: &Path, error: rustls::Error) -> TrustError {
    TrustError { path: path.to_owned(), fault: Fault::Certificate(error) }
}
