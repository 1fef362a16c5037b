//! Says what stands in a certificate or a request, for people to compare before they sign or trust it.
//! Text from the file is escaped: it comes from whoever made it.

use std::{fmt, net::IpAddr};

use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, pem::PemObject};
use serde::Serialize;
use x509_parser::{
    certification_request::X509CertificationRequest,
    extensions::ParsedExtension,
    prelude::{FromDer, GeneralName, X509Certificate, X509Extension},
    public_key::PublicKey,
    time::ASN1Time,
    x509::SubjectPublicKeyInfo,
};

use super::PkiError;
use crate::domain::{Fingerprint, Timestamp};

/// What stands in a certificate or a request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Description {
    /// `certificate` or `request`.
    pub kind: &'static str,
    /// The subject.
    pub subject: String,
    /// The alternative names: what counts.
    pub names: Vec<String>,
    /// The kind of key and its size in bits.
    pub key: String,
    /// SHA-256 of the whole, hexadecimal.
    pub fingerprint: String,
    /// What only a certificate has.
    #[serde(flatten)]
    pub issued: Option<Issued>,
}

/// What only a certificate has.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Issued {
    /// Who signed it.
    pub issuer: String,
    /// Its serial number, hexadecimal with colons.
    pub serial: String,
    /// Its first moment, RFC 3339.
    pub not_before: String,
    /// Its last moment, RFC 3339.
    pub not_after: String,
    /// Whether it is a CA's.
    pub is_ca: bool,
}

/// Describes every certificate of a file, or else its request.
///
/// # Errors
///
/// `Unreadable` where there is neither.
pub fn describe(pem: &[u8]) -> Result<Vec<Description>, PkiError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| PkiError::Unreadable)?;
    if certificates.is_empty() {
        let request =
            CertificateSigningRequestDer::from_pem_slice(pem).map_err(|_| PkiError::Unreadable)?;
        return Ok(vec![describe_request(&request)?]);
    }
    certificates.iter().map(|certificate| describe_certificate(certificate)).collect()
}

/// Returns the fingerprint and the last moment of the first certificate.
///
/// # Errors
///
/// `Unreadable` where there is none.
pub(super) fn last_moment(pem: &str) -> Result<(Fingerprint, Timestamp), PkiError> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| PkiError::Unreadable)?;
    let not_after = crate::identity::last_moment(&der).ok_or(PkiError::Unreadable)?;
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, &der).as_ref());
    Ok((Fingerprint(fingerprint), not_after))
}

fn describe_certificate(der: &[u8]) -> Result<Description, PkiError> {
    let (_, parsed) = X509Certificate::from_der(der).map_err(|_| PkiError::Unreadable)?;
    let extensions = parsed.extensions().iter().map(X509Extension::parsed_extension);
    Ok(Description {
        kind: "certificate",
        subject: plain(&parsed.subject().to_string()),
        names: names(extensions),
        key: key(parsed.public_key()),
        fingerprint: fingerprint(der),
        issued: Some(Issued {
            issuer: plain(&parsed.issuer().to_string()),
            serial: parsed.raw_serial_as_string(),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            is_ca: parsed.is_ca(),
        }),
    })
}

fn describe_request(der: &[u8]) -> Result<Description, PkiError> {
    let (_, parsed) = X509CertificationRequest::from_der(der).map_err(|_| PkiError::Unreadable)?;
    Ok(Description {
        kind: "request",
        subject: plain(&parsed.certification_request_info.subject.to_string()),
        names: names(parsed.requested_extensions().into_iter().flatten()),
        key: key(&parsed.certification_request_info.subject_pki),
        fingerprint: fingerprint(der),
        issued: None,
    })
}

fn names<'a>(extensions: impl Iterator<Item = &'a ParsedExtension<'a>>) -> Vec<String> {
    let alternative = extensions.filter_map(|extension| {
        if let ParsedExtension::SubjectAlternativeName(names) = extension {
            Some(&names.general_names)
        } else {
            None
        }
    });
    alternative.flatten().map(name).collect()
}

fn name(name: &GeneralName<'_>) -> String {
    if let GeneralName::URI(uri) = name {
        format!("URI:{}", plain(uri))
    } else if let GeneralName::DNSName(host) = name {
        format!("DNS:{}", plain(host))
    } else if let GeneralName::IPAddress(bytes) = name {
        let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
        let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
        address.map_or_else(|_| "IP:malformed".to_owned(), |address| format!("IP:{address}"))
    } else {
        plain(&name.to_string())
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> String {
    match info.parsed() {
        Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(_) | Err(_) => format!("algorithm {}", info.algorithm.algorithm),
    }
}

fn fingerprint(der: &[u8]) -> String {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, der).as_ref());
    Fingerprint(bytes).to_string()
}

fn moment(time: ASN1Time) -> String {
    let seconds = u64::try_from(time.timestamp()).unwrap_or_default();
    Timestamp::from_ms(seconds.saturating_mul(1000)).to_string()
}

/// Keeps control characters of a foreign file away from the terminal.
fn plain(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).collect()
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.kind)?;
        writeln!(f, "  subject      {}", self.subject)?;
        for name in &self.names {
            writeln!(f, "  name         {name}")?;
        }
        writeln!(f, "  key          {}", self.key)?;
        if let Some(issued) = &self.issued {
            writeln!(f, "  issuer       {}", issued.issuer)?;
            writeln!(f, "  serial       {}", issued.serial)?;
            writeln!(f, "  valid        {} to {}", issued.not_before, issued.not_after)?;
            writeln!(f, "  ca           {}", if issued.is_ca { "yes" } else { "no" })?;
        }
        write!(f, "  fingerprint  {}", self.fingerprint)
    }
}
