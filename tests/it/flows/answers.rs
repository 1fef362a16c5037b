//! How an officer answers a person's request, a breach and a regulator, with the real binary.

use std::fs;

use portway::{client::json, domain::Timestamp};
use serde_json::{Value, json};

use crate::stage::{Cli, Role, SUBSCRIPTION, Stage, draft, fingerprint, now};

/// Two alerts about one person, one about another, and one without anybody, all of which went to the council.
async fn shared() -> Stage {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    for person in [Some(0x5a), Some(0x5a), Some(0x33)] {
        let mut alert = draft(now());
        alert.subject.iter_mut().for_each(|it| it.value = vec![person.unwrap(); 32].into());
        police.publish(alert, None).await.unwrap();
    }
    Cli::of(&stage, "council", Role::Service)
        .run(["follow", "--subscription", SUBSCRIPTION, "--count", "3"])
        .done();
    stage
}

fn token(stage: &Stage) -> String {
    let path = stage.path("token.json");
    let person = draft(now()).subject.remove(0);
    fs::write(&path, json::to_text(&person).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_request_is_answered_by_a_named_officer_within_a_month() {
    let stage = shared().await;
    let officer = Cli::of(&stage, "police", Role::Officer);
    let token = token(&stage);
    let yesterday = now().before(std::time::Duration::from_secs(86_400));
    let opened = officer.run(["audit", "request", "--received", &yesterday.to_string(), "--json"]);
    let opened = opened.json();
    let id = opened["request"].as_str().unwrap();
    let due = Timestamp::parse(opened["due_at"].as_str().unwrap());
    assert_eq!(due, Some(yesterday.plus_month()));
    let listed = officer.run(["audit", "requests", "--json"]).lines();
    assert!(listed[0]["days_left"].as_i64().unwrap() >= 26, "{listed:?}");
    // One that came long ago is overdue, and nobody else's officers are told of either.
    officer.run(["audit", "request", "--received", "2026-01-01T00:00:00Z"]).done();
    let text = officer.run(["audit", "requests"]).done();
    assert!(text.lines().nth(1).unwrap().contains("OVERDUE by "), "{text}");
    let council = Cli::of(&stage, "council", Role::Officer);
    assert_eq!(council.run(["audit", "requests"]).done(), "");

    let file = |name: &str| stage.path(name).to_str().unwrap().to_owned();
    let (draft, decisions, answer) = (file("draft.json"), file("decisions.json"), file("answer"));
    officer.run(["audit", "report", "--subject", &token, "--request", id, "--out", &draft]).done();
    let drafted: Value = serde_json::from_str(&fs::read_to_string(&draft).unwrap()).unwrap();
    let entries = drafted["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 4, "two alerts, and each went to the council: {drafted}");
    assert!(entries.iter().all(|it| it["part_3"] == true), "{drafted}");
    let text = fs::read_to_string(&draft).unwrap();
    assert!(!text.contains("WlpaWlpa"), "the token is in no report");

    // Undecided, it stays.
    let decide = |indexes: &[&Value]| {
        let decisions: Vec<Value> = indexes
            .iter()
            .map(|index| {
                json!({ "index": index, "third_party": { "checked_by": "ig-1", "finding": "NOBODY" } })
            })
            .collect();
        fs::write(file("decisions.json"), json!({ "decisions": decisions }).to_string()).unwrap();
    };
    let indexes: Vec<&Value> = entries.iter().map(|it| &it["index"]).collect();
    decide(&indexes[1..]);
    let release =
        ["audit", "release", "--draft", &draft, "--decisions", &decisions, "--out", &answer];
    let said = officer.run(release).failed(2);
    assert!(said.contains("the third-party check is not made"), "{said}");
    assert!(!stage.path("answer").exists());

    decide(&indexes);
    let released = officer.run([&release[..], &["--json"]].concat()).json();
    let report = fs::read(stage.path("answer/report.json")).unwrap();
    let parsed: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(parsed["released_by"], "agency/police/officer/ig-1");
    assert_eq!(parsed["entries"].as_array().unwrap().len(), 4);
    for name in ["report.csv", "report.html"] {
        assert!(fs::read_to_string(stage.path("answer").join(name)).unwrap().contains("council"));
    }
    // Who released what is on record: the officer, and the very file.
    let index = released["index"].to_string();
    let record: Value =
        serde_json::from_str(&officer.run(["audit", "show", &index]).done()).unwrap();
    let record = &record["report_released"];
    assert_eq!(record["by"]["id"], "agency/police/officer/ig-1");
    assert_eq!(record["entries"], 4);
    let listed = officer.run(["audit", "requests", "--json"]).lines();
    assert_eq!(listed[0]["releases"][0]["released_by"], "agency/police/officer/ig-1");
    assert_eq!(listed[0]["overdue"], false);
    // Only of a request that there is.
    let unknown = "00".repeat(16);
    officer.run(["audit", "report", "--subject", &token, "--request", &unknown]).failed(2);
}

/// Another answer takes the place of the newest, on record and in what the person reads; nothing else does.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_once_and_corrected_on_record() {
    let stage = Stage::start();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let received = now().to_string();
    let opened = officer.run(["audit", "request", "--received", &received, "--json"]).json();
    let id = opened["request"].as_str().unwrap().to_owned();
    let file = |name: &str| stage.path(name).to_str().unwrap().to_owned();
    let (draft, decisions) = (file("draft.json"), file("decisions.json"));
    let token = token(&stage);
    officer.run(["audit", "report", "--subject", &token, "--request", &id, "--out", &draft]).done();
    fs::write(&decisions, json!({ "decisions": [] }).to_string()).unwrap();
    let release = |out: &str, more: &[&str]| {
        let out = file(out);
        let args =
            ["audit", "release", "--draft", &draft, "--decisions", &decisions, "--out", &out];
        officer.run([&args[..], &["--json"], more].concat())
    };
    assert!(release("early", &["--corrects", "7"]).failed(2).contains("was not answered yet"));
    let first = release("first", &[]).json()["index"].to_string();

    let said = release("second", &[]).failed(2);
    assert!(said.contains(&format!("--corrects {first}")), "{said}");
    assert!(!stage.path("second").exists());
    let second = release("second", &["--corrects", &first]).json()["index"].to_string();
    release("third", &["--corrects", &first]).failed(2);

    let text = |name: &str| fs::read_to_string(stage.path(name)).unwrap();
    let replaces = "This takes the place of the answer that was released on ";
    assert!(!text("first/report.html").contains(replaces));
    assert!(text("second/report.html").contains(replaces));
    let listed = officer.run(["audit", "requests", "--json"]).lines();
    let releases = listed[0]["releases"].as_array().unwrap();
    assert_eq!((releases.len(), &releases[1]["corrects"]), (2, &first.as_str().into()));
    let stands = officer.run(["audit", "requests"]).done();
    assert!(stands.contains("corrected ") && stands.contains(&format!("record {second}")));
    let record: Value =
        serde_json::from_str(&officer.run(["audit", "show", &second]).done()).unwrap();
    assert_eq!(record["report_released"]["corrects"], first.as_str());
    // What was being written beside it is gone.
    let left = fs::read_dir(stage.path("first").parent().unwrap()).unwrap();
    let names = left.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.starts_with(".report-")));
}

/// The recipient's own report: what it was given, what it was told since, and from the views that it kept what the log
/// does not tell it.
#[tokio::test(flavor = "multi_thread")]
async fn a_recipients_report_says_what_it_was_given_and_told() {
    let stage = shared().await;
    let kept = stage.path("kept.jsonl").to_str().unwrap().to_owned();
    let police = stage.connect("police", Role::Service).await;
    let alert = police.publish(draft(now()), None).await.unwrap().alert;
    let system = Cli::of(&stage, "council", Role::Service);
    let follow = ["follow", "--subscription", SUBSCRIPTION, "--count", "1", "--keep", &kept];
    system.run(follow).done();
    let restrict = ["rights", "restrict", &alert, "--reason", "ACCURACY_CONTESTED"];
    Cli::of(&stage, "police", Role::Officer).run(restrict).done();
    system.run(["notices"]).done();
    let officer = Cli::of(&stage, "council", Role::Officer);
    let received = now().to_string();
    let opened = officer.run(["audit", "request", "--received", &received, "--json"]).json();
    let id = opened["request"].as_str().unwrap();
    let token = token(&stage);

    let report = ["audit", "report", "--subject", &token, "--request", id, "--deliveries", &kept];
    let drafted = officer.run(report).json();

    let entries = drafted["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3, "{drafted}");
    assert!(entries.iter().all(|it| it["recipient"] == "council" && it["origin"] == "police"));
    let (before, last) = (&entries[0], &entries[2]);
    assert_eq!((&before["alert_type"], &before["restricted"]), (&Value::Null, &Value::Null));
    assert_eq!(last["alert_type"], "ANTISOCIAL_BEHAVIOUR");
    assert_eq!(last["subject_categories"], json!(["SUSPECT"]));
    assert_eq!(
        (&last["restricted"], &last["acts"][0]["what"]),
        (&true.into(), &"RESTRICTED".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_of_a_breach_is_counted_by_certificate_agency_alert_and_time() {
    let stage = shared().await;
    let police = Cli::of(&stage, "police", Role::Officer);
    let breach = |officer: &Cli, args: &[&str]| {
        officer.run([&["audit", "breach", "--json"][..], args].concat()).json()
    };
    let of_council = breach(&police, &["--agency", "council"]);
    assert_eq!((&of_council["people"], &of_council["alerts"]), (&"2".into(), &"3".into()));
    assert_eq!(of_council["disclosures"], "3");
    assert_eq!(of_council["subject_categories"], json!(["SUBJECT_CATEGORY_SUSPECT"]));
    let recipient = &of_council["recipients"][0];
    assert_eq!((&recipient["agency"], &recipient["people"]), (&"council".into(), &"2".into()));
    assert!(recipient["fields"].as_array().unwrap().contains(&"FIELD_SUBJECT".into()));

    let certificate = fingerprint(&stage.home("police", Role::Service)).to_string();
    let sent = breach(&police, &["--certificate", &certificate]);
    assert_eq!((&sent["people"], &sent["disclosures"]), (&"2".into(), &"3".into()));
    // The recipient's own certificate, asked by its own officer, and by the auditor.
    let certificate = fingerprint(&stage.home("council", Role::Service)).to_string();
    let council = Cli::of(&stage, "council", Role::Officer);
    let auditor = Cli::of(&stage, "", Role::Auditor);
    for officer in [&council, &auditor] {
        let received = breach(officer, &["--certificate", &certificate]);
        assert_eq!((&received["people"], &received["disclosures"]), (&"2".into(), &"3".into()));
    }
    let none = breach(&police, &["--to", "2026-01-01T00:00:00Z"]);
    assert!(none["people"].is_null() && none["recipients"].is_null(), "{none}");
    let text = police.run(["audit", "breach", "--from", "2026-01-01T00:00:00Z"]).done();
    assert!(text.starts_with("people affected: 2\n"), "{text}");
    let alerts = police.run(["audit", "query", "--kind", "PUBLISHED", "--json"]).lines();
    assert_eq!(alerts.len(), 3);
    police.run(["audit", "breach"]).failed(2);
    // It is on record that it was asked, and no token left.
    let asked = police.run(["audit", "query", "--kind", "CONSULTED", "--json", "--all"]).lines();
    assert!(asked.len() >= 4);
}

/// Whoever was not given the tokens is told how many alerts there are, and not of whom; nor is anybody after an erasure.
#[tokio::test(flavor = "multi_thread")]
async fn people_who_cannot_be_counted_are_said_to_be() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    let receipt = police.publish(draft(now()), None).await.unwrap();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let breach = || officer.run(["audit", "breach", "--json", "--alert", &receipt.alert]).json();
    assert_eq!(breach()["people"], "1");
    let order = officer.run(["erase", "order", &receipt.alert, "--reason", "ARTICLE_17", "--json"]);
    let order = order.json()["order"].to_string();
    Cli::of(&stage, "police", Role::Deputy).run(["erase", "approve", &order]).done();
    let erased = breach();
    assert!(erased["people"].is_null(), "{erased}");
    assert_eq!((&erased["alerts"], &erased["alerts_without_people"]), (&"1".into(), &"1".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_is_made_from_the_agreements_in_force() {
    let stage = Stage::start();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let empty = officer.run(["audit", "register"]).json();
    assert_eq!(empty["activities"], json!([]));
    stage.agree().await;
    let register = officer.run(["audit", "register"]).json();
    let activities = register["activities"].as_array().unwrap();
    assert_eq!(activities.len(), 3, "{register}");
    assert_eq!(activities[0]["statute"], "DPA 2018 s.61");
    let out = stage.path("register.html");
    officer.run(["audit", "register", "--html", "--out", out.to_str().unwrap()]).done();
    assert!(fs::read_to_string(out).unwrap().contains("Record of processing: police"));
    let csv = officer.run(["audit", "register", "--csv"]).done();
    assert_eq!(csv.lines().count(), 1 + 3);
    Cli::of(&stage, "", Role::Auditor).run(["audit", "register"]).failed(2);
}
