//! A canary person: whatever stands in an alert's or a watch-list's fields appears in no log line and in no file
//! of the broker in clear.

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use portway::{
    domain::Hex,
    pb::v1::{self as pb, subscribe_request::Message as Ask},
};
use prost::Message;

use crate::stage::{Role, SUBSCRIPTION, Stage, draft, now, open, request, subscription};

const ROLE: &str = "Canary Desk 77";
const NUMBER: &str = "+44 99 4242 1337";
const REFERENCE: &str = "CANARY-CASE-REF-5150";
const AREA: &str = "CANARYZONE";
const TOKEN: [u8; 32] = *b"canary-token-of-a-person-nobody!";

/// A token as it could appear: raw, in hex, in base64.
fn spellings(token: &[u8; 32]) -> Vec<Vec<u8>> {
    let half = &token[..16];
    vec![
        half.to_vec(),
        Hex(half).to_string().into_bytes(),
        STANDARD.encode(&token[..15]).into_bytes(),
    ]
}

fn canary() -> pb::AlertDraft {
    let mut alert = draft(now());
    alert.subject[0].value = TOKEN.to_vec().into();
    alert.contact = Some(pb::Contact { role: ROLE.to_owned(), number: NUMBER.to_owned() });
    alert.case_reference = REFERENCE.to_owned();
    alert.area = AREA.to_owned();
    alert
}

/// Every file under `dir`, with its content.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn holds(content: &[u8], marker: &[u8]) -> bool {
    content.windows(marker.len()).any(|it| it == marker)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_person_appears_in_no_log_line_and_no_file() {
    let mut stage = Stage::start_logging("debug");
    stage.agree().await;
    let council = stage.connect("council", Role::Service).await;
    let mut watch = subscription(SUBSCRIPTION, now());
    let filter = watch.filter.as_mut().unwrap();
    filter.areas.clear();
    filter.tokens = canary().subject;
    council.create_subscription(watch).await.unwrap();
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(canary())).await.unwrap();
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let delivery = talk.delivery().await;
    let view = pb::View::decode(delivery.view.clone()).unwrap();
    assert_eq!((view.case_reference.as_str(), view.area.as_str()), (REFERENCE, AREA));
    // Asked for by an officer, who finds it.
    let officer = stage.speak("police", Role::Officer).await;
    let filter = pb::RecordFilter { subject: canary().subject.pop(), ..Default::default() };
    let question = pb::QueryRequest {
        purpose: pb::QueryPurpose::Lawfulness.into(),
        filter: Some(filter),
        page_size: 10,
        page_token: Vec::new().into(),
    };
    let answer = officer.audit().query(question).await.unwrap().into_inner();
    assert_eq!(answer.records.len(), 2, "published and disclosed");
    // Refused, with all of it in the request.
    let mut refused = canary();
    refused.agreement = "none".to_owned();
    police.publish(request(refused)).await.expect_err("no agreement");
    let mut malformed = canary();
    malformed.contact.as_mut().unwrap().number = format!("{NUMBER}!");
    police.publish(request(malformed)).await.expect_err("malformed");
    // And once more from the disk.
    drop(talk);
    stage.terminate();
    stage.serve_again();
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    assert!(talk.delivery().await.redelivery);
    stage.terminate();

    let mut markers: Vec<Vec<u8>> =
        [ROLE, NUMBER, REFERENCE, AREA].map(|it| it.as_bytes().to_vec()).into();
    markers.extend(spellings(&TOKEN));
    assert!(markers.iter().any(|marker| holds(&delivery.view, marker)), "the search finds things");
    let files = files(&stage.path("broker"));
    for part in ["stderr.jsonl", "journal", "anchor", "keys", "views"] {
        assert!(files.iter().any(|(path, _)| path.contains(part)), "{part}");
    }
    for (path, content) in &files {
        for marker in &markers {
            let shown = String::from_utf8_lossy(marker);
            assert!(!holds(content, marker), "{shown} stands in {path}");
        }
    }
}

/// The log lines hold no secret either: no private key, no master key, nothing of what seals the bodies.
#[tokio::test(flavor = "multi_thread")]
async fn log_lines_hold_no_key() {
    let mut stage = Stage::start_logging("debug");
    stage.agree().await;
    stage.terminate();
    let log = stage.log_lines();
    assert!(log.lines().count() > 3, "{log}");
    for line in log.lines() {
        let said: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(said["level"].is_string() && said["fields"].is_object(), "{line}");
    }
    assert!(!log.contains("PRIVATE"), "{log}");
    let master = fs::read_to_string(stage.path("broker/keys/master.key")).unwrap();
    assert!(!log.contains(master.trim()));
    let key = fs::read_to_string(stage.path("broker/server/key.pem")).unwrap();
    let body = key.lines().nth(1).unwrap();
    assert!(!log.contains(body));
}
