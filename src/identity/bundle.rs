//! The CAs of one agency, or of the operators, with the lists of what they have revoked. Whether a chain leads
//! to one of them is decided here; whom it names is not.

use std::{
    cell::Cell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    Fault, Rejection, TrustError,
    credentials::{authorities_of, fingerprint, last_moment, provider},
    crl::{self, Crl},
    diagnosis::why,
};
use crate::domain::{Bars, Fingerprint, KeyId, Timestamp};

/// Where the CAs of one agency, or of the operators, are read from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Their certificates, PEM. Those between a root and a leaf may be in it too.
    pub ca: PathBuf,
    /// Their revocation lists, PEM: one of each CA. Without it only the log's own revocations count.
    pub crl: Option<PathBuf>,
}

/// The CAs of one agency, or of the operators.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    anchors: Vec<TrustAnchor<'static>>,
    between: Vec<CertificateDer<'static>>,
    /// The last moments of the roots, by their keys: webpki asks no root for it.
    ends: BTreeMap<KeyId, Timestamp>,
    /// Every certificate of it, with its last moment.
    named: Vec<(Fingerprint, Timestamp)>,
    /// None where no list is named.
    crls: Option<Vec<Crl>>,
}

/// By whom a chain is vouched for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Vouched {
    /// The keys of the CAs between leaf and root, the root's included.
    pub(super) authorities: Vec<KeyId>,
    /// The last moment of the CA that ends, or of the list that is out of date, first.
    pub(super) until: Option<Timestamp>,
}

impl Bundle {
    /// Reads the CAs as of `now`. Those past their last moment are left out.
    ///
    /// # Errors
    ///
    /// `TrustError` names the file, and what is wrong with it.
    pub(super) fn read(source: &Source, now: Timestamp) -> Result<Self, TrustError> {
        let all = authorities_of(&source.ca)?;
        let crls = source.crl.as_ref().map(|path| crl::read(path, (&source.ca, &all), now));
        let mut bundle = Self { crls: crls.transpose()?, ..Self::default() };
        let parsed: Vec<X509Certificate<'_>> = all
            .iter()
            .filter_map(|it| X509Certificate::from_der(&it.certificate).ok().map(|it| it.1))
            .collect();
        for authority in all.iter().filter(|it| now <= it.not_after) {
            bundle.named.push((fingerprint(&authority.certificate), authority.not_after));
            let is_between = X509Certificate::from_der(&authority.certificate)
                .is_ok_and(|(_, own)| is_issued_by_another(&own, &parsed));
            if is_between {
                bundle.between.push(authority.certificate.clone());
            } else {
                let anchor = webpki::anchor_from_trusted_cert(&authority.certificate);
                let anchor = anchor.map_err(|_| unusable(&source.ca))?;
                let end = bundle.ends.entry(key_id(&webpki::spki_for_anchor(&anchor))).or_default();
                *end = (*end).max(authority.not_after);
                bundle.anchors.push(anchor.to_owned());
            }
        }
        Ok(bundle)
    }

    /// Takes in the CAs of another, without their lists.
    pub(super) fn extend(&mut self, other: &Self) {
        self.anchors.extend(other.anchors.iter().cloned());
        self.between.extend(other.between.iter().cloned());
        for (key, end) in &other.ends {
            let known = self.ends.entry(*key).or_default();
            *known = (*known).max(*end);
        }
    }

    /// Returns its CAs' certificates, by their digests, with their last moments.
    pub(super) fn named(&self) -> impl Iterator<Item = (Fingerprint, Timestamp)> {
        self.named.iter().copied()
    }

    /// Returns its lists.
    pub(super) fn crls(&self) -> impl Iterator<Item = &Crl> {
        self.crls.iter().flatten()
    }

    /// Holds its lists against those that the same agency, or the operators, had before. Two agencies may share a CA
    /// and take its lists at their own pace.
    ///
    /// # Errors
    ///
    /// `TrustError` names the list that takes a revocation back.
    pub(super) fn check_lists_after(&self, before: Option<&Self>) -> Result<(), TrustError> {
        for crl in self.crls() {
            let mut before = before.into_iter().flat_map(Self::crls);
            if let Some(fault) = before.find_map(|before| crl.fault_after(before)) {
                return Err(TrustError { path: crl.path.clone(), fault });
            }
        }
        Ok(())
    }

    /// Decides whether a chain leads to one of the CAs, with nothing on the way revoked or barred.
    pub(super) fn vouch(
        &self,
        leaf: &CertificateDer<'_>,
        sent: &[CertificateDer<'_>],
        (now, bars): (UnixTime, &Bars),
    ) -> Result<Vouched, Rejection> {
        let leaf = EndEntityCert::try_from(leaf).map_err(|error| why(&error, sent))?;
        let between: Vec<CertificateDer<'_>> = sent.iter().chain(&self.between).cloned().collect();
        let against = Cell::new(None);
        let check = |path: &VerifiedPath<'_>| {
            self.check(path, now, bars).map_err(|error| {
                let is_by_operator =
                    matches!(error, webpki::Error::CertRevoked) && is_barred(path, bars);
                let why = if is_by_operator {
                    Rejection::AuthorityRevoked
                } else {
                    why(&error, &between)
                };
                against.set(Some(why));
                error
            })
        };
        let algorithms = provider().signature_verification_algorithms.all;
        let path = leaf.verify_for_usage(
            algorithms,
            &self.anchors,
            &between,
            now,
            KeyUsage::client_auth(),
            None,
            Some(&check),
        );
        // A path that leads to a known CA and was turned down tells more than those that lead nowhere.
        let path = path.map_err(|error| against.get().unwrap_or_else(|| why(&error, &between)))?;
        let authorities = authorities(&path);
        let root = authorities.last().and_then(|root| self.ends.get(root)).copied();
        // Whatever has no last moment that can be read has ended.
        let between = path.intermediate_certificates();
        let between = between.map(|it| last_moment(&it.der()).unwrap_or_default());
        let until = self.lists(&authorities).map(Crl::until).chain(root).chain(between).min();
        Ok(Vouched { authorities, until })
    }

    /// Looks at one path: every certificate of it has to be on no list, by a list that is current. Each CA's own
    /// is taken by its key: two CAs may have one name.
    fn check(
        &self,
        path: &VerifiedPath<'_>,
        now: UnixTime,
        bars: &Bars,
    ) -> Result<(), webpki::Error> {
        if is_barred(path, bars) {
            return Err(webpki::Error::CertRevoked);
        }
        let keys = authorities(path);
        let end = keys.last().and_then(|root| self.ends.get(root)).copied().unwrap_or_default();
        let not_after = UnixTime::since_unix_epoch(Duration::from_millis(end.ms()));
        if not_after < now {
            return Err(webpki::Error::CertExpired { time: now, not_after });
        }
        if self.crls.is_none() {
            return Ok(());
        }
        let lists: Vec<&CertRevocationList<'_>> = self.lists(&keys).map(|crl| &crl.list).collect();
        let options = RevocationOptionsBuilder::new(&lists);
        let options = options.map_err(|_| webpki::Error::UnknownRevocationStatus)?;
        let options = options
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build();
        let anchor = [path.anchor().clone()];
        let between: Vec<_> = path.intermediate_certificates().map(webpki::Cert::der).collect();
        let algorithms = provider().signature_verification_algorithms.all;
        let usage = KeyUsage::client_auth();
        let leaf = path.end_entity();
        leaf.verify_for_usage(algorithms, &anchor, &between, now, usage, Some(options), None)
            .map(drop)
    }

    fn lists<'a>(&'a self, keys: &'a [KeyId]) -> impl Iterator<Item = &'a Crl> {
        self.crls().filter(|crl| keys.contains(&crl.issuer))
    }
}

/// A CA that another one of the bundle has signed is no root, so that the root's list can revoke it.
fn is_issued_by_another(own: &X509Certificate<'_>, all: &[X509Certificate<'_>]) -> bool {
    own.subject().as_raw() != own.issuer().as_raw()
        && all.iter().any(|other| {
            other.subject().as_raw() == own.issuer().as_raw()
                && own.verify_signature(Some(other.public_key())).is_ok()
        })
}

fn is_barred(path: &VerifiedPath<'_>, bars: &Bars) -> bool {
    !bars.authorities.is_empty()
        && authorities(path).iter().any(|key| bars.authorities.contains_key(key))
}

/// The keys of every CA of a path.
fn authorities(path: &VerifiedPath<'_>) -> Vec<KeyId> {
    let between = path.intermediate_certificates().map(webpki::Cert::subject_public_key_info);
    let root = webpki::spki_for_anchor(path.anchor());
    between.chain([root]).map(|spki| key_id(&spki)).collect()
}

/// Returns what a CA is known by: SHA-256 of its public key.
pub(super) fn key_id(spki: &[u8]) -> KeyId {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, spki).as_ref());
    Fingerprint(bytes)
}

/// Returns what the CA of a file, PEM, is known by.
///
/// # Errors
///
/// `TrustError` where the file does not hold the certificate of one CA.
pub fn key_of_authority(path: &Path) -> Result<KeyId, TrustError> {
    let all = authorities_of(path)?;
    let [authority] = all.as_slice() else {
        return Err(TrustError { path: path.to_owned(), fault: Fault::NotOneAuthority });
    };
    let (_, ca) = X509Certificate::from_der(&authority.certificate).map_err(|_| unusable(path))?;
    Ok(key_id(ca.public_key().raw))
}

fn unusable(path: &Path) -> TrustError {
    let fault = Fault::Certificate(rustls::CertificateError::BadEncoding.into());
    TrustError { path: path.to_owned(), fault }
}
