//! CAs that are not ours, made by OpenSSL and by `GnuTLS`'s certtool, with an intermediate each: their certificates
//! serve for clients and for the broker, whatever kind of key they, or the CA, have.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use super::openssl::{self, AUTHORITY, ED25519, GOOD, P256, P384, Paper, RSA2048, RSA3072};
use crate::stage::{Cli, Role, Stage};

/// A kind of key, as each tool is asked for it.
type Kind = (&'static [&'static str], &'static [&'static str]);

const KINDS: [Kind; 5] = [
    (P256, &["--key-type=ecdsa", "--curve=secp256r1"]),
    (P384, &["--key-type=ecdsa", "--curve=secp384r1"]),
    (ED25519, &["--key-type=ed25519"]),
    (RSA2048, &["--key-type=rsa", "--bits=2048"]),
    (RSA3072, &["--key-type=rsa", "--bits=3072"]),
];

/// What a certificate is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Use {
    Authority,
    Client,
    Server,
}

/// Makes `cert.pem` and `key.pem` in `home`, signed by the CA in `ca`, or by itself.
type Make = fn(&Path, Option<&Path>, Kind, Use);

fn with_openssl(home: &Path, ca: Option<&Path>, (key, _): Kind, using: Use) {
    let server = GOOD.replace("clientAuth", "serverAuth");
    let names = "URI:spiffe://portway.test/agency/police/service/cases";
    let server = server.replace(names, "DNS:localhost, IP:127.0.0.1");
    let extensions = match using {
        Use::Authority => AUTHORITY,
        Use::Client => GOOD,
        Use::Server => &server,
    };
    openssl::issue(home, ca, Paper { key, extensions, ..Paper::default() });
}

fn with_certtool(home: &Path, ca: Option<&Path>, (_, key): Kind, using: Use) {
    let name = home.file_name().unwrap().to_str().unwrap();
    let template = match using {
        Use::Authority => "ca\ncert_signing_key\ncrl_signing_key\n",
        Use::Client => {
            "uri = spiffe://portway.test/agency/police/service/cases\ntls_www_client\nsigning_key\n"
        }
        Use::Server => {
            "dns_name = localhost\nip_address = 127.0.0.1\ntls_www_server\nsigning_key\n"
        }
    };
    fs::create_dir_all(home).unwrap();
    fs::write(home.join("template"), format!("cn = {name}\nexpiration_days = 30\n{template}"))
        .unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new("certtool").current_dir(home).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    };
    run(&[&["--generate-privkey", "--outfile=key.pem"], key].concat());
    let sign = ["--load-privkey=key.pem", "--template=template", "--outfile=cert.pem"];
    match ca {
        None => run(&[&["--generate-self-signed"], &sign[..]].concat()),
        Some(ca) => {
            let ca = ca.display();
            let (certificate, key) = (
                format!("--load-ca-certificate={ca}/ca.pem"),
                format!("--load-ca-privkey={ca}/key.pem"),
            );
            run(&[&["--generate-certificate", &certificate, &key], &sign[..]].concat());
        }
    }
}

/// Makes a root, and an intermediate CA under it.
fn authority(home: &Path, make: Make, kind: Kind) {
    for (name, ca) in [("root", None), ("between", Some(home.join("root")))] {
        let own = home.join(name);
        make(&own, ca.as_deref(), kind, Use::Authority);
        fs::copy(own.join("cert.pem"), own.join("ca.pem")).unwrap();
    }
}

/// Makes an identity under the intermediate CA of `ca`, whose certificate follows its own.
fn identity(home: &Path, ca: &Path, make: Make, (kind, using): (Kind, Use)) {
    let between = ca.join("between");
    make(home, Some(&between), kind, using);
    let chain = [home.join("cert.pem"), between.join("ca.pem")];
    let chain = chain.map(|path| fs::read_to_string(path).unwrap()).concat();
    fs::write(home.join("cert.pem"), chain).unwrap();
    fs::set_permissions(home.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
}

/// Each kind of CA with each kind of leaf, of which the table names the roots alone.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_outside_cas_are_let_in() {
    for make in [with_openssl as Make, with_certtool] {
        let mut stage = Stage::set();
        let mut bundle = String::new();
        for (number, kind) in KINDS.into_iter().enumerate() {
            let ca = stage.path(&format!("outside/ca-{number}"));
            authority(&ca, make, kind);
            bundle.push_str(&fs::read_to_string(ca.join("root/ca.pem")).unwrap());
        }
        fs::write(stage.path("ca/police/ca.pem"), bundle).unwrap();
        stage.serve_again();

        let ours = stage.home("police", Role::Service);
        for number in 0..KINDS.len() {
            let ca = stage.path(&format!("outside/ca-{number}"));
            for (leaf, kind) in KINDS.into_iter().enumerate() {
                let home = stage.path(&format!("outside/leaf-{number}-{leaf}"));
                identity(&home, &ca, make, (kind, Use::Client));
                fs::copy(ours.join("ca.pem"), home.join("ca.pem")).unwrap();
                fs::copy(stage.path("broker/keys/log.vkey"), home.join("log.vkey")).unwrap();
                let said = Cli::at(&stage.address, &home).run(["status"]).done();
                assert!(said.contains("/agency/police/service/cases"), "{number} {leaf}: {said}");
            }
        }
    }
}

/// A broker's certificate of each kind, of which clients know the root alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_of_an_outside_ca_is_known() {
    for make in [with_openssl as Make, with_certtool] {
        let mut stage = Stage::set();
        for (number, kind) in KINDS.into_iter().enumerate() {
            let (ca, server) =
                (stage.path(&format!("outside/{number}")), stage.path("broker/server"));
            authority(&ca, make, kind);
            fs::remove_dir_all(&server).unwrap();
            identity(&server, &ca, make, (kind, Use::Server));
            stage.serve_again();
            stage.enrol();
            let ours = stage.home("police", Role::Service);
            let stranger = Cli::at(&stage.address, &ours).run(["status"]);
            assert_eq!(stranger.status, 5, "before it is told of the root: {stranger:?}");

            fs::copy(ca.join("root/ca.pem"), ours.join("ca.pem")).unwrap();

            Cli::at(&stage.address, &ours).run(["status"]).done();
            stage.terminate();
        }
    }
}

/// Keys in the forms that OpenSSL wrote before PKCS #8.
#[tokio::test(flavor = "multi_thread")]
async fn keys_in_older_forms_are_read() {
    let stage = Stage::start();
    for (key, name) in [(P256, "ec"), (RSA2048, "rsa")] {
        let home = stage.path("outside").join(name);
        openssl::issue(&home, Some(&stage.path("ca/police")), Paper { key, ..Paper::default() });
        let arguments = [name, "-in", "key.pem", "-out", "older.pem"];
        let traditional: &[&str] = if name == "rsa" { &["-traditional"] } else { &[] };
        openssl::run(&home, &[&arguments, traditional].concat());
        let older = fs::read_to_string(home.join("older.pem")).unwrap();
        assert!(older.contains(&format!("{} PRIVATE KEY", name.to_uppercase())));
        fs::rename(home.join("older.pem"), home.join("key.pem")).unwrap();
        let ours = stage.home("police", Role::Service);
        for file in ["ca.pem", "log.vkey"] {
            fs::copy(ours.join(file), home.join(file)).unwrap();
        }
        Cli::at(&stage.address, &home).run(["status"]).done();
    }
}

/// docs/operations/outside-cas.md, word by word, but for the trust domain.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_makes_is_let_in() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/operations/outside-cas.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let script = blocks.collect::<String>().replace("exchange.example", "portway.test");
    let mut stage = Stage::set();
    let dir = stage.path("outside");
    fs::create_dir(&dir).unwrap();
    std::os::unix::fs::symlink(root.join("certs"), dir.join("certs")).unwrap();
    let ran = Command::new("bash").args(["-e", "-c", &script]).current_dir(&dir).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let bundle = ["root/ca.pem", "police-ca/ca.pem"];
    let bundle = bundle.map(|name| fs::read_to_string(dir.join(name)).unwrap()).concat();
    fs::write(stage.path("ca/police/ca.pem"), bundle).unwrap();
    stage.serve_again();
    for name in ["rms", "desk"] {
        let home = dir.join(name);
        fs::copy(stage.path("ca/server/ca.pem"), home.join("ca.pem")).unwrap();
        fs::copy(stage.path("broker/keys/log.vkey"), home.join("log.vkey")).unwrap();
        let said = Cli::at(&stage.address, &home).run(["status"]).done();
        assert!(said.contains(&format!("/agency/police/service/{name}")), "{said}");
    }
}
