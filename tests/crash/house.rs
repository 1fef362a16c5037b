//! The directories of one broker and of everybody who calls it, with a throw-away PKI.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use portway::{
    client::{Connection, Error, Identity},
    domain::{AgencyId, Clock, Seat, SystemClock, Timestamp, TrustDomain},
    merkle::Verifier,
    pki::{Authority, CA_DAYS, Host, Profile, Scope},
};

/// The agencies of the scene.
pub(crate) const AGENCIES: [&str; 4] = ["police", "council-asb", "housing", "fire"];

/// A directory with everything in it. It stays where a check fails, and goes with [`House::pull_down`].
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) dir: PathBuf,
}

/// A connection for each seat.
#[derive(Debug)]
pub(crate) struct Wires {
    pub(crate) services: BTreeMap<&'static str, Connection>,
    pub(crate) officers: BTreeMap<&'static str, Connection>,
}

/// Who calls, and what each of them remembers of the log across all crashes.
#[derive(Debug)]
pub(crate) struct Identities {
    services: BTreeMap<&'static str, Identity>,
    officers: BTreeMap<&'static str, Identity>,
}

impl House {
    pub(crate) fn build() -> Self {
        let made = tempfile::Builder::new().prefix("portway-crash-").tempdir();
        let house = Self { dir: made.unwrap().keep() };
        house.make_pki(SystemClock.now());
        fs::write(house.config(), configuration()).unwrap();
        house
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.join("portway.toml")
    }

    /// Opens the file that the broker's log lines go to.
    pub(crate) fn lines(&self) -> File {
        File::options().create(true).append(true).open(self.dir.join("broker.log")).unwrap()
    }

    /// Returns the last log lines.
    pub(crate) fn last_lines(&self) -> String {
        let text = fs::read_to_string(self.dir.join("broker.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// Returns how many starts went on from a snapshot.
    pub(crate) fn quick_starts(&self) -> usize {
        let text = fs::read_to_string(self.dir.join("broker.log")).unwrap_or_default();
        let lines = text.lines().filter(|line| line.contains("the log was read"));
        lines.filter(|line| line.contains("\"snapshot\":")).count()
    }

    /// Hands the log's key over, and reads every identity.
    pub(crate) fn enrol(&self) -> Identities {
        let load = |agency: &'static str, kind: &str| {
            let home = self.dir.join(agency).join(kind);
            fs::copy(self.vkey(), home.join("log.vkey")).unwrap();
            (agency, Identity::load(&home).unwrap())
        };
        Identities {
            services: AGENCIES.map(|it| load(it, "service")).into(),
            officers: AGENCIES.map(|it| load(it, "officer")).into(),
        }
    }

    /// The log's key may be copied at any moment: it is not there, or whole.
    pub(crate) fn check_vkey(&self) {
        if let Ok(text) = fs::read_to_string(self.vkey()) {
            assert!(text.trim_end().parse::<Verifier>().is_ok(), "half a key in log.vkey");
        }
    }

    pub(crate) fn vkey(&self) -> PathBuf {
        self.dir.join("keys/log.vkey")
    }

    /// Removes what a broker made and what was remembered of its log, as if it had never started.
    pub(crate) fn clear(&self) {
        for made in ["journal", "keys", "anchor", "views"] {
            absent(fs::remove_dir_all(self.dir.join(made)));
        }
        for agency in AGENCIES {
            for kind in ["service", "officer"] {
                absent(fs::remove_file(self.dir.join(agency).join(kind).join("checkpoint")));
            }
        }
    }

    pub(crate) fn pull_down(self) {
        fs::remove_dir_all(self.dir).unwrap();
    }

    fn make_pki(&self, now: Timestamp) {
        let domain: TrustDomain = "portway.example".parse().unwrap();
        let ca = |name: &str, scope| {
            let ca = Authority::create(name, scope, CA_DAYS, now).unwrap();
            fs::write(self.dir.join(format!("{name}.pem")), ca.pem()).unwrap();
            ca
        };
        let servers = ca("servers", Scope::Server);
        let hosts = vec!["127.0.0.1".parse::<Host>().unwrap()];
        let server = Profile::Server { hosts };
        servers.issue(&self.dir.join("server"), &server, servers.pem(), now).unwrap();
        for name in AGENCIES {
            let agency: AgencyId = name.parse().unwrap();
            let scope = Scope::Agency { domain: domain.clone(), agency };
            issue(&ca(name, scope), &self.dir.join(name), &domain, (servers.pem(), now));
        }
    }
}

/// Whether it was there before makes no difference.
fn absent(removed: io::Result<()>) {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        removed => removed.unwrap(),
    }
}

/// Issues an agency's two identities.
fn issue(ca: &Authority, home: &Path, domain: &TrustDomain, (server_ca, now): (&str, Timestamp)) {
    let name = home.file_name().unwrap().to_str().unwrap();
    let seats = [
        ("service", format!("agency/{name}/service/case-system")),
        ("officer", format!("agency/{name}/officer/governance")),
    ];
    for (kind, seat) in seats {
        let seat = Seat::parse(&seat).unwrap();
        let profile = Profile::Client { domain: domain.clone(), seat };
        ca.issue(&home.join(kind), &profile, server_ca, now).unwrap();
    }
}

/// Small segments and frequent snapshots, so that crashes meet the change from one to the next as well.
fn configuration() -> String {
    let mut text = "[server]\nlisten = \"127.0.0.1:0\"\nidentity = \"server\"\n\
         trust_domain = \"portway.example\"\n\
         [journal]\nengine = \"segments\"\ndir = \"journal\"\nsegment_bytes = 1048576\n\
         [ledger]\nanchor_dir = \"anchor\"\nkeys_dir = \"keys\"\n\
         snapshot_records = 16\n[views]\ndir = \"views\"\n"
        .to_owned();
    for agency in AGENCIES {
        write!(text, "[[agency]]\nid = \"{agency}\"\nca = \"{agency}.pem\"\n").unwrap();
    }
    text
}

impl Identities {
    /// Connects everybody to a broker that nobody kills meanwhile.
    pub(crate) async fn connect(&self, address: &str) -> Wires {
        self.try_connect(address).await.expect("a broker that lives")
    }

    /// Connects everybody; nothing where the broker is killed meanwhile.
    pub(crate) async fn try_connect(&self, address: &str) -> Option<Wires> {
        let services = connect(&self.services, address).await?;
        let officers = connect(&self.officers, address).await?;
        Some(Wires { services, officers })
    }
}

async fn connect(
    identities: &BTreeMap<&'static str, Identity>,
    address: &str,
) -> Option<BTreeMap<&'static str, Connection>> {
    let mut connections = BTreeMap::new();
    for (agency, identity) in identities {
        match Connection::connect(address, identity.clone()).await {
            Ok(connection) => connections.insert(*agency, connection),
            Err(Error::Unreachable { .. }) => return None,
            Err(error) => panic!("{error}"),
        };
    }
    Some(connections)
}
