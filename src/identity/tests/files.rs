//! What is said of files that are wrong, and what is not taken from them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::*;
use crate::identity::{Credentials, Fault, TrustError};

/// A directory with a server's `cert.pem` and `key.pem`, and `ca.pem`.
fn directory() -> (TempDir, Sources) {
    let dir = TempDir::new().unwrap();
    let ca = Ca::root("CA");
    let own = ca.issue(&mint::server());
    let write = |name: &str, text: &str| mint::write(dir.path(), name, text);
    let sources = Sources {
        domain: "exchange.example".parse().unwrap(),
        certificate: write("cert.pem", &own.chain),
        key: write("key.pem", &own.key),
        agencies: BTreeMap::from([("police".parse().unwrap(), from(write("ca.pem", &ca.pem)))]),
        auditors: None,
        operators: None,
    };
    (dir, sources)
}

fn fault(sources: &Sources, named: &str) -> Fault {
    let TrustError { path, fault } = Trust::load(sources, mint::today()).unwrap_err();
    assert_eq!(path.file_name().unwrap(), named);
    fault
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (dir, sources) = directory();
    Trust::load(&sources, mint::today()).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o644] {
        fs::set_permissions(&sources.key, fs::Permissions::from_mode(mode)).unwrap();
        assert!(matches!(fault(&sources, "key.pem"), Fault::Exposed), "{mode:o}");
    }
    let error = Trust::load(&sources, mint::today()).unwrap_err().to_string();
    assert!(error.starts_with(dir.path().join("key.pem").to_str().unwrap()), "{error}");
}

#[test]
fn a_renewal_half_written_is_refused() {
    let (dir, sources) = directory();
    let renewed = Ca::root("CA").issue(&mint::server());
    mint::write(dir.path(), "cert.pem", &renewed.chain);
    assert!(matches!(fault(&sources, "cert.pem"), Fault::Pair));
}

#[test]
fn a_file_of_the_wrong_kind_is_named() {
    let (dir, sources) = directory();
    let [certificate, key] =
        [&sources.certificate, &sources.key].map(|path| fs::read_to_string(path).unwrap());
    let broken = certificate.replacen("MI", "!!", 1);
    for (name, text) in
        [("cert.pem", ""), ("cert.pem", &key), ("cert.pem", &broken), ("ca.pem", &broken)]
    {
        let (other, sources) = directory();
        mint::write(other.path(), name, text);
        assert!(matches!(fault(&sources, name), Fault::NotPem("certificate")), "{name}");
    }
    mint::write(dir.path(), "key.pem", &certificate);
    assert!(matches!(fault(&sources, "key.pem"), Fault::NotPem("private key")));
    fs::remove_file(&sources.key).unwrap();
    assert!(matches!(fault(&sources, "key.pem"), Fault::Unreadable(_)));
}

/// Otherwise whoever holds one agency's leaf key could be taken for its CA.
#[test]
fn only_a_ca_may_stand_in_a_bundle() {
    let (dir, sources) = directory();
    let leaf = Ca::root("CA").issue(&mint::client(&[]));
    mint::write(dir.path(), "ca.pem", &leaf.chain);
    assert!(matches!(fault(&sources, "ca.pem"), Fault::NotAnAuthority));
}

/// An old CA vouches for nobody, and does not keep the others from being read.
#[tokio::test]
async fn an_expired_ca_is_left_out() {
    let old = Ca::root_for("Old CA", 30);
    let mut exchange = Exchange::open();
    let uri = "spiffe://exchange.example/agency/police/service/rms";
    let under_old = old.issue(&mint::client(&[uri]));
    let both = format!("{}{}", old.pem, exchange.police.pem);
    mint::write(exchange.dir.path(), "police.pem", &both);
    let load = |now| Arc::new(Trust::load(&exchange.sources, now).unwrap());

    exchange.trust.send_replace(load(mint::today()));
    let still = exchange.dial(Some(&under_old)).await.unwrap();
    guarded(exchange.incoming.next()).await.unwrap().unwrap();
    drop(still);
    exchange.trust.send_replace(Arc::new(
        Trust::load(&exchange.sources, mint::today().plus_days(31)).unwrap(),
    ));
    assert_eq!(exchange.refused(Some(&under_old)).await, Rejection::UnknownCa);
    let current = exchange.service();
    exchange.admit(&current).await;
}

#[test]
fn credentials_know_their_last_day() {
    let (_dir, Sources { certificate, key, .. }) = directory();
    let read = |key: &Path| Credentials::read(&certificate, key);
    let last = mint::today().plus_days(90).after(Duration::from_millis(999));
    assert_eq!(read(&key).unwrap().not_after(), last);
    assert!(matches!(read(&certificate).unwrap_err().fault, Fault::NotPem("private key")));
}
