//! `portway witness` by itself, asked over HTTP as any log would ask it.

use std::{fs, os::unix::fs::PermissionsExt};

use portway::merkle::Checkpoint;

use crate::stage::{Role, Stage, draft, now};

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_cosigns_what_extends_the_last_and_remembers_it() {
    let stage = Stage::start();
    stage.agree().await;
    let mut witness = stage.witness("observer");
    let police = stage.connect("police", Role::Service).await;
    let first = police.checkpoint().await.unwrap();
    let ask = |old: u64, proof: &str, note: &str| format!("old {old}\n{proof}\n{note}");

    let answer = witness.add_checkpoint(&ask(0, "", &first.note));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (note, seconds) = witness.key().cosigned(&first.note, &answer.body).unwrap();
    assert_eq!(
        Checkpoint::open(&note.to_string(), police.identity().log()).unwrap().size,
        first.size()
    );
    assert!(now().ms() / 1000 - seconds < 60);
    // The same again is cosigned again: there is nothing new to remember.
    assert_eq!(witness.add_checkpoint(&ask(first.size(), "", &first.note)).status, 200);

    police.publish(draft(now()), None).await.unwrap();
    let second = police.checkpoint().await.unwrap();
    witness.restart();
    let answer = witness.add_checkpoint(&ask(0, "", &second.note));
    assert_eq!((answer.status, answer.body), (409, format!("{}\n", first.size())));
    assert!(answer.head.contains("content-type: text/x.tlog.size"), "{}", answer.head);
    assert_eq!(witness.add_checkpoint(&ask(first.size(), "", &second.note)).status, 422);
    assert!(witness.log_lines().contains("witnessing"));
    assert_eq!(witness.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_witness_does_not_understand_or_know_is_refused() {
    let stage = Stage::start();
    let witness = stage.witness("observer");
    let home = stage.path("observer/home");
    let mode = |name: &str| fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("witness.key"), mode("cosigned")), (0o700, 0o600, 0o600));

    let police = stage.connect("police", Role::Service).await;
    let note = police.checkpoint().await.unwrap().note.clone();
    for (body, status) in [
        (String::new(), 400),
        ("old 0\n\nno note".to_owned(), 400),
        (format!("old 999999\n\n{note}"), 400),
        (format!("old 0\n\n{}", note.replace("portway.test", "portway.best")), 404),
        (format!("old 0\n\n{}", note.replacen('\n', "\n1", 1)), 403),
        ("x".repeat(65 << 10), 413),
    ] {
        assert_eq!(witness.add_checkpoint(&body).status, status, "{body}");
    }
    assert_eq!(witness.ask("GET /add-checkpoint", "").status, 405);
    assert_eq!(witness.ask("GET /", "").body, "portway witness\n");
    assert_eq!(witness.ask("GET /cosigned", "").status, 404);
    assert_eq!(witness.add_checkpoint(&format!("old 0\n\n{note}")).status, 200);
}
