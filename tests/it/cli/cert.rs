//! `portway cert`: from nothing to an exchange, by hand, as certs/README.md tells it.

use std::fs;

use crate::stage::{Cli, Role, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn every_certificate_of_an_exchange_is_made_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let run = |args: &[&str]| Cli::nobody().run(args.iter().copied());
    let domain = ["--trust-domain", "portway.test"];

    let server_ca = at("ca/server");
    let made = run(&["cert", "init", "--server", "--name", "Server CA", "--out", &server_ca]);
    assert_eq!(made.done(), format!("{server_ca}/ca.pem\n"));
    let police_ca = at("ca/police");
    let init = ["cert", "init", "--agency", "police", "--name", "Police CA", "--out", &police_ca];
    let made = run(&[&init[..], &domain, &["--json"]].concat()).json();
    assert_eq!(made["ca"], format!("{police_ca}/ca.pem"));
    let operators = at("ca/operators");
    let init = ["cert", "init", "--operators", "--name", "Operators CA", "--out", &operators];
    run(&[&init[..], &domain].concat()).done();

    let home = at("server");
    let made = run(&[
        "cert",
        "server",
        "--host",
        "localhost",
        "--host",
        "127.0.0.1",
        "--ca",
        &server_ca,
        "--out",
        &home,
    ]);
    assert_eq!(made.done(), format!("{home}/cert.pem\n"));
    let pem = format!("{server_ca}/ca.pem");
    let officer = at("officer");
    let args = ["cert", "officer", "--agency", "police", "--id", "ig-1", "--ca", &police_ca];
    run(&[&args[..], &domain, &["--server-ca", &pem, "--out", &officer]].concat()).done();
    let operator = at("operator");
    let args = ["cert", "operator", "--id", "ops-1", "--ca", &operators];
    run(&[&args[..], &domain, &["--server-ca", &pem, "--out", &operator]].concat()).done();

    // An agency that keeps its key sends the request only.
    let service = at("service");
    let args = ["cert", "agency", "--agency", "police", "--name", "cases", "--out", &service];
    let asked = run(&[&args[..], &domain, &["--json"]].concat());
    assert!(asked.stderr.contains("still to come: cert.pem"), "{}", asked.stderr);
    let asked = asked.json();
    let request = asked["request"].as_str().unwrap().to_owned();
    assert!(asked["certificate"].is_null());
    let certificate = at("service/cert.pem");
    let sign = ["cert", "sign", "--ca", &police_ca, "--request", &request];
    let signed = run(&sign);
    assert!(signed.clone().done().starts_with("-----BEGIN CERTIFICATE-----\n"));
    let signed = run(&[&sign[..], &["--out", &certificate, "--json"]].concat()).json();
    assert_eq!(signed["file"], certificate);

    let shown = run(&["cert", "show", &certificate]).done();
    assert!(shown.contains("spiffe://portway.test/agency/police/service/cases"), "{shown}");
    let shown = run(&["cert", "show", &certificate, "--json"]).json();
    assert!(shown.to_string().contains("spiffe://portway.test/agency/police/service/cases"));
    let key = fs::metadata(at("service/key.pem")).unwrap();
    let bits = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(bits & 0o077, 0, "the key is readable by its owner only");
}

/// What a CA may not sign is refused, and what exists is never overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn a_ca_signs_within_its_scope_and_overwrites_nothing() {
    let stage = Stage::set();
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("housing").display().to_string();
    let police_ca = stage.path("ca/police").display().to_string();
    let new = ["cert", "agency", "--agency", "housing", "--name", "cases", "--out", &home];
    let domain = ["--trust-domain", "portway.test"];
    Cli::nobody().run([&new[..], &domain].concat()).done();

    let request = format!("{home}/request.pem");
    let sign = ["cert", "sign", "--ca", &police_ca, "--request", &request];
    let (reason, error) = Cli::nobody().run([&sign[..], &["--json"]].concat()).failed_json(3);
    assert_eq!(reason, "REFUSED");
    assert!(error["message"].as_str().unwrap().contains("scope"), "{error}");

    let key = fs::read(format!("{home}/key.pem")).unwrap();
    let again = Cli::nobody().run([&new[..], &domain].concat()).failed(1);
    assert!(again.contains("key.pem"), "{again}");
    assert_eq!(fs::read(format!("{home}/key.pem")).unwrap(), key);
    // It stays a key that nobody else may read, and the stage's own are untouched.
    assert!(stage.home("police", Role::Service).join("key.pem").exists());
}
