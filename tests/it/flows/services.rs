//! What every gRPC broker has: health, reflection, a port of its own.

use portway::pb::v1 as pb;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::stage::{Door, Role, Stage};

const SERVICES: [&str; 7] = [
    "portway.v1.Agreements",
    "portway.v1.Audit",
    "portway.v1.Exchange",
    "portway.v1.Log",
    "portway.v1.Operations",
    "portway.v1.Retention",
    "portway.v1.Subscriptions",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_service_says_that_it_serves() {
    let stage = Stage::start();
    let mut health = HealthClient::new(stage.speak("fire", Role::Service).await.channel);
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving, "{service}");
    }
    let unknown = HealthCheckRequest { service: "portway.v1.Gossip".to_owned() };
    let status = health.check(unknown).await.expect_err("there is none");
    assert_eq!(status.code(), tonic::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services_to_those_who_are_let_in() {
    let stage = Stage::start();
    let channel = stage.speak("fire", Role::Service).await.channel;
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let asked = tokio_stream::once(request.clone());
    let mut answers = reflection.server_reflection_info(asked).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let names: Vec<_> = list.service.iter().map(|it| it.name.as_str()).collect();
    for service in SERVICES {
        assert!(names.contains(&service), "{names:?}");
    }

    let stranger = Door::without_certificate(&stage.home("fire", Role::Service));
    if let Ok(channel) = stranger.channel(&stage.address).await {
        let asked = tokio_stream::once(request);
        let answered = ServerReflectionClient::new(channel).server_reflection_info(asked).await;
        answered.expect_err("a stranger");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_brokers_with_port_0_listen_on_ports_of_their_own() {
    let (one, other) = (Stage::start(), Stage::start());
    assert_ne!(one.address, other.address);
    assert!(!one.address.ends_with(":0"));
}

/// Nobody has asked for anything yet, and the log already has a beginning that is signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_log_has_a_checkpoint_as_soon_as_the_broker_listens() {
    let stage = Stage::start();
    let speaker = stage.speak("fire", Role::Service).await;
    let status = speaker.operations().get_status(pb::GetStatusRequest {}).await.unwrap();
    let status = status.into_inner();
    assert_eq!(status.origin, "portway.test/portway/main");
    assert_eq!(status.checkpoint.lines().nth(1), Some("2"), "{}", status.checkpoint);
    let log = stage.log_lines();
    assert!(log.contains("\"message\":\"serving\""), "{log}");
}
