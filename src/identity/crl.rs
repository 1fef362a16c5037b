//! Certificate revocation lists (RFC 5280 section 5) from files. Each has to be signed by a CA of its bundle, and
//! each CA of the bundle has to have one: who is not sure what is revoked lets nobody in.

use std::{
    cmp::Ordering,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ring::digest::SHA256;
use rustls::pki_types::{CertificateRevocationListDer, pem::PemObject};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::{
    prelude::{FromDer, X509Certificate},
    revocation_list::CertificateRevocationList,
};

use super::{
    Fault, TrustError,
    bundle::key_id,
    credentials::{Authority, moment, provider},
};
use crate::domain::{KeyId, Timestamp};

/// A list and what it says of itself.
#[derive(Debug)]
pub(super) struct Crl {
    /// The key of the CA that signed it.
    pub(super) issuer: KeyId,
    /// Its number, which only grows: big-endian, without zeros in front.
    pub(super) number: Vec<u8>,
    pub(super) this_update: Timestamp,
    /// From then on it is not believed.
    pub(super) next_update: Timestamp,
    /// SHA-256 of it: one number stands for one list.
    digest: [u8; 32],
    pub(super) list: CertRevocationList<'static>,
    pub(super) path: PathBuf,
}

impl Crl {
    /// Returns the last moment at which it is believed.
    pub(super) fn until(&self) -> Timestamp {
        self.next_update.before(Duration::from_millis(1))
    }

    /// Tells why it may not come after another of the same CA; nothing where it may.
    pub(super) fn fault_after(&self, before: &Self) -> Option<Fault> {
        if self.issuer != before.issuer {
            None
        } else if is_lower(&self.number, &before.number) {
            Some(Fault::CrlOlder)
        } else {
            let is_another = self.number == before.number && self.digest != before.digest;
            is_another.then_some(Fault::CrlChanged)
        }
    }
}

/// Tells whether a number without zeros in front, its digits of whatever base, is lower than another.
pub(super) fn is_lower<T: AsRef<[u8]> + ?Sized>(number: &T, other: &T) -> bool {
    let (number, other) = (number.as_ref(), other.as_ref());
    number.len().cmp(&other.len()).then_with(|| number.cmp(other)) == Ordering::Less
}

/// Reads the lists of a bundle's CAs.
///
/// # Errors
///
/// `TrustError` names the file: not a list, not or weakly signed by a CA of the bundle, two of one CA, none of a CA.
/// One that is out of date is read: it closes its own CA, and nothing else.
pub(super) fn read(
    path: &Path,
    (bundle, authorities): (&Path, &[Authority]),
    now: Timestamp,
) -> Result<Vec<Crl>, TrustError> {
    let wrong = |fault: Fault| TrustError { path: path.to_owned(), fault };
    let pem = fs::read(path).map_err(|error| wrong(error.into()))?;
    let ders: Vec<CertificateRevocationListDer<'_>> =
        CertificateRevocationListDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong(Fault::NotPem("CRL")))?;
    let mut crls: Vec<Crl> = Vec::new();
    for der in &ders {
        let crl = one(der, path, authorities).map_err(wrong)?;
        if crls.iter().any(|other| other.issuer == crl.issuer) {
            return Err(wrong(Fault::CrlTwice));
        }
        crls.push(crl);
    }
    let has_one = |key: KeyId| crls.iter().any(|crl| crl.issuer == key);
    let current = authorities.iter().filter(|it| now <= it.not_after);
    let is_whole = current.filter_map(own_key).all(has_one);
    if is_whole { Ok(crls) } else { Err(wrong(Fault::CrlMissing(bundle.to_owned()))) }
}

fn one(
    der: &CertificateRevocationListDer<'_>,
    path: &Path,
    authorities: &[Authority],
) -> Result<Crl, Fault> {
    let list = OwnedCertRevocationList::from_der(der).map_err(|_| Fault::Crl)?;
    let (_, parsed) = CertificateRevocationList::from_der(der).map_err(|_| Fault::Crl)?;
    if !is_checked_in_handshakes(&parsed) {
        return Err(Fault::CrlSignature);
    }
    let issuer = authorities.iter().find_map(|authority| {
        let (_, ca) = X509Certificate::from_der(&authority.certificate).ok()?;
        let is_issuer = ca.subject().as_raw() == parsed.issuer().as_raw()
            && parsed.verify_signature(ca.public_key()).is_ok();
        is_issuer.then(|| key_id(ca.public_key().raw))
    });
    let number = parsed.crl_number().ok_or(Fault::Crl)?.to_bytes_be();
    let this_update = moment(parsed.last_update().timestamp()).ok_or(Fault::Crl)?;
    let next_update = parsed.next_update().ok_or(Fault::Crl)?;
    let mut digest = [0; 32];
    digest.copy_from_slice(ring::digest::digest(&SHA256, der).as_ref());
    Ok(Crl {
        digest,
        issuer: issuer.ok_or(Fault::CrlOfAnother)?,
        number,
        this_update,
        next_update: moment(next_update.timestamp()).ok_or(Fault::Crl)?,
        list: CertRevocationList::from(list),
        path: path.to_owned(),
    })
}

/// Only what the provider verifies may sign a list, as it is with certificates: that leaves out SHA-1.
fn is_checked_in_handshakes(list: &CertificateRevocationList<'_>) -> bool {
    let named = list.signature_algorithm.algorithm.as_bytes();
    provider().signature_verification_algorithms.all.iter().any(|algorithm| {
        // In DER: tag, length, and the name itself.
        matches!(&*algorithm.signature_alg_id(), [_, length, rest @ ..]
            if usize::from(*length) == named.len() && rest.starts_with(named))
    })
}

fn own_key(authority: &Authority) -> Option<KeyId> {
    let (_, ca) = X509Certificate::from_der(&authority.certificate).ok()?;
    Some(key_id(ca.public_key().raw))
}
