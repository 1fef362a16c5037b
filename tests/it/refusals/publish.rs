//! `Exchange.Publish`.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
};
use tonic::Code;
use uuid::Uuid;

use crate::stage::{Due, Role, Speaker, Stage, draft, now, request, size, time};

const fn due(code: Code, reason: Reason) -> Due {
    Due { code, reason, act: Act::Publish }
}

/// A broker with an agreement in force, and the police's system.
async fn ready() -> (Stage, Speaker) {
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    (stage, police)
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_by_an_officer() {
    let (stage, _) = ready().await;
    let officer = stage.speak("police", Role::Officer).await;
    let status = officer.publish(request(draft(now()))).await.expect_err("an officer");
    due(Code::PermissionDenied, Reason::WrongRole).check(&stage, "police", &status).await;
}

/// Changes a good alert.
type Spoil = fn(&mut pb::AlertDraft);

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_of_what_the_agreement_or_the_time_rules_out() {
    let (stage, police) = ready().await;
    let cases: [(Spoil, Code, Reason); 11] = [
        (|it| it.agreement = "no-such".to_owned(), Code::NotFound, Reason::AgreementUnknown),
        (
            |it| it.purpose = pb::Purpose::HealthAndCare.into(),
            Code::PermissionDenied,
            Reason::PurposeNotAgreed,
        ),
        (
            |it| it.r#type = pb::AlertType::Overdose.into(),
            Code::PermissionDenied,
            Reason::TypeNotAgreed,
        ),
        (
            |it| it.subject_categories = vec![pb::SubjectCategory::Victim.into()],
            Code::PermissionDenied,
            Reason::CategoryNotAgreed,
        ),
        (|it| it.subject.clear(), Code::PermissionDenied, Reason::PersonMissing),
        (|it| it.as_of = Some(days_ago(365)), Code::FailedPrecondition, Reason::Stale),
        (|it| it.as_of = Some(ahead(1)), Code::InvalidArgument, Reason::AheadOfTime),
        (|it| it.expires_at = Some(days_ago(1)), Code::FailedPrecondition, Reason::Expired),
        (|it| it.expires_at = Some(ahead(91)), Code::InvalidArgument, Reason::ExpiryTooLate),
        (|it| it.area = "n1; drop".to_owned(), Code::InvalidArgument, Reason::Malformed),
        (
            |it| it.subject = vec![it.subject[0].clone(); 9],
            Code::InvalidArgument,
            Reason::OutOfBounds,
        ),
    ];
    for (spoil, code, reason) in cases {
        let mut alert = draft(now());
        spoil(&mut alert);
        if reason == Reason::Stale {
            alert.time = alert.as_of;
        }
        let status = police.publish(request(alert)).await.expect_err(reason.code());
        due(code, reason).check(&stage, "police", &status).await;
    }
}

fn days_ago(days: u64) -> prost_types::Timestamp {
    let ago = std::time::Duration::from_secs(days * 24 * 3600);
    time(now().before(ago))
}

fn ahead(days: u64) -> prost_types::Timestamp {
    time(now().plus_days(days))
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_of_an_alert_without_a_mandatory_field() {
    let (stage, police) = ready().await;
    let cases: [Spoil; 4] = [
        |it| it.time = None,
        |it| it.as_of = None,
        |it| it.expires_at = None,
        |it| it.subject_categories.clear(),
    ];
    let missing = due(Code::InvalidArgument, Reason::MissingField);
    for spoil in cases {
        let mut alert = draft(now());
        spoil(&mut alert);
        let status = police.publish(request(alert)).await.expect_err("something is missing");
        missing.check(&stage, "police", &status).await;
    }
    let nothing = pb::PublishRequest { alert: None, ..request(draft(now())) };
    let status = police.publish(nothing).await.expect_err("no alert");
    missing.check(&stage, "police", &status).await;
}

/// Puts a code into one field of an alert.
type SetCode = fn(&mut pb::AlertDraft, i32);

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_of_codes_that_are_zero_or_unknown() {
    let (stage, police) = ready().await;
    let officer = stage.speak("police", Role::Officer).await;
    let fields: [(SetCode, &str); 14] = [
        (|it, code| it.purpose = code, "purpose"),
        (|it, code| it.r#type = code, "type"),
        (|it, code| it.subject[0].kind = code, "subject"),
        (|it, code| it.subject_categories.push(code), "subject_categories"),
        (|it, code| it.indicators = vec![code], "indicators"),
        (|it, code| it.certainty = code, "certainty"),
        (|it, code| it.assertion = code, "assertion"),
        (|it, code| it.grading.as_mut().unwrap().source = code, "grading"),
        (|it, code| it.grading.as_mut().unwrap().assessment = code, "grading"),
        (|it, code| it.grading.as_mut().unwrap().handling = code, "grading"),
        (|it, code| it.urgency = code, "urgency"),
        (|it, code| it.route = Some(code), "route"),
        (|it, code| it.requested_action = Some(code), "requested_action"),
        (|it, code| it.handling_conditions = vec![code], "handling_conditions"),
    ];
    for (place, (spoil, field)) in fields.into_iter().enumerate() {
        // Above ten a second from one caller they are counted, and not recorded one by one.
        let caller = if place < 7 { &police } else { &officer };
        let is_list = ["subject_categories", "indicators", "handling_conditions"].contains(&field);
        let zero = if is_list { Reason::UnknownCode } else { Reason::MissingField };
        for (code, reason) in [(0, zero), (999, Reason::UnknownCode)] {
            let mut alert = draft(now());
            spoil(&mut alert, code);
            let status = caller.publish(request(alert)).await.expect_err(field);
            due(Code::InvalidArgument, reason).check(&stage, "police", &status).await;
            assert_eq!(status.message(), format!("{} at {field}", reason.code()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_under_an_id_that_is_old_reused_or_none() {
    let (stage, police) = ready().await;
    let first = request(draft(now()));
    police.publish(first.clone()).await.unwrap();
    let again = police.publish(first.clone()).await.unwrap();
    assert!(again.repeated_request);

    let mut other = first.clone();
    other.alert.as_mut().unwrap().urgency = pb::Urgency::Urgent.into();
    let status = police.publish(other).await.expect_err("other content");
    due(Code::AlreadyExists, Reason::RequestIdReused).check(&stage, "police", &status).await;

    let made = now().before(std::time::Duration::from_secs(25 * 3600)).ms();
    let old = uuid::Builder::from_unix_timestamp_millis(made, &[1; 10]).into_uuid();
    for (id, reason) in [
        (old.to_string(), Reason::RequestIdTooOld),
        (Uuid::nil().to_string(), Reason::Malformed),
        ("1".to_owned(), Reason::Malformed),
        (String::new(), Reason::MissingField),
    ] {
        let bad = pb::PublishRequest { request_id: id, ..first.clone() };
        let status = police.publish(bad).await.expect_err(reason.code());
        due(Code::InvalidArgument, reason).check(&stage, "police", &status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_of_more_than_64_kib_and_records_nothing() {
    let (stage, police) = ready().await;
    let officer = stage.connect("police", Role::Officer).await;
    let before = size(&officer).await;
    let mut alert = draft(now());
    alert.case_reference = "A".repeat(65 << 10);
    let status = police.publish(request(alert)).await.expect_err("too large");
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
    assert_eq!(size(&officer).await, before);
    police.publish(request(draft(now()))).await.expect("the connection lives");
}
