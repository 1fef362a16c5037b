//! What an auditor is refused: everything but reading the log.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::{Code, Status};

use crate::stage::{
    AGREEMENT, Due, Role, SUBSCRIPTION, Speaker, Stage, agreement, draft, now, pull, request,
    subscription,
};

const LAWFULNESS: i32 = pb::QueryPurpose::Lawfulness as i32;

const fn wrong_role(act: Act) -> Due {
    Due { code: Code::PermissionDenied, reason: Reason::WrongRole, act }
}

fn said<T: std::fmt::Debug>(answer: Result<T, Status>) -> Status {
    answer.expect_err("refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_takes_no_part_in_the_exchange() {
    let stage = Stage::start();
    let status = stage.agree().await;
    let auditor = stage.speak("", Role::Auditor).await;
    let id = || AGREEMENT.to_owned();
    let name = || SUBSCRIPTION.to_owned();
    for (act, status) in [
        (Act::Publish, said(auditor.publish(request(draft(now()))).await)),
        (Act::OpenStream, said(auditor.exchange().pull(pull(SUBSCRIPTION)).await)),
        (Act::ProposeAgreement, {
            let request = pb::ProposeAgreementRequest { agreement: Some(agreement(now())) };
            said(auditor.agreements().propose_agreement(request).await)
        }),
        (Act::ApproveAgreement, {
            let version = status.version.clone();
            let request = pb::ApproveAgreementRequest { id: id(), version };
            said(auditor.agreements().approve_agreement(request).await)
        }),
        (Act::WithdrawAgreement, {
            let request = pb::WithdrawAgreementRequest { id: id() };
            said(auditor.agreements().withdraw_agreement(request).await)
        }),
        (Act::ReadGovernance, {
            let request = pb::ListAgreementsRequest {};
            said(auditor.agreements().list_agreements(request).await)
        }),
        (Act::ReadGovernance, {
            let request = pb::ShowAgreementRequest { id: id() };
            said(auditor.agreements().show_agreement(request).await)
        }),
        (Act::CreateSubscription, {
            let subscription = Some(subscription(SUBSCRIPTION, now()));
            let request = pb::CreateSubscriptionRequest { subscription };
            said(auditor.subscriptions().create_subscription(request).await)
        }),
        (Act::DeleteSubscription, {
            let request = pb::DeleteSubscriptionRequest { name: name() };
            said(auditor.subscriptions().delete_subscription(request).await)
        }),
        (Act::ReadGovernance, {
            let request = pb::ListSubscriptionsRequest {};
            said(auditor.subscriptions().list_subscriptions(request).await)
        }),
        (Act::Administer, said(auditor.operations().reload(pb::ReloadRequest {}).await)),
        (Act::RotateKey, {
            said(auditor.operations().rotate_log_key(pb::RotateLogKeyRequest {}).await)
        }),
        (Act::ReadCertificates, {
            said(auditor.operations().list_certificates(pb::ListCertificatesRequest {}).await)
        }),
    ] {
        wrong_role(act).check(&stage, "police", &status).await;
    }
}

async fn query(auditor: &Speaker, filter: pb::RecordFilter) -> Status {
    let filter = Some(filter);
    let request = pb::QueryRequest { purpose: LAWFULNESS, page_size: 10, filter, ..<_>::default() };
    said(auditor.audit().query(request).await)
}

/// An auditor holds no token, and is of no agency that an alert could go to.
#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_asks_for_no_person_and_for_no_direction() {
    let stage = Stage::start();
    let auditor = stage.speak("", Role::Auditor).await;
    let due = wrong_role(Act::ReadLog);
    let token = pb::SubjectToken { kind: 1, epoch: 1, value: vec![1; 32].into() };
    let subject = pb::RecordFilter { subject: Some(token), ..pb::RecordFilter::default() };
    due.check(&stage, "police", &query(&auditor, subject).await).await;
    let sent = Some(pb::Direction::Sent.into());
    let direction = pb::RecordFilter { direction: sent, ..pb::RecordFilter::default() };
    due.check(&stage, "police", &query(&auditor, direction).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_names_an_agency_that_there_is() {
    let stage = Stage::start();
    let auditor = stage.speak("", Role::Auditor).await;
    let prove = async |speaker: &Speaker, agency: &str| {
        let agency = agency.to_owned();
        let request = pb::ProveCompleteRequest { purpose: LAWFULNESS, agency, ..<_>::default() };
        said(speaker.audit().prove_complete(request).await)
    };
    let due = |code, reason| Due { code, reason, act: Act::ReadLog };
    let missing = due(Code::InvalidArgument, Reason::MissingField);
    missing.check(&stage, "police", &prove(&auditor, "").await).await;
    let malformed = due(Code::InvalidArgument, Reason::Malformed);
    malformed.check(&stage, "police", &prove(&auditor, "*").await).await;
    let unknown = due(Code::NotFound, Reason::AgencyUnknown);
    unknown.check(&stage, "police", &prove(&auditor, "nobody").await).await;
    // An officer proves what is linked to the own agency, and to no other.
    let officer = stage.speak("council", Role::Officer).await;
    let other = due(Code::PermissionDenied, Reason::WrongRole);
    other.check(&stage, "council", &prove(&officer, "police").await).await;
}
