//! `Agreements`.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::{Code, Status};

use crate::stage::{AGREEMENT, Due, Role, Speaker, Stage, agreement, now, time};

async fn propose(speaker: &Speaker, agreement: Option<pb::Agreement>) -> Status {
    let request = pb::ProposeAgreementRequest { agreement };
    speaker.agreements().propose_agreement(request).await.expect_err("refused")
}

async fn approve(speaker: &Speaker, id: &str, version: &str) -> Status {
    let request = pb::ApproveAgreementRequest { id: id.to_owned(), version: version.to_owned() };
    speaker.agreements().approve_agreement(request).await.expect_err("refused")
}

async fn withdraw(speaker: &Speaker, id: &str) -> Status {
    let request = pb::WithdrawAgreementRequest { id: id.to_owned() };
    speaker.agreements().withdraw_agreement(request).await.expect_err("refused")
}

const fn wrong_role(act: Act) -> Due {
    Due { code: Code::PermissionDenied, reason: Reason::WrongRole, act }
}

fn kept(kind: pb::AlertType, delete_after_days: u32) -> pb::TypeRetention {
    let retention = pb::RetentionClass::Short.into();
    pb::TypeRetention { r#type: kind.into(), retention, delete_after_days }
}

/// Changes a good agreement.
type Spoil = fn(&mut pb::Agreement);

#[tokio::test(flavor = "multi_thread")]
async fn refuses_propose_agreement_that_is_not_well_formed() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Officer).await;
    let cases: [(Spoil, Reason); 14] = [
        (|it| it.id = "City ASB".to_owned(), Reason::Malformed),
        (|it| it.title = String::new(), Reason::OutOfBounds),
        (|it| it.dpia = String::new(), Reason::MissingField),
        (|it| it.starts = None, Reason::MissingField),
        (|it| it.retention = 0, Reason::MissingField),
        (|it| it.delete_after_days = 367, Reason::OutOfBounds),
        (|it| it.type_retention = vec![kept(pb::AlertType::Violence, 32)], Reason::OutOfBounds),
        (|it| it.type_retention = vec![kept(pb::AlertType::FireRisk, 7)], Reason::OutOfBounds),
        (|it| it.ends = Some(time(now().plus_days(1900))), Reason::OutOfBounds),
        (|it| it.parties[0].kind = 0, Reason::MissingField),
        (|it| it.parties[0].regime = 999, Reason::UnknownCode),
        (|it| it.flows.clear(), Reason::OutOfBounds),
        (|it| it.flows[0].fields = vec![0], Reason::UnknownCode),
        (|it| it.flows[0].gateway = "COMMON-SENSE".to_owned(), Reason::UnknownCode),
    ];
    for (spoil, reason) in cases {
        let mut bad = agreement(now());
        spoil(&mut bad);
        let due = Due { code: Code::InvalidArgument, reason, act: Act::ProposeAgreement };
        due.check(&stage, "police", &propose(&police, Some(bad)).await).await;
    }
    let (code, reason) = (Code::InvalidArgument, Reason::MissingField);
    let due = Due { code, reason, act: Act::ProposeAgreement };
    due.check(&stage, "police", &propose(&police, None).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_propose_agreement_that_the_law_does_not_allow() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Officer).await;
    let cases: [(Spoil, Reason); 5] = [
        (|it| it.flows[0].lawful_basis = "A6-1-e".to_owned(), Reason::BasisOfOtherRegime),
        (|it| it.flows[0].offence_condition.clear(), Reason::OffenceDataWithoutCondition),
        (|it| it.flows[0].authorised_by.clear(), Reason::RegimeChangeUnauthorised),
        (
            |it| it.flows[0].fields.push(pb::Field::HealthIndicators.into()),
            Reason::SpecialCategoryWithoutCondition,
        ),
        (|it| it.flows[2].lawful_basis = "A6-1-f".to_owned(), Reason::BasisClosedToPublicAuthority),
    ];
    for (spoil, reason) in cases {
        let mut bad = agreement(now());
        spoil(&mut bad);
        let due = Due { code: Code::PermissionDenied, reason, act: Act::ProposeAgreement };
        due.check(&stage, "police", &propose(&police, Some(bad)).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_propose_agreement_by_those_it_does_not_bind() {
    let stage = Stage::start();
    stage.agree().await;
    let act = Act::ProposeAgreement;
    for (agency, role) in [("police", Role::Service), ("", Role::Operator)] {
        let speaker = stage.speak(agency, role).await;
        let status = propose(&speaker, Some(agreement(now()))).await;
        wrong_role(act).check(&stage, "police", &status).await;
    }
    let not_a_party = Due { code: Code::NotFound, reason: Reason::NotAParty, act };
    let fire = stage.speak("fire", Role::Officer).await;
    not_a_party.check(&stage, "fire", &propose(&fire, Some(agreement(now()))).await).await;
    // An id that others use is theirs.
    let mut own = agreement(now());
    own.parties[0].agency = "fire".to_owned();
    own.parties.truncate(2);
    own.flows.truncate(1);
    own.flows[0].from = "fire".to_owned();
    own.flows[0].to = vec!["council".to_owned()];
    own.parties[1].agency = "council".to_owned();
    not_a_party.check(&stage, "fire", &propose(&fire, Some(own)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_approve_agreement_that_is_not_there_to_approve() {
    let stage = Stage::start();
    let version = stage.agree().await.version;
    let act = Act::ApproveAgreement;
    let officer = stage.speak("police", Role::Officer).await;
    let not_found = |reason| Due { code: Code::NotFound, reason, act };
    let other = "0".repeat(64);
    for (id, version, due) in [
        ("none", &version, not_found(Reason::AgreementUnknown)),
        (AGREEMENT, &other, not_found(Reason::VersionUnknown)),
        (AGREEMENT, &String::new(), not_found(Reason::VersionUnknown)),
    ] {
        due.check(&stage, "police", &approve(&officer, id, version).await).await;
    }
    let (code, reason) = (Code::InvalidArgument, Reason::Malformed);
    let status = approve(&officer, "no id", &version).await;
    Due { code, reason, act }.check(&stage, "police", &status).await;
    let fire = stage.speak("fire", Role::Officer).await;
    let status = approve(&fire, AGREEMENT, &version).await;
    not_found(Reason::AgreementUnknown).check(&stage, "fire", &status).await;
    for (agency, role) in [("police", Role::Service), ("", Role::Operator)] {
        let speaker = stage.speak(agency, role).await;
        let status = approve(&speaker, AGREEMENT, &version).await;
        wrong_role(act).check(&stage, "police", &status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_withdraw_agreement_by_others_or_twice() {
    let stage = Stage::start();
    stage.agree().await;
    let act = Act::WithdrawAgreement;
    for (agency, role) in [("police", Role::Service), ("", Role::Operator)] {
        let speaker = stage.speak(agency, role).await;
        wrong_role(act).check(&stage, "police", &withdraw(&speaker, AGREEMENT).await).await;
    }
    let unknown = Due { code: Code::NotFound, reason: Reason::AgreementUnknown, act };
    let fire = stage.speak("fire", Role::Officer).await;
    unknown.check(&stage, "fire", &withdraw(&fire, AGREEMENT).await).await;
    let police = stage.speak("police", Role::Officer).await;
    unknown.check(&stage, "police", &withdraw(&police, "none").await).await;
    let malformed = Due { code: Code::InvalidArgument, reason: Reason::MissingField, act };
    malformed.check(&stage, "police", &withdraw(&police, "").await).await;

    stage.connect("council", Role::Officer).await.withdraw_agreement(AGREEMENT).await.unwrap();
    let (code, reason) = (Code::FailedPrecondition, Reason::AgreementNotInForce);
    let status = withdraw(&police, AGREEMENT).await;
    Due { code, reason, act }.check(&stage, "police", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_agreements_to_an_operator() {
    let stage = Stage::start();
    let operator = stage.speak("", Role::Operator).await;
    let asked = operator.agreements().list_agreements(pb::ListAgreementsRequest {}).await;
    let status = asked.expect_err("an operator");
    wrong_role(Act::ReadGovernance).check(&stage, "police", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_show_agreement_to_those_who_are_no_party() {
    let stage = Stage::start();
    stage.agree().await;
    let act = Act::ReadGovernance;
    for (agency, role, id, code, reason) in [
        ("fire", Role::Officer, AGREEMENT, Code::NotFound, Reason::AgreementUnknown),
        ("fire", Role::Service, AGREEMENT, Code::NotFound, Reason::AgreementUnknown),
        ("police", Role::Service, "none", Code::NotFound, Reason::AgreementUnknown),
        ("police", Role::Service, "NO", Code::InvalidArgument, Reason::Malformed),
        ("", Role::Operator, AGREEMENT, Code::PermissionDenied, Reason::WrongRole),
    ] {
        let speaker = stage.speak(agency, role).await;
        let request = pb::ShowAgreementRequest { id: id.to_owned() };
        let status = speaker.agreements().show_agreement(request).await.expect_err(agency);
        let officer = if agency.is_empty() { "police" } else { agency };
        Due { code, reason, act }.check(&stage, officer, &status).await;
    }
}

/// Changes a good question.
type SpoilInquiry = fn(&mut pb::ExplainRequest);

/// A good question, to be spoilt.
fn inquiry() -> pb::ExplainRequest {
    pb::ExplainRequest {
        agreement: AGREEMENT.to_owned(),
        version: String::new(),
        from: "police".to_owned(),
        to: "council".to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        r#type: pb::AlertType::AntisocialBehaviour.into(),
        subject_categories: vec![pb::SubjectCategory::Other.into()],
        fields: vec![pb::Field::Type.into(), pb::Field::Subject.into()],
        time: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_explain_to_whoever_is_no_officer_of_a_party() {
    let stage = Stage::start();
    stage.agree().await;
    let act = Act::ReadGovernance;
    for (agency, role, code, reason) in [
        ("fire", Role::Officer, Code::NotFound, Reason::AgreementUnknown),
        ("police", Role::Service, Code::PermissionDenied, Reason::WrongRole),
        ("", Role::Operator, Code::PermissionDenied, Reason::WrongRole),
    ] {
        let speaker = stage.speak(agency, role).await;
        let status = speaker.agreements().explain(inquiry()).await.expect_err(agency);
        let officer = if agency.is_empty() { "police" } else { agency };
        Due { code, reason, act }.check(&stage, officer, &status).await;
    }
    let police = stage.speak("police", Role::Officer).await;
    let other = pb::ExplainRequest { version: "0".repeat(64), ..inquiry() };
    let status = police.agreements().explain(other).await.expect_err("no such version");
    let (code, reason) = (Code::NotFound, Reason::VersionUnknown);
    Due { code, reason, act }.check(&stage, "police", &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_explain_that_is_not_well_formed() {
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Officer).await;
    police.agreements().explain(inquiry()).await.expect("a good one");
    let cases: [(SpoilInquiry, Reason); 9] = [
        (|it| it.agreement.clear(), Reason::MissingField),
        (|it| it.from = "*".to_owned(), Reason::Malformed),
        (|it| it.to.clear(), Reason::MissingField),
        (|it| it.purpose = 0, Reason::MissingField),
        (|it| it.r#type = 999, Reason::UnknownCode),
        (|it| it.subject_categories.clear(), Reason::MissingField),
        (|it| it.subject_categories.push(0), Reason::UnknownCode),
        (|it| it.fields.clear(), Reason::MissingField),
        (|it| it.fields.push(pb::Field::Type.into()), Reason::Malformed),
    ];
    for (spoil, reason) in cases {
        let mut bad = inquiry();
        spoil(&mut bad);
        let status = police.agreements().explain(bad).await.expect_err("refused");
        let due = Due { code: Code::InvalidArgument, reason, act: Act::ReadGovernance };
        due.check(&stage, "police", &status).await;
    }
}
