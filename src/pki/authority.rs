//! A small CA: made, kept in a directory (`ca.pem`, `key.pem`, `ca.toml`), and asked to sign. It
//! signs for the names that its scope covers, and never a CA.

use std::{fmt, path::Path, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use ring::rand::{SecureRandom, SystemRandom};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::{LEAF_DAYS_MAX, PkiError, Profile, Request, Scope, files};
use crate::{
    domain::Timestamp,
    identity::{Fault, TrustError, authorities, read_private},
};

/// A CA with its key.
pub struct Authority {
    pem: String,
    key: KeyPair,
    scope: Scope,
    not_after: Timestamp,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a CA. `name` is its common name; give each CA its own.
    ///
    /// # Errors
    ///
    /// `Days` where they are out of bounds; `Make` where the system gives no key.
    pub fn create(name: &str, scope: Scope, days: u64, now: Timestamp) -> Result<Self, PkiError> {
        if !(1..=CA_DAYS_MAX).contains(&days) {
            return Err(PkiError::Days { max: CA_DAYS_MAX });
        }
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, name);
        params.distinguished_name = subject;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let not_after = date(&mut params, now, now.plus_days(days))?;
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { pem, key, scope, not_after })
    }

    /// Opens the CA kept in `dir`.
    ///
    /// # Errors
    ///
    /// The first file that is missing or wrong; `Expired` where the CA is.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let [pem_path, key_path, scope_path] =
            ["ca.pem", "key.pem", "ca.toml"].map(|name| dir.join(name));
        // Where there is no CA at all, that is what is said.
        authorities(&pem_path, now)?;
        let scope = Scope::parse(&files::read(&scope_path)?, &scope_path)?;
        Self::read((&pem_path, &key_path), scope, now)
    }

    /// Reads a CA from the files of its certificate and its key.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(super) fn read(
        (pem_path, key_path): (&Path, &Path),
        scope: Scope,
        now: Timestamp,
    ) -> Result<Self, PkiError> {
        let wrong = |path: &Path, fault| TrustError { path: path.to_owned(), fault };
        let valid = authorities(pem_path, now)?;
        let certificate = valid.first().ok_or(PkiError::Expired)?;
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| wrong(pem_path, Fault::NotAnAuthority))?;
        let not_after = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or_default();
        let key_text = read_private(key_path)?;
        let key = std::str::from_utf8(&key_text)
            .ok()
            .and_then(|text| KeyPair::from_pem(text).ok())
            .ok_or_else(|| wrong(key_path, Fault::NotPem("private key")))?;
        if *parsed.public_key().subject_public_key.data != *key.public_key_raw() {
            return Err(wrong(pem_path, Fault::Pair).into());
        }
        Ok(Self {
            pem: files::read(pem_path)?,
            key,
            scope,
            not_after: Timestamp::from_ms(not_after.saturating_mul(1000)),
        })
    }

    /// Writes it to a directory of its own.
    ///
    /// # Errors
    ///
    /// `File` where something cannot be written or is there already.
    pub fn save(&self, dir: &Path) -> Result<(), PkiError> {
        files::create_directory(dir)?;
        let key = Zeroizing::new(self.key.serialize_pem());
        files::write_private(&dir.join("key.pem"), &key)?;
        files::write_public(&dir.join("ca.pem"), &self.pem)?;
        files::write_public(&dir.join("ca.toml"), &self.scope.to_toml())
    }

    /// Returns its certificate in PEM form.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns what it may sign.
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Signs a request and returns the certificate in PEM form, valid from five minutes ago, for
    /// clocks that are behind, for `days` or until the CA itself expires.
    ///
    /// # Errors
    ///
    /// `OutOfScope` where it may not sign for these names; `Days`, `Expired` or `Make`.
    pub fn sign(&self, request: &Request, days: u64, now: Timestamp) -> Result<String, PkiError> {
        if !self.scope.covers(&request.profile) {
            return Err(PkiError::OutOfScope);
        }
        if !(1..=LEAF_DAYS_MAX).contains(&days) {
            return Err(PkiError::Days { max: LEAF_DAYS_MAX });
        }
        if self.not_after <= now {
            return Err(PkiError::Expired);
        }
        let mut params = request.profile.params()?;
        params.use_authority_key_identifier_extension = true;
        date(&mut params, now, now.plus_days(days).min(self.not_after))?;
        let issuer = Issuer::from_ca_cert_pem(&self.pem, &self.key)?;
        Ok(params.signed_by(&request.key, &issuer)?.pem())
    }

    /// Makes a whole identity directory: `key.pem`, `cert.pem`, and `ca.pem`, the CA of the broker's
    /// server certificate, by which the identity's owner knows the broker.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign) and [`save`](Self::save).
    pub fn issue(
        &self,
        dir: &Path,
        profile: &Profile,
        server_ca: &str,
        now: Timestamp,
    ) -> Result<(), PkiError> {
        let new = super::NewRequest::new(profile)?;
        let certificate = self.sign(&Request::parse(&new.pem)?, super::LEAF_DAYS, now)?;
        files::create_directory(dir)?;
        files::write_private(&dir.join("key.pem"), &new.key_pem)?;
        files::write_public(&dir.join("cert.pem"), &certificate)?;
        files::write_public(&dir.join("ca.pem"), server_ca)
    }
}

/// Twenty years: longer than anybody keeps a key.
const CA_DAYS_MAX: u64 = 7305;
const CLOCKS_BEHIND: Duration = Duration::from_secs(5 * 60);

/// Sets dates and serial number, and returns the last moment.
fn date(
    params: &mut CertificateParams,
    now: Timestamp,
    until: Timestamp,
) -> Result<Timestamp, PkiError> {
    let not_after = Timestamp::from_ms(until.ms() / 1000 * 1000);
    params.not_before = moment(now.before(CLOCKS_BEHIND))?;
    params.not_after = moment(not_after)?;
    params.serial_number = Some(serial()?);
    Ok(not_after)
}

fn moment(timestamp: Timestamp) -> Result<OffsetDateTime, PkiError> {
    let seconds = i64::try_from(timestamp.ms() / 1000).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| rcgen::Error::Time.into())
}

/// RFC 5280 §4.1.2.2: positive, 20 bytes at most; 126 random bits.
fn serial() -> Result<SerialNumber, PkiError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| PkiError::Random)?;
    let [first, ..] = &mut bytes;
    *first = *first & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}
