//! Requests for access, reports and breaches, for those who may not, and asked wrongly.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::{Code, Status};

use crate::stage::{Due, Role, Speaker, Stage, now, time};

const LAWFULNESS: i32 = pb::QueryPurpose::Lawfulness as i32;
/// Those who are no officers.
const OTHERS: [(&str, Role); 3] =
    [("police", Role::Service), ("", Role::Operator), ("", Role::Auditor)];

fn said<T: std::fmt::Debug>(answer: Result<T, Status>) -> Status {
    answer.expect_err("refused")
}

const fn due(act: Act, code: Code, reason: Reason) -> Due {
    Due { code, reason, act }
}

async fn open(speaker: &Speaker, received_at: Option<prost_types::Timestamp>) -> Status {
    said(speaker.audit().open_access(pb::OpenAccessRequest { received_at }).await)
}

async fn release(speaker: &Speaker, request: pb::ReleaseReportRequest) -> Status {
    said(speaker.audit().release_report(request).await)
}

async fn assess(speaker: &Speaker, request: pb::AssessBreachRequest) -> Status {
    said(speaker.audit().assess_breach(request).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_open_access_to_all_but_officers_and_ahead_of_time() {
    let stage = Stage::start();
    let received = Some(time(now()));
    for (agency, role) in OTHERS {
        let status = open(&stage.speak(agency, role).await, received).await;
        let wrong = due(Act::OpenAccess, Code::PermissionDenied, Reason::WrongRole);
        wrong.check(&stage, "police", &status).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    let missing = due(Act::OpenAccess, Code::InvalidArgument, Reason::MissingField);
    missing.check(&stage, "police", &open(&officer, None).await).await;
    let ahead = due(Act::OpenAccess, Code::InvalidArgument, Reason::AheadOfTime);
    ahead.check(&stage, "police", &open(&officer, Some(time(now().plus_days(1)))).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_release_report_that_is_undecided_or_of_no_request() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    let received_at = Some(time(now()));
    let opened = officer.audit().open_access(pb::OpenAccessRequest { received_at }).await;
    let request = opened.unwrap().into_inner().status.unwrap().request;
    let good = pb::ReleaseReportRequest {
        request,
        report: vec![1; 32].into(),
        entries: 3,
        withheld: 1,
        third_party_checked: 3,
        neither_confirms_nor_denies: false,
        corrects: 0,
    };
    let due = |code, reason| due(Act::ReleaseReport, code, reason);
    for (agency, role) in OTHERS {
        let status = release(&stage.speak(agency, role).await, good.clone()).await;
        due(Code::PermissionDenied, Reason::WrongRole).check(&stage, "police", &status).await;
    }
    for (bad, code, reason) in [
        (
            pb::ReleaseReportRequest { third_party_checked: 2, ..good.clone() },
            Code::FailedPrecondition,
            Reason::ThirdPartyUnchecked,
        ),
        (
            pb::ReleaseReportRequest { request: "00".repeat(16), ..good.clone() },
            Code::NotFound,
            Reason::RequestUnknown,
        ),
        (
            pb::ReleaseReportRequest { request: "1".to_owned(), ..good.clone() },
            Code::InvalidArgument,
            Reason::Malformed,
        ),
        (
            pb::ReleaseReportRequest { report: vec![1; 31].into(), ..good.clone() },
            Code::InvalidArgument,
            Reason::Malformed,
        ),
        (
            pb::ReleaseReportRequest { withheld: 4, ..good.clone() },
            Code::InvalidArgument,
            Reason::OutOfBounds,
        ),
    ] {
        let status = release(&officer, bad).await;
        due(code, reason).check(&stage, "police", &status).await;
    }
    // Another agency's request is as good as none.
    let council = stage.speak("council", Role::Officer).await;
    let unknown = due(Code::NotFound, Reason::RequestUnknown);
    unknown.check(&stage, "council", &release(&council, good.clone()).await).await;
    officer.audit().release_report(good).await.expect("decided and of its own request");
}

/// Two answers that contradict each other must not both stand: whoever answers again names the newest, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_release_report_of_a_request_that_was_answered() {
    let stage = Stage::start();
    let officer = stage.speak("police", Role::Officer).await;
    let received_at = Some(time(now()));
    let opened = officer.audit().open_access(pb::OpenAccessRequest { received_at }).await;
    let request = opened.unwrap().into_inner().status.unwrap().request;
    let answer = |report: u8, corrects| pb::ReleaseReportRequest {
        request: request.clone(),
        report: vec![report; 32].into(),
        corrects,
        ..pb::ReleaseReportRequest::default()
    };
    let refused = due(Act::ReleaseReport, Code::FailedPrecondition, Reason::ReportReleased);
    refused.check(&stage, "police", &release(&officer, answer(1, 1)).await).await;
    let ask = async |asked| officer.audit().release_report(asked).await.unwrap().into_inner().index;
    let first = ask(answer(1, 0)).await;
    assert_eq!(ask(answer(1, 0)).await, first, "whoever got no answer may ask again");
    for corrects in [0, first - 1, first + 1] {
        refused.check(&stage, "police", &release(&officer, answer(2, corrects)).await).await;
    }
    let second = ask(answer(2, first)).await;
    assert_eq!(ask(answer(2, first)).await, second);
    refused.check(&stage, "police", &release(&officer, answer(3, first)).await).await;
    // Of two that come at once one is the first.
    let (mut one, mut other) = (officer.audit(), officer.audit());
    let (one, other) = tokio::join!(
        one.release_report(answer(4, second)),
        other.release_report(answer(5, second))
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?}, {other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_access_to_all_but_officers() {
    let stage = Stage::start();
    for (agency, role) in OTHERS {
        let speaker = stage.speak(agency, role).await;
        let status = said(speaker.audit().list_access(pb::ListAccessRequest {}).await);
        let wrong = due(Act::ReadGovernance, Code::PermissionDenied, Reason::WrongRole);
        wrong.check(&stage, "police", &status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_assess_breach_of_nothing_in_particular() {
    let stage = Stage::start();
    let due = |code, reason| due(Act::ReadLog, code, reason);
    let request = pb::AssessBreachRequest { purpose: LAWFULNESS, ..<_>::default() };
    let of_agency = pb::AssessBreachRequest { agency: "council".to_owned(), ..request.clone() };
    for (agency, role) in &OTHERS[..2] {
        let status = assess(&stage.speak(agency, *role).await, of_agency.clone()).await;
        due(Code::PermissionDenied, Reason::WrongRole).check(&stage, "police", &status).await;
    }
    let officer = stage.speak("police", Role::Officer).await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    for (bad, code, reason) in [
        (request.clone(), Code::InvalidArgument, Reason::MissingField),
        (
            pb::AssessBreachRequest { purpose: 0, ..of_agency.clone() },
            Code::InvalidArgument,
            Reason::MissingField,
        ),
        (
            pb::AssessBreachRequest { purpose: 5, ..of_agency.clone() },
            Code::PermissionDenied,
            Reason::AnalyticsNotAPurpose,
        ),
        (
            pb::AssessBreachRequest { agency: "*".to_owned(), ..request.clone() },
            Code::InvalidArgument,
            Reason::Malformed,
        ),
        (
            pb::AssessBreachRequest { alert: "1".to_owned(), ..request.clone() },
            Code::InvalidArgument,
            Reason::Malformed,
        ),
        (
            pb::AssessBreachRequest { certificate: vec![1; 31].into(), ..request.clone() },
            Code::InvalidArgument,
            Reason::Malformed,
        ),
        (
            pb::AssessBreachRequest { from: at(2), to: at(2), ..request.clone() },
            Code::InvalidArgument,
            Reason::OutOfBounds,
        ),
    ] {
        due(code, reason).check(&stage, "police", &assess(&officer, bad).await).await;
    }
}
