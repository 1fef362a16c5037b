//! Who may not take part, by an operator's act: certificates, CAs and agencies that were revoked, and agencies
//! that are suspended. Made from the log's records alone, so that a restart forgets none.

use std::collections::BTreeMap;

use super::{AgencyId, Caller, Fingerprint, Reason};

/// SHA-256 of a public key, as it stands in a certificate (`SubjectPublicKeyInfo`, DER): what a CA is known by,
/// whichever of its certificates is shown.
pub type KeyId = Fingerprint;

/// An operator's act on who may take part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Barring {
    /// A suspended agency may take part again.
    AgencyReinstated(AgencyId),
    /// An agency leaves for good: no certificate speaks for it any more, and its subscriptions end.
    AgencyRevoked(AgencyId),
    /// An agency may not take part until it is reinstated; what waits for it goes on waiting.
    AgencySuspended(AgencyId),
    /// A CA vouches for nobody any more.
    AuthorityRevoked(KeyId),
    /// A certificate speaks for nobody any more.
    CertificateRevoked(Fingerprint),
}

/// Why somebody may not take part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bar {
    /// Its agency has left for good.
    AgencyRevoked,
    /// Its agency is suspended.
    AgencySuspended,
    /// A CA that vouches for it was revoked.
    Authority,
    /// Its certificate was revoked.
    Certificate,
}

impl From<Bar> for Reason {
    fn from(bar: Bar) -> Self {
        match bar {
            Bar::AgencyRevoked => Self::AgencyRevoked,
            Bar::AgencySuspended => Self::AgencySuspended,
            Bar::Authority => Self::AuthorityRevoked,
            Bar::Certificate => Self::CertificateRevoked,
        }
    }
}

/// Who may not take part, each with the index of the record that says so.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bars {
    /// Certificates that were revoked.
    pub certificates: BTreeMap<Fingerprint, u64>,
    /// CAs that were revoked.
    pub authorities: BTreeMap<KeyId, u64>,
    /// Agencies that left for good.
    pub revoked: BTreeMap<AgencyId, u64>,
    /// Agencies that are suspended.
    pub suspended: BTreeMap<AgencyId, u64>,
}

impl Bars {
    /// Applies the act that the record at `index` tells of.
    pub fn apply(&mut self, act: &Barring, index: u64) {
        match act {
            Barring::AgencyReinstated(agency) => {
                self.suspended.remove(agency);
            }
            Barring::AgencyRevoked(agency) => {
                self.suspended.remove(agency);
                self.revoked.entry(agency.clone()).or_insert(index);
            }
            Barring::AgencySuspended(agency) => {
                self.suspended.entry(agency.clone()).or_insert(index);
            }
            Barring::AuthorityRevoked(key) => {
                self.authorities.entry(*key).or_insert(index);
            }
            Barring::CertificateRevoked(certificate) => {
                self.certificates.entry(*certificate).or_insert(index);
            }
        }
    }

    /// Returns the index of the record by which the act was done already.
    pub fn done(&self, act: &Barring) -> Option<u64> {
        match act {
            Barring::AgencyReinstated(_) => None,
            Barring::AgencyRevoked(agency) => self.revoked.get(agency),
            Barring::AgencySuspended(agency) => self.suspended.get(agency),
            Barring::AuthorityRevoked(key) => self.authorities.get(key),
            Barring::CertificateRevoked(certificate) => self.certificates.get(certificate),
        }
        .copied()
    }

    /// Tells why an agency may not take part; nothing where it may.
    pub fn against_agency(&self, agency: &AgencyId) -> Option<Bar> {
        if self.revoked.contains_key(agency) {
            Some(Bar::AgencyRevoked)
        } else if self.suspended.contains_key(agency) {
            Some(Bar::AgencySuspended)
        } else {
            None
        }
    }

    /// Tells why a caller may not take part, as far as its CAs are not asked; nothing where it may.
    pub fn against(&self, caller: &Caller) -> Option<Bar> {
        if self.certificates.contains_key(&caller.certificate) {
            return Some(Bar::Certificate);
        }
        caller.seat.agency().and_then(|agency| self.against_agency(agency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Seat;

    fn caller(path: &str, certificate: u8) -> Caller {
        Caller { seat: Seat::parse(path).unwrap(), certificate: Fingerprint([certificate; 32]) }
    }

    #[test]
    fn one_certificate_is_revoked_without_the_agencys_others() {
        let mut bars = Bars::default();
        bars.apply(&Barring::CertificateRevoked(Fingerprint([1; 32])), 7);

        let of = |certificate| bars.against(&caller("agency/police/service/rms", certificate));
        assert_eq!((of(1), of(2)), (Some(Bar::Certificate), None));
    }

    #[test]
    fn a_suspension_is_lifted_and_a_revocation_is_not() {
        let (mut bars, police) = (Bars::default(), caller("agency/police/officer/ig-1", 1));
        let agency = police.seat.agency().unwrap().clone();
        bars.apply(&Barring::AgencySuspended(agency.clone()), 3);
        assert_eq!(bars.against(&police), Some(Bar::AgencySuspended));
        bars.apply(&Barring::AgencyReinstated(agency.clone()), 4);
        assert_eq!(bars.against(&police), None);

        bars.apply(&Barring::AgencyRevoked(agency.clone()), 5);
        bars.apply(&Barring::AgencyReinstated(agency.clone()), 6);
        assert_eq!(bars.against(&police), Some(Bar::AgencyRevoked));
        assert_eq!(bars.done(&Barring::AgencyRevoked(agency)), Some(5));
        assert_eq!(bars.against(&caller("agency/housing/service/crm", 1)), None);
    }
}
