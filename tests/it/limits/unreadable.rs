//! Bytes that are no message, or too many: the caller is told, whatever the call, and nothing is recorded.

use std::collections::HashSet;

use http::uri::PathAndQuery;
use portway::{
    domain::{Act, Reason},
    pb::v1::{self as pb, subscribe_request::Message as Ask},
};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::stage::{Due, Role, SUBSCRIPTION, Speaker, Stage, draft, now, open, request, size};

/// Every call of ours that reads more than an empty message, as the protocol has them.
fn calls() -> Vec<PathAndQuery> {
    let files = FileDescriptorSet::decode(portway::pb::DESCRIPTORS).unwrap().file;
    let has_fields: HashSet<String> = files
        .iter()
        .flat_map(|file| file.message_type.iter().map(|it| (file.package(), it)))
        .filter(|(_, it)| !it.field.is_empty())
        .map(|(package, it)| format!(".{package}.{}", it.name()))
        .collect();
    let services = files.iter().flat_map(|file| file.service.iter().map(|it| (file.package(), it)));
    let calls: Vec<_> = services
        .flat_map(|(package, service)| service.method.iter().map(move |it| (package, service, it)))
        .filter(|(_, _, method)| has_fields.contains(method.input_type()))
        .map(|(package, service, method)| {
            format!("/{package}.{}/{}", service.name(), method.name()).parse().unwrap()
        })
        .collect();
    assert!(calls.len() > 12, "{calls:?}");
    calls
}

const PUBLISH: &str = "/portway.v1.Exchange/Publish";

fn check(status: &Status, code: Code, reason: Reason) {
    assert_eq!(status.code(), code, "{status:?}");
    let info = status.get_details_error_info().expect("ErrorInfo");
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("portway", reason.code()));
    assert_eq!(info.metadata.get("decision"), None, "{info:?}");
    assert_eq!(
        status.message(),
        format!("{} at message", reason.code()),
        "and nothing of the input"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_are_told_by_every_call() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    let officer = stage.connect("police", Role::Officer).await;
    let before = size(&officer).await;
    let whole = request(draft(now())).encode_to_vec();
    let cases: [(&str, Vec<u8>); 5] = [
        ("a field of another type", vec![0x0d, 1, 2, 3, 4]),
        ("a length beyond the end", vec![0x0a, 0x7f, 1]),
        ("a number without an end", vec![0xff; 16]),
        ("the field zero", vec![0x02, 0]),
        ("a message cut short", whole[..whole.len() - 1].to_vec()),
    ];
    for path in calls() {
        for (what, bytes) in &cases {
            if *what == "a message cut short" && path != PUBLISH {
                continue;
            }
            let status = police.send_bytes(path.as_str(), bytes).await.expect_err(what);
            check(&status, Code::InvalidArgument, Reason::Malformed);
        }
    }
    let not_text = vec![0x0a, 2, 0xc3, 0x28];
    let status = police.send_bytes(PUBLISH, &not_text).await;
    check(&status.expect_err("no UTF-8"), Code::InvalidArgument, Reason::Malformed);
    assert_eq!(size(&officer).await, before, "nothing is recorded");
}

/// A message of one unknown field, which would be read over if it were not too long.
fn padded(bytes: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes + 8);
    prost::encoding::bytes::encode(15, &vec![0_u8; bytes], &mut message);
    message
}

async fn send(police: &Speaker, path: &str, bytes: usize) -> Status {
    police.send_bytes(path, &padded(bytes)).await.expect_err("something is missing at least")
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_too_large_are_told_by_every_call() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    for path in calls() {
        let is_governance =
            ["Agreements/", "Subscriptions/"].iter().any(|it| path.as_str().contains(it));
        let bound = if is_governance { 1 << 20 } else { 64 << 10 };
        check(&send(&police, path.as_str(), bound).await, Code::OutOfRange, Reason::OutOfBounds);
    }
    let status = send(&police, PUBLISH, 60 << 10).await;
    assert_ne!(status.code(), Code::OutOfRange, "below the bound it is read");
}

/// On a stream that is open, what cannot be read ends it with the reason, and that is recorded: by then it is
/// known what it was about.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_message_end_an_open_stream() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let council = stage.speak("council", Role::Service).await;
    let opening = pb::SubscribeRequest { message: Some(Ask::Open(open(SUBSCRIPTION))) };
    for (bytes, reason) in
        [(vec![0xff; 16], Reason::Malformed), (padded(64 << 10), Reason::OutOfBounds)]
    {
        let opening = opening.encode_to_vec();
        let status = council.send_then("/portway.v1.Exchange/Subscribe", [opening, bytes]).await;
        let due = Due { code: Code::InvalidArgument, reason, act: Act::FollowStream };
        due.check(&stage, "council", &status).await;
    }
}
