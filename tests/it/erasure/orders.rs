//! Erasure by the order of two officers.

use std::fs;

use portway::{
    client::Error,
    domain::{QueryPurpose, Reason},
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
    record::{Event, Retention},
};

use super::{
    remains::Remains,
    scene::{self, Marked, Proofs},
};
use crate::stage::{Cli, Role, SUBSCRIPTION, copy_dir, events, open};

/// Finds all of some alerts, and nothing of others.
fn only(remains: &Remains, kept: &[Marked], erased: &[Marked]) {
    assert!(remains.keys > 0 && remains.bodies >= kept.len() + erased.len());
    for alert in kept {
        assert!(!alert.places(remains).is_empty(), "the search finds what is there");
    }
    for alert in erased {
        assert_eq!(alert.places(remains), [""; 0], "P5: something of {} is left", alert.id);
    }
}

/// P5: half of the alerts are erased by order: nothing of them is left in any file with any key, and all that was
/// ever proven still is, before and after another start.
#[tokio::test(flavor = "multi_thread")]
async fn p5_after_an_erasure_nothing_is_left_and_every_proof_verifies() {
    let mut stage = scene::stage().await;
    let count = scene::planted();
    let alerts = scene::plant(&stage, count).await;
    scene::deliver(&stage, count).await;
    Proofs::of(&stage).keep("before", &alerts);
    let (erased, kept) = alerts.split_at(count / 2);

    for alerts in erased.chunks(1024) {
        scene::erase(&stage, alerts).await;
    }

    let proofs = Proofs::of(&stage);
    proofs.keep("after", &alerts);
    proofs.verify("before", count);
    proofs.verify("after", count);
    stage.terminate();
    only(&Remains::of(&stage.path("broker")), kept, erased);
    stage.serve_again();
    let proofs = Proofs::of(&stage);
    proofs.keep("again", &alerts);
    proofs.verify("before", count);
    proofs.verify("again", count);
    stage.terminate();
    only(&Remains::of(&stage.path("broker")), kept, erased);
}

/// P5: the record of an erasure is durable, and a crash comes before the keys are overwritten and the anchor is
/// told. The same files are what an old copy of the keys brings back. The next start makes it good.
#[tokio::test(flavor = "multi_thread")]
async fn p5_an_erasure_that_a_crash_interrupts_is_finished_by_the_next_start() {
    let mut stage = scene::stage().await;
    let alerts = scene::plant(&stage, 8).await;
    let (erased, kept) = alerts.split_at(4);
    let old = stage.path("old");
    for name in ["keys", "anchor"] {
        copy_dir(&stage.path("broker").join(name), &old.join(name));
    }
    scene::erase(&stage, erased).await;
    stage.kill();
    let broker = stage.path("broker");
    // Before the crash the anchor was behind; an old copy of the keys has the newer anchor beside it.
    for names in [&["keys", "anchor"][..], &["keys"]] {
        for name in names {
            fs::remove_dir_all(broker.join(name)).unwrap();
            copy_dir(&old.join(name), &broker.join(name));
        }
        let back = Remains::of(&broker);
        assert!(erased.iter().all(|it| !it.places(&back).is_empty()), "the old keys open them");

        stage.serve_again();
        stage.terminate();

        only(&Remains::of(&broker), kept, erased);
    }
}

/// P4, P5: an alert that waits is not delivered any more, one that was sent and not acknowledged is not sent again,
/// and whoever may hold it unread is cut; each of them is told why.
#[tokio::test(flavor = "multi_thread")]
async fn p5_nothing_of_an_erased_alert_leaves_any_more() {
    let stage = scene::stage().await;
    stage.subscribe("housing").await;
    let alerts = scene::plant(&stage, 3).await;
    let council = stage.speak("council", Role::Service).await;
    let opening = pb::Open { credit: 2, ..open(SUBSCRIPTION) };
    let mut talk = council.stream(Some(Ask::Open(opening))).await.unwrap();
    assert_eq!((talk.delivery().await.number, talk.delivery().await.number), (1, 2));

    let approved = scene::erase(&stage, &alerts[1..]).await;

    let status = loop {
        match talk.answers.message().await {
            Ok(Some(it)) => assert!(!matches!(it.message, Some(Answer::Delivery(_))), "P5: leaves"),
            Ok(None) => panic!("the stream was ended in order"),
            Err(status) => break status,
        }
    };
    assert!(std::error::Error::source(&status).is_some(), "the broker sent a status: {status:?}");
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    assert!(talk.delivery().await.redelivery, "the first one is still there");
    loop {
        match talk.answers.message().await.unwrap().unwrap().message.unwrap() {
            Answer::Skipped(it) => {
                assert_eq!((it.number, it.reason.as_str()), (2, Reason::Erased.code()));
                break;
            }
            Answer::Delivery(_) => panic!("P5: an erased alert was delivered"),
            Answer::Heartbeat(_) | Answer::Notice(_) | Answer::Opened(_) => {}
        }
    }
    let events = events(&stage.connect("police", Role::Officer).await).await;
    let refused = |it: &&(u64, Event)| {
        it.0 > approved
            && matches!(&it.1, Event::Refused(it)
                if it.reason == Reason::Erased && it.published.is_some())
    };
    // The council was owed the third, and housing two of the three.
    assert_eq!(events.iter().filter(refused).count(), 3);
    let erased =
        events.iter().filter(|(_, it)| matches!(it, Event::Retention(Retention::Erased(_))));
    assert_eq!(erased.count(), 1);
}

/// The publisher's repeat of a request is told that the alert was erased: whether the content is the same cannot
/// be told any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_of_an_erased_publish_is_told_so() {
    let stage = scene::stage().await;
    let police = stage.connect("police", Role::Service).await;
    let id = uuid::Uuid::now_v7();
    let alert = crate::stage::draft(crate::stage::now());
    let receipt = police.publish(alert.clone(), Some(id)).await.unwrap();
    let repeated = police.publish(alert.clone(), Some(id)).await.unwrap();
    assert_eq!(receipt.index, repeated.index);
    let officer = stage.connect("police", Role::Officer).await;
    let ids = [receipt.alert.parse().unwrap()];
    let reason = portway::domain::ErasureReason::PublishedInError;
    let order = officer.order_erasure(&ids, reason).await.unwrap();
    stage.connect("police", Role::Deputy).await.approve_erasure(order).await.unwrap();

    let error = police.publish(alert, Some(id)).await.expect_err("erased");

    let Error::Refused { reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::Erased.code());
    let error = officer.order_erasure(&ids, portway::domain::ErasureReason::S47).await;
    let Err(Error::Refused { reason, .. }) = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::Erased.code(), "nothing is erased twice");
}

/// An order that is withdrawn erases nothing, and is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_order_erases_nothing() {
    let mut stage = scene::stage().await;
    let alerts = scene::plant(&stage, 2).await;
    let officer = stage.connect("police", Role::Officer).await;
    let order = scene::order(&officer, &alerts).await;
    let listed = officer.list_erasures().await.unwrap();
    assert_eq!(listed.orders.len(), 1);
    assert_eq!((listed.orders[0].order, listed.orders[0].published.len()), (order, 2));

    // It is still there after another start.
    stage.terminate();
    stage.serve_again();
    let officer = stage.connect("police", Role::Officer).await;
    officer.withdraw_erasure(order).await.unwrap();

    let deputy = stage.connect("police", Role::Deputy).await;
    let error = deputy.approve_erasure(order).await.expect_err("withdrawn");
    let Error::Refused { reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::ErasureUnknown.code());
    assert!(officer.list_erasures().await.unwrap().orders.is_empty());
    stage.terminate();
    only(&Remains::of(&stage.path("broker")), &alerts, &[]);
}

/// UK GDPR Art 19: whoever received what is erased by order is told to delete it, and is listed until it says that it
/// has; whoever did not receive it is told nothing.
#[tokio::test(flavor = "multi_thread")]
async fn recipients_of_what_is_erased_are_told_to_delete_it_and_listed_until_they_have() {
    let mut stage = scene::stage().await;
    stage.subscribe("housing").await;
    let alerts = scene::plant(&stage, 2).await;
    scene::deliver(&stage, 2).await;
    let id = alerts[0].id.to_string();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let order = officer.run(["erase", "order", &id, "--reason", "ARTICLE_17", "--json"]).json();
    let order = order["order"].to_string();
    let council = Cli::of(&stage, "council", Role::Service);
    assert_eq!(council.run(["notices"]).done(), "", "an order alone erases nothing");
    Cli::of(&stage, "police", Role::Deputy).run(["erase", "approve", &order]).done();

    // The erasure's answer waits for no recipient to be found.
    let police = stage.connect("police", Role::Officer).await;
    let (purpose, all) = (QueryPurpose::Lawfulness, (None, false));
    while police.list_notices(purpose, all, String::new()).await.unwrap().notices.is_empty() {
        tokio::task::yield_now().await;
    }
    let standing = |officer: &Cli, state: &str| {
        let text = officer.run(["rights", "notices", "--outstanding"]).done();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.ends_with(&format!("DELETE of {id} to council: {state}\n")), "{text}");
    };
    standing(&officer, "waiting");
    // Whoever was told to delete it is not told to keep it.
    let restrict = ["rights", "restrict", &id, "--reason", "UNLAWFUL", "--json"];
    assert_eq!(officer.run(restrict).failed_json(3).0, "ERASED");
    assert_eq!(officer.run(["erase", "list"]).done(), "", "the order is done");
    let text = council.run(["notices"]).done();
    assert!(text.starts_with(&format!("1  {id} of police: DELETE: delete it (record ")), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let housing = Cli::of(&stage, "housing", Role::Service);
    assert_eq!(housing.run(["notices"]).done(), "", "it never had it");

    stage.terminate();
    stage.serve_again();
    let officer = Cli::of(&stage, "police", Role::Officer);
    let council = Cli::of(&stage, "council", Role::Service);
    standing(&officer, "sent");
    let told = council.run(["notices", "--json"]).lines();
    assert_eq!(told.len(), 1, "it comes until it is acknowledged");
    assert_eq!(told[0]["kind"], "ALERT_NOTICE_KIND_DELETE");
    council.run(["notices", "--ack", "1", "--max", "0"]).done();
    assert_eq!(council.run(["notices"]).done(), "");
    assert_eq!(officer.run(["rights", "notices", "--outstanding"]).done(), "");
    let text = officer.run(["rights", "notices"]).done();
    assert!(text.ends_with(&format!("DELETE of {id} to council: acknowledged\n")), "{text}");
}
