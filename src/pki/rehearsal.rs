//! The certificates of a whole exchange that is played on one machine: a broker, agencies with their own CAs,
//! an operator. For demos and measurements; every key lies in one directory, which no real exchange allows.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Authority, CA_DAYS, Host, PkiError, Profile, Scope};
use crate::domain::{AgencyId, Name, Seat, Timestamp, TrustDomain};

const SERVICE: &str = "case-system";
const OFFICER: &str = "information-governance";
const OPERATOR: &str = "operations";

/// Where the certificates of a rehearsal stand: `broker/server` and `broker/ca` for the broker,
/// `identities/<agency>/service`, `identities/<agency>/officer` and `identities/operator` for its callers, `ca`
/// for the CAs themselves.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsal<'a> {
    /// The directory of everything.
    pub dir: &'a Path,
    /// The trust domain.
    pub domain: &'a TrustDomain,
    /// When the certificates begin.
    pub now: Timestamp,
}

impl Rehearsal<'_> {
    /// Makes all keys and certificates.
    ///
    /// # Errors
    ///
    /// [`PkiError`] where a file cannot be made, or is there already.
    pub fn make(&self, agencies: &[AgencyId]) -> Result<(), PkiError> {
        let broker = self.dir.join("broker");
        let table = broker.join("ca");
        fs::create_dir_all(&table)
            .map_err(|error| PkiError::File { path: table.clone(), error })?;
        let server_ca = self.authority("broker", Scope::Server)?;
        let hosts = ["localhost", "127.0.0.1"].into_iter().map(str::parse::<Host>);
        let hosts = hosts.collect::<Result<_, _>>();
        let hosts = hosts.map_err(|_| PkiError::Request("localhost is no host"))?;
        let profile = Profile::Server { hosts };
        server_ca.issue(&broker.join("server"), &profile, server_ca.pem(), self.now)?;
        let domain = self.domain.clone();
        let operators = self.authority("operators", Scope::Operators { domain })?;
        write(&table.join("operators.pem"), operators.pem())?;
        let operator = Seat::Operator { id: name(OPERATOR)? };
        let home = self.dir.join("identities").join("operator");
        operators.issue(&home, &self.client(operator), server_ca.pem(), self.now)?;
        for agency in agencies {
            let scope = Scope::Agency { domain: self.domain.clone(), agency: agency.clone() };
            let ca = self.authority(agency.as_str(), scope)?;
            write(&table.join(format!("{agency}.pem")), ca.pem())?;
            let service = Seat::Service { agency: agency.clone(), name: name(SERVICE)? };
            let officer = Seat::Officer { agency: agency.clone(), id: name(OFFICER)? };
            for (home, seat) in [(self.service(agency), service), (self.officer(agency), officer)] {
                ca.issue(&home, &self.client(seat), server_ca.pem(), self.now)?;
            }
        }
        Ok(())
    }

    /// Gives every caller the log's public key, once the broker has made it.
    ///
    /// # Errors
    ///
    /// [`PkiError::File`] where it cannot be copied.
    pub fn enrol(&self, agencies: &[AgencyId], vkey: &Path) -> Result<(), PkiError> {
        let seats = agencies.iter().flat_map(|it| [self.service(it), self.officer(it)]);
        for home in seats.chain([self.dir.join("identities").join("operator")]) {
            let path = home.join("log.vkey");
            fs::copy(vkey, &path).map_err(|error| PkiError::File { path, error })?;
        }
        Ok(())
    }

    /// Returns the identity directory of an agency's system.
    pub fn service(&self, agency: &AgencyId) -> PathBuf {
        self.seat(agency, "service")
    }

    /// Returns the identity directory of an agency's officer.
    pub fn officer(&self, agency: &AgencyId) -> PathBuf {
        self.seat(agency, "officer")
    }

    fn seat(&self, agency: &AgencyId, kind: &str) -> PathBuf {
        self.dir.join("identities").join(agency.as_str()).join(kind)
    }

    fn authority(&self, name: &str, scope: Scope) -> Result<Authority, PkiError> {
        let ca = Authority::create(&format!("{name} demo CA"), scope, CA_DAYS, self.now)?;
        ca.save(&self.dir.join("ca").join(name))?;
        Ok(ca)
    }

    fn client(&self, seat: Seat) -> Profile {
        Profile::Client { domain: self.domain.clone(), seat }
    }
}

fn name(text: &str) -> Result<Name, PkiError> {
    text.parse().map_err(|_| PkiError::Request("a seat's name is none"))
}

fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    let written: io::Result<()> = fs::write(path, text);
    written.map_err(|error| PkiError::File { path: path.into(), error })
}
