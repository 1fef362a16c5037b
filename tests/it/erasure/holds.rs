//! An evidence hold turns an erasure into a restriction.

use portway::{
    domain::{HoldReason, Reason},
    record::Event,
};

use super::{
    remains::Remains,
    scene::{self, Marked},
};
use crate::stage::{Cli, Role, Stage, events, now};

fn is_left(stage: &Stage, alert: &Marked) -> bool {
    !alert.places(&Remains::of(&stage.path("broker"))).is_empty()
}

/// P5: what is held is not disclosed, and not erased though two officers want it; released, it is erased at once.
#[tokio::test(flavor = "multi_thread")]
async fn p5_what_is_held_is_neither_disclosed_nor_erased_until_it_is_released() {
    let mut stage = scene::stage().await;
    let alerts = scene::plant(&stage, 2).await;
    let officer = stage.connect("police", Role::Officer).await;
    let review = now().plus_days(30);
    let held = officer.hold_evidence(alerts[0].id, HoldReason::LegalClaim, review).await.unwrap();
    let again = officer.hold_evidence(alerts[0].id, HoldReason::LegalClaim, review).await.unwrap();
    assert_eq!(again, held, "the same again is answered as the first time");
    scene::deliver(&stage, 1).await;
    let events = events(&officer).await;
    let refused = events
        .iter()
        .filter(|(_, it)| matches!(it, Event::Refused(it) if it.reason == Reason::EvidenceHeld));
    assert_eq!(refused.count(), 1, "the held one was refused to its recipient");

    let order = scene::order(&officer, &alerts).await;
    let deputy = stage.connect("police", Role::Deputy).await;
    let approved = deputy.approve_erasure(order).await.unwrap();
    assert_eq!((approved.erased, approved.held), (1, 1));
    stage.terminate();
    assert!(is_left(&stage, &alerts[0]) && !is_left(&stage, &alerts[1]));
    stage.serve_again();

    let officer = stage.connect("police", Role::Officer).await;
    let listed = officer.list_erasures().await.unwrap();
    assert_eq!((listed.orders.len(), listed.holds.len()), (1, 1));
    assert!(listed.orders[0].approved && listed.holds[0].index == held);
    let released = officer.release_hold(alerts[0].id).await.unwrap();
    assert!(released.erased);
    let listed = officer.list_erasures().await.unwrap();
    assert_eq!((listed.orders.len(), listed.holds.len()), (0, 0));
    stage.terminate();
    assert!(!is_left(&stage, &alerts[0]));
}

/// The command line does the same.
#[tokio::test(flavor = "multi_thread")]
async fn officers_erase_and_hold_from_the_command_line() {
    let stage = scene::stage().await;
    let alerts = scene::plant(&stage, 2).await;
    let (one, other) = (alerts[0].id.to_string(), alerts[1].id.to_string());
    let officer = Cli::of(&stage, "police", Role::Officer);
    let deputy = Cli::of(&stage, "police", Role::Deputy);

    let order = officer.run(["erase", "order", &one, &other, "--reason", "S47", "--json"]).json();
    let order = order["order"].to_string();
    let (reason, _) = officer.run(["erase", "approve", &order, "--json"]).failed_json(3);
    assert_eq!(reason, "SAME_OFFICER");
    let hold = ["erase", "hold", &other, "--reason", "INQUIRY", "--review-days", "90"];
    assert!(officer.run(hold).done().starts_with("held: record "));
    let text = deputy.run(["erase", "list"]).done();
    assert!(
        text.contains(&format!("order {order}: 2 alerts for S47 by agency/police/officer/ig-1"))
    );
    assert!(text.contains(" for INQUIRY, to be reviewed by "), "{text}");
    let text = deputy.run(["erase", "approve", &order]).done();
    assert!(text.contains("erased: 1, held: 1"), "{text}");
    let text = officer.run(["erase", "release", &other]).done();
    assert!(text.starts_with("released, and erased: record "), "{text}");
    assert_eq!(officer.run(["erase", "list"]).done(), "");
    let (reason, _) = deputy.run(["erase", "withdraw", &order, "--json"]).failed_json(3);
    assert_eq!(reason, "ERASURE_UNKNOWN");
}
