//! What clients and auditors make of cosignatures: they say whom they believe, and nobody else counts.

use std::fs;

use portway::{
    client::{Error, Fault},
    merkle::Note,
};

use crate::stage::{Cli, Role, Stage, draft, now, size};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_believes_the_witnesses_that_it_was_given() {
    let (stage, [one, other]) = Stage::start_witnessed(["one", "other"]);
    stage.agree().await;
    stage.is_cosigned().await;
    let stranger = stage.witness("stranger");
    let officer = stage.connect("council", Role::Officer).await;

    let witnessed = officer.witnessed(&[one.key(), other.key()]).await.unwrap();

    assert_eq!(witnessed.seen.size(), size(&officer).await);
    let names: Vec<&str> = witnessed.by.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["one.portway.test", "other.portway.test"]);
    let note = Note::parse(&witnessed.seen.note).unwrap();
    assert_eq!(note.signatures().len(), 3);
    let alone = officer.witnessed(&[other.key(), stranger.key()]).await.unwrap();
    assert_eq!(alone.by.len(), 1);
    let error = officer.witnessed(&[stranger.key()]).await.expect_err("nobody believed");
    assert!(matches!(error, Error::Verification { fault: Fault::NotWitnessed, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_exports_and_verifies_what_is_cosigned() {
    let (stage, [witness]) = Stage::start_witnessed(["observer"]);
    stage.agree().await;
    stage.connect("police", Role::Service).await.publish(draft(now()), None).await.unwrap();
    stage.is_cosigned().await;
    let (officer, vkey) = (Cli::of(&stage, "police", Role::Officer), witness.vkey_file());
    let vkey = vkey.to_str().unwrap();

    let shown = officer.run(["audit", "checkpoint", "--witnessed", "--witness", vkey]).done();
    assert!(witness.key().verify(&Note::parse(&shown).unwrap()).is_ok());
    // Whom to believe is never taken from the broker.
    let said = officer.run(["audit", "checkpoint", "--witnessed"]).failed(2);
    assert!(said.contains("witness.vkeys"), "{said}");
    fs::copy(vkey, stage.home("police", Role::Officer).join("witness.vkeys")).unwrap();
    let shown = officer.run(["audit", "checkpoint", "--witnessed", "--json"]).json();
    assert_eq!(shown["cosigned"][0]["witness"], "observer.portway.test");

    let dir = stage.path("export");
    let dir = dir.to_str().unwrap();
    officer.run(["audit", "export", dir, "--witnessed"]).done();
    let verify =
        |dir: &str, vkey: &str| Cli::nobody().run(["audit", "verify", dir, "--witness", vkey]);
    assert!(verify(dir, vkey).done().starts_with("verified"));
    let stranger = stage.witness("stranger");
    let stranger = stranger.vkey_file();
    let said = verify(dir, stranger.to_str().unwrap()).failed(4);
    assert!(said.contains("checkpoint: is not cosigned by stranger.portway.test"), "{said}");
    // What covers more than was cosigned says so.
    let plain = stage.path("plain");
    let plain = plain.to_str().unwrap();
    officer.run(["audit", "export", plain]).done();
    assert!(verify(plain, vkey).failed(4).contains("not cosigned"));
    stage.is_cosigned().await;

    let status = Cli::of(&stage, "", Role::Operator).run(["status"]).done();
    assert!(status.contains("witness     observer.portway.test: "), "{status}");
}
