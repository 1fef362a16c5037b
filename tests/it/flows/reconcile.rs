//! What an agency kept against what the log says of it, both ways, by the command line alone.

use std::{fs, path::PathBuf};

use portway::client::json;
use serde_json::Value;

use crate::stage::{Cli, Role, SUBSCRIPTION, Stage, copy_dir, draft, now};

/// Four alerts published with receipts, and taken with their proofs.
struct Files {
    receipts: PathBuf,
    deliveries: PathBuf,
}

const COUNT: usize = 4;

async fn play(stage: &Stage) -> Files {
    stage.agree().await;
    stage.subscribe("council").await;
    let files = Files {
        receipts: stage.path("receipts.jsonl"),
        deliveries: stage.path("deliveries.jsonl"),
    };
    let alerts: String = (0..COUNT).map(|_| json::to_text(&draft(now())).unwrap() + "\n").collect();
    let police = Cli::of(stage, "police", Role::Service);
    let receipts = files.receipts.to_str().unwrap();
    police.run_with(["publish", "--file", "-", "--receipts", receipts], &alerts).done();
    let council = Cli::of(stage, "council", Role::Service);
    let (keep, count) = (files.deliveries.to_str().unwrap(), COUNT.to_string());
    let follow = ["follow", "--subscription", SUBSCRIPTION, "--count", &count, "--keep", keep];
    council.run(follow).done();
    files
}

/// Compares as an officer; returns the exit status and what was printed.
fn reconcile(stage: &Stage, agency: &str, args: &[&str]) -> (i32, Vec<Value>) {
    let said = Cli::of(stage, agency, Role::Officer)
        .run(["reconcile", "--json"].iter().chain(args).copied());
    let lines = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (said.status, lines)
}

fn kinds(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["kind"].as_str()).collect()
}

/// Writes the lines of a file anew.
fn edit(stage: &Stage, from: &PathBuf, edit: impl FnOnce(&mut Vec<Value>)) -> PathBuf {
    let text = fs::read_to_string(from).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    edit(&mut lines);
    let path = stage.path("edited.jsonl");
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_what_the_log_says() {
    let stage = Stage::start();
    let files = play(&stage).await;
    let (receipts, deliveries) =
        (files.receipts.to_str().unwrap(), files.deliveries.to_str().unwrap());

    let (status, lines) = reconcile(&stage, "police", &["--receipts", receipts]);
    assert_eq!(status, 0, "{lines:?}");
    assert_eq!((&lines[0]["receipts"], &lines[0]["published"]), (&COUNT.into(), &COUNT.into()));
    let (status, lines) = reconcile(&stage, "council", &["--deliveries", deliveries]);
    assert_eq!(status, 0, "{lines:?}");
    assert_eq!((&lines[0]["deliveries"], &lines[0]["disclosed"]), (&COUNT.into(), &COUNT.into()));
    // A service asks for nothing that only officers may read.
    let service = Cli::of(&stage, "police", Role::Service);
    assert_eq!(service.run(["reconcile", "--receipts", receipts]).status, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_has_and_the_files_lack_is_listed() {
    let stage = Stage::start();
    let files = play(&stage).await;
    let less = edit(&stage, &files.receipts, |lines| drop(lines.remove(1)));
    let (status, lines) = reconcile(&stage, "police", &["--receipts", less.to_str().unwrap()]);
    assert_eq!((status, kinds(&lines)), (6, vec!["RECEIPT_MISSING"]));
    let less = edit(&stage, &files.deliveries, |lines| lines.truncate(2));
    let (status, lines) = reconcile(&stage, "council", &["--deliveries", less.to_str().unwrap()]);
    assert_eq!((status, kinds(&lines)), (6, vec!["DELIVERY_MISSING"; 2]));
    assert_eq!((&lines[0]["number"], &lines[0]["acknowledged"]), (&3.into(), &true.into()));
    // Only what was recorded in the time that is asked about is expected.
    let later = now().plus_days(1).to_string();
    assert_eq!(reconcile(&stage, "council", &["--from", &later]).0, 0);
    assert_eq!(reconcile(&stage, "council", &["--to", &later]).0, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_or_made_up_speaks_against_the_log() {
    let stage = Stage::start();
    let files = play(&stage).await;
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let receipt = |change: &dyn Fn(&mut Vec<Value>)| {
        let path = edit(&stage, &files.receipts, change);
        reconcile(&stage, "police", &["--receipts", path.to_str().unwrap()])
    };
    let both = |kind| (4, vec![kind, "RECEIPT_MISSING"]);
    let said = |(status, lines): (i32, Vec<Value>)| {
        (status, kinds(&lines).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let due = |(status, kinds): (i32, Vec<&str>)| {
        (status, kinds.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let salt = receipt(&|lines| lines[1]["salt"] = zeros.into());
    assert_eq!(said(salt), due(both("NOT_IN_LOG")));
    let index = receipt(&|lines| lines[1]["index"] = "99999".into());
    assert_eq!(said(index), due(both("NOT_IN_LOG")));
    let alert = receipt(&|lines| lines[1]["alert"] = lines[0]["alert"].clone());
    assert_eq!(said(alert), due(both("CONTRADICTS")));

    // A delivery that nobody recorded, under a key of nobody's.
    let path = edit(&stage, &files.deliveries, |lines| {
        let mut made_up = lines[0].clone();
        made_up["index"] = "3".into();
        made_up["salt"] = zeros.into();
        made_up["view_key"] = zeros.into();
        lines.push(made_up);
    });
    let answer = reconcile(&stage, "council", &["--deliveries", path.to_str().unwrap()]);
    assert_eq!(said(answer), due((4, vec!["NOT_IN_LOG"])));
    let path = edit(&stage, &files.deliveries, |lines| lines[2]["view_key"] = zeros.into());
    let answer = reconcile(&stage, "council", &["--deliveries", path.to_str().unwrap()]);
    assert_eq!(said(answer), due((4, vec!["CONTRADICTS", "DELIVERY_MISSING"])));
    let file = stage.path("no.jsonl");
    fs::write(&file, "{\"number\":\"1\"\n").unwrap();
    let nobody = Cli::nobody().run(["reconcile", "--deliveries", file.to_str().unwrap()]);
    assert!(nobody.failed(2).contains("line 1"));
}

/// The log's key signed for the receipt, and the log that officers are shown does not hold it.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_another_history_is_told_as_a_fork() {
    let mut stage = Stage::start();
    stage.agree().await;
    stage.terminate();
    copy_dir(&stage.path("broker"), &stage.path("fork"));
    let home = stage.home("police", Role::Service);
    copy_dir(&home, &stage.path("other"));
    let fork = stage.serve_beside("fork");
    let police = Cli::at(&fork.address, &stage.path("other"));
    let alert = json::to_text(&draft(now())).unwrap();
    let receipts = stage.path("receipts.jsonl");
    let receipts = receipts.to_str().unwrap();
    police.run_with(["publish", "--file", "-", "--receipts", receipts], &alert).done();
    drop(fork);
    stage.serve_again();

    let (status, lines) = reconcile(&stage, "police", &["--receipts", receipts]);

    assert_eq!((status, kinds(&lines)), (4, vec!["FORKED"]));
}
