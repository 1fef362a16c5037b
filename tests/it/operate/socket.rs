//! The day when no certificate works.

use portway::{domain::Fingerprint, record::Event};

use super::done;
use crate::stage::{Cli, Role, Stage, events};

#[tokio::test(flavor = "multi_thread")]
async fn who_runs_the_broker_needs_no_certificate() {
    let stage = Stage::start();
    let socket = stage.path("broker/operate.sock");
    let at = ["--socket", socket.to_str().unwrap()];
    let nobody = Cli::nobody();
    let reloaded = done(&nobody, &[&["reload"], &at[..]].concat());
    let suspended = done(&nobody, &[&["suspend", "--agency", "housing"], &at[..]].concat());
    let officer = stage.connect("police", Role::Officer).await;
    let by: Vec<_> = events(&officer)
        .await
        .into_iter()
        .filter_map(|(index, event)| {
            if let Event::Barred { by, .. } = event {
                Some((index, by))
            } else if let Event::Reloaded(it) = event {
                Some((index, it.by.unwrap()))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(by.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [reloaded, suspended]);
    for (_, by) in by {
        assert_eq!(by.seat.to_string(), "operator/local");
        assert_eq!(by.certificate, Fingerprint([0; 32]));
    }
    // Only what operators do is served there.
    let elsewhere = stage.path("broker/none.sock");
    let said = nobody.run(["operate", "reload", "--socket", elsewhere.to_str().unwrap()]);
    said.failed(5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_goes_with_the_broker() {
    let mut stage = Stage::start();
    assert!(stage.path("broker/operate.sock").exists());
    stage.terminate();
    assert!(!stage.path("broker/operate.sock").exists());
    stage.serve_again();
    stage.kill();
    assert!(stage.path("broker/operate.sock").exists());
    stage.serve_again();
    let socket = stage.path("broker/operate.sock");
    Cli::nobody().run(["operate", "reload", "--socket", socket.to_str().unwrap()]).done();
}
