//! `portway agreement`.

use std::fs;

use crate::stage::{AGREEMENT, Cli, Role, Stage, agreement, agreement_toml, now};

#[tokio::test(flavor = "multi_thread")]
async fn officers_take_an_agreement_from_a_file_into_force_and_out_again() {
    let stage = Stage::start();
    let file = stage.path("city-asb.toml");
    fs::write(&file, agreement_toml(now())).unwrap();
    let propose = ["agreement", "propose", "--file", file.to_str().unwrap()];
    let police = Cli::of(&stage, "police", Role::Officer);

    let proposed = police.run([&propose[..], &["--json"]].concat()).json();
    assert_eq!(proposed["state"], "AGREEMENT_STATE_PROPOSED");
    let version = proposed["version"].as_str().unwrap().to_owned();
    // The same again is answered as the first time.
    let text = police.run(propose).done();
    assert!(text.starts_with("city-asb  Antisocial behaviour in the city\n"), "{text}");
    assert!(text.contains(&format!("  version  {version}\n  state    proposed\n")), "{text}");

    let approve = ["agreement", "approve", AGREEMENT, "--version", &version];
    let text = police.run(approve).done();
    assert!(text.contains("  approved police\n"), "{text}");
    for agency in ["council", "housing"] {
        let officer = Cli::of(&stage, agency, Role::Officer);
        let status = officer.run([&approve[..], &["--json"]].concat()).json();
        assert_eq!(status.get("in_force").is_some(), agency == "housing", "{status}");
    }

    let list = police.run(["agreement", "list", "--json"]).lines();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["agreement"]["id"], AGREEMENT);
    let text = police.run(["agreement", "list"]).done();
    assert!(text.contains("  state    approved, in force\n"), "{text}");
    assert_eq!(Cli::of(&stage, "fire", Role::Officer).run(["agreement", "list"]).done(), "");
    let shown = police.run(["agreement", "show", AGREEMENT, "--json"]).lines();
    assert_eq!(shown, list);
    assert_eq!(police.run(["agreement", "show", AGREEMENT]).done(), text);

    let withdrawn = police.run(["agreement", "withdraw", AGREEMENT, "--json"]).json();
    assert_eq!(withdrawn["id"], AGREEMENT);
    assert!(withdrawn["index"].is_u64());
    let (reason, error) = police.run(["agreement", "withdraw", AGREEMENT, "--json"]).failed_json(3);
    assert_eq!(reason, "AGREEMENT_NOT_IN_FORCE");
    assert!(error["decision"].as_u64() > withdrawn["index"].as_u64());
}

/// What JSON an agreement is shown as can be proposed again.
#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_is_proposed_as_json_and_withdrawn() {
    let stage = Stage::start();
    let file = stage.path("city-asb.json");
    let json = portway::client::json::to_text(&agreement(now())).unwrap();
    fs::write(&file, json).unwrap();
    let police = Cli::of(&stage, "police", Role::Officer);
    let propose = ["agreement", "propose", "--file", file.to_str().unwrap()];
    let proposed = police.run([&propose[..], &["--json"]].concat()).json();
    fs::write(&file, proposed["agreement"].to_string()).unwrap();

    let again = police.run([&propose[..], &["--json"]].concat()).json();

    assert_eq!(again, proposed);
    let text = police.run(["agreement", "withdraw", AGREEMENT]).done();
    assert!(text.starts_with("withdrawn: city-asb, record "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_file_is_named_before_anybody_is_asked() {
    let stage = Stage::set();
    let file = stage.path("wrong.toml");
    let toml = agreement_toml(now()).replace("CRIME_AND_DISORDER", "GOSSIP");
    fs::write(&file, toml).unwrap();
    let said = Cli::nobody().run(["agreement", "propose", "--file", file.to_str().unwrap()]);
    let message = said.failed(2);
    assert!(message.contains("flow[0].purpose = \"GOSSIP\": unknown purpose"), "{message}");
}
