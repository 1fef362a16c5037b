//! `portway views`: the index of a stopped broker's log, and what becomes of it when it is harmed.

use std::{fs, path::Path};

use serde_json::Value;

use crate::stage::{Cli, Role, Stage, draft, now};

/// More than a block of the log.
const ALERTS: usize = 1100;

/// A log of more than one block; the broker runs.
async fn long() -> Stage {
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.connect("police", Role::Service).await;
    let mut tasks = tokio::task::JoinSet::new();
    for part in 0..10 {
        let police = police.clone();
        tasks.spawn(async move {
            for _ in (part..ALERTS).step_by(10) {
                police.publish(draft(now()), None).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    stage
}

fn views(stage: &Stage, command: &str) -> Value {
    let config = stage.path("broker/portway.toml");
    let args = ["views", command, "--config", config.to_str().unwrap(), "--json"];
    Cli::nobody().run(args).json()
}

/// What the police's officer is answered, the records of the questions themselves left out.
fn answer(stage: &Stage) -> Vec<Value> {
    let officer = Cli::of(stage, "police", Role::Officer);
    let args = ["audit", "query", "--json", "--all", "--page-size", "1000", "--kind", "PUBLISHED"];
    let lines = officer.run(args).lines();
    assert_eq!(lines.len(), ALERTS);
    let only = |it: &Value| it["record"].clone();
    // The newest, and one from the first block, by themselves: their links are opened by the index.
    for index in
        [lines[0]["record"]["index"].as_str(), lines[ALERTS - 1]["record"]["index"].as_str()]
    {
        let shown = officer.run(["audit", "show", index.unwrap(), "--json"]).json();
        assert!(lines.iter().any(|it| it["record"] == shown["record"]));
    }
    lines.iter().map(only).collect()
}

fn flip_every_file(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            flip_every_file(&path);
        } else {
            let mut bytes = fs::read(&path).unwrap();
            bytes.iter_mut().step_by(100).for_each(|byte| *byte ^= 1);
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_the_same_whatever_happened_to_the_index() {
    let mut stage = long().await;
    let before = answer(&stage);
    let config = stage.path("broker/portway.toml");
    let rebuild = ["views", "rebuild", "--config", config.to_str().unwrap(), "--json"];
    let (reason, error) = Cli::nobody().run(rebuild).failed_json(1);
    assert_eq!(reason, "FAILED");
    assert!(error["message"].as_str().unwrap().contains("in use"), "{error}");

    stage.terminate();
    let made = views(&stage, "rebuild");
    assert_eq!(made["indexed"], 1024);
    assert!(made["bytes"].as_u64().unwrap() > 0 && made["size"].as_u64().unwrap() > 1100);
    assert_eq!(views(&stage, "status")["indexed"], 1024);
    stage.serve_again();
    assert_eq!(answer(&stage), before, "rebuilt");

    stage.terminate();
    fs::remove_dir_all(stage.path("broker/views")).unwrap();
    assert_eq!(views(&stage, "status")["indexed"], 0);
    stage.serve_again();
    assert_eq!(answer(&stage), before, "deleted");

    stage.terminate();
    for entry in fs::read_dir(stage.path("broker/views")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            flip_every_file(&path);
        }
    }
    let status = ["views", "status", "--config", config.to_str().unwrap()];
    let said = Cli::nobody().run(status).failed(1);
    assert!(said.contains("the next start makes them anew"), "{said}");
    stage.serve_again();
    assert_eq!(answer(&stage), before, "flipped");
    assert!(stage.log_lines().contains("the views are set aside and rebuilt from the log"));
    stage.terminate();
}
