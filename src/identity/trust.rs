//! One generation of trust: the server's own certificate, and which CA may speak for whom. It is made
//! whole or not at all, never changed, and swapped as one value; nothing here touches the network.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use rustls::pki_types::{CertificateDer, UnixTime};

use super::{
    Credentials, Rejection, Source, TrustError,
    bundle::{Bundle, Vouched},
    diagnosis,
    leaf::{self, Leaf},
};
use crate::domain::{AgencyId, Bars, Fingerprint, Hex, KeyId, Seat, Timestamp, TrustDomain};

/// Where a generation of trust is read from.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The trust domain that every caller stands in.
    pub domain: TrustDomain,
    /// The server's certificate chain, own certificate first, PEM.
    pub certificate: PathBuf,
    /// The server's private key, PEM, readable by its owner only.
    pub key: PathBuf,
    /// For each agency the CAs that may speak for it.
    pub agencies: BTreeMap<AgencyId, Source>,
    /// The CAs that may speak for auditors; without them no auditor can connect.
    pub auditors: Option<Source>,
    /// The CAs that may speak for operators; without them no operator can connect.
    pub operators: Option<Source>,
}

/// One generation of trust; and while the next one cannot be recorded, what that one would not let in either.
#[derive(Debug)]
pub struct Trust {
    own: Arc<Own>,
    /// P4: the generation that is to follow, which forbids from the moment it was found good, and allows nothing more
    /// before it is recorded.
    forbids: Option<Arc<Own>>,
}

/// A generation by itself.
#[derive(Debug)]
struct Own {
    domain: TrustDomain,
    credentials: Credentials,
    /// All CAs together: tells a stranger from one who claims to be somebody else.
    known: Bundle,
    agencies: BTreeMap<AgencyId, Bundle>,
    auditors: Option<Bundle>,
    operators: Option<Bundle>,
    authorities: Vec<Authority>,
}

/// A CA that speaks for somebody.
#[derive(Clone, Debug)]
pub struct Authority {
    /// For which agency; none for auditors and operators.
    pub agency: Option<AgencyId>,
    /// Its certificate.
    pub certificate: Fingerprint,
    /// Its last moment.
    pub not_after: Timestamp,
}

/// Whom a chain speaks for, by whose word and until when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Voucher {
    pub(super) leaf: Leaf,
    /// The keys of the CAs that vouch for it.
    pub(super) authorities: Vec<KeyId>,
    /// The last moment at which it does: of the certificate, or of what is known to be revoked.
    pub(super) until: Timestamp,
}

/// A list of revocations in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CrlStanding {
    /// Its file.
    pub path: PathBuf,
    /// The key of its CA.
    pub issuer: KeyId,
    /// Its number, in hexadecimal digits.
    pub number: String,
    /// When it was made.
    pub this_update: Timestamp,
    /// From when on it is not believed.
    pub next_update: Timestamp,
}

impl CrlStanding {
    /// Tells whether less than a quarter of its time is left: the next one is due.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let whole = self.next_update.ms().saturating_sub(self.this_update.ms());
        self.next_update.ms().saturating_sub(now.ms()) < whole / 4
    }
}

impl Trust {
    /// Reads the generation that follows this one.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and for a list of revocations with a lower number than the one in force for the same
    /// agency, or with its number and another content.
    pub fn load_next(&self, sources: &Sources, now: Timestamp) -> Result<Self, TrustError> {
        let next = Self::load(sources, now)?;
        for before in [&self.own].into_iter().chain(&self.forbids) {
            next.own.check_lists_after(before)?;
        }
        Ok(next)
    }

    /// Reads a generation as of `now`.
    ///
    /// # Errors
    ///
    /// `TrustError` for the first file that is wrong; a generation before it stays as it is.
    pub fn load(sources: &Sources, now: Timestamp) -> Result<Self, TrustError> {
        let credentials = Credentials::read(&sources.certificate, &sources.key)?;
        let mut known = Bundle::default();
        let mut named = Vec::new();
        let mut read = |agency: Option<&AgencyId>, source: &Source| {
            let bundle = Bundle::read(source, now)?;
            known.extend(&bundle);
            named.extend(bundle.named().map(|(certificate, not_after)| Authority {
                agency: agency.cloned(),
                certificate,
                not_after,
            }));
            Ok::<_, TrustError>(bundle)
        };
        let mut agencies = BTreeMap::new();
        for (agency, source) in &sources.agencies {
            agencies.insert(agency.clone(), read(Some(agency), source)?);
        }
        let auditors = sources.auditors.as_ref().map(|it| read(None, it)).transpose()?;
        let operators = sources.operators.as_ref().map(|it| read(None, it)).transpose()?;
        let domain = sources.domain.clone();
        let authorities = named;
        let own = Own { domain, credentials, known, agencies, auditors, operators, authorities };
        Ok(Self { own: own.into(), forbids: None })
    }

    /// Returns this generation without whatever the `next` one would not let in: as it is in force until that one is
    /// recorded.
    #[must_use]
    pub fn narrowed_by(&self, next: &Self) -> Self {
        Self { own: Arc::clone(&self.own), forbids: Some(Arc::clone(&next.own)) }
    }

    /// Tells whether the one that is to follow forbids already.
    pub const fn is_narrowed(&self) -> bool {
        self.forbids.is_some()
    }

    /// Returns the server's certificate and key.
    pub fn credentials(&self) -> &Credentials {
        &self.own.credentials
    }

    /// Returns the CAs that speak for somebody.
    pub fn authorities(&self) -> &[Authority] {
        &self.own.authorities
    }

    /// Returns the trust domain.
    pub fn domain(&self) -> &TrustDomain {
        &self.own.domain
    }

    /// Tells whether an agency is in the table.
    pub fn knows(&self, agency: &AgencyId) -> bool {
        [&self.own].into_iter().chain(&self.forbids).all(|it| it.agencies.contains_key(agency))
    }

    /// Returns the lists of revocations in force.
    pub fn crl_standings(&self) -> Vec<CrlStanding> {
        let standing = |crl: &super::crl::Crl| CrlStanding {
            path: crl.path.clone(),
            issuer: crl.issuer,
            number: Hex(&crl.number).to_string(),
            this_update: crl.this_update,
            next_update: crl.next_update,
        };
        self.crls().map(standing).collect()
    }

    pub(super) fn crls(&self) -> impl Iterator<Item = &super::crl::Crl> {
        let own = &self.own;
        own.agencies.values().chain(&own.auditors).chain(&own.operators).flat_map(Bundle::crls)
    }

    /// Decides whom a presented chain speaks for at `now`.
    pub(super) fn vouch(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        at: (UnixTime, &Bars),
    ) -> Result<Voucher, Rejection> {
        let mut voucher = self.own.vouch(certificate, intermediates, at)?;
        if let Some(forbids) = &self.forbids {
            let other = forbids.vouch(certificate, intermediates, at)?;
            voucher.until = voucher.until.min(other.until);
            voucher.authorities.extend(other.authorities);
        }
        Ok(voucher)
    }
}

impl Own {
    /// Holds its lists of revocations against those of a generation before.
    fn check_lists_after(&self, before: &Self) -> Result<(), TrustError> {
        for (agency, bundle) in &self.agencies {
            bundle.check_lists_after(before.agencies.get(agency))?;
        }
        for (bundle, before) in
            [(&self.auditors, &before.auditors), (&self.operators, &before.operators)]
        {
            bundle.iter().try_for_each(|it| it.check_lists_after(before.as_ref()))?;
        }
        Ok(())
    }

    /// Decides whom a presented chain speaks for at `now`. Straight down; yes comes last.
    ///
    /// A known CA is asked for first: a stranger learns nothing about names. After that, whatever
    /// keeps the chain from its agency's own CAs, which are some of the known ones, is that it came
    /// from another's, or that it was revoked.
    fn vouch(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        (now, bars): (UnixTime, &Bars),
    ) -> Result<Voucher, Rejection> {
        if diagnosis::is_too_long(certificate, intermediates) {
            return Err(Rejection::ChainTooLong);
        }
        self.known.vouch(certificate, intermediates, (now, bars))?;
        let leaf = leaf::read(certificate, &self.domain)?;
        let entitled = self.entitled(&leaf.seat)?.ok_or(Rejection::CaNotEntitled)?;
        let vouched = entitled.vouch(certificate, intermediates, (now, bars));
        let Vouched { authorities, until } = vouched.map_err(|rejection| {
            if rejection.is_of_revocation() { rejection } else { Rejection::CaNotEntitled }
        })?;
        let until = until.map_or(leaf.not_after, |until| until.min(leaf.not_after));
        Ok(Voucher { leaf, authorities, until })
    }

    fn entitled(&self, seat: &Seat) -> Result<Option<&Bundle>, Rejection> {
        match seat {
            Seat::Auditor { .. } => Ok(self.auditors.as_ref()),
            Seat::Operator { .. } => Ok(self.operators.as_ref()),
            Seat::Officer { agency, .. } | Seat::Service { agency, .. } => {
                self.agencies.get(agency).map(Some).ok_or(Rejection::AgencyUnknown)
            }
        }
    }
}
