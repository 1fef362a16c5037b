//! `Operations`: how the broker stands is for every peer, so a stranger is one who cannot even connect; what changes
//! something is for operators.

use portway::{
    domain::{Act, Reason},
    pb::v1 as pb,
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
