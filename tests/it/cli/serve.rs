//! `portway serve`, `config check` and `status`.

use std::fs;

use crate::stage::{Cli, Role, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_checked_without_a_broker() {
    let stage = Stage::set();
    let file = stage.path("broker/portway.toml");
    let check = ["config", "check", "--config", file.to_str().unwrap()];
    let text = Cli::nobody().run(check).done();
    assert!(text.ends_with("good; log portway.test/portway/main, 5 agencies\n"), "{text}");
    let json = Cli::nobody().run([&check[..], &["--json"]].concat()).json();
    assert_eq!(json["origin"], "portway.test/portway/main");
    let entries: Vec<_> = fs::read_dir(stage.path("broker")).unwrap().collect();
    assert_eq!(entries.len(), 2, "it makes nothing: {entries:?}");

    let good = fs::read_to_string(&file).unwrap();
    for (from, to, named) in [
        ("listen", "lisetn", "lisetn"),
        ("127.0.0.1:0", "here", "server.listen"),
        ("portway.test", "Portway!", "server.trust_domain"),
        ("ca/police/ca.pem", "ca/police/none.pem", "none.pem"),
        ("id = \"police\"", "id = \"council\"", "agency.id: it is there twice"),
        ("segment_bytes = 1048576", "segment_bytes = 1", "journal.segment_bytes"),
        ("identity = \"server\"", "identity = \"nowhere\"", "nowhere"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        fs::write(&file, bad).unwrap();
        let message = Cli::nobody().run(check).failed(2);
        assert!(message.contains(named), "{message}");
        let (reason, _) = Cli::nobody().run([&check[..], &["--json"]].concat()).failed_json(2);
        assert_eq!(reason, "USAGE");
        // A broker does not start on it either.
        let serve = ["serve", "--config", file.to_str().unwrap()];
        let message = Cli::nobody().run(serve).failed(2);
        assert!(message.contains(named), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_broker_on_the_same_directories_does_not_start() {
    let stage = Stage::start();
    let file = stage.path("broker/portway.toml");
    let said = Cli::nobody().run(["serve", "--config", file.to_str().unwrap()]);
    assert_eq!((said.status, said.stdout.as_str()), (1, ""), "{said:?}");
    Cli::of(&stage, "police", Role::Service).run(["status"]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_as_much_as_the_caller_may_know() {
    let stage = Stage::start();
    stage.agree().await;
    let service = Cli::of(&stage, "police", Role::Service);
    let text = service.run(["status"]).done();
    assert!(text.contains("you are     spiffe://portway.test/agency/police/service/cases\n"));
    let json = service.run(["status", "--json"]).json();
    assert_eq!(json["caller"], "spiffe://portway.test/agency/police/service/cases");
    assert!(json.get("agreements_in_force").is_none(), "{json}");
    let json = Cli::of(&stage, "", Role::Operator).run(["status", "--json"]).json();
    assert_eq!(json["agreements_in_force"], "1");
    let text = Cli::of(&stage, "", Role::Operator).run(["status"]).done();
    assert!(text.contains("agreements  1 in force\n"), "{text}");
}

/// Where operators, services and officers have different answers, all of them find the same log.
#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_connect_ends_with_5() {
    let mut stage = Stage::start();
    let stranger = stage.path("stranger");
    fs::copy(stage.path("broker/keys/log.vkey"), stranger.join("log.vkey")).unwrap();
    let (reason, error) =
        Cli::at(&stage.address, &stranger).run(["status", "--json"]).failed_json(5);
    assert_eq!((reason.as_str(), &error["decision"]), ("UNREACHABLE", &serde_json::Value::Null));
    // A broker that another CA vouches for is none of ours.
    let police = stage.home("police", Role::Service);
    let ours = fs::read(police.join("ca.pem")).unwrap();
    fs::copy(stage.path("ca/unknown/ca.pem"), police.join("ca.pem")).unwrap();
    Cli::of(&stage, "police", Role::Service).run(["status"]).failed(5);
    fs::write(police.join("ca.pem"), ours).unwrap();
    Cli::of(&stage, "police", Role::Service).run(["status"]).done();
    let before = Cli::of(&stage, "police", Role::Service);
    stage.kill();
    before.run(["status"]).failed(5);
}
