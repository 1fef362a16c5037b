//! `Exchange.Subscribe`, before the stream is open.

use portway::{
    domain::{Act, Reason},
    pb::v1::{self as pb, subscribe_request::Message as Ask},
};
use tonic::Code;

use crate::stage::{Due, Role, SUBSCRIPTION, Stage, draft, now, open, request, subscription};

const fn due(code: Code, reason: Reason) -> Due {
    Due { code, reason, act: Act::OpenStream }
}

/// A broker with an agreement in force, and the council's subscription.
async fn ready() -> Stage {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_that_does_not_begin_with_open() {
    let stage = ready().await;
    let council = stage.speak("council", Role::Service).await;
    let position = vec![0; 48].into();
    for first in [
        Some(Ask::Credit(pb::Credit { more: 1 })),
        Some(Ask::Acknowledge(pb::Acknowledge { position })),
        Some(Ask::Finish(pb::Finish {})),
        None,
    ] {
        let status = council.stream(first).await.expect_err("not opened");
        let out_of_order = due(Code::InvalidArgument, Reason::OutOfOrder);
        out_of_order.check(&stage, "council", &status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_with_an_opening_that_is_wrong() {
    let stage = ready().await;
    let council = stage.speak("council", Role::Service).await;
    let good = open(SUBSCRIPTION);
    let cases = [
        (pb::Open { subscription: "none".to_owned(), ..good.clone() }, UNKNOWN),
        (pb::Open { subscription: String::new(), ..good.clone() }, MISSING),
        (pb::Open { purpose: 0, ..good.clone() }, MISSING),
        (pb::Open { purpose: 999, ..good.clone() }, (Code::InvalidArgument, Reason::UnknownCode)),
        (
            pb::Open { purpose: pb::Purpose::HealthAndCare.into(), ..good.clone() },
            (Code::PermissionDenied, Reason::PurposeNotAgreed),
        ),
        (pb::Open { credit: 1001, ..good.clone() }, CREDIT),
        (pb::Open { credit: u32::MAX, ..good.clone() }, CREDIT),
        (pb::Open { resume: vec![7; 48].into(), ..good.clone() }, FORGED),
        (pb::Open { resume: vec![7].into(), ..good.clone() }, FORGED),
        (
            pb::Open { checkpoint: "not a note".to_owned(), ..good.clone() },
            (Code::InvalidArgument, Reason::CheckpointInvalid),
        ),
    ];
    for (bad, (code, reason)) in cases {
        let status = council.stream(Some(Ask::Open(bad))).await.expect_err(reason.code());
        due(code, reason).check(&stage, "council", &status).await;
    }
    // What was no signature of this log does not stop the broker.
    council.stream(Some(Ask::Open(good))).await.expect("the right opening");
}

const UNKNOWN: (Code, Reason) = (Code::NotFound, Reason::SubscriptionUnknown);
const MISSING: (Code, Reason) = (Code::InvalidArgument, Reason::MissingField);
const CREDIT: (Code, Reason) = (Code::InvalidArgument, Reason::CreditOutOfBounds);
const FORGED: (Code, Reason) = (Code::InvalidArgument, Reason::PositionForged);

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_to_those_it_is_not_for() {
    let stage = ready().await;
    let wrong_role = due(Code::PermissionDenied, Reason::WrongRole);
    for (agency, role) in [("council", Role::Officer), ("", Role::Operator)] {
        let speaker = stage.speak(agency, role).await;
        let opening = Some(Ask::Open(open(SUBSCRIPTION)));
        let status = speaker.stream(opening).await.expect_err("not a service");
        wrong_role.check(&stage, "council", &status).await;
    }
    // A subscription of that name is the council's, and nobody else learns that there is one.
    let housing = stage.speak("housing", Role::Service).await;
    let status = housing.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.expect_err("another's");
    let (code, reason) = UNKNOWN;
    due(code, reason).check(&stage, "housing", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_that_resumes_at_a_position_of_another_subscription() {
    let stage = ready().await;
    let council = stage.connect("council", Role::Service).await;
    council.create_subscription(subscription("second", now())).await.unwrap();
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let speaker = stage.speak("council", Role::Service).await;
    let mut first = speaker.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let resume = first.delivery().await.position;

    let second = pb::Open { resume, ..open("second") };
    let status = speaker.stream(Some(Ask::Open(second))).await.expect_err("of another");

    let (code, reason) = FORGED;
    due(code, reason).check(&stage, "council", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_subscribe_after_the_subscription_was_deleted() {
    let stage = ready().await;
    let council = stage.connect("council", Role::Service).await;
    council.delete_subscription(SUBSCRIPTION).await.unwrap();
    let speaker = stage.speak("council", Role::Service).await;
    let status = speaker.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.expect_err("deleted");
    let (code, reason) = UNKNOWN;
    due(code, reason).check(&stage, "council", &status).await;
}
