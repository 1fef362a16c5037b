//! `portway audit query`: finds records, and shows how to go on.

use std::fs;

use portway::{domain::Timestamp, pb::v1 as pb, record};
use serde_json::Value;

use crate::stage::{AGREEMENT, Cli, Role, Stage, draft, now};

/// A broker with publications and refusals in its log, and the police's officer.
async fn recorded() -> (Stage, Cli, Vec<pb::Receipt>) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let mut receipts = Vec::new();
    for _ in 0..3 {
        receipts.push(police.publish(draft(now()), None).await.unwrap());
    }
    let mut other = draft(now());
    other.agreement = "none".to_owned();
    police.publish(other, None).await.expect_err("no such agreement");
    let officer = Cli::of(&stage, "police", Role::Officer);
    (stage, officer, receipts)
}

fn query(officer: &Cli, args: &[&str]) -> Vec<u64> {
    let said = officer.run([&["audit", "query", "--json", "--all"][..], args].concat());
    let index = |it: &Value| it["record"]["index"].as_str().unwrap_or("0").parse().unwrap();
    said.lines().iter().map(index).collect()
}

/// What was sent is not what was received, and an outcome is a record of its own.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_direction_and_outcome() {
    let (stage, police, receipts) = recorded().await;
    let council = Cli::of(&stage, "council", Role::Officer);
    Cli::of(&stage, "council", Role::Service)
        .run(["follow", "--subscription", "asb", "--count", "3"])
        .done();
    let published: Vec<u64> = receipts.iter().map(|it| it.index).collect();
    let disclosed = query(&council, &["--kind", "DISCLOSED"]);
    assert_eq!(disclosed.len(), 3);
    let mut sent = [published.clone(), disclosed.clone()].concat();
    sent.sort_unstable();
    assert_eq!(query(&police, &["--direction", "SENT"]), sent);
    assert_eq!(query(&police, &["--direction", "RECEIVED"]), [0; 0]);
    assert_eq!(query(&council, &["--direction", "SENT"]), [0; 0]);
    let acknowledged = query(&council, &["--outcome", "ACKNOWLEDGED"]);
    assert!(!acknowledged.is_empty());
    let mut received = [disclosed.clone(), acknowledged].concat();
    received.sort_unstable();
    assert_eq!(query(&council, &["--direction", "RECEIVED"]), received);
    for officer in [&police, &council] {
        assert_eq!(query(officer, &["--outcome", "DELIVERED"]), disclosed);
    }
    assert_eq!(query(&police, &["--outcome", "ACKNOWLEDGED"]), [0; 0], "it is the recipient's own");
    assert_eq!(query(&police, &["--outcome", "REFUSED"]).len(), 1);
    let both = ["--direction", "SENT", "--outcome", "DELIVERED"];
    assert_eq!(query(&police, &both), disclosed);
    assert_eq!(query(&council, &["--outcome", "SKIPPED"]), [0; 0]);
    let reason =
        police.run(["audit", "query", "--purpose", "ANALYTICS", "--json"]).failed_json(3).0;
    assert_eq!(reason, "ANALYTICS_NOT_A_PURPOSE");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_whatever_is_asked() {
    let (stage, officer, receipts) = recorded().await;
    let published: Vec<u64> = receipts.iter().map(|it| it.index).collect();
    assert_eq!(query(&officer, &["--kind", "PUBLISHED"]), published);
    assert_eq!(query(&officer, &["--alert", &receipts[1].alert]), [published[1]]);
    let by_purpose = ["--alert-purpose", "CRIME_AND_DISORDER", "--kind", "PUBLISHED"];
    assert_eq!(query(&officer, &by_purpose), published);
    assert_eq!(query(&officer, &["--alert-purpose", "FIRE_PREVENTION"]), [0; 0]);
    assert_eq!(query(&officer, &["--agreement", AGREEMENT]).len(), 1 + 3 + 3);
    assert_eq!(query(&officer, &["--reason", "AGREEMENT_UNKNOWN"]).len(), 1);
    assert_eq!(query(&officer, &["--kind", "PUBLISHED", "--agency", "council"]), [0; 0]);
    let tomorrow = now().plus_days(1).to_string();
    assert_eq!(query(&officer, &["--from", &tomorrow]), [0; 0]);
    assert_eq!(query(&officer, &["--to", &tomorrow, "--kind", "PUBLISHED"]), published);

    // A person: the token stands in a file, and nowhere else afterwards.
    let token = stage.path("token.json");
    let person = pb::AlertDraft { ..draft(now()) }.subject.remove(0);
    fs::write(&token, portway::client::json::to_text(&person).unwrap()).unwrap();
    let by_token = ["--token-file", token.to_str().unwrap()];
    assert_eq!(query(&officer, &by_token), published);
    let council = Cli::of(&stage, "council", Role::Officer);
    assert_eq!(query(&council, &by_token), [0; 0], "nothing was delivered to the council yet");
    // The questions themselves are on record.
    assert!(query(&officer, &["--kind", "CONSULTED"]).len() >= 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_on_where_the_last_ended_and_verify_offline() {
    let (stage, officer, receipts) = recorded().await;
    let question = ["audit", "query", "--json", "--kind", "PUBLISHED", "--page-size", "2"];
    let first = officer.run(question);
    let end: Value = serde_json::from_str(first.stderr.lines().last().unwrap()).unwrap();
    let token = end["next_page_token"].as_str().unwrap().to_owned();
    // What is published meanwhile does not shift the pages.
    let police = stage.connect("police", Role::Service).await;
    police.publish(draft(now()), None).await.unwrap();
    let second = officer.run([&question[..], &["--page-token", &token]].concat());
    let end_of_second: Value = serde_json::from_str(second.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(end_of_second["size"], end["size"]);
    let found = [first.clone().lines(), second.clone().lines()].concat();
    let indexes: Vec<_> = found.iter().map(|it| it["record"]["index"].clone()).collect();
    let due: Vec<_> = receipts.iter().map(|it| Value::from(it.index.to_string())).collect();
    assert_eq!(indexes, due);

    let file = stage.path("found.jsonl");
    fs::write(&file, first.done() + &second.done()).unwrap();
    let verified = officer.run(["audit", "verify", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(verified["records"], 3);

    let other = ["audit", "query", "--json", "--kind", "REFUSED", "--page-size", "2"];
    let (reason, _) = officer.run([&other[..], &["--page-token", &token]].concat()).failed_json(3);
    assert_eq!(reason, "PAGE_TOKEN_FORGED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_shown_for_people() {
    let (_stage, officer, receipts) = recorded().await;
    let said = officer.run(["audit", "query", "--kind", "PUBLISHED", "--page-size", "1"]);
    assert!(said.stderr.contains("there may be more: --page-token "), "{}", said.stderr);
    let text = said.done();
    let words: Vec<&str> = text.split_whitespace().collect();
    assert_eq!(words[0], receipts[0].index.to_string());
    assert!(Timestamp::parse(words[1]).is_some(), "{text}");
    assert_eq!((words[2], words[3]), ("PUBLISHED", receipts[0].alert.as_str()));
    let said = officer.run(["audit", "query", "--all"]);
    assert!(said.stderr.contains("of the first "), "{}", said.stderr);
    let stored = record::decode(&receipts[0].record).unwrap();
    assert!(said.done().contains(&stored.at.to_string()));
}

#[test]
fn what_cannot_be_asked_is_said_before_anything_is_sent() {
    let nobody = Cli::nobody();
    for args in [
        ["--kind", "EVERYTHING"],
        ["--reason", "BAD_LUCK"],
        ["--from", "yesterday"],
        ["--certificate", "abc"],
        ["--certificate", &"+f".repeat(32)],
        ["--page-size", "0"],
        ["--page-size", "1001"],
        ["--alert", "41"],
    ] {
        nobody.run([&["audit", "query"][..], &args].concat()).failed(2);
    }
}
