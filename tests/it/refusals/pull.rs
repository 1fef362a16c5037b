//! `Exchange.Pull`.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::Code;

use crate::stage::{Due, Role, SUBSCRIPTION, Stage, draft, now, pull, request, subscription};

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
async fn refuses_pull_that_asks_for_something_wrong() {
    let stage = ready().await;
    let council = stage.speak("council", Role::Service).await;
    let good = pull(SUBSCRIPTION);
    let cases = [
        (pb::PullRequest { subscription: "none".to_owned(), ..good.clone() }, UNKNOWN),
        (pb::PullRequest { subscription: String::new(), ..good.clone() }, MISSING),
        (pb::PullRequest { purpose: 0, ..good.clone() }, MISSING),
        (
            pb::PullRequest { purpose: 999, ..good.clone() },
            (Code::InvalidArgument, Reason::UnknownCode),
        ),
        (
            pb::PullRequest { purpose: pb::Purpose::HealthAndCare.into(), ..good.clone() },
            (Code::PermissionDenied, Reason::PurposeNotAgreed),
        ),
        (pb::PullRequest { max: 0, ..good.clone() }, CREDIT),
        (pb::PullRequest { max: 1001, ..good.clone() }, CREDIT),
        (pb::PullRequest { max: u32::MAX, ..good.clone() }, CREDIT),
        (pb::PullRequest { resume: vec![7; 48].into(), ..good.clone() }, FORGED),
        (pb::PullRequest { resume: vec![7].into(), ..good.clone() }, FORGED),
        (
            pb::PullRequest { checkpoint: "not a note".to_owned(), ..good.clone() },
            (Code::InvalidArgument, Reason::CheckpointInvalid),
        ),
    ];
    for (bad, (code, reason)) in cases {
        let status = council.exchange().pull(bad).await.expect_err(reason.code());
        due(code, reason).check(&stage, "council", &status).await;
    }
    council.exchange().pull(good).await.expect("the right question");
}

const UNKNOWN: (Code, Reason) = (Code::NotFound, Reason::SubscriptionUnknown);
const MISSING: (Code, Reason) = (Code::InvalidArgument, Reason::MissingField);
const CREDIT: (Code, Reason) = (Code::InvalidArgument, Reason::CreditOutOfBounds);
const FORGED: (Code, Reason) = (Code::InvalidArgument, Reason::PositionForged);

#[tokio::test(flavor = "multi_thread")]
async fn refuses_pull_to_those_it_is_not_for() {
    let stage = ready().await;
    let wrong_role = due(Code::PermissionDenied, Reason::WrongRole);
    for (agency, role) in [("council", Role::Officer), ("", Role::Operator)] {
        let speaker = stage.speak(agency, role).await;
        let status = speaker.exchange().pull(pull(SUBSCRIPTION)).await.expect_err("not a service");
        wrong_role.check(&stage, "council", &status).await;
    }
    let housing = stage.speak("housing", Role::Service).await;
    let status = housing.exchange().pull(pull(SUBSCRIPTION)).await.expect_err("another's");
    let (code, reason) = UNKNOWN;
    due(code, reason).check(&stage, "housing", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_pull_that_resumes_at_a_position_of_another_subscription() {
    let stage = ready().await;
    let council = stage.connect("council", Role::Service).await;
    council.create_subscription(subscription("second", now())).await.unwrap();
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let speaker = stage.speak("council", Role::Service).await;
    let first = speaker.exchange().pull(pull(SUBSCRIPTION)).await.unwrap().into_inner();

    let second = pb::PullRequest { resume: first.position, ..pull("second") };
    let status = speaker.exchange().pull(second).await.expect_err("of another");

    let (code, reason) = FORGED;
    due(code, reason).check(&stage, "council", &status).await;
}
