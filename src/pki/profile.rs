//! The kinds of certificate there are, and what each of them holds. Nothing else is ever signed.

use std::{fmt, net::IpAddr, str::FromStr};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType,
};

use crate::domain::{Seat, TrustDomain};

/// A name that clients know a server by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Host {
    /// A DNS name, lower case, without wildcards.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// Text that is neither a DNS name nor an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a host: a DNS name in lower case without wildcards, or an IP address")]
pub struct InvalidHost;

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        // RFC 1035 §2.3.4: 253 characters in all, 63 in a label.
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if text.len() <= 253 && text.split('.').all(is_label) {
            Ok(Self::Dns(text.to_owned()))
        } else {
            Err(InvalidHost)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

/// What a certificate is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Profile {
    /// To speak as an agency's service, as its officer, or as an operator.
    Client {
        /// The trust domain.
        domain: TrustDomain,
        /// As whom.
        seat: Seat,
    },
    /// To be a server under these names.
    Server {
        /// Each name or address that clients connect to; one at least.
        hosts: Vec<Host>,
    },
}

impl Profile {
    /// Returns the certificate's content, but for its dates, serial number and key.
    pub(super) fn params(&self) -> Result<CertificateParams, rcgen::Error> {
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        match self {
            Self::Client { domain, seat } => {
                if let Some(agency) = seat.agency() {
                    subject.push(DnType::OrganizationName, agency.as_str());
                }
                subject.push(DnType::CommonName, own_name(seat));
                let uri = format!("spiffe://{domain}/{seat}");
                params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Self::Server { hosts } => {
                subject.push(DnType::CommonName, "portway");
                params.subject_alt_names =
                    hosts.iter().map(san_of).collect::<Result<_, rcgen::Error>>()?;
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
        }
        params.distinguished_name = subject;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Ok(params)
    }
}

fn own_name(seat: &Seat) -> &str {
    match seat {
        Seat::Auditor { id } | Seat::Officer { id, .. } | Seat::Operator { id } => id.as_str(),
        Seat::Service { name, .. } => name.as_str(),
    }
}

fn san_of(host: &Host) -> Result<SanType, rcgen::Error> {
    Ok(match host {
        Host::Dns(name) => SanType::DnsName(name.as_str().try_into()?),
        Host::Ip(address) => SanType::IpAddress(*address),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_name_or_address() {
        for good in ["localhost", "broker.example.org", "127.0.0.1", "::1", "a1.b-2"] {
            assert_eq!(good.parse::<Host>().expect(good).to_string(), good);
        }
        for bad in ["", "*.example.org", "Broker", "a..b", "a.", "-a", "a_b", "a b", "a:80"] {
            assert_eq!(bad.parse::<Host>(), Err(InvalidHost), "{bad}");
        }
    }
}
