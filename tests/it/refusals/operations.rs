//! `Operations`: how the broker stands is for every peer, so a stranger is one who cannot even connect; what changes
//! something is for operators.

use portway::{
    domain::{Act, Reason, Seat},
    pb::v1 as pb,
    pki::{NewRequest, Profile},
};
use tonic::Code;

use crate::stage::{Door, Due, Role, Speaker, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn refuses_get_status_to_strangers() {
    let stage = Stage::start();
    let trusting = stage.home("police", Role::Service);
    for (door, is_ours) in [
        (Door::of(&trusting), true),
        (Door::without_certificate(&trusting), false),
        (Door::of(&stage.path("stranger")), false),
        (Door::of(&stage.path("impostor")), false),
    ] {
        // In TLS 1.3 a client may learn only at its first call that it was turned away.
        let answered = match door.channel(&stage.address).await {
            Ok(channel) => {
                let mut operations = Speaker { channel }.operations();
                operations.get_status(pb::GetStatusRequest {}).await.is_ok()
            }
            Err(_) => false,
        };
        assert_eq!(answered, is_ours, "{door:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_get_status_beyond_name_version_and_log_to_all_but_operators() {
    let stage = Stage::start();
    stage.agree().await;
    let ask = async |agency: &str, role: Role| {
        let speaker = stage.speak(agency, role).await;
        let answer = speaker.operations().get_status(pb::GetStatusRequest {}).await;
        answer.unwrap().into_inner()
    };
    for role in [Role::Service, Role::Officer] {
        let status = ask("police", role).await;
        assert!(status.caller.starts_with("spiffe://portway.test/agency/police/"));
        assert_eq!((status.connections, status.agreements_in_force), (0, 0));
    }
    let status = ask("", Role::Operator).await;
    assert_eq!(status.caller, "spiffe://portway.test/operator/ops-1");
    assert_eq!(status.agreements_in_force, 1);
    assert!(status.connections > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_rotate_log_key_to_all_but_operators() {
    let stage = Stage::start();
    let due = Due { code: Code::PermissionDenied, reason: Reason::WrongRole, act: Act::RotateKey };
    for role in [Role::Service, Role::Officer] {
        let speaker = stage.speak("police", role).await;
        let asked = speaker.operations().rotate_log_key(pb::RotateLogKeyRequest {}).await;
        due.check(&stage, "police", &asked.expect_err("no operator")).await;
    }
    let operator = stage.connect("", Role::Operator).await;
    assert!(!operator.follow_keys().await.unwrap(), "the key is the first one still");
    operator.rotate_log_key().await.unwrap();
}

/// The caller's own name is signed and no other: not another agency's, not a colleague's, not an operator's.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_renew_certificate_under_another_name() {
    let stage = Stage::start_with_issuer("police");
    let police = stage.speak("police", Role::Service).await;
    let ask = async |speaker: &Speaker, path: &str| {
        let request = request_of(path);
        speaker.operations().renew_certificate(pb::RenewCertificateRequest { request }).await
    };
    let other = |reason| Due { code: Code::PermissionDenied, reason, act: Act::RenewCertificate };
    for path in [
        "agency/police/service/other",
        "agency/police/officer/ig-1",
        "agency/council/service/cases",
        "operator/ops-1",
    ] {
        let asked = ask(&police, path).await.expect_err(path);
        other(Reason::OtherIdentity).check(&stage, "police", &asked).await;
    }
    let request = "no request".to_owned();
    let asked =
        police.operations().renew_certificate(pb::RenewCertificateRequest { request }).await;
    let malformed = Due { code: Code::InvalidArgument, ..other(Reason::Malformed) };
    malformed.check(&stage, "police", &asked.expect_err("malformed")).await;

    let council = stage.speak("council", Role::Service).await;
    let asked = ask(&council, "agency/council/service/cases").await.expect_err("no issuer");
    let none = Due { code: Code::FailedPrecondition, ..other(Reason::NoIssuer) };
    none.check(&stage, "council", &asked).await;

    for _ in 0..16 {
        ask(&police, "agency/police/service/cases").await.expect("its own name");
    }
    let asked = ask(&police, "agency/police/service/cases").await.expect_err("too many");
    let many = Due { code: Code::FailedPrecondition, ..other(Reason::TooManyCertificates) };
    many.check(&stage, "police", &asked).await;
}

fn request_of(path: &str) -> String {
    let domain = "portway.test".parse().unwrap();
    let seat = Seat::parse(path).unwrap();
    NewRequest::new(&Profile::Client { domain, seat }).unwrap().pem
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_list_certificates_to_services_and_of_other_agencies() {
    let stage = Stage::start();
    let service = stage.speak("police", Role::Service).await;
    let asked = service.operations().list_certificates(pb::ListCertificatesRequest {}).await;
    let due =
        Due { code: Code::PermissionDenied, reason: Reason::WrongRole, act: Act::ReadCertificates };
    due.check(&stage, "police", &asked.expect_err("a service")).await;
    let council = stage.connect("council", Role::Officer).await;
    let listed = council.certificates().await.unwrap();
    assert!(!listed.is_empty());
    assert!(listed.iter().all(|it| it.id.starts_with("agency/council/")), "{listed:?}");
}

/// Everybody but operators, and whatever names nobody.
#[tokio::test(flavor = "multi_thread")]
async fn refuses_reload() {
    let stage = Stage::start();
    for role in [Role::Service, Role::Officer] {
        let speaker = stage.speak("police", role).await;
        let status = speaker.operations().reload(pb::ReloadRequest {}).await.unwrap_err();
        assert_eq!(status.message(), "WRONG_ROLE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_revoke_certificate() {
    let stage = Stage::start();
    for (role, certificate, message) in [
        (Role::Officer, vec![1; 32], "WRONG_ROLE"),
        (Role::Service, vec![1; 32], "WRONG_ROLE"),
        (Role::Operator, vec![], "MISSING_FIELD at certificate"),
        (Role::Operator, vec![1; 31], "MALFORMED at certificate"),
        (Role::Operator, vec![0; 32], "MALFORMED at certificate"),
    ] {
        let speaker = stage.speak("police", role).await;
        let request = pb::RevokeCertificateRequest { certificate: certificate.into() };
        let status = speaker.operations().revoke_certificate(request).await.unwrap_err();
        assert_eq!(status.message(), message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_revoke_authority() {
    let stage = Stage::start();
    for (role, key, message) in [
        (Role::Officer, vec![1; 32], "WRONG_ROLE"),
        (Role::Operator, vec![], "MISSING_FIELD at key"),
        (Role::Operator, vec![1; 33], "MALFORMED at key"),
    ] {
        let speaker = stage.speak("police", role).await;
        let request = pb::RevokeAuthorityRequest { key: key.into() };
        let status = speaker.operations().revoke_authority(request).await.unwrap_err();
        assert_eq!(status.message(), message);
    }
}

/// What is asked about which agency by whom, and what comes of it.
const AGENCIES: [(Role, &str, &str); 4] = [
    (Role::Officer, "housing", "WRONG_ROLE"),
    (Role::Service, "housing", "WRONG_ROLE"),
    (Role::Operator, "", "MISSING_FIELD at agency"),
    (Role::Operator, "Housing", "MALFORMED at agency"),
];

#[tokio::test(flavor = "multi_thread")]
async fn refuses_revoke_agency() {
    let stage = Stage::start();
    let unknown = (Role::Operator, "library", "AGENCY_UNKNOWN at agency");
    for (role, agency, message) in AGENCIES.into_iter().chain([unknown]) {
        let speaker = stage.speak("police", role).await;
        let request = pb::RevokeAgencyRequest { agency: agency.to_owned() };
        let status = speaker.operations().revoke_agency(request).await.unwrap_err();
        assert_eq!(status.message(), message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_suspend_agency() {
    let stage = Stage::start();
    let unknown = (Role::Operator, "library", "AGENCY_UNKNOWN at agency");
    for (role, agency, message) in AGENCIES.into_iter().chain([unknown]) {
        let speaker = stage.speak("police", role).await;
        let request = pb::SuspendAgencyRequest { agency: agency.to_owned() };
        let status = speaker.operations().suspend_agency(request).await.unwrap_err();
        assert_eq!(status.message(), message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_reinstate_agency() {
    let stage = Stage::start();
    let standing = (Role::Operator, "housing", "AGENCY_NOT_SUSPENDED at agency");
    for (role, agency, message) in AGENCIES.into_iter().chain([standing]) {
        let speaker = stage.speak("police", role).await;
        let request = pb::ReinstateAgencyRequest { agency: agency.to_owned() };
        let status = speaker.operations().reinstate_agency(request).await.unwrap_err();
        assert_eq!(status.message(), message);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_confirm_clock_to_all_but_operators_and_where_nothing_waits() {
    let stage = Stage::start();
    let due = Due { code: Code::PermissionDenied, reason: Reason::WrongRole, act: Act::Administer };
    for role in [Role::Service, Role::Officer] {
        let speaker = stage.speak("police", role).await;
        let asked = speaker.operations().confirm_clock(pb::ConfirmClockRequest {}).await;
        due.check(&stage, "police", &asked.expect_err("no operator")).await;
    }
    let operator = stage.speak("", Role::Operator).await;
    let asked = operator.operations().confirm_clock(pb::ConfirmClockRequest {}).await;
    let asked = asked.expect_err("nothing waits");
    let due = Due { code: Code::FailedPrecondition, reason: Reason::SweepNotHalted, ..due };
    due.check_said(&asked);
}
