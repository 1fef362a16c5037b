//! A disk without space, as a limit on the size of files gives it: the kernel then says so to every write.

use portway::{domain::QueryPurpose, record::Event};
use tonic::Code;
use tonic_types::StatusExt;

use crate::stage::{Role, SUBSCRIPTION, Stage, draft, events, now, open, request, size};

/// What was acknowledged stays, nothing is lost or half done, reading goes on, and once there is space everything
/// else does too, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn without_space_nothing_is_taken_and_with_space_again_everything_goes_on() {
    let mut stage = Stage::set();
    stage.serve_limited(300 << 10);
    stage.enrol();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await;
    let mut receipts = vec![police.publish(request(draft(now()))).await.unwrap()];
    let mut unanswered = request(draft(now()));
    let full = loop {
        match police.publish(unanswered.clone()).await {
            Ok(receipt) => receipts.push(receipt),
            Err(status) => break status,
        }
        unanswered = request(draft(now()));
    };
    assert_eq!(full.code(), Code::Unavailable, "{full:?}");
    assert!(full.get_details_retry_info().is_some());
    let officer = stage.connect("police", Role::Officer).await;
    let size_when_full = size(&officer).await;
    for _ in 0..20 {
        let status = police.publish(unanswered.clone()).await.expect_err("still full");
        assert_eq!(status.code(), Code::Unavailable);
    }
    let council = stage.speak("council", Role::Service).await;
    let opening = Some(portway::pb::v1::subscribe_request::Message::Open(open(SUBSCRIPTION)));
    let status = council.stream(opening).await.expect_err("its opening cannot be recorded");
    assert_eq!(status.code(), Code::Unavailable);
    let read = officer.show_record(receipts[0].index, QueryPurpose::Lawfulness).await;
    read.expect_err("nor can a read");
    assert_eq!(size(&officer).await, size_when_full, "proofs are still to be had");
    // The journal was read anew once, and not for every write that came after.
    let log = stage.log_lines();
    assert_eq!(log.matches("the state is read anew").count(), 1, "{log}");
    assert_eq!(log.matches("nothing is recorded or disclosed until").count(), 1, "{log}");

    stage.lift_limit();
    let receipt = loop {
        // The disk is asked once a second.
        match police.publish(unanswered.clone()).await {
            Ok(receipt) => break receipt,
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
    };
    assert!(!receipt.repeated_request, "it was not taken before");
    receipts.push(receipt);
    stage.terminate();
    stage.serve_again();
    let officer = stage.connect("police", Role::Officer).await;
    let events = events(&officer).await;
    for receipt in &receipts {
        let at = events.iter().find(|(index, _)| *index == receipt.index);
        assert!(matches!(at, Some((_, Event::Published(_)))), "{at:?}");
    }
    let published = events.iter().filter(|(_, it)| matches!(it, Event::Published(_)));
    assert_eq!(published.count(), receipts.len());
}
