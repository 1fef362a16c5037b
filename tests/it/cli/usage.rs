//! What is typed wrong, or missing on this side, ends with 2 and says what to do.

use std::fs;

use crate::stage::{Cli, Role, Stage};

#[test]
fn what_is_mistyped_ends_with_2_and_a_word_of_help() {
    for (line, named) in [
        ("statsu", "'status'"),
        ("status --jsno", "--json"),
        ("publish", "--file"),
        ("follow --subscription a --purpose GOSSIP", "CRIME_AND_DISORDER"),
        ("follow --subscription a --count 0", "--count"),
        ("agreement approve city-asb", "--version"),
        ("subscription create --name a", "--purpose"),
        ("audit show minus-one", "INDEX"),
        ("cert init --out x --name y", "--server"),
        ("serve", "--config"),
    ] {
        let message = Cli::nobody().run(line.split(' ')).failed(2);
        assert!(message.contains(named), "{line}: {message}");
        let json = line.split(' ').chain(["--json"]);
        let (reason, error) = Cli::nobody().run(json).failed_json(2);
        assert_eq!((reason.as_str(), &error["code"]), ("USAGE", &"USAGE".into()), "{line}");
        assert!(error["message"].as_str().unwrap().contains(named), "{line}: {error}");
    }
}

#[test]
fn help_and_version_are_data() {
    let version = Cli::nobody().run(["--version"]).done();
    assert_eq!(version, format!("portway {}\n", env!("CARGO_PKG_VERSION")));
    assert!(Cli::nobody().run(["--help"]).done().contains("Exit status: 0 done"));
    let bare = Cli::nobody().run(Vec::<&str>::new()).failed(2);
    assert!(bare.contains("Usage: portway"), "{bare}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_is_not_whole_ends_with_2_and_names_the_file() {
    let stage = Stage::start();
    let home = stage.home("police", Role::Service);
    let police = Cli::of(&stage, "police", Role::Service);
    for name in ["log.vkey", "cert.pem", "key.pem", "ca.pem"] {
        let (file, aside) = (home.join(name), stage.path("aside"));
        fs::rename(&file, &aside).unwrap();
        let message = police.run(["status"]).failed(2);
        assert!(message.contains(name), "{message}");
        let (reason, _) = police.run(["status", "--json"]).failed_json(2);
        assert_eq!(reason, "USAGE");
        fs::rename(&aside, &file).unwrap();
    }
    police.run(["status"]).done();
}

#[test]
fn who_and_where_have_to_be_said() {
    let message = Cli::nobody().run(["status"]).failed(2);
    assert!(message.contains("PORTWAY_IDENTITY"), "{message}");
    let message = Cli::nobody().run(["status", "--identity", "/nowhere"]).failed(2);
    assert!(message.contains("PORTWAY_CONNECT"), "{message}");
}

/// What is said on the command line goes before what stands in the environment.
#[tokio::test(flavor = "multi_thread")]
async fn an_option_goes_before_the_environment() {
    let stage = Stage::start();
    let officer = stage.home("police", Role::Officer);
    let service = Cli::of(&stage, "police", Role::Service);
    let args = ["status", "--json", "--identity", officer.to_str().unwrap()];
    let json = service.run(args).json();
    assert_eq!(json["caller"], "spiffe://portway.test/agency/police/officer/ig-1");
    let message = service.run(["status", "--connect", "no-port"]).failed(2);
    assert!(message.contains("HOST:PORT"), "{message}");
}
