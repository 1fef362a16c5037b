//! Answers that the broker writes by hand are, byte for byte, those that generated code would write.

use std::fmt::Debug;

use bytes::{Buf, Bytes};
use portway::pb::v1::{
    self as pb, publish_many_response::Outcome, subscribe_request::Message as Ask,
    subscribe_response::Message as Answer,
};
use prost::Message;
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder},
    transport::Channel,
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::stage::{Role, SUBSCRIPTION, Stage, draft, now, open, request};

/// Sends a message, and hands out the answer's bytes as they came.
#[derive(Debug)]
struct AsItCame<T>(ProstCodec<T, ()>);

impl<T: Message + 'static> Codec for AsItCame<T> {
    type Encode = T;
    type Decode = Bytes;
    type Encoder = ProstEncoder<T>;
    type Decoder = Whole;

    fn encoder(&mut self) -> ProstEncoder<T> {
        self.0.encoder()
    }

    fn decoder(&mut self) -> Whole {
        Whole
    }
}

#[derive(Debug)]
struct Whole;

impl Decoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Calls a method of the exchange.
async fn call<T: Message + 'static>(
    channel: &Channel,
    method: &'static str,
    asked: Vec<T>,
) -> Streaming<Bytes> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(method);
    let codec = AsItCame(ProstCodec::default());
    grpc.streaming(Request::new(tokio_stream::iter(asked)), path, codec).await.unwrap().into_inner()
}

/// Reads the next answer, and holds its bytes against those of generated code.
async fn next<M: Message + Default + Debug>(answers: &mut Streaming<Bytes>) -> M {
    let bytes = answers.message().await.unwrap().expect("an answer");
    let message = M::decode(bytes.clone()).unwrap();
    assert_eq!(Bytes::from(message.encode_to_vec()), bytes, "{message:?}");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_what_generated_code_would_write() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let police = stage.speak("police", Role::Service).await.channel;
    let council = stage.speak("council", Role::Service).await.channel;

    let asked = request(draft(now()));
    let mut one = call(&police, "/portway.v1.Exchange/Publish", vec![asked.clone()]).await;
    let first = next::<pb::PublishResponse>(&mut one).await.receipt.unwrap();
    assert!(!first.inclusion.is_empty() && !first.repeated_request);

    let many = |request: pb::PublishRequest, known_size| pb::PublishManyRequest {
        request_id: request.request_id,
        alert: request.alert,
        known_size,
    };
    let unreadable = pb::PublishRequest { alert: None, ..request(draft(now())) };
    let asked = vec![many(asked, 1), many(request(draft(now())), 0), many(unreadable, 0)];
    let mut outcomes = call(&police, "/portway.v1.Exchange/PublishMany", asked).await;
    let repeated = next::<pb::PublishManyResponse>(&mut outcomes).await.outcome;
    let published = next::<pb::PublishManyResponse>(&mut outcomes).await.outcome;
    let refused = next::<pb::PublishManyResponse>(&mut outcomes).await.outcome;
    assert!(
        matches!(repeated, Some(Outcome::Receipt(it)) if it.repeated_request && !it.consistency.is_empty())
    );
    assert!(matches!(published, Some(Outcome::Receipt(it)) if !it.repeated_request));
    assert!(matches!(refused, Some(Outcome::Refusal(_))));

    let opening = pb::SubscribeRequest { message: Some(Ask::Open(open(SUBSCRIPTION))) };
    let mut heard = call(&council, "/portway.v1.Exchange/Subscribe", vec![opening]).await;
    let opened = next::<pb::SubscribeResponse>(&mut heard).await.message;
    assert!(matches!(opened, Some(Answer::Opened(_))), "{opened:?}");
    for number in 1..=2 {
        let delivered = next::<pb::SubscribeResponse>(&mut heard).await.message;
        let Some(Answer::Delivery(it)) = delivered else { panic!("{delivered:?}") };
        assert!(it.number == number && !it.checkpoint.is_empty() && !it.redelivery);
    }

    let asked = pb::PullRequest {
        subscription: SUBSCRIPTION.to_owned(),
        purpose: open(SUBSCRIPTION).purpose,
        max: 10,
        ..pb::PullRequest::default()
    };
    let mut pulled = call(&council, "/portway.v1.Exchange/Pull", vec![asked]).await;
    let deliveries = next::<pb::PullResponse>(&mut pulled).await.deliveries;
    assert_eq!(deliveries.len(), 2);
    assert!(deliveries.iter().all(|it| it.redelivery && it.checkpoint.is_empty()));
}
