//! `portway publish`.

use std::fs;

use portway::{client::json, pb::v1 as pb};

use crate::stage::{Cli, Role, Stage, draft, now};

fn line(spoil: impl FnOnce(&mut pb::AlertDraft)) -> String {
    let mut alert = draft(now());
    spoil(&mut alert);
    json::to_text(&alert).unwrap() + "\n"
}

fn good() -> String {
    line(|_| ())
}

fn refused() -> String {
    line(|it| it.agreement = "none".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_published_from_a_file_or_stdin_and_their_receipts_kept_and_verified() {
    let stage = Stage::start();
    stage.agree().await;
    let police = Cli::of(&stage, "police", Role::Service);
    let file = stage.path("alerts.jsonl");
    fs::write(&file, good()).unwrap();
    let file = file.to_str().unwrap();
    let receipts = stage.path("receipts.jsonl");
    let kept = receipts.to_str().unwrap();

    let one = police.run(["publish", "--file", file]).lines();
    assert_eq!(one.len(), 1);
    fs::write(file, good() + &good() + &good()).unwrap();
    let three = police.run(["publish", "--file", file, "--receipts", kept, "--json"]).lines();
    assert_eq!(three.len(), 3);
    let piped = police.run_with(["publish", "--file", "-", "--receipts", kept], &good()).lines();
    assert_eq!(piped.len(), 1);

    let text = fs::read_to_string(&receipts).unwrap();
    assert_eq!(text.lines().count(), 4, "added to, never overwritten");
    for (line, receipt) in text.lines().zip(three.iter().chain(&piped)) {
        assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap(), *receipt);
    }
    let verified = police.run(["audit", "verify", kept, "--json"]).json();
    assert_eq!((&verified["verified"], &verified["records"]), (&true.into(), &4.into()));
    // Another key's log did not sign them; another content is not what was signed.
    let index = three[0]["index"].as_str().unwrap();
    let forged = text.replacen(&format!("\"index\":\"{index}\""), "\"index\":\"1\"", 1);
    assert_ne!(forged, text);
    fs::write(&receipts, forged).unwrap();
    let (reason, _) = police.run(["audit", "verify", kept, "--json"]).failed_json(4);
    assert_eq!(reason, "VERIFICATION");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_alert_ends_with_3_and_some_of_several_with_6() {
    let stage = Stage::start();
    stage.agree().await;
    let police = Cli::of(&stage, "police", Role::Service);
    let publish = |text: &str, args: &[&str]| {
        let all = ["publish", "--file", "-"].iter().chain(args).copied();
        police.run_with(all, text)
    };

    let (reason, error) = publish(&refused(), &["--json"]).failed_json(3);
    assert_eq!((reason.as_str(), &error["code"]), ("AGREEMENT_UNKNOWN", &"REFUSED".into()));
    let decision = error["decision"].as_u64().expect("the index of its record").to_string();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let shown = officer.run(["audit", "show", &decision]).done();
    assert!(shown.contains("\"refused\""), "{shown}");

    let message = publish(&(refused() + &refused()), &[]).failed(3);
    assert!(message.ends_with("portway: all 2 refused\n"), "{message}");
    let partly = publish(&(refused() + &good() + &refused() + &good()), &["--json"]);
    assert_eq!(partly.status, 6, "{partly:?}");
    assert_eq!(partly.stdout.lines().count(), 2);
    let errors: Vec<serde_json::Value> =
        partly.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(errors.len(), 3, "one for each refused, one for the whole: {errors:?}");
    assert_eq!(errors[2]["code"], "PARTLY");
    assert_eq!(errors[2]["message"], "2 published, 2 refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_file_is_not_published() {
    let stage = Stage::start();
    stage.agree().await;
    let police = Cli::of(&stage, "police", Role::Service);
    let size = || police.run(["audit", "checkpoint", "--json"]).json()["size"].clone();
    let before = size();
    for (wrong, named) in [
        ("{\"surname\":\"Smith\"}", "surname"),
        ("{\"type\":\"ALERT_TYPE_GOSSIP\"}", "AlertDraft"),
        ("{", "AlertDraft"),
    ] {
        let said = police.run_with(["publish", "--file", "-"], &(good() + wrong));
        let message = said.failed(2);
        assert!(message.contains(named), "{message}");
    }
    let message = police.run_with(["publish", "--file", "-"], "").failed(2);
    assert!(message.contains("holds no alert"), "{message}");
    assert_eq!(size(), before);
}
