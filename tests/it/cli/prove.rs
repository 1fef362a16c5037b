//! `portway audit prove`: proofs that are kept, and verified without a broker.

use std::fs;

use portway::record;
use serde_json::Value;

use crate::stage::{Cli, Role, Stage, draft, now};

/// A broker with something in its log that concerns the police and the council.
async fn recorded() -> Stage {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.connect("police", Role::Service).await;
    for _ in 0..3 {
        police.publish(draft(now()), None).await.unwrap();
    }
    stage
}

/// Verifies a file without a broker, by the log's key alone.
fn verified(stage: &Stage, file: &str) -> Value {
    let key = stage.path("broker/keys/log.vkey");
    let verify = ["audit", "verify", file, "--vkey", key.to_str().unwrap(), "--json"];
    Cli::nobody().run(verify).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_proven_complete_up_to_the_question_itself() {
    let mut stage = recorded().await;
    let officer = Cli::of(&stage, "police", Role::Officer);
    let out = stage.path("proof.jsonl");
    let file = out.to_str().unwrap();
    let said = officer.run(["audit", "prove", "--complete", "--out", file]);
    assert!(said.stderr.contains("every record linked to police from index 0"), "{said:?}");
    assert_eq!(said.done(), "");
    stage.kill();

    let found = verified(&stage, file);
    let complete = &found["complete"][0];
    assert_eq!((&complete["agency"], &complete["start"]), (&"police".into(), &0.into()));
    // Proposed, approved by three, and three alerts: all that the police have to do with.
    assert_eq!(complete["records"], 7);

    // Every line counts: without any one of them nothing is proven.
    let text = fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for left_out in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(left_out);
        fs::write(&out, fewer.concat()).unwrap();
        let key = stage.path("broker/keys/log.vkey");
        let verify = ["audit", "verify", file, "--vkey", key.to_str().unwrap(), "--json"];
        Cli::nobody().run(verify).failed_json(4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_proven_complete_for_a_range_and_for_times() {
    let mut stage = recorded().await;
    let officer = Cli::of(&stage, "police", Role::Officer);
    let prove = |range: &[&str]| {
        let out = stage.path("proof.jsonl");
        let out = out.to_str().unwrap();
        officer.run([&["audit", "prove", "--complete", "--out", out][..], range].concat()).done();
        verified(&stage, out)["complete"][0].clone()
    };
    let range = prove(&["--start", "3", "--end", "6"]);
    assert_eq!((&range["start"], &range["end"]), (&3.into(), &6.into()));
    let none = prove(&["--start", "3", "--end", "3"]);
    assert_eq!(none["records"], 0);

    // From the first alert on, whenever that was.
    let shown = officer.run(["audit", "query", "--kind", "PUBLISHED", "--json"]).lines();
    let published = &shown[0]["record"];
    let index: u64 = published["index"].as_str().unwrap().parse().unwrap();
    let record = officer.run(["audit", "show", &index.to_string()]).done();
    let record: Value = serde_json::from_str(&record).unwrap();
    let at = record["recorded_at_ms"].as_str().unwrap().parse().unwrap();
    let at = portway::domain::Timestamp::from_ms(at).to_string();
    let since = prove(&["--from", &at]);
    assert!(since["start"].as_u64().unwrap() <= index, "{since}");
    assert!(since["records"].as_u64().unwrap() >= 3, "{since}");
    let before = prove(&["--to", &at]);
    assert!(before["end"].as_u64().unwrap() <= index, "{before}");
    officer.run(["audit", "prove", "--complete", "--to", "2100-01-01T00:00:00Z"]).failed(3);
    officer.run(["audit", "prove", "--complete", "--from", &at, "--start", "1"]).failed(2);
    officer.run(["audit", "prove", "--start", "1"]).failed(2);
    stage.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_and_the_growth_of_the_log_are_proven() {
    let stage = recorded().await;
    let officer = Cli::of(&stage, "police", Role::Officer);
    let older = stage.path("older.txt");
    fs::write(&older, officer.run(["audit", "checkpoint"]).done()).unwrap();
    let record = stage.path("record.json");
    officer.run(["audit", "prove", "--record", "1", "--out", record.to_str().unwrap()]).done();
    assert_eq!(verified(&stage, record.to_str().unwrap())["records"], 1);

    let grown = stage.path("grown.json");
    let consistency = ["audit", "prove", "--consistency", older.to_str().unwrap()];
    officer.run([&consistency[..], &["--out", grown.to_str().unwrap()]].concat()).done();
    let found = verified(&stage, grown.to_str().unwrap());
    let newest = officer.run(["audit", "checkpoint", "--json"]).json();
    assert_eq!(found["size"], newest["size"]);
    let forged =
        fs::read_to_string(&grown).unwrap().replacen("consistency\":[\"", "consistency\":[\"A", 1);
    fs::write(&grown, forged).unwrap();
    let key = stage.path("broker/keys/log.vkey");
    let verify = ["audit", "verify", grown.to_str().unwrap(), "--vkey", key.to_str().unwrap()];
    Cli::nobody().run(verify).failed(4);
    officer.run(["audit", "prove"]).failed(2);
}

/// An export of two officers would be complete for both; that of one is for the own agency.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_complete_for_its_officers_agency() {
    let stage = recorded().await;
    let officer = Cli::of(&stage, "council", Role::Officer);
    let export = stage.path("export");
    let dir = export.to_str().unwrap();
    officer.run(["audit", "export", dir]).done();
    let found = verified(&stage, dir);
    assert_eq!(found["complete"][0]["agency"], "council");
    assert_eq!(found["complete"][0]["end"], found["size"]);
    let lines = fs::read_to_string(export.join("records.jsonl")).unwrap();
    let concerned = lines.lines().filter(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            line["record"].as_str().unwrap(),
        );
        let record = record::decode(&bytes.unwrap()).unwrap();
        record.event.agencies().iter().any(|it| it.as_str() == "council")
    });
    assert_eq!(found["complete"][0]["records"], concerned.count());
    assert!(fs::read_to_string(export.join("README.txt")).unwrap().contains("audit verify"));
}
