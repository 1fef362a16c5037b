//! Everything that can be wrong with a certificate, one fault at a time.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::openssl::{GOOD, Paper, RSA1024, authority, issue, refused, shown};
use crate::{
    handshakes::counted,
    stage::{Cli, Role, Stage},
};

/// A fault: its name, the reason that is due, and how it is made.
type Fault = (&'static str, &'static str, fn(&Stage, &Path));

const FAULTS: [Fault; 26] = [
    ("no-san", "SAN_MISSING", |stage, home| names(stage, home, None)),
    ("other-san", "SAN_MISSING", |stage, home| names(stage, home, Some("DNS:cases, email:a@b"))),
    ("two-sans", "SAN_AMBIGUOUS", |stage, home| {
        names(stage, home, Some(&format!("URI:{CASES}, URI:{OFFICER}")));
    }),
    ("one-san-twice", "SAN_AMBIGUOUS", |stage, home| {
        names(stage, home, Some(&format!("URI:{CASES}, URI:{CASES}")));
    }),
    ("escaped", "SAN_ESCAPED", |stage, home| {
        uri(stage, home, "portway.test/agency/p%6flice/service/cases");
    }),
    ("capitals", "SAN_NOT_LOWER_CASE", |stage, home| {
        uri(stage, home, "portway.test/agency/Police/service/cases");
    }),
    ("no-seat", "SAN_MALFORMED", |stage, home| uri(stage, home, "portway.test/agency/police")),
    ("admin", "SAN_MALFORMED", |stage, home| {
        uri(stage, home, "portway.test/agency/police/admin/cases");
    }),
    ("domain", "WRONG_TRUST_DOMAIN", |stage, home| {
        uri(stage, home, "portway.other/agency/police/service/cases");
    }),
    ("unknown-agency", "AGENCY_UNKNOWN", |stage, home| {
        uri(stage, home, "portway.test/agency/nobody/service/cases");
    }),
    ("wrong-issuer", "CA_NOT_ENTITLED", |stage, home| {
        issue(home, Some(&stage.path("ca/council")), Paper::default());
    }),
    ("operators-issuer", "CA_NOT_ENTITLED", |stage, home| {
        issue(home, Some(&stage.path("ca/operators")), Paper::default());
    }),
    ("unknown-issuer", "UNKNOWN_CA", |stage, home| {
        issue(home, Some(&stage.path("ca/unknown")), Paper::default());
    }),
    ("by-itself", "UNKNOWN_CA", |_, home| issue(home, None, Paper::default())),
    ("a-ca", "CA_CERTIFICATE", |stage, home| {
        edited(stage, home, "CA:FALSE", "CA:TRUE");
    }),
    ("for-servers", "NOT_FOR_CLIENTS", |stage, home| {
        edited(stage, home, "clientAuth", "serverAuth");
    }),
    ("for-nothing", "NOT_FOR_CLIENTS", |stage, home| {
        edited(stage, home, "extendedKeyUsage = clientAuth\n", "");
    }),
    ("for-agreement", "NOT_FOR_SIGNING", |stage, home| {
        edited(stage, home, "digitalSignature", "keyAgreement");
    }),
    ("expired", "EXPIRED", |stage, home| {
        timed(stage, home, ["20200101000000Z", "20210101000000Z"]);
    }),
    ("early", "NOT_YET_VALID", |stage, home| {
        timed(stage, home, ["20980101000000Z", "20991231235959Z"]);
    }),
    ("unknown-extension", "UNKNOWN_EXTENSION", |stage, home| {
        let more = format!("{GOOD}1.2.3.4.5 = critical, ASN1:UTF8String:more\n");
        police(stage, home, Paper { extensions: &more, ..Paper::default() });
    }),
    ("sha1", "SIGNATURE_UNFIT", |stage, home| {
        police(stage, home, Paper { digest: "sha1", ..Paper::default() });
    }),
    ("rsa-1024", "KEY_UNFIT", |stage, home| {
        police(stage, home, Paper { key: RSA1024, ..Paper::default() });
    }),
    ("weak-between", "KEY_UNFIT", |stage, home| {
        let between = home.with_file_name("weak");
        authority(
            &between,
            Some(&stage.path("ca/police")),
            Paper { key: RSA1024, ..Paper::default() },
        );
        issue(home, Some(&between), Paper::default());
        fs::copy(between.join("ca.pem"), home.join("chain.pem")).unwrap();
    }),
    ("deep", "CHAIN_TOO_LONG", |stage, home| {
        police(stage, home, Paper::default());
        let ca = fs::read_to_string(stage.path("ca/police/ca.pem")).unwrap();
        fs::write(home.join("chain.pem"), ca.repeat(8)).unwrap();
    }),
    ("huge", "CHAIN_TOO_LONG", |stage, home| {
        let much = format!("{GOOD}1.2.3.4.5 = ASN1:UTF8String:{}\n", "much".repeat(16 << 10));
        police(stage, home, Paper { extensions: &much, ..Paper::default() });
    }),
];

const CASES: &str = "spiffe://portway.test/agency/police/service/cases";
const OFFICER: &str = "spiffe://portway.test/agency/police/officer/ig-1";

fn police(stage: &Stage, home: &Path, paper: Paper<'_>) {
    issue(home, Some(&stage.path("ca/police")), paper);
}

fn edited(stage: &Stage, home: &Path, from: &str, to: &str) {
    assert!(GOOD.contains(from));
    police(stage, home, Paper { extensions: &GOOD.replace(from, to), ..Paper::default() });
}

fn names(stage: &Stage, home: &Path, names: Option<&str>) {
    let names = names.map_or(String::new(), |names| format!("subjectAltName = {names}\n"));
    let old = format!("subjectAltName = URI:{CASES}\n");
    edited(stage, home, &old, &names);
}

fn uri(stage: &Stage, home: &Path, rest: &str) {
    names(stage, home, Some(&format!("URI:spiffe://{rest}")));
}

fn timed(stage: &Stage, home: &Path, time: [&str; 2]) {
    police(stage, home, Paper { time, ..Paper::default() });
}

/// P1: each is refused, for a reason of its own in the log and in the operator's counts, with the certificate's
/// fingerprint; one that is good gets in beside each, and a kept connection does not notice.
#[tokio::test(flavor = "multi_thread")]
async fn every_bad_certificate_is_refused_for_its_own_reason() {
    let stage = Stage::start();
    let kept = stage.speak("council", Role::Service).await;
    let operator = Cli::of(&stage, "", Role::Operator);
    let mut due = std::collections::BTreeMap::<&str, u64>::new();
    for (name, reason, make) in FAULTS {
        let home = stage.path("bad").join(name);
        make(&stage, &home);
        let said = refused(&stage, &home);
        // Of what is too much not all is read, so that the kernel resets the connection.
        assert!(said.contains("alert") || name == "huge", "{name}: {said}");
        *due.entry(reason).or_default() += 1;
        // A peer may hear of it a moment before it is counted.
        let mut counts = counted(&operator);
        while counts.get(reason) != Some(&due[reason].to_string()) {
            let others: BTreeSet<_> =
                counts.keys().filter(|it| !due.contains_key(it.as_str())).collect();
            assert!(others.is_empty(), "{name}: {others:?}");
            counts = counted(&operator);
        }
        kept.operations().get_status(portway::pb::v1::GetStatusRequest {}).await.expect(name);
    }
    let good = stage.path("bad/good");
    police(&stage, &good, Paper::default());
    let said = shown(&stage, &good);
    assert!(!said.contains("alert") && said.contains("ALPN protocol: h2"), "{said}");

    let lines = stage.log_lines();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["level"] != "ERROR"), "{lines:?}");
    let refused: Vec<_> =
        lines.iter().filter(|line| line["fields"]["message"] == "connection refused").collect();
    let reasons: Vec<_> =
        refused.iter().map(|line| line["fields"]["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, FAULTS.map(|(_, reason, _)| reason));
    for (line, (name, ..)) in refused.iter().zip(FAULTS) {
        // A chain that is longer than TLS carries is not read.
        let fingerprint = line["fields"]["certificate"].as_str();
        assert_eq!(fingerprint.map(str::len), (name != "huge").then_some(64), "{name}");
    }
}
