//! `Subscriptions`.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::{Code, Status};

use crate::stage::{Due, Role, SUBSCRIPTION, Speaker, Stage, now, subscription, time};

async fn ready() -> (Stage, Speaker) {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let council = stage.speak("council", Role::Service).await;
    (stage, council)
}

async fn create(speaker: &Speaker, subscription: Option<pb::Subscription>) -> Status {
    let request = pb::CreateSubscriptionRequest { subscription };
    speaker.subscriptions().create_subscription(request).await.expect_err("refused")
}

async fn delete(speaker: &Speaker, name: &str) -> Status {
    let request = pb::DeleteSubscriptionRequest { name: name.to_owned() };
    speaker.subscriptions().delete_subscription(request).await.expect_err("refused")
}

const fn creating(code: Code, reason: Reason) -> Due {
    Due { code, reason, act: Act::CreateSubscription }
}

/// Changes a good subscription.
type Spoil = fn(&mut pb::Subscription);

#[tokio::test(flavor = "multi_thread")]
async fn refuses_create_subscription_that_is_not_well_formed() {
    let (stage, council) = ready().await;
    let missing = creating(Code::InvalidArgument, Reason::MissingField);
    let malformed = creating(Code::InvalidArgument, Reason::Malformed);
    let unknown = creating(Code::InvalidArgument, Reason::UnknownCode);
    let bounds = creating(Code::InvalidArgument, Reason::OutOfBounds);
    let cases: [(Spoil, Due); 10] = [
        (|it| it.name.clear(), missing),
        (|it| it.name = "Über".to_owned(), malformed),
        (|it| it.purpose = 0, missing),
        (|it| it.purpose = 999, unknown),
        (|it| it.expires_at = None, missing),
        (|it| it.filter.as_mut().unwrap().types = vec![0], unknown),
        (|it| it.filter.as_mut().unwrap().areas = vec!["x y".to_owned()], malformed),
        (|it| it.filter.as_mut().unwrap().areas = areas(257), bounds),
        (|it| it.filter.as_mut().unwrap().tokens = vec![pb::SubjectToken::default()], missing),
        (|it| it.filter.as_mut().unwrap().tokens = vec![short_token()], malformed),
    ];
    for (spoil, due) in cases {
        let mut bad = subscription("new", now());
        spoil(&mut bad);
        due.check(&stage, "council", &create(&council, Some(bad)).await).await;
    }
    missing.check(&stage, "council", &create(&council, None).await).await;
}

fn areas(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("N{number}")).collect()
}

fn short_token() -> pb::SubjectToken {
    pb::SubjectToken { kind: pb::TokenKind::Nhs.into(), epoch: 1, value: vec![1; 31].into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_create_subscription_that_nobody_agreed_to() {
    let (stage, council) = ready().await;
    let cases: [(Spoil, Code, Reason); 4] = [
        (
            |it| it.purpose = pb::Purpose::HealthAndCare.into(),
            Code::PermissionDenied,
            Reason::PurposeNotAgreed,
        ),
        (|it| it.expires_at = Some(time(now())), Code::FailedPrecondition, Reason::Expired),
        (
            |it| it.expires_at = Some(time(now().plus_days(401))),
            Code::InvalidArgument,
            Reason::ExpiryTooLate,
        ),
        (|it| it.name = SUBSCRIPTION.to_owned(), Code::AlreadyExists, Reason::SubscriptionExists),
    ];
    for (spoil, code, reason) in cases {
        let mut bad = subscription("new", now());
        spoil(&mut bad);
        let status = create(&council, Some(bad)).await;
        creating(code, reason).check(&stage, "council", &status).await;
    }
    // No recipient of anything.
    let fire = stage.speak("fire", Role::Service).await;
    let status = create(&fire, Some(subscription("new", now()))).await;
    let not_agreed = creating(Code::PermissionDenied, Reason::PurposeNotAgreed);
    not_agreed.check(&stage, "fire", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_create_subscription_by_an_operator() {
    let (stage, _) = ready().await;
    let operator = stage.speak("", Role::Operator).await;
    let status = create(&operator, Some(subscription("new", now()))).await;
    let wrong_role = creating(Code::PermissionDenied, Reason::WrongRole);
    wrong_role.check(&stage, "council", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_delete_subscription_that_is_not_the_callers() {
    let (stage, council) = ready().await;
    let housing = stage.speak("housing", Role::Service).await;
    let operator = stage.speak("", Role::Operator).await;
    for (speaker, agency, name, code, reason) in [
        (&council, "council", "none", Code::NotFound, Reason::SubscriptionUnknown),
        (&housing, "housing", SUBSCRIPTION, Code::NotFound, Reason::SubscriptionUnknown),
        (&council, "council", "No Name", Code::InvalidArgument, Reason::Malformed),
        (&council, "council", "", Code::InvalidArgument, Reason::MissingField),
        (&operator, "council", SUBSCRIPTION, Code::PermissionDenied, Reason::WrongRole),
    ] {
        let due = Due { code, reason, act: Act::DeleteSubscription };
        due.check(&stage, agency, &delete(speaker, name).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_subscriptions_to_an_operator() {
    let (stage, _) = ready().await;
    let operator = stage.speak("", Role::Operator).await;
    let request = pb::ListSubscriptionsRequest {};
    let asked = operator.subscriptions().list_subscriptions(request).await;
    let status = asked.expect_err("an operator");
    let act = Act::ReadGovernance;
    let due = Due { code: Code::PermissionDenied, reason: Reason::WrongRole, act };
    due.check(&stage, "council", &status).await;
}
