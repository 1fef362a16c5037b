//! How much one agency may have in progress: calls, large calls, streams, connections; and for how long.

use portway::pb::v1 as pb;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{Aside, check_load};
use crate::stage::{Door, Role, SUBSCRIPTION, Speaker, Stage, Talk, open};

const PUBLISH: &str = "/portway.v1.Exchange/Publish";
const SUBSCRIBE: &str = "/portway.v1.Subscriptions/CreateSubscription";

async fn status(speaker: &Speaker) -> Result<(), Status> {
    speaker.operations().get_status(pb::GetStatusRequest {}).await.map(|_| ())
}

async fn list(speaker: &Speaker) -> Result<(), Status> {
    let request = pb::ListSubscriptionsRequest {};
    speaker.subscriptions().list_subscriptions(request).await.map(|_| ())
}

async fn follow(speaker: &Speaker) -> Result<Talk, Status> {
    speaker.stream(Some(pb::subscribe_request::Message::Open(open(SUBSCRIPTION)))).await
}

/// A call that never comes to its message takes a place until its time is over.
#[tokio::test(flavor = "multi_thread")]
async fn calls_in_progress_are_bounded_by_agency_and_in_time() {
    let stage = Stage::start_with(
        "[limits]\ncalls_per_agency_max = 1\ngovernance_calls_per_agency_max = 1\ncall_timeout_ms = 3000\n",
    );
    let police = stage.speak("police", Role::Service).await;
    // Over another connection: it is the agency that counts.
    let second = stage.speak("police", Role::Service).await;
    let officer = stage.speak("police", Role::Officer).await;
    let council = stage.speak("council", Role::Service).await;
    for path in [PUBLISH, SUBSCRIBE] {
        let hanging = {
            let police = police.clone();
            Aside::begin(async move {
                loop {
                    let ended = police.send_nothing(path).await.expect_err("it says nothing");
                    // The other may have had the one place just then.
                    if ended.code() != Code::ResourceExhausted {
                        return ended;
                    }
                }
            })
        };
        // Until it has arrived there is room.
        let refused = loop {
            let asked = if path == PUBLISH { status(&second).await } else { list(&second).await };
            if let Err(status) = asked {
                break status;
            }
            assert!(!hanging.is_finished(), "it took no place");
        };
        check_load(&refused, "TOO_MANY_CALLS");
        status(&officer).await.expect("its systems cannot keep its officers out");
        list(&officer).await.expect("its systems cannot keep its officers out");
        status(&council).await.expect("places of its own");
        list(&council).await.expect("places of its own");
        let ended = hanging.end().await;
        assert_eq!(ended.code(), Code::DeadlineExceeded, "{ended:?}");
        assert_eq!(ended.get_details_error_info().unwrap().reason, "DEADLINE_EXCEEDED");
        // Its place is free again.
        status(&second).await.unwrap();
        list(&second).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_are_bounded_by_agency() {
    let stage = Stage::start_with("[limits]\nstreams_per_agency_max = 1\n");
    stage.agree().await;
    stage.subscribe("council").await;
    stage.subscribe("housing").await;
    let council = stage.speak("council", Role::Service).await;
    let held = follow(&council).await.unwrap();
    let other = stage.speak("council", Role::Service).await;
    check_load(&follow(&other).await.expect_err("one is open"), "TOO_MANY_STREAMS");
    let bulk = other.exchange().publish_many(tokio_stream::pending()).await;
    check_load(&bulk.expect_err("of whatever kind"), "TOO_MANY_STREAMS");
    status(&other).await.expect("calls have places of their own");
    let housing = stage.speak("housing", Role::Service).await;
    follow(&housing).await.expect("places of its own");
    drop(held);
    // The broker hears of the end a moment later.
    while let Err(status) = follow(&other).await {
        check_load(&status, "TOO_MANY_STREAMS");
    }
}

/// What is above the bound of one connection waits at the client, as HTTP/2 has it.
#[tokio::test(flavor = "multi_thread")]
async fn streams_on_one_connection_are_bounded() {
    let stage = Stage::start_with("[limits]\nstreams_per_connection_max = 1\n");
    stage.agree().await;
    stage.subscribe("council").await;
    let council = stage.speak("council", Role::Service).await;
    let held = follow(&council).await.unwrap();
    let waiting = {
        let council = council.clone();
        Aside::begin(async move { status(&council).await })
    };
    let elsewhere = stage.speak("council", Role::Service).await;
    status(&elsewhere).await.expect("another connection");
    assert!(!waiting.is_finished(), "it was let in");
    drop(held);
    waiting.end().await.expect("after the stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_bounded_by_agency() {
    let stage = Stage::start_editing(|text| {
        text.replace("[server]\n", "[server]\nconnections_per_agency_max = 2\n")
    });
    let first = stage.speak("police", Role::Service).await;
    status(&first).await.unwrap();
    let second = stage.speak("police", Role::Officer).await;
    status(&second).await.unwrap();
    Door::of(&stage.home("police", Role::Service)).knock(&stage.address).await.expect_err("full");
    let council = stage.speak("council", Role::Service).await;
    status(&council).await.expect("connections of its own");
    status(&first).await.expect("those that are open stay");
}

/// The connection is not lost with the call.
#[tokio::test(flavor = "multi_thread")]
async fn headers_that_are_too_large_are_not_taken() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    let mut request = tonic::Request::new(pb::GetStatusRequest {});
    request.metadata_mut().insert("x-large", "a".repeat(32 << 10).parse().unwrap());
    police.operations().get_status(request).await.expect_err("too large");
    status(&police).await.expect("the broker goes on");
}
