//! `portway subscription`.

use std::fs;

use crate::stage::{Cli, Role, Stage, draft, now, subscription};

#[tokio::test(flavor = "multi_thread")]
async fn a_system_creates_lists_and_deletes_its_subscriptions() {
    let stage = Stage::start();
    stage.agree().await;
    let council = Cli::of(&stage, "council", Role::Service);
    let create = [
        "subscription",
        "create",
        "--name",
        "asb-n1",
        "--purpose",
        "CRIME_AND_DISORDER",
        "--types",
        "ANTISOCIAL_BEHAVIOUR,VIOLENCE",
        "--areas",
        "N1,N2",
        "--days",
        "90",
    ];
    let text = council.run(create).done();
    assert!(text.starts_with("asb-n1  CRIME_AND_DISORDER\n"), "{text}");
    assert!(text.contains("  types     ANTISOCIAL_BEHAVIOUR, VIOLENCE\n  areas     N1, N2\n"));

    let file = stage.path("subscription.json");
    let json = portway::client::json::to_text(&subscription("from-file", now())).unwrap();
    fs::write(&file, json).unwrap();
    let from_file = ["subscription", "create", "--file", file.to_str().unwrap(), "--json"];
    let created = council.run(from_file).json();
    assert_eq!(created["subscription"]["name"], "from-file");
    assert_eq!(council.run(from_file).json(), created, "the same again");

    let tokens = stage.path("tokens.jsonl");
    let token = portway::client::json::to_text(&draft(now()).subject[0]).unwrap();
    fs::write(&tokens, format!("{token}\n")).unwrap();
    let watched = council.run([
        "subscription",
        "create",
        "--name",
        "watched",
        "--purpose",
        "CRIME_AND_DISORDER",
        "--types",
        "VIOLENCE",
        "--tokens-file",
        tokens.to_str().unwrap(),
        "--expires",
        "2027-01-01T00:00:00Z",
        "--json",
    ]);
    let watched = watched.json();
    assert_eq!(watched["token_count"], 1);
    assert!(watched["subscription"]["filter"].get("tokens").is_none(), "{watched}");

    let list = council.run(["subscription", "list", "--json"]).lines();
    let names: Vec<_> =
        list.iter().map(|it| it["subscription"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["asb-n1", "from-file", "watched"]);
    let text = council.run(["subscription", "list"]).done();
    assert_eq!(text.matches("delivered 0, acknowledged 0\n").count(), 3, "{text}");

    let text = council.run(["subscription", "delete", "asb-n1"]).done();
    assert!(text.starts_with("deleted: asb-n1, record "), "{text}");
    let deleted = council.run(["subscription", "delete", "watched", "--json"]).json();
    assert_eq!(deleted["name"], "watched");
    let (reason, _) = council.run(["subscription", "delete", "watched", "--json"]).failed_json(3);
    assert_eq!(reason, "SUBSCRIPTION_UNKNOWN");
    assert_eq!(council.run(["subscription", "list", "--json"]).lines().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_matches_nothing_is_pointed_out_and_a_purpose_without_agreement_refused() {
    let stage = Stage::start();
    stage.agree().await;
    let council = Cli::of(&stage, "council", Role::Service);
    let create = |name: &str, purpose: &str| {
        let args = ["--name", name, "--purpose", purpose, "--days", "3"];
        council.run(["subscription", "create"].iter().chain(&args))
    };
    let created = create("nothing", "CRIME_AND_DISORDER");
    assert!(created.stderr.contains("matches nothing"), "{}", created.stderr);
    created.done();
    let refused = create("more", "HEALTH_AND_CARE");
    let message = refused.failed(3);
    assert!(
        message.contains("portway: refused: PURPOSE_NOT_AGREED at purpose (record "),
        "{message}"
    );
}
