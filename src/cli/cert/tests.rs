//! The commands as a person types them.

use clap::Parser;
use tempfile::TempDir;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: CertCommand,
}

/// Runs a line; `@` stands for the test's directory.
fn cert(dir: &TempDir, line: &str) -> Result<(), Failure> {
    let line = line.replace('@', dir.path().to_str().unwrap());
    let words = std::iter::once("cert").chain(line.split_whitespace());
    let parsed = Line::try_parse_from(words).map_err(Failure::usage)?;
    let global = Global { connect: None, identity: None, json: true };
    run(parsed.command, &global, Output { json: true })
}

fn files(dir: &TempDir, name: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join(name)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const POLICE: &str = "--trust-domain exchange.example --agency police";

#[test]
fn an_identity_is_made_at_once_or_in_three_steps() {
    let dir = TempDir::new().unwrap();
    cert(&dir, "init --out @/server-ca --name Servers --server").unwrap();
    cert(&dir, &format!("init --out @/ca --name Police {POLICE}")).unwrap();
    cert(&dir, "server --out @/broker --host localhost --host 127.0.0.1 --ca @/server-ca").unwrap();
    assert_eq!(files(&dir, "broker"), ["ca.pem", "cert.pem", "key.pem", "request.pem"]);

    let server_ca = "--server-ca @/server-ca/ca.pem";
    cert(&dir, &format!("agency {POLICE} --name rms --out @/rms --ca @/ca {server_ca}")).unwrap();
    assert_eq!(files(&dir, "rms"), ["ca.pem", "cert.pem", "key.pem", "request.pem"]);

    cert(&dir, &format!("officer {POLICE} --id ig-1 --out @/officer {server_ca}")).unwrap();
    assert_eq!(files(&dir, "officer"), ["ca.pem", "key.pem", "request.pem"]);
    cert(&dir, "sign --ca @/ca --request @/officer/request.pem --out @/officer/cert.pem").unwrap();
    cert(&dir, "show @/officer/cert.pem").unwrap();
    cert(&dir, "show @/officer/request.pem").unwrap();
}

#[test]
fn nothing_is_overwritten() {
    let dir = TempDir::new().unwrap();
    let init = format!("init --out @/ca --name Police {POLICE}");
    let agency = format!("agency {POLICE} --name rms --out @/rms --ca @/ca");
    for line in [init, agency] {
        cert(&dir, &line).unwrap();
        let key = || ["ca", "rms"].map(|name| fs::read(dir.path().join(name).join("key.pem")).ok());
        let before = key();
        assert_eq!(cert(&dir, &line).unwrap_err().exit, Exit::Failed);
        assert_eq!(key(), before);
    }
}

#[test]
fn a_ca_out_of_its_scope_refuses_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    cert(&dir, &format!("init --out @/ca --name Police {POLICE}")).unwrap();
    for line in [
        "operator --trust-domain exchange.example --id ops --out @/new --ca @/ca",
        "agency --trust-domain exchange.example --agency council --name crm --out @/new --ca @/ca",
        "agency --trust-domain other.example --agency police --name rms --out @/new --ca @/ca",
        "server --host localhost --out @/new --ca @/ca",
    ] {
        assert_eq!(cert(&dir, line).unwrap_err().exit, Exit::Refused, "{line}");
        assert!(!dir.path().join("new").exists(), "{line}");
    }
}

#[test]
fn a_line_that_makes_no_sense_is_a_usage_error() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("text"), "no pem").unwrap();
    for line in [
        "init --out @/ca --name X",
        "init --out @/ca --name X --agency police",
        "init --out @/ca --name X --server --trust-domain a.example",
        "init --out @/ca --name X --server --operators --trust-domain a.example",
        "init --out @/ca --name X --server --days 0",
        "server --out @/b",
        "server --out @/b --host *.example.org",
        "agency --trust-domain a.example --agency P%6f --name rms --out @/a",
        "agency --trust-domain a.example --agency police --name rms --out @/a --days 7",
        "agency --trust-domain a.example --agency police --name r --out @/a --server-ca @/text",
        "sign --ca @/none --request @/text",
        "show @/text",
        "show @/none",
    ] {
        assert_eq!(cert(&dir, line).unwrap_err().exit, Exit::Usage, "{line}");
    }
    assert_eq!(files(&dir, ""), ["text"]);
}

/// Whatever a crash left there: only a whole request of a key that is not in use yet is gone on with.
#[test]
fn a_renewal_is_gone_on_with_or_begun_anew() {
    let dir = TempDir::new().unwrap();
    let profile = |name: &str| {
        let uri = format!("agency/police/service/{name}");
        let seat = Seat::parse(&uri).unwrap();
        Profile::Client { domain: "exchange.example".parse().unwrap(), seat }
    };
    let paths = ["next.pem", "request.pem", "key.pem"].map(|name| dir.path().join(name));
    let [next, request, live] = [&paths[0], &paths[1], &paths[2]];
    let [new, old] = [(); 2].map(|()| NewRequest::new(&profile("rms")).unwrap());
    let found = || renew::under_way([next, request, live], &profile("rms"));
    fs::write(live, &*old.key_pem).unwrap();
    fs::write(next, &*new.key_pem).unwrap();
    assert_eq!(found(), None);
    fs::write(request, &new.pem).unwrap();
    assert_eq!(found(), Some(new.pem.clone()));

    assert_eq!(renew::under_way([next, request, live], &profile("other")), None);
    for torn in [0, 1, new.pem.len() / 2] {
        fs::write(request, &new.pem.as_bytes()[..torn]).unwrap();
        assert_eq!(found(), None, "{torn}");
    }
    fs::write(request, &old.pem).unwrap();
    assert_eq!(found(), None, "of another key");
    fs::write(next, &*old.key_pem).unwrap();
    assert_eq!(found(), None, "of the key in use");
}
