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

/// What a police officer asks about an alert to the council.
const ASKED: [&str; 10] = [
    "--from",
    "police",
    "--to",
    "council",
    "--purpose",
    "CRIME_AND_DISORDER",
    "--type",
    "VIOLENCE",
    "--categories",
    "SUSPECT",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_is_told_what_an_agreement_permits_and_by_which_rules() {
    let stage = Stage::start();
    stage.agree().await;
    let police = Cli::of(&stage, "police", Role::Officer);
    let explain = ["agreement", "explain", AGREEMENT];

    let said = police.run([&explain[..], &ASKED, &["--json"]].concat()).json();
    assert_eq!(said["permitted"], true);
    assert!(said["released"].as_array().unwrap().contains(&"FIELD_CONTACT".into()), "{said}");
    assert!(said["withheld"].as_array().unwrap().contains(&"FIELD_GRADING".into()), "{said}");
    assert_eq!(said["grounds"][0]["rule"], "agreement-covers");
    assert_eq!(said["marks"][3], "REGIME_CHANGE", "{said}");
    let text = police.run([&explain[..], &ASKED].concat()).done();
    assert!(text.starts_with("permitted\n  sees      TYPE SUBJECT"), "{text}");

    let of_child = [&explain[..], &ASKED[..9], &["CHILD"]].concat();
    let text = police.run(of_child).done();
    let why = "  rule      category-not-agreed: An alert says which part";
    assert!(text.starts_with("refused: CATEGORY_NOT_AGREED at subject_categories\n"), "{text}");
    assert!(text.contains(why), "{text}");

    let before = [&explain[..], &ASKED, &["--time", "2020-01-01T00:00:00Z", "--json"]].concat();
    let said = police.run(before).json();
    assert_eq!(said["reason"], "AGREEMENT_NOT_IN_FORCE");
    assert_eq!(said.get("version"), None, "none was in force");

    let fire = Cli::of(&stage, "fire", Role::Officer);
    let (reason, _) = fire.run([&explain[..], &ASKED, &["--json"]].concat()).failed_json(3);
    assert_eq!(reason, "AGREEMENT_UNKNOWN");
}

/// A file is asked about without a broker, by the rules built in or by others; both say what a broker says.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_explained_as_the_broker_would() {
    let stage = Stage::start();
    stage.agree().await;
    let file = stage.path("city-asb.toml");
    let told = |text: String| {
        fs::write(&file, text).unwrap();
        let explain = ["agreement", "explain", "--file", file.to_str().unwrap()];
        [&explain[..], &ASKED, &["--json"]].concat().into_iter().map(str::to_owned).collect()
    };
    let offline: Vec<String> = told(agreement_toml(now()));
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/config/policy");
    let by_rules = [&offline[..], &["--rules".to_owned(), rules.to_owned()]].concat();
    let said = Cli::nobody().run(&offline).json();
    assert_eq!(said["permitted"], true, "{said}");
    let police = Cli::of(&stage, "police", Role::Officer);
    let online =
        police.run([&["agreement", "explain", AGREEMENT], &ASKED[..], &["--json"]].concat());
    let online = online.json();
    for key in ["permitted", "released", "withheld", "marks", "grounds", "rules"] {
        assert_eq!(said[key], online[key], "{key}");
        assert_eq!(said[key], Cli::nobody().run(&by_rules).json()[key], "{key}");
    }

    let unlawful = told(agreement_toml(now()).replace("authorised_by = \"CDA1998-S115\"", ""));
    let said = Cli::nobody().run(&unlawful).json();
    assert_eq!(said["reason"], "REGIME_CHANGE_UNAUTHORISED");
    assert_eq!(said["grounds"][0]["rule"], "out-of-part-3");
    let missing = [&offline[..], &["--rules".to_owned(), "no-such-rules".to_owned()]].concat();
    assert!(Cli::nobody().run(&missing).failed(2).contains("no-such-rules"));
    // A broker is asked by its own rules and no others.
    let args = [&["agreement", "explain", AGREEMENT], &ASKED[..], &["--rules", rules]].concat();
    assert!(police.run(args).failed(2).contains("--rules"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_diff_says_who_gains_and_who_loses_what() {
    let stage = Stage::start();
    stage.agree().await;
    let (old, new) = (stage.path("old.toml"), stage.path("new.toml"));
    let toml = agreement_toml(now());
    fs::write(&old, &toml).unwrap();
    let changed = toml
        .replacen("\"CASE_REFERENCE\"]", "\"GRADING\"]", 1)
        .replacen("faces_suspects = false", "faces_suspects = true", 1)
        .replacen("to = [\"housing\"]", "to = [\"council\"]", 1)
        .replacen("purpose = \"CRIME_AND_DISORDER\"", "purpose = \"SERIOUS_VIOLENCE\"", 1)
        .replacen("delete_after_days = 90", "delete_after_days = 30", 1)
        + "\n[[type_retention]]\ntype = \"VIOLENCE\"\nretention = \"LONG\"\ndelete_after_days = 400\n";
    fs::write(&new, changed).unwrap();
    let diff = ["agreement", "diff", old.to_str().unwrap(), new.to_str().unwrap()];
    let text = Cli::nobody().run(diff).done();
    for line in [
        "police tells council for SERIOUS_VIOLENCE\n  + alert_types: ANTISOCIAL_BEHAVIOUR VIOLENCE\n",
        "police tells housing for CRIME_AND_DISORDER\n  - alert_types: ANTISOCIAL_BEHAVIOUR",
        "police tells council for CRIME_AND_DISORDER\n  - fields: SUBJECT_CATEGORIES",
        "party police\n  ~ faces_suspects: false -> true\n",
        "~ delete_after_days: 90 -> 30\n",
        "~ type_retention: none -> VIOLENCE LONG 400\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let said = Cli::nobody().run([&diff[..], &["--json"]].concat()).json();
    assert_eq!(said["passages"].as_array().unwrap().len(), 3, "{said}");
    assert_eq!(said["terms"][0]["what"], "delete_after_days");
    let same = ["agreement", "diff", diff[2], diff[2]];
    assert_eq!(Cli::nobody().run(same).done(), "no difference\n");

    let police = Cli::of(&stage, "police", Role::Officer);
    fs::write(&new, toml.replacen("delete_after_days = 90", "delete_after_days = 30", 1)).unwrap();
    for file in &diff[2..] {
        police.run(["agreement", "propose", "--file", file]).done();
    }
    let versions = police.run(["agreement", "show", AGREEMENT, "--json"]).lines();
    let version = |place: usize| -> String {
        versions[place]["version"].as_str().unwrap().chars().take(8).collect()
    };
    let (one, other) = (version(1), version(2));
    let text = police.run(["agreement", "diff", "--id", AGREEMENT, &one, &other]).done();
    assert_eq!(text, "~ delete_after_days: 90 -> 30\n");
    let few: String = one.chars().take(7).collect();
    let short = police.run(["agreement", "diff", "--id", AGREEMENT, &few, &other]);
    assert!(short.failed(2).contains("no such version"));
}
