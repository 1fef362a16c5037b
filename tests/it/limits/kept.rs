//! What an agency has the broker keep: refused with a reason, and recorded, like any other decision.

use portway::{
    adapters,
    domain::{Act, Reason, agreement::VERSIONS_PER_AGENCY_MAX, subscription::PER_AGENCY_MAX},
    record,
};
use tokio::task::JoinSet;
use tonic::Code;

use crate::stage::{AGREEMENT, Due, Role, Stage, agreement_toml, now, subscription};

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_has_no_more_proposals_waiting_than_its_bound() {
    let stage = Stage::start();
    let named = |number: usize| {
        let text = agreement_toml(now()).replacen(AGREEMENT, &format!("plan-{number}"), 1);
        record::agreement_to_pb(&adapters::agreement::parse(&text).unwrap())
    };
    let officer = stage.connect("police", Role::Officer).await;
    for number in 0..VERSIONS_PER_AGENCY_MAX {
        officer.propose_agreement(named(number)).await.unwrap();
    }
    let police = stage.speak("police", Role::Officer).await;
    let more = || portway::pb::v1::ProposeAgreementRequest { agreement: Some(named(999)) };
    let status = police.agreements().propose_agreement(more()).await.expect_err("one too many");
    let reason = Reason::TooManyProposals;
    let due = Due { code: Code::FailedPrecondition, reason, act: Act::ProposeAgreement };
    due.check(&stage, "police", &status).await;
    let council = stage.speak("council", Role::Officer).await;
    council.agreements().propose_agreement(more()).await.expect("a bound of its own");
    officer.withdraw_agreement("plan-3").await.unwrap();
    officer.propose_agreement(named(1000)).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agency_has_no_more_subscriptions_than_its_bound() {
    let stage = Stage::start();
    stage.agree().await;
    let council = stage.connect("council", Role::Service).await;
    let create = async |name: String| {
        let council = council.clone();
        council.create_subscription(subscription(&name, now())).await
    };
    for first in (0..PER_AGENCY_MAX).step_by(10) {
        let mut some = JoinSet::new();
        for number in first..first + 10 {
            let council = council.clone();
            let asked = subscription(&format!("s-{number}"), now());
            some.spawn(async move { council.create_subscription(asked).await });
        }
        assert!(some.join_all().await.iter().all(Result::is_ok));
    }
    create("s-3".to_owned()).await.expect_err("another content");
    let speaker = stage.speak("council", Role::Service).await;
    let subscription = Some(subscription("one-more", now()));
    let request = portway::pb::v1::CreateSubscriptionRequest { subscription };
    let status = speaker.subscriptions().create_subscription(request).await.expect_err("too many");
    let act = Act::CreateSubscription;
    let due = Due { code: Code::InvalidArgument, reason: Reason::OutOfBounds, act };
    due.check(&stage, "council", &status).await;
    stage.subscribe("housing").await;
    council.delete_subscription("s-3").await.unwrap();
    create("one-more".to_owned()).await.expect("there is room again");
}
