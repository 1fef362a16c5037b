//! Who is there: four agencies with their own CAs, an operator, a broker, and a CA that signs for an agency
//! it may not speak for.

use std::{fmt::Write, fs, path::Path};

use portway::{
    domain::{Seat, Timestamp},
    pki::{Authority, Profile, Scope},
};

/// Every agency in the broker's table. The last one is no party of any agreement.
const AGENCIES: [&str; 4] = ["council", "housing", "police", "fire"];

const DOMAIN: &str = "portway.test";

/// As what somebody speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// Of no agency.
    Auditor,
    /// A second officer of the police, who has no say in anything else.
    Deputy,
    Officer,
    /// Of no agency.
    Operator,
    Service,
}

/// The identity directories, all of them.
pub(super) fn homes() -> Vec<String> {
    let seats = AGENCIES.iter().flat_map(|it| [home(it, Role::Service), home(it, Role::Officer)]);
    let others = [
        home("police", Role::Deputy),
        home("", Role::Auditor),
        home("", Role::Operator),
        "impostor".to_owned(),
    ];
    seats.chain(others).collect()
}

pub(super) fn home(agency: &str, role: Role) -> String {
    match role {
        Role::Auditor => "identities/auditor".to_owned(),
        Role::Deputy => format!("identities/{agency}/deputy"),
        Role::Officer => format!("identities/{agency}/officer"),
        Role::Operator => "identities/operator".to_owned(),
        Role::Service => format!("identities/{agency}/service"),
    }
}

/// Makes every CA, key and certificate under `dir`.
pub(super) fn make(dir: &Path, now: Timestamp) {
    let authority = |name: &str, scope: Scope| {
        let ca = Authority::create(&format!("{name} test CA"), scope, 30, now).unwrap();
        ca.save(&dir.join("ca").join(name)).unwrap();
        ca
    };
    let client = |path: String| Profile::Client {
        domain: DOMAIN.parse().unwrap(),
        seat: Seat::parse(&path).unwrap(),
    };
    let of = |agency: &str| Scope::Agency {
        domain: DOMAIN.parse().unwrap(),
        agency: agency.parse().unwrap(),
    };
    let server = authority("server", Scope::Server);
    let hosts = vec!["localhost".parse().unwrap(), "127.0.0.1".parse().unwrap()];
    let broker = dir.join("broker/server");
    server.issue(&broker, &Profile::Server { hosts }, server.pem(), now).unwrap();
    let issue = |ca: &Authority, home: String, seat: String| {
        ca.issue(&dir.join(home), &client(seat), server.pem(), now).unwrap();
    };
    for agency in AGENCIES {
        let ca = authority(agency, of(agency));
        let (service, officer) = (home(agency, Role::Service), home(agency, Role::Officer));
        issue(&ca, service, format!("agency/{agency}/service/cases"));
        issue(&ca, officer, format!("agency/{agency}/officer/ig-1"));
        if agency == "police" {
            issue(&ca, home(agency, Role::Deputy), format!("agency/{agency}/officer/ig-2"));
        }
    }
    let auditors = authority("auditors", Scope::Auditors { domain: DOMAIN.parse().unwrap() });
    issue(&auditors, home("", Role::Auditor), "auditor/icb-1".to_owned());
    let operators = authority("operators", Scope::Operators { domain: DOMAIN.parse().unwrap() });
    issue(&operators, home("", Role::Operator), "operator/ops-1".to_owned());
    // In the table it speaks for the school, and it signs an officer of the police.
    let school = authority("school", of("police"));
    issue(&school, "impostor".to_owned(), "agency/police/officer/ig-1".to_owned());
    // In no table at all.
    let unknown = authority("unknown", of("police"));
    issue(&unknown, "stranger".to_owned(), "agency/police/service/cases".to_owned());
    fs::create_dir_all(dir.join("broker")).unwrap();
}

pub(super) fn configuration() -> String {
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nidentity = \"server\"\ntrust_domain = \"{DOMAIN}\"\n\
         [auditors]\nca = \"../ca/auditors/ca.pem\"\n\
         [operators]\nca = \"../ca/operators/ca.pem\"\n\
         [journal]\ndir = \"journal\"\nsegment_bytes = 1048576\n\
         [ledger]\nanchor_dir = \"anchor\"\nkeys_dir = \"keys\"\n\
         [views]\ndir = \"views\"\n\
         [operate]\nsocket = \"operate.sock\"\n"
    );
    for agency in AGENCIES.into_iter().chain(["school"]) {
        write!(text, "[[agency]]\nid = \"{agency}\"\nca = \"../ca/{agency}/ca.pem\"\n").unwrap();
    }
    text
}
