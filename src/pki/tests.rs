//! What is made here is taken where it should be: by the broker's door, by openssl, and the other way
//! round. The other way round is certs/README.md, word for word.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpStream, sync::watch, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    domain::{Clock, Seat, SystemClock, Timestamp, TrustDomain},
    identity::{Acceptor, AcceptorSettings, Rejection, Source, Sources, Trust, provider},
    tasks::Tasks,
};

fn domain() -> TrustDomain {
    "exchange.example".parse().unwrap()
}

fn client(path: &str) -> Profile {
    Profile::Client { domain: domain(), seat: Seat::parse(path).unwrap() }
}

fn localhost() -> Profile {
    Profile::Server { hosts: ["localhost", "127.0.0.1"].map(|host| host.parse().unwrap()).into() }
}

fn police() -> Scope {
    Scope::Agency { domain: domain(), agency: "police".parse().unwrap() }
}

fn authority(scope: Scope) -> Authority {
    Authority::create("Test CA", scope, CA_DAYS, SystemClock.now()).unwrap()
}

fn request(profile: &Profile) -> Request {
    Request::parse(&NewRequest::new(profile).unwrap().pem).unwrap()
}

/// Lets `client` connect to a broker that is `server`, where `ca` speaks for the police, and returns
/// as whom it was admitted. Names and files are those of identity directories.
async fn admitted(server: &Path, client: &Path, ca: PathBuf) -> Option<Seat> {
    let from = Source { ca, crl: None };
    let sources = Sources {
        domain: domain(),
        certificate: server.join("cert.pem"),
        key: server.join("key.pem"),
        agencies: BTreeMap::from([("police".parse().unwrap(), from.clone())]),
        auditors: None,
        operators: Some(from),
    };
    let trust = Arc::new(Trust::load(&sources, SystemClock.now()).unwrap());
    let settings = AcceptorSettings::new("127.0.0.1:0".parse().unwrap());
    let doors = (watch::channel(trust).1, watch::channel(Arc::default()).1);
    let acceptor = Acceptor::bind(settings, doors, Arc::new(SystemClock)).unwrap();
    let (address, rejections) = (acceptor.local_addr(), acceptor.rejections());
    let mut incoming = acceptor.accept(&Tasks::new(), CancellationToken::new());

    let read = |name: &str| fs::read(client.join(name)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&read("ca.pem")).unwrap()).unwrap();
    let chain = CertificateDer::pem_slice_iter(&read("cert.pem")).collect::<Result<_, _>>();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            chain.unwrap(),
            PrivateKeyDer::from_pem_slice(&read("key.pem")).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = TlsConnector::from(Arc::new(config));
    let talk = async {
        let name = ServerName::try_from("localhost").unwrap();
        let socket = TcpStream::connect(address).await.unwrap();
        let mut stream = connector.connect(name, socket).await.unwrap();
        let mut byte = [0];
        tokio::select! {
            admitted = incoming.next() => Some(admitted.unwrap().unwrap().peer().caller.seat),
            _ = stream.read(&mut byte) => None,
        }
    };
    let seat = timeout(Duration::from_secs(20), talk).await.expect("in time");
    assert!(Rejection::ALL.iter().all(|reason| rejections.count(*reason) == 0));
    seat
}

#[tokio::test]
async fn what_is_made_here_is_admitted() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    let now = SystemClock.now();
    let servers = authority(Scope::Server);
    servers.issue(&path("broker"), &localhost(), servers.pem(), now).unwrap();
    for (scope, seat) in [
        (police(), "agency/police/service/rms"),
        (police(), "agency/police/officer/ig-1"),
        (Scope::Operators { domain: domain() }, "operator/ops"),
    ] {
        let (ca, own) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        authority(scope).save(ca.path()).unwrap();
        let reopened = Authority::open(ca.path(), now).unwrap();
        reopened.issue(own.path(), &client(seat), servers.pem(), now).unwrap();
        let admitted = admitted(&path("broker"), own.path(), ca.path().join("ca.pem")).await;
        assert_eq!(admitted, Seat::parse(seat), "{seat}");
    }
}

#[test]
fn a_ca_signs_what_its_scope_covers_and_nothing_else() {
    let scopes = [
        police(),
        Scope::Agency {
            domain: "other.example".parse().unwrap(),
            agency: "police".parse().unwrap(),
        },
        Scope::Operators { domain: domain() },
        Scope::Server,
    ];
    let cases = [
        (client("agency/police/service/rms"), [true, false, false, false]),
        (client("agency/police/officer/ig-1"), [true, false, false, false]),
        (client("agency/police-x/service/rms"), [false; 4]),
        (client("operator/ops"), [false, false, true, false]),
        (localhost(), [false, false, false, true]),
    ];
    for (profile, signed) in cases {
        for (scope, may) in scopes.iter().zip(signed) {
            let result =
                authority(scope.clone()).sign(&request(&profile), LEAF_DAYS, SystemClock.now());
            match result {
                Ok(_) => assert!(may, "{scope:?} {profile:?}"),
                Err(PkiError::OutOfScope) => assert!(!may, "{scope:?} {profile:?}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// The request asks for more than its profile has; the certificate has the profile's.
#[test]
fn a_certificate_holds_its_profile_whatever_the_request_asks() {
    let mut params = client("agency/police/service/rms").params().unwrap();
    params.extended_key_usages.push(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
    params.key_usages.push(rcgen::KeyUsagePurpose::KeyCertSign);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.serialize_request(&key).unwrap().pem().unwrap();
    let now = Timestamp::parse("2026-11-23T12:00:00.5Z").unwrap();
    let ca = Authority::create("Police CA", police(), CA_DAYS, now).unwrap();

    let certificate = ca.sign(&Request::parse(&pem).unwrap(), 30, now).unwrap();

    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).unwrap();
    let usage = parsed.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth);
    assert_eq!(parsed.key_usage().unwrap().unwrap().value.flags, 1, "digitalSignature alone");
    let [description] = &describe(certificate.as_bytes()).unwrap()[..] else { panic!("one") };
    let issued = description.issued.as_ref().unwrap();
    assert_eq!(description.names, ["URI:spiffe://exchange.example/agency/police/service/rms"]);
    assert_eq!(description.key, "EC 256");
    assert_eq!(issued.issuer, "CN=Police CA");
    assert_eq!(issued.not_before, "2026-11-23T11:55:00Z");
    assert_eq!(issued.not_after, "2026-12-23T12:00:00Z");
    assert!(!issued.is_ca);
    let again = ca.sign(&Request::parse(&pem).unwrap(), 30, now).unwrap();
    let again = describe(again.as_bytes()).unwrap().remove(0).issued.unwrap();
    assert_ne!(again.serial, issued.serial);
}

#[test]
fn a_request_that_no_profile_allows_is_refused() {
    let uri = |text: &str| rcgen::SanType::URI(text.try_into().unwrap());
    let dns = |text: &str| rcgen::SanType::DnsName(text.try_into().unwrap());
    let rms = "spiffe://exchange.example/agency/police/service/rms";
    let key = rcgen::KeyPair::generate().unwrap();
    for names in [
        vec![],
        vec![uri(rms), uri(rms)],
        vec![uri(rms), dns("localhost")],
        vec![uri("spiffe://exchange.example/agency/police")],
        vec![uri("https://exchange.example/agency/police/service/rms")],
        vec![dns("*.example.org")],
        vec![rcgen::SanType::Rfc822Name("a@example.org".try_into().unwrap())],
    ] {
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names.clone_from(&names);
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        assert!(matches!(Request::parse(&pem), Err(PkiError::Request(_))), "{names:?}");
    }
    let empty = NewRequest::new(&Profile::Server { hosts: vec![] });
    assert!(matches!(empty, Err(PkiError::Request(_))));
}

/// Whoever sends another's public key does not hold the private one.
#[test]
fn a_request_whose_signature_is_wrong_is_refused() {
    let pem = NewRequest::new(&client("operator/ops")).unwrap().pem;
    let mut der = rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let pem =
        format!("-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----\n");
    let error = Request::parse(&pem).unwrap_err().to_string();
    assert_eq!(error, "request refused: its signature is not valid");
}

#[test]
fn no_leaf_outlives_its_ca_or_the_bounds() {
    let now = SystemClock.now();
    let request = request(&client("agency/police/service/rms"));
    let ca = Authority::create("Old CA", police(), 10, now).unwrap();
    let certificate = ca.sign(&request, LEAF_DAYS, now).unwrap();
    let not_after = |pem: &str| {
        Timestamp::parse(&describe(pem.as_bytes()).unwrap()[0].issued.as_ref().unwrap().not_after)
    };
    assert_eq!(not_after(&certificate), not_after(ca.pem()));
    assert!(matches!(ca.sign(&request, 0, now), Err(PkiError::Days { max: 398 })));
    assert!(matches!(ca.sign(&request, 399, now), Err(PkiError::Days { max: 398 })));
    assert!(matches!(ca.sign(&request, 1, now.plus_days(10)), Err(PkiError::Expired)));

    let dir = TempDir::new().unwrap();
    ca.save(dir.path()).unwrap();
    assert!(matches!(Authority::open(dir.path(), now.plus_days(11)), Err(PkiError::Expired)));
}

#[test]
fn keys_are_private_and_nothing_is_overwritten() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("a/b");
    let ca = authority(police());
    let now = SystemClock.now();
    ca.issue(&path, &client("agency/police/service/rms"), ca.pem(), now).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("key.pem")), 0o600);
    let key = fs::read(path.join("key.pem")).unwrap();
    let again = ca.issue(&path, &client("agency/police/service/rms"), ca.pem(), now);
    assert!(matches!(again, Err(PkiError::File { .. })));
    assert_eq!(fs::read(path.join("key.pem")).unwrap(), key);
}

#[test]
fn a_scope_that_says_too_much_or_too_little_is_refused() {
    let path = Path::new("ca.toml");
    for scope in [police(), Scope::Operators { domain: domain() }, Scope::Server] {
        assert_eq!(Scope::parse(&scope.to_toml(), path).unwrap(), scope);
    }
    for text in [
        "",
        "trust_domain = \"a.example\"",
        "trust_domain = \"a.example\"\nagency = \"police\"\noperators = true",
        "trust_domain = \"a.example\"\nserver = true",
        "agency = \"police\"",
        "trust_domain = \"a.example\"\nagency = \"*\"",
        "server = true\nanything = 1",
        "server = \"yes\"",
    ] {
        assert!(matches!(Scope::parse(text, path), Err(PkiError::Scope { .. })), "{text}");
    }
}

/// A CA directory put together from two CAs signs nothing.
#[test]
fn a_ca_whose_key_is_anothers_does_not_open() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    authority(police()).save(one.path()).unwrap();
    authority(police()).save(two.path()).unwrap();
    fs::copy(one.path().join("key.pem"), two.path().join("key.pem")).unwrap();
    let opened = Authority::open(two.path(), SystemClock.now());
    assert!(matches!(opened, Err(PkiError::Trust(_))));
}

/// Control characters of a foreign file do not reach the terminal.
#[test]
fn a_description_is_plain_text() {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "a\u{1b}[2Jb\nc");
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let text = describe(pem.as_bytes()).unwrap()[0].to_string();
    assert!(!text.contains('\u{1b}'));
    assert!(text.contains("  subject      CN=a\\u{1b}[2Jb\\nc\n"), "{text}");
}

const SERVICE: [(&str, &str); 3] =
    [("TRUST_DOMAIN", "exchange.example"), ("AGENCY", "police"), ("NAME", "rms")];
const HOSTS: [(&str, &str); 1] = [("HOSTS", "DNS:localhost,IP:127.0.0.1")];

/// Runs openssl in `dir`; `@` stands for certs/profiles.
fn openssl(dir: &Path, variables: &[(&str, &str)], line: &str) {
    let profiles = concat!(env!("CARGO_MANIFEST_DIR"), "/certs/profiles");
    let line = line.replace('@', profiles);
    let ran = Command::new("openssl")
        .args(line.split_whitespace())
        .current_dir(dir)
        .envs(variables.iter().copied())
        .output()
        .expect("openssl is installed");
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem";

/// Every request that the openssl profiles make is signed here, for every kind of key.
#[test]
fn openssl_requests_are_signed_here() {
    let operators = Scope::Operators { domain: domain() };
    for (profile, variables, scope, expected) in [
        ("service", &SERVICE[..], police(), client("agency/police/service/rms")),
        ("officer", &SERVICE[..], police(), client("agency/police/officer/rms")),
        ("operator", &SERVICE[..], operators, client("operator/rms")),
        ("server", &HOSTS[..], Scope::Server, localhost()),
    ] {
        let dir = TempDir::new().unwrap();
        let line = format!("req -new {NEW_KEY} -config @/{profile}.cnf -out request.pem");
        openssl(dir.path(), variables, &line);
        let text = fs::read_to_string(dir.path().join("request.pem")).unwrap();
        let request = Request::parse(&text).unwrap();
        assert_eq!(*request.profile(), expected);
        authority(scope).sign(&request, LEAF_DAYS, SystemClock.now()).unwrap();
    }
}

/// The certificate carries the key that was sent: a P-384 key stays one though SHA-256 signed for it.
#[tokio::test]
async fn other_kinds_of_key_are_signed_as_they_are_and_admitted() {
    let now = SystemClock.now();
    let (broker, ca_dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let servers = authority(Scope::Server);
    servers.issue(broker.path(), &localhost(), servers.pem(), now).unwrap();
    let ca = authority(police());
    ca.save(ca_dir.path()).unwrap();
    for (kind, described) in [
        ("ec -pkeyopt ec_paramgen_curve:secp384r1 -sha256", "EC 384"),
        ("rsa:2048", "RSA 2048"),
        ("ed25519", "algorithm 1.3.101.112"),
    ] {
        let dir = TempDir::new().unwrap();
        let line = format!(
            "req -new -newkey {kind} -nodes -keyout key.pem -config @/service.cnf -out request.pem"
        );
        openssl(dir.path(), &SERVICE, &line);
        let text = fs::read_to_string(dir.path().join("request.pem")).unwrap();
        let certificate = ca.sign(&Request::parse(&text).unwrap(), LEAF_DAYS, now).unwrap();
        assert_eq!(describe(certificate.as_bytes()).unwrap()[0].key, described);
        write_public(&dir.path().join("cert.pem"), &certificate).unwrap();
        write_public(&dir.path().join("ca.pem"), servers.pem()).unwrap();
        let seat = admitted(broker.path(), dir.path(), ca_dir.path().join("ca.pem")).await;
        assert_eq!(seat, Seat::parse("agency/police/service/rms"), "{kind}");
    }
}

#[test]
fn a_weak_key_is_not_signed() {
    let dir = TempDir::new().unwrap();
    let line = "req -new -newkey rsa:1024 -nodes -keyout key.pem -config @/service.cnf -out r.pem";
    openssl(dir.path(), &SERVICE, line);
    let text = fs::read_to_string(dir.path().join("r.pem")).unwrap();
    assert!(matches!(Request::parse(&text), Err(PkiError::Request(_))));
}

/// certs/README.md, "with plain openssl": no portway command, and the broker admits the result.
#[tokio::test]
async fn what_openssl_makes_by_the_profiles_is_admitted() {
    let dir = TempDir::new().unwrap();
    let issue = |name: &str, profile: &str, variables: &[(&str, &str)]| {
        let own = dir.path().join(name);
        let ca = own.join("issuer");
        fs::create_dir_all(&ca).unwrap();
        let new_ca = format!("req -x509 {NEW_KEY} -config @/authority.cnf -days 3650 -out ca.pem");
        openssl(&ca, &[("CA_NAME", name)], &new_ca);
        let new = format!("req -new {NEW_KEY} -config @/{profile}.cnf -out request.pem");
        openssl(&own, variables, &new);
        let sign = format!(
            "x509 -req -in request.pem -CA issuer/ca.pem -CAkey issuer/key.pem -days 90 \
             -extfile @/{profile}.cnf -extensions certificate -out cert.pem"
        );
        openssl(&own, variables, &sign);
        own
    };
    let broker = issue("broker", "server", &HOSTS);
    for (profile, seat) in [
        ("service", "agency/police/service/rms"),
        ("officer", "agency/police/officer/rms"),
        ("operator", "operator/rms"),
    ] {
        let own = issue(profile, profile, &SERVICE);
        fs::copy(broker.join("issuer/ca.pem"), own.join("ca.pem")).unwrap();
        let admitted = admitted(&broker, &own, own.join("issuer/ca.pem")).await;
        assert_eq!(admitted, Seat::parse(seat), "{profile}");
    }
}

/// What is made here, openssl verifies for the purpose that it has.
#[test]
fn openssl_verifies_what_is_made_here() {
    let now = SystemClock.now();
    for (scope, profile, purpose) in [
        (police(), client("agency/police/service/rms"), "sslclient"),
        (Scope::Server, localhost(), "sslserver"),
    ] {
        let dir = TempDir::new().unwrap();
        let ca = authority(scope);
        ca.issue(dir.path(), &profile, ca.pem(), now).unwrap();
        let line = format!("verify -x509_strict -CAfile ca.pem -purpose {purpose} cert.pem");
        openssl(dir.path(), &[], &line);
    }
}

/// One agency's CA that has ended is no reason for a broker not to start.
#[test]
fn an_issuer_that_expired_is_left_out_and_no_other() {
    let dir = TempDir::new().unwrap();
    let now = SystemClock.now();
    let sources = ["police", "council"].map(|name| {
        let agency: crate::domain::AgencyId = name.parse().unwrap();
        let scope = Scope::Agency { domain: domain(), agency: agency.clone() };
        let made = if name == "police" { now.before(Duration::from_secs(3 * 86_400)) } else { now };
        let ca = dir.path().join(name);
        Authority::create(name, scope, 2, made).unwrap().save(&ca).unwrap();
        let [certificate, authorities] = [(); 2].map(|()| ca.join("ca.pem"));
        (agency, IssuerSource { certificate, key: ca.join("key.pem"), days: 1, authorities })
    });

    let issuers = Issuers::load(&domain(), &BTreeMap::from(sources), now).unwrap();

    for (path, reason) in [
        ("agency/police/service/rms", Some(crate::domain::Reason::NoIssuer)),
        ("agency/council/service/crm", None),
    ] {
        let request = NewRequest::new(&client(path)).unwrap();
        let renewed = issuers.renew(&Seat::parse(path).unwrap(), &request.pem, now);
        assert_eq!(renewed.err().map(|it| it.reason), reason, "{path}");
    }
}
