//! Keys that others could read are used by nobody: not by the broker, and not by a client.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use crate::stage::{Cli, Role, Stage};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The broker's own, the log's (which is sealed under the master key), a client's, a CA's: the file is named, and
/// what to do.
#[test]
fn a_key_that_others_can_read_is_refused_by_name() {
    let mut stage = Stage::start();
    stage.terminate();
    let (config, home) = (stage.path("broker/portway.toml"), stage.home("police", Role::Service));
    let config = config.to_str().unwrap();
    let (ca, out) = (stage.path("ca/police"), stage.path("out"));
    let ca = ["--ca", ca.to_str().unwrap(), "--out", out.to_str().unwrap(), "--name", "other"];
    let issue =
        [&["cert", "agency", "--trust-domain", "portway.test", "--agency", "police"], &ca[..]];
    let server_ca = stage.path("ca/server/ca.pem");
    let issue = [&issue.concat()[..], &["--server-ca", server_ca.to_str().unwrap()]].concat();
    let (broker, client) = (Cli::nobody(), Cli::at("127.0.0.1:1", &home));
    for (path, who, arguments) in [
        (stage.path("broker/server/key.pem"), &broker, vec!["serve", "--config", config]),
        (stage.path("broker/server/key.pem"), &broker, vec!["config", "check", "--config", config]),
        (stage.path("broker/keys/master.key"), &broker, vec!["serve", "--config", config]),
        (home.join("key.pem"), &client, vec!["status"]),
        (stage.path("ca/police/key.pem"), &broker, issue),
    ] {
        for mode in [0o640, 0o604, 0o660] {
            set_mode(&path, mode);
            let said = who.run(&arguments);
            assert!([1, 2].contains(&said.status), "{arguments:?}: {said:?}");
            assert!(said.stderr.contains(path.to_str().unwrap()), "{said:?}");
            assert!(said.stderr.contains("set its mode to "), "{said:?}");
            assert_eq!(said.stdout, "");
        }
        set_mode(&path, 0o400);
    }
    stage.serve_again();
    Cli::at(&stage.address, &home).run(["status"]).done();
}
