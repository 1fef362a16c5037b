//! `Rights`, and notices of `Exchange`.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::stage::{Due, Role, Speaker, Stage, draft, now, request};

/// An alert of the police, and officers of police and council.
async fn ready() -> (Stage, String, [Speaker; 2]) {
    let stage = Stage::start();
    stage.agree().await;
    let service = stage.speak("police", Role::Service).await;
    let alert = service.publish(request(draft(now()))).await.unwrap().alert;
    let police = stage.speak("police", Role::Officer).await;
    let council = stage.speak("council", Role::Officer).await;
    (stage, alert, [police, council])
}

fn nobodys() -> String {
    Uuid::now_v7().to_string()
}

const MISSING: (Code, Reason) = (Code::InvalidArgument, Reason::MissingField);
const MALFORMED: (Code, Reason) = (Code::InvalidArgument, Reason::Malformed);
const UNKNOWN_CODE: (Code, Reason) = (Code::InvalidArgument, Reason::UnknownCode);
const UNKNOWN: (Code, Reason) = (Code::NotFound, Reason::AlertUnknown);
const BOUNDS: (Code, Reason) = (Code::InvalidArgument, Reason::OutOfBounds);
const ROLE: (Code, Reason) = (Code::PermissionDenied, Reason::WrongRole);

async fn check(stage: &Stage, agency: &str, act: Act, due: (Code, Reason), status: &Status) {
    let (code, reason) = due;
    Due { code, reason, act }.check(stage, agency, status).await;
}

async fn restrict(by: &Speaker, alert: &str, reason: i32) -> Status {
    let request = pb::RestrictAlertRequest { alert: alert.to_owned(), reason };
    by.rights().restrict_alert(request).await.expect_err("refused")
}

async fn recall(by: &Speaker, alert: &str, reason: i32) -> Status {
    let request = pb::RecallAlertRequest { alert: alert.to_owned(), reason };
    by.rights().recall_alert(request).await.expect_err("refused")
}

async fn lift(by: &Speaker, alert: &str) -> Status {
    let request = pb::LiftRestrictionRequest { alert: alert.to_owned() };
    by.rights().lift_restriction(request).await.expect_err("refused")
}

/// Another agency's alert is not told from one that does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_restrict_alert_that_is_not_the_own_agencys() {
    let (stage, alert, [police, council]) = ready().await;
    for (by, agency, alert, reason, due) in [
        (&police, "police", "", 1, MISSING),
        (&police, "police", "x", 1, MALFORMED),
        (&police, "police", alert.as_str(), 0, MISSING),
        (&police, "police", alert.as_str(), 99, UNKNOWN_CODE),
        (&police, "police", nobodys().as_str(), 1, UNKNOWN),
        (&council, "council", alert.as_str(), 1, UNKNOWN),
    ] {
        check(&stage, agency, Act::RestrictAlert, due, &restrict(by, alert, reason).await).await;
    }
    for (agency, role) in [("police", Role::Service), ("", Role::Operator)] {
        let by = stage.speak(agency, role).await;
        check(&stage, "police", Act::RestrictAlert, ROLE, &restrict(&by, &alert, 1).await).await;
    }
    let request = pb::RecallAlertRequest { alert: alert.clone(), reason: 1 };
    police.rights().recall_alert(request).await.unwrap();
    let recalled = (Code::FailedPrecondition, Reason::Recalled);
    check(&stage, "police", Act::RestrictAlert, recalled, &restrict(&police, &alert, 1).await)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_lift_restriction_where_there_is_none() {
    let (stage, alert, [police, council]) = ready().await;
    let none = (Code::FailedPrecondition, Reason::NotRestricted);
    for (by, agency, alert, due) in [
        (&police, "police", alert.as_str(), none),
        (&police, "police", "", MISSING),
        (&council, "council", alert.as_str(), UNKNOWN),
    ] {
        check(&stage, agency, Act::LiftRestriction, due, &lift(by, alert).await).await;
    }
    let service = stage.speak("police", Role::Service).await;
    check(&stage, "police", Act::LiftRestriction, ROLE, &lift(&service, &alert).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_recall_alert_that_is_not_the_own_agencys() {
    let (stage, alert, [police, council]) = ready().await;
    for (by, agency, alert, reason, due) in [
        (&police, "police", "x", 1, MALFORMED),
        (&police, "police", alert.as_str(), 0, MISSING),
        (&police, "police", alert.as_str(), 99, UNKNOWN_CODE),
        (&police, "police", nobodys().as_str(), 1, UNKNOWN),
        (&council, "council", alert.as_str(), 1, UNKNOWN),
    ] {
        check(&stage, agency, Act::RecallAlert, due, &recall(by, alert, reason).await).await;
    }
    let service = stage.speak("police", Role::Service).await;
    check(&stage, "police", Act::RecallAlert, ROLE, &recall(&service, &alert, 1).await).await;
}

/// Who never received it is not told that it exists.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_record_objection_to_what_the_agency_never_had() {
    let (stage, alert, [police, council]) = ready().await;
    let good = pb::RecordObjectionRequest { alert, publisher: "police".to_owned(), kind: 1 };
    let own = pb::RecordObjectionRequest { publisher: String::new(), ..good.clone() };
    let service = stage.speak("police", Role::Service).await;
    for (by, agency, request, due) in [
        (&council, "council", good.clone(), UNKNOWN),
        (&council, "council", own.clone(), UNKNOWN),
        (&police, "police", pb::RecordObjectionRequest { kind: 0, ..good.clone() }, MISSING),
        (&police, "police", pb::RecordObjectionRequest { kind: 99, ..good.clone() }, UNKNOWN_CODE),
        (
            &police,
            "police",
            pb::RecordObjectionRequest { publisher: "P".to_owned(), ..good.clone() },
            MALFORMED,
        ),
        (&service, "police", good.clone(), ROLE),
    ] {
        let status = by.rights().record_objection(request).await.expect_err("refused");
        check(&stage, agency, Act::RecordObjection, due, &status).await;
    }
    police.rights().record_objection(own).await.expect("its own alert");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_answer_objection_of_others_or_otherwise_than_before() {
    let (stage, alert, [police, council]) = ready().await;
    let request = pb::RecordObjectionRequest { alert, publisher: String::new(), kind: 2 };
    let objection = police.rights().record_objection(request).await.unwrap().into_inner().index;
    let good = pb::AnswerObjectionRequest { objection, outcome: 1, ground: 1 };
    police.rights().answer_objection(good).await.expect("the answer");
    let unknown = (Code::NotFound, Reason::ObjectionUnknown);
    let answered = (Code::AlreadyExists, Reason::ObjectionAnswered);
    let service = stage.speak("police", Role::Service).await;
    for (by, agency, request, due) in [
        (&council, "council", good, unknown),
        (&police, "police", pb::AnswerObjectionRequest { objection: 0, ..good }, unknown),
        (&police, "police", pb::AnswerObjectionRequest { outcome: 0, ..good }, MISSING),
        (&police, "police", pb::AnswerObjectionRequest { ground: 99, ..good }, UNKNOWN_CODE),
        (&police, "police", pb::AnswerObjectionRequest { outcome: 3, ..good }, answered),
        (&service, "police", good, ROLE),
    ] {
        let status = by.rights().answer_objection(request).await.expect_err("refused");
        check(&stage, agency, Act::AnswerObjection, due, &status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_objections_to_a_service_and_without_bounds() {
    let (stage, _, [police, _]) = ready().await;
    let service = stage.speak("police", Role::Service).await;
    for (by, page_size, due) in
        [(&police, 0, BOUNDS), (&police, 1001, BOUNDS), (&service, 10, ROLE)]
    {
        let request =
            pb::ListObjectionsRequest { page_size, ..pb::ListObjectionsRequest::default() };
        let status = by.rights().list_objections(request).await.expect_err("refused");
        check(&stage, "police", Act::ReadRights, due, &status).await;
    }
}

/// It says who received what: without a purpose it is not answered.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_notices_without_a_purpose() {
    let (stage, _, [police, _]) = ready().await;
    let good = pb::ListNoticesRequest { purpose: 1, page_size: 10, ..<_>::default() };
    let service = stage.speak("police", Role::Service).await;
    for (by, request, due) in [
        (&police, pb::ListNoticesRequest { purpose: 0, ..good.clone() }, MISSING),
        (&police, pb::ListNoticesRequest { purpose: 99, ..good.clone() }, UNKNOWN_CODE),
        (&police, pb::ListNoticesRequest { page_size: 0, ..good.clone() }, BOUNDS),
        (&police, pb::ListNoticesRequest { alert: "x".to_owned(), ..good.clone() }, MALFORMED),
        (&police, pb::ListNoticesRequest { page: "7".to_owned(), ..good.clone() }, MALFORMED),
        (&service, good.clone(), ROLE),
    ] {
        let status = by.rights().list_notices(request).await.expect_err("refused");
        check(&stage, "police", Act::ReadRights, due, &status).await;
    }
    police.rights().list_notices(good).await.expect("an officer with a purpose");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_pull_notices_to_an_officer_and_beyond_what_was_sent() {
    let (stage, _, [police, _]) = ready().await;
    let good = pb::PullNoticesRequest { max: 10, ..pb::PullNoticesRequest::default() };
    let beyond = (Code::InvalidArgument, Reason::AcknowledgedBeyondDelivered);
    let invalid = (Code::InvalidArgument, Reason::CheckpointInvalid);
    let service = stage.speak("police", Role::Service).await;
    for (by, request, due) in [
        (&police, good.clone(), ROLE),
        (&service, pb::PullNoticesRequest { max: 101, ..good.clone() }, BOUNDS),
        (&service, pb::PullNoticesRequest { acknowledged: 1, ..good.clone() }, beyond),
        (&service, pb::PullNoticesRequest { checkpoint: "x".to_owned(), ..good.clone() }, invalid),
    ] {
        let status = by.exchange().pull_notices(request).await.expect_err("refused");
        check(&stage, "police", Act::PullNotices, due, &status).await;
    }
    service.exchange().pull_notices(good).await.expect("the right question");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_that_rectifies_what_the_agency_never_published() {
    let (stage, alert, [police, _]) = ready().await;
    let service = stage.speak("police", Role::Service).await;
    let rectifying =
        |id: &str| request(pb::AlertDraft { rectifies: id.to_owned(), ..draft(now()) });
    for (id, due) in [(nobodys().as_str(), UNKNOWN), ("x", MALFORMED)] {
        let status = service.publish(rectifying(id)).await.expect_err("refused");
        check(&stage, "police", Act::Publish, due, &status).await;
    }
    let recall_request = pb::RecallAlertRequest { alert: alert.clone(), reason: 1 };
    police.rights().recall_alert(recall_request).await.unwrap();
    let status = service.publish(rectifying(&alert)).await.expect_err("recalled");
    let recalled = (Code::FailedPrecondition, Reason::Recalled);
    check(&stage, "police", Act::Publish, recalled, &status).await;
}
