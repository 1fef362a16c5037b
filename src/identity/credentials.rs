//! Reads certificates and keys from files, and says which file is wrong and how.
//! A key that others than its owner can read is refused: it may be known already.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ring::digest::{SHA256, digest};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::private_key;
use crate::domain::{Fingerprint, Timestamp};

/// Returns the one provider of cryptography: ring.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// What is wrong with a file of certificates or keys.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct TrustError {
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a file of certificates or keys.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The certificate cannot be used.
    #[error("certificate not usable: {0}")]
    Certificate(rustls::Error),
    /// The list is not one of RFC 5280 with a number and a time of the next.
    #[error(
        "holds a CRL that cannot be used: it needs a number and a next update, and may be no delta"
    )]
    Crl,
    /// The list has the number of the one in force and is another.
    #[error("holds a CRL with the number of the one in force and another content")]
    CrlChanged,
    /// A CA has no list.
    #[error("holds no CRL of a CA in {}", .0.display())]
    CrlMissing(PathBuf),
    /// The list is signed by no CA of the bundle.
    #[error("holds a CRL that no CA of its bundle has signed")]
    CrlOfAnother,
    /// The list has a lower number than the one in force.
    #[error("holds a CRL with a lower number than the one in force")]
    CrlOlder,
    /// The list is signed by a method that no certificate may be signed by either.
    #[error("holds a CRL whose signature is of a kind that is not accepted, such as SHA-1")]
    CrlSignature,
    /// Two lists of one CA.
    #[error("holds two CRLs of one CA")]
    CrlTwice,
    /// The key can be read by others.
    #[error("key readable by others than its owner: set its mode to 0600 or 0400")]
    Exposed,
    /// The key is of an unknown kind or malformed.
    #[error("key not usable: {0}")]
    Key(rustls::Error),
    /// The file holds a certificate that is not a CA's.
    #[error("holds a certificate that is not a CA's")]
    NotAnAuthority,
    /// The file holds more CAs than one.
    #[error("holds more CAs than the one that is meant")]
    NotOneAuthority,
    /// The file holds no PEM block of the kind that belongs there.
    #[error("holds no {0} in PEM form")]
    NotPem(&'static str),
    /// The CA is none of those that may speak for the agency.
    #[error("none of the CAs that may speak for its agency")]
    NotEntitled,
    /// The key is not the one that the certificate names.
    #[error("certificate and key do not belong together")]
    Pair,
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

impl Fault {
    fn in_file(self, path: &Path) -> TrustError {
        TrustError { path: path.to_owned(), fault: self }
    }
}

/// How often a pair is read anew that was replaced while it was read.
const PAIR_TRIES: usize = 50;

/// A certificate chain and the key that belongs to it.
#[derive(Clone, Debug)]
pub struct Credentials {
    key: Arc<CertifiedKey>,
    not_after: Timestamp,
}

impl Credentials {
    /// Reads a chain (own certificate first) and its key.
    ///
    /// # Errors
    ///
    /// `TrustError` names the file and what is wrong: a renewal half written is `Pair`.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TrustError> {
        let mut tries = PAIR_TRIES;
        loop {
            let before = fs::read(certificate).ok();
            tries -= 1;
            match Self::read_once(certificate, key) {
                // Replaced at one stroke, and read as two files: where the certificate is another by now, again.
                Err(TrustError { fault: Fault::Pair, .. })
                    if tries > 0 && fs::read(certificate).ok() != before => {}
                read => return read,
            }
        }
    }

    fn read_once(certificate: &Path, key: &Path) -> Result<Self, TrustError> {
        let chain = certificates(certificate)?;
        let not_after = chain.first().and_then(last_moment).ok_or_else(|| {
            Fault::Certificate(rustls::CertificateError::BadEncoding.into()).in_file(certificate)
        })?;
        let pem = read_private(key)?;
        let der = private_key(&pem).ok_or_else(|| Fault::NotPem("private key").in_file(key))?;
        let signing = provider()
            .key_provider
            .load_private_key(der)
            .map_err(|error| Fault::Key(error).in_file(key))?;
        let pair = CertifiedKey::new(chain, signing);
        match pair.keys_match() {
            Ok(()) => Ok(Self { key: Arc::new(pair), not_after }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(Fault::Pair.in_file(certificate)),
            Err(error) => Err(Fault::Certificate(error).in_file(certificate)),
        }
    }

    /// Returns the chain and the key as rustls takes them.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// Returns the digest of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.key.cert.first().map_or(Fingerprint([0; 32]), |it| fingerprint(it))
    }

    /// Returns the last moment of the certificate.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

/// Reads a bundle of CA certificates. Those past their last moment at `now` are left out with a
/// warning, so that one old CA neither vouches for anybody nor keeps a server from starting.
///
/// # Errors
///
/// `TrustError` where the file cannot be read, is not PEM, or holds anything but CA certificates.
pub fn authorities(
    path: &Path,
    now: Timestamp,
) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let mut valid = Vec::new();
    for authority in authorities_of(path)? {
        if now <= authority.not_after {
            valid.push(authority.certificate);
        } else {
            tracing::warn!(file = %path.display(), "ca certificate expired");
        }
    }
    Ok(valid)
}

/// A CA's certificate as it stands in a bundle.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    pub(super) certificate: CertificateDer<'static>,
    /// Its last moment.
    pub(super) not_after: Timestamp,
}

/// Reads a bundle of CA certificates, those past their last moment too.
pub(super) fn authorities_of(path: &Path) -> Result<Vec<Authority>, TrustError> {
    let read = |certificate: CertificateDer<'static>| {
        let is_ca = X509Certificate::from_der(&certificate).is_ok_and(|(_, it)| it.is_ca());
        let not_after = last_moment(&certificate).filter(|_| is_ca);
        let not_after = not_after.ok_or_else(|| Fault::NotAnAuthority.in_file(path))?;
        Ok(Authority { certificate, not_after })
    };
    certificates(path)?.into_iter().map(read).collect()
}

/// Returns a second of a certificate or a list as a moment.
pub(super) fn moment(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp::from_ms(u64::try_from(seconds).ok()?.saturating_mul(1000)))
}

/// Returns the digest that a certificate is known by.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
    Fingerprint(bytes)
}

/// Returns the last moment of a certificate: the end of the second that `notAfter` names.
pub fn last_moment(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let second = moment(parsed.validity().not_after.timestamp())?;
    Some(second.after(Duration::from_millis(999)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let pem = fs::read(path).map_err(|error| Fault::from(error).in_file(path))?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| Fault::NotPem("certificate").in_file(path))?;
    if chain.is_empty() { Err(Fault::NotPem("certificate").in_file(path)) } else { Ok(chain) }
}

/// Reads a file that only its owner may read. The open file is checked, not its name, so that
/// nothing can be put in between.
///
/// # Errors
///
/// `TrustError` where the file cannot be read, or others than its owner could.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, TrustError> {
    let unreadable = |error| Fault::Unreadable(error).in_file(path);
    let mut file = fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.permissions().mode() & 0o077 != 0 {
        return Err(Fault::Exposed.in_file(path));
    }
    let mut pem = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES));
    file.read_to_end(&mut pem).map_err(unreadable)?;
    Ok(pem)
}

/// Enough for any key file, so that the buffer does not move and leave copies behind.
const KEY_FILE_BYTES: usize = 16 * 1024;
