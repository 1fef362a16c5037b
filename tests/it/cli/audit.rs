//! `portway audit`.

use std::{fs, path::Path};

use crate::stage::{Cli, Role, Stage, draft, now};

/// A broker with something in its log, and the police's officer.
async fn recorded() -> (Stage, Cli) {
    let stage = Stage::start();
    stage.agree().await;
    stage.connect("police", Role::Service).await.publish(draft(now()), None).await.unwrap();
    let officer = Cli::of(&stage, "police", Role::Officer);
    (stage, officer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_shown_for_people_and_for_keeping() {
    let (stage, officer) = recorded().await;
    let text = officer.run(["audit", "show", "0"]).done();
    assert!(text.contains("\"log_started\""), "{text}");
    let purpose = ["--purpose", "CRIMINAL_PROCEEDINGS"];
    let kept = officer.run([&["audit", "show", "0", "--json"][..], &purpose].concat());
    let file = stage.path("record.json");
    fs::write(&file, kept.done()).unwrap();
    let verified = officer.run(["audit", "verify", file.to_str().unwrap(), "--json"]).json();
    assert_eq!((&verified["records"], &verified["key_was_given"]), (&1.into(), &true.into()));

    let (reason, error) = officer.run(["audit", "show", "999999", "--json"]).failed_json(3);
    assert_eq!(reason, "RECORD_UNKNOWN");
    assert!(error["decision"].is_u64(), "{error}");
    let message = officer.run(["audit", "show", "0", "--purpose", "CURIOSITY"]).failed(2);
    assert!(message.contains("LAWFULNESS"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_printed_as_it_was_signed() {
    let (_stage, officer) = recorded().await;
    let note = officer.run(["audit", "checkpoint"]).done();
    assert_eq!(note.lines().next(), Some("portway.test/portway/main"));
    assert!(note.lines().last().unwrap().starts_with("\u{2014} portway.test/portway/main "));
    let json = officer.run(["audit", "checkpoint", "--json"]).json();
    assert_eq!(json["origin"], "portway.test/portway/main");
    assert_eq!(json["checkpoint"], note);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_verified_offline_against_the_key_and_an_older_checkpoint() {
    let (stage, officer) = recorded().await;
    let older = stage.path("older.txt");
    fs::write(&older, officer.run(["audit", "checkpoint"]).done()).unwrap();
    stage.connect("police", Role::Service).await.publish(draft(now()), None).await.unwrap();
    let export = stage.path("export");
    let dir = export.to_str().unwrap();
    let made = officer.run(["audit", "export", dir, "--json"]).json();
    let second = stage.path("second");
    let text = officer.run(["audit", "export", second.to_str().unwrap()]).done();
    assert!(text.starts_with("exported to "), "{text}");
    let mut stage = stage;
    stage.kill();

    // No broker and no identity: the key, and an older checkpoint.
    let key = stage.path("broker/keys/log.vkey");
    let since = older.to_str().unwrap();
    let verify = ["audit", "verify", dir, "--vkey", key.to_str().unwrap(), "--since", since];
    let verified = Cli::nobody().run([&verify[..], &["--json"]].concat()).json();
    assert_eq!(verified["root"], made["root"]);
    assert_eq!((&verified["size"], &verified["key_was_given"]), (&made["size"], &true.into()));
    let text = Cli::nobody().run(verify).done();
    assert!(text.starts_with("verified: portway.test/portway/main, "), "{text}");
    let believed = Cli::nobody().run(["audit", "verify", dir]);
    assert!(believed.stderr.contains("warning: no key was given"), "{}", believed.stderr);
    believed.done();

    // An older log does not extend a newer checkpoint.
    let newer = second.join("checkpoint");
    let since = ["audit", "verify", dir, "--since", newer.to_str().unwrap(), "--json"];
    Cli::nobody().run(since).failed_json(4);
    every_changed_file_is_named(&export);
}

/// One bit in any file of the export, and its verification fails with 4 and names a file.
fn every_changed_file_is_named(export: &Path) {
    for name in ["checkpoint", "records.jsonl", "manifest", "log.vkeys"] {
        let file = export.join(name);
        let good = fs::read(&file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&file, bad).unwrap();
        let said = Cli::nobody().run(["audit", "verify", export.to_str().unwrap()]);
        assert_eq!((said.status, said.stdout.as_str()), (4, ""), "{name}: {said:?}");
        assert!(said.stderr.contains("portway: verification failed: "), "{}", said.stderr);
        fs::write(&file, good).unwrap();
    }
    Cli::nobody().run(["audit", "verify", export.to_str().unwrap()]).done();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_one_who_is_no_officer_is_refused_and_leaves_nothing() {
    let (stage, _) = recorded().await;
    let service = Cli::of(&stage, "police", Role::Service);
    let export = stage.path("export");
    let (reason, error) =
        service.run(["audit", "export", export.to_str().unwrap(), "--json"]).failed_json(3);
    assert_eq!(reason, "WRONG_ROLE");
    assert!(error["decision"].is_u64(), "{error}");
    assert!(!export.exists());
}
