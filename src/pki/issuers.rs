//! The CAs that a broker may sign with, one for each agency that wants it so: it renews certificates, each under
//! the very name that its holder has shown. It never issues a first one.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Authority, PkiError, Profile, Request, Scope, describe};
use crate::domain::{AgencyId, Fingerprint, Reason, Refusal, Seat, Timestamp, TrustDomain};
use crate::identity::{Fault, TrustError, authorities};

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// Where the issuer of an agency is kept.
#[derive(Clone, Debug)]
pub struct IssuerSource {
    /// The CA's certificate, PEM; one of those that may speak for the agency.
    pub certificate: PathBuf,
    /// Its key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// How long its certificates live, in days.
    pub days: u64,
    /// The CAs that may speak for the agency, PEM.
    pub authorities: PathBuf,
}

/// The issuers of a broker.
#[derive(Debug)]
pub struct Issuers {
    domain: TrustDomain,
    issuers: BTreeMap<AgencyId, (Authority, u64)>,
}

/// A certificate that was renewed.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The certificate, PEM.
    pub pem: String,
    /// SHA-256 of it.
    pub certificate: Fingerprint,
    /// Its last moment.
    pub not_after: Timestamp,
}

impl Issuers {
    /// Opens the issuers as of `now`. One that has expired is left out: its agency alone is without, and no other
    /// agency's exchange stops for it.
    ///
    /// # Errors
    ///
    /// The first file that is missing or wrong, or holds a CA that may not speak for its agency.
    pub fn load(
        domain: &TrustDomain,
        sources: &BTreeMap<AgencyId, IssuerSource>,
        now: Timestamp,
    ) -> Result<Self, PkiError> {
        let mut issuers = BTreeMap::new();
        for (agency, source) in sources {
            let scope = Scope::Agency { domain: domain.clone(), agency: agency.clone() };
            let read = Authority::read((&source.certificate, &source.key), scope, now);
            let authority = match read {
                Err(PkiError::Expired) => {
                    tracing::warn!(%agency, "its issuer has expired: no certificate of it is renewed");
                    continue;
                }
                read => read?,
            };
            let known = authorities(&source.authorities, now)?;
            let own = authorities(&source.certificate, now)?;
            if own.first().is_none_or(|own| !known.contains(own)) {
                let (path, fault) = (source.certificate.clone(), Fault::NotEntitled);
                return Err(TrustError { path, fault }.into());
            }
            issuers.insert(agency.clone(), (authority, source.days));
        }
        Ok(Self { domain: domain.clone(), issuers })
    }

    /// Signs a request of whoever has shown to be `seat`, under that name and no other.
    ///
    /// # Errors
    ///
    /// The [`Refusal`], with the field it lies in.
    pub fn renew(&self, seat: &Seat, request: &str, now: Timestamp) -> Result<Renewed, Refusal> {
        const AT: &str = "request";
        if request.len() > REQUEST_BYTES_MAX {
            return Err(Refusal::at(Reason::OutOfBounds, AT));
        }
        let request = Request::parse(request).map_err(|_| Refusal::at(Reason::Malformed, AT))?;
        let own = Profile::Client { domain: self.domain.clone(), seat: seat.clone() };
        if *request.profile() != own {
            return Err(Refusal::at(Reason::OtherIdentity, AT));
        }
        let issuer = seat.agency().and_then(|agency| self.issuers.get(agency));
        let (authority, days) = issuer.ok_or(Reason::NoIssuer)?;
        let signed = authority.sign(&request, *days, now).and_then(|pem| {
            let (certificate, not_after) = describe::last_moment(&pem)?;
            Ok(Renewed { pem, certificate, not_after })
        });
        signed.map_err(|error| {
            tracing::error!(%error, "a certificate could not be renewed");
            Reason::NoIssuer.into()
        })
    }
}
