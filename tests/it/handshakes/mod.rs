//! Who is turned away at the door, and that the operator can see how often and why.

mod crowd;
mod flood;

use std::collections::BTreeMap;

use crate::stage::{Cli, Door, Role, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_turned_away_and_counted_by_reason() {
    let stage = Stage::start();
    let trusting = stage.home("police", Role::Service);
    Door::of(&trusting).knock(&stage.address).await.expect("one of us");

    for door in [
        Door::without_certificate(&trusting),
        Door::of(&stage.path("stranger")),
        Door::of(&stage.path("impostor")),
    ] {
        door.knock(&stage.address).await.expect_err("a stranger");
    }

    let operator = Cli::of(&stage, "", Role::Operator);
    let mut counted = counted(&operator);
    // A peer may hear of it a moment before it is counted.
    while counted.len() < 3 {
        counted = self::counted(&operator);
    }
    let due = ["CA_NOT_ENTITLED", "NO_CERTIFICATE", "UNKNOWN_CA"];
    assert_eq!(counted, due.map(|reason| (reason.to_owned(), "1".to_owned())).into());

    let text = operator.run(["status"]).done();
    assert!(text.contains("handshakes turned away, UNKNOWN_CA: 1\n"), "{text}");
    let officer = Cli::of(&stage, "police", Role::Officer).run(["status", "--json"]).json();
    assert!(officer.get("handshakes_refused").is_none(), "{officer}");
}

/// What `status --json` says of it; 64-bit numbers are text in protobuf's JSON.
pub(crate) fn counted(operator: &Cli) -> BTreeMap<String, String> {
    let status = operator.run(["status", "--json"]).json();
    serde_json::from_value(status["handshakes_refused"].clone()).unwrap_or_default()
}
