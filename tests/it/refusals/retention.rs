//! `Retention`: for officers of the publisher, and an order for two of them.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::Code;

use crate::stage::{Due, Role, Speaker, Stage, draft, now, request, time};

const fn due(act: Act, code: Code, reason: Reason) -> Due {
    Due { code, reason, act }
}

const fn wrong_role(act: Act) -> Due {
    due(act, Code::PermissionDenied, Reason::WrongRole)
}

/// A stage with one alert of the police.
async fn stage() -> (Stage, String) {
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let receipt = police.publish(request(draft(now()))).await.unwrap();
    (stage, receipt.alert)
}

async fn order(speaker: &Speaker, alerts: Vec<String>) -> Result<u64, tonic::Status> {
    let reason = pb::ErasureReason::CourtOrder.into();
    let asked = pb::OrderErasureRequest { alerts, reason };
    Ok(speaker.retention().order_erasure(asked).await?.into_inner().order)
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_order_erasure_but_of_alerts_that_the_officers_agency_published() {
    let (stage, alert) = stage().await;
    let act = Act::OrderErasure;
    let service = stage.speak("police", Role::Service).await;
    let asked = order(&service, vec![alert.clone()]).await.expect_err("a service");
    wrong_role(act).check(&stage, "police", &asked).await;
    // A recipient learns nothing of what it may not know.
    let council = stage.speak("council", Role::Officer).await;
    let asked = order(&council, vec![alert.clone()]).await.expect_err("of another agency");
    due(act, Code::NotFound, Reason::NotPublished).check(&stage, "council", &asked).await;
    let officer = stage.speak("police", Role::Officer).await;
    let unknown = request(draft(now())).request_id;
    let cases = [
        (vec![unknown], Code::NotFound, Reason::NotPublished),
        (vec![], Code::InvalidArgument, Reason::OutOfBounds),
        (vec!["A-17".to_owned()], Code::InvalidArgument, Reason::Malformed),
        (vec![alert.clone(), alert.clone()], Code::InvalidArgument, Reason::Malformed),
    ];
    for (alerts, code, reason) in cases {
        let asked = order(&officer, alerts).await.expect_err("refused");
        due(act, code, reason).check(&stage, "police", &asked).await;
    }
    let asked = pb::OrderErasureRequest { alerts: vec![alert], reason: 0 };
    let asked = officer.retention().order_erasure(asked).await.expect_err("no reason");
    due(act, Code::InvalidArgument, Reason::MissingField).check(&stage, "police", &asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_approve_erasure_to_whoever_ordered_it_and_to_others() {
    let (stage, alert) = stage().await;
    let act = Act::ApproveErasure;
    let officer = stage.speak("police", Role::Officer).await;
    let order = order(&officer, vec![alert]).await.unwrap();
    let approve = async |agency: &str, role: Role, order: u64| {
        let speaker = stage.speak(agency, role).await;
        let asked = pb::ApproveErasureRequest { order };
        speaker.retention().approve_erasure(asked).await.map(tonic::Response::into_inner)
    };
    let asked = approve("police", Role::Officer, order).await.expect_err("ordered it");
    due(act, Code::PermissionDenied, Reason::SameOfficer).check(&stage, "police", &asked).await;
    let asked = approve("police", Role::Service, order).await.expect_err("a service");
    wrong_role(act).check(&stage, "police", &asked).await;
    let unknown = due(act, Code::NotFound, Reason::ErasureUnknown);
    let asked = approve("council", Role::Officer, order).await.expect_err("another agency");
    unknown.check(&stage, "council", &asked).await;
    let asked = approve("police", Role::Deputy, order + 1).await.expect_err("no order");
    unknown.check(&stage, "police", &asked).await;
    assert_eq!(approve("police", Role::Deputy, order).await.unwrap().erased, 1);
    let asked = approve("police", Role::Deputy, order).await.expect_err("done");
    unknown.check(&stage, "police", &asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_withdraw_erasure_of_no_order_of_the_agency() {
    let (stage, alert) = stage().await;
    let act = Act::WithdrawErasure;
    let officer = stage.speak("police", Role::Officer).await;
    let order = order(&officer, vec![alert]).await.unwrap();
    let withdraw = async |agency: &str, role: Role| {
        let speaker = stage.speak(agency, role).await;
        speaker.retention().withdraw_erasure(pb::WithdrawErasureRequest { order }).await
    };
    let asked = withdraw("council", Role::Officer).await.expect_err("another agency");
    let unknown = due(act, Code::NotFound, Reason::ErasureUnknown);
    unknown.check(&stage, "council", &asked).await;
    let asked = withdraw("police", Role::Service).await.expect_err("a service");
    wrong_role(act).check(&stage, "police", &asked).await;
    withdraw("police", Role::Deputy).await.unwrap();
    let asked = withdraw("police", Role::Officer).await.expect_err("withdrawn");
    unknown.check(&stage, "police", &asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_hold_evidence_but_of_own_alerts_until_a_day_to_come() {
    let (stage, alert) = stage().await;
    let act = Act::HoldEvidence;
    let hold = async |agency: &str, role: Role, alert: &str, days: u64| {
        let speaker = stage.speak(agency, role).await;
        let asked = pb::HoldEvidenceRequest {
            alert: alert.to_owned(),
            reason: pb::HoldReason::Inquiry.into(),
            review_at: Some(time(now().plus_days(days))),
        };
        speaker.retention().hold_evidence(asked).await
    };
    let asked = hold("police", Role::Service, &alert, 9).await.expect_err("a service");
    wrong_role(act).check(&stage, "police", &asked).await;
    let asked = hold("council", Role::Officer, &alert, 9).await.expect_err("a recipient");
    due(act, Code::NotFound, Reason::NotPublished).check(&stage, "council", &asked).await;
    for days in [0, 367] {
        let asked = hold("police", Role::Officer, &alert, days).await.expect_err("no such day");
        let out = due(act, Code::InvalidArgument, Reason::OutOfBounds);
        out.check(&stage, "police", &asked).await;
    }
    hold("police", Role::Officer, &alert, 9).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_release_hold_of_what_is_not_held() {
    let (stage, alert) = stage().await;
    let act = Act::ReleaseHold;
    let release = async |agency: &str, role: Role, alert: &str| {
        let speaker = stage.speak(agency, role).await;
        let asked = pb::ReleaseHoldRequest { alert: alert.to_owned() };
        speaker.retention().release_hold(asked).await
    };
    let asked = release("police", Role::Service, &alert).await.expect_err("a service");
    wrong_role(act).check(&stage, "police", &asked).await;
    let asked = release("council", Role::Officer, &alert).await.expect_err("a recipient");
    due(act, Code::NotFound, Reason::NotPublished).check(&stage, "council", &asked).await;
    let asked = release("police", Role::Officer, &alert).await.expect_err("not held");
    due(act, Code::NotFound, Reason::HoldUnknown).check(&stage, "police", &asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_erasures_to_all_but_officers() {
    let (stage, alert) = stage().await;
    let officer = stage.speak("police", Role::Officer).await;
    order(&officer, vec![alert]).await.unwrap();
    let list = async |agency: &str, role: Role| {
        let speaker = stage.speak(agency, role).await;
        speaker.retention().list_erasures(pb::ListErasuresRequest {}).await
    };
    let asked = list("police", Role::Service).await.expect_err("a service");
    wrong_role(Act::ReadRetention).check(&stage, "police", &asked).await;
    let asked = list("", Role::Operator).await.expect_err("an operator");
    assert_eq!(asked.code(), Code::PermissionDenied);
    assert!(list("council", Role::Officer).await.unwrap().into_inner().orders.is_empty());
    assert_eq!(list("police", Role::Deputy).await.unwrap().into_inner().orders.len(), 1);
}
