//! What the broker speaks, as OpenSSL's client finds it: TLS 1.3, nothing older, nothing resumed, nothing early.

use std::fs;

use super::openssl::connect;
use crate::stage::{Role, Stage};

/// Shows what a service of the police shows, with more arguments.
fn show(stage: &Stage, more: &[&str]) -> String {
    let home = stage.home("police", Role::Service);
    let [certificate, key] =
        ["cert.pem", "key.pem"].map(|name| home.join(name).display().to_string());
    connect(stage, &[&["-cert", &certificate, "-key", &key], more].concat())
}

#[test]
fn only_tls_1_3_is_spoken() {
    let stage = Stage::start();
    let said = show(&stage, &["-tls1_3"]);
    assert!(said.contains("New, TLSv1.3") && said.contains("Verify return code: 0 (ok)"), "{said}");
    for version in ["-tls1", "-tls1_1", "-tls1_2"] {
        let said = show(&stage, &[version, "-cipher", "DEFAULT:@SECLEVEL=0"]);
        assert!(said.contains("SSL alert number") && said.contains("(NONE)"), "{version}: {said}");
    }
}

#[test]
fn strong_ciphers_and_groups_alone_are_spoken() {
    let stage = Stage::start();
    for suite in
        ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]
    {
        let said = show(&stage, &["-tls1_3", "-ciphersuites", suite]);
        assert!(said.contains(&format!("Cipher is {suite}")), "{said}");
    }
    for refused in [
        ["-ciphersuites", "TLS_AES_128_CCM_SHA256"],
        ["-groups", "ffdhe2048"],
        ["-groups", "P-521"],
    ] {
        let said = show(&stage, &[&["-tls1_3"], &refused[..]].concat());
        assert!(said.contains("alert handshake failure"), "{refused:?}: {said}");
    }
}

/// P4: no ticket is given, so that a session cannot be taken up again without its certificate, and nothing is said
/// before the handshake is over.
#[test]
fn nothing_is_resumed_and_nothing_comes_early() {
    let stage = Stage::start();
    let session = stage.path("session.pem");
    let session = session.to_str().unwrap();
    let said = show(&stage, &["-tls1_3", "-sess_out", session]);
    assert!(!said.contains("New Session Ticket"), "{said}");
    assert!(said.contains("Early data was not sent") && !said.contains("Max Early Data"), "{said}");
    assert!(fs::metadata(session).is_err(), "there is no session to keep");
}
