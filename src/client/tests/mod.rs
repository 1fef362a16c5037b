//! The client's calls against a broker of our own making, that is honest or told not to be.

mod broker;
mod many;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer, version::TLS13};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::*;
use crate::domain::{Name, Purpose};
use broker::Broker;

const POLICE: &str = "agency/police/service/rms";
const COUNCIL: &str = "agency/council/service/casework";

fn unavailable() -> Status {
    let mut details = ErrorDetails::with_error_info("BUSY", "portway", HashMap::new());
    details.set_retry_info(Some(Duration::from_millis(1)));
    Status::with_error_details(Code::Unavailable, "busy", details)
}

fn fault(error: &Error) -> Fault {
    let Error::Verification { fault, .. } = error else { panic!("{error:?}") };
    *fault
}

fn name() -> Name {
    "asb-n1".parse().unwrap()
}

#[tokio::test]
async fn an_alert_is_published_and_the_log_remembered() {
    let broker = Broker::new(sample::log(7));
    broker
        .serve(POLICE, async |connection| {
            let first = connection.publish(sample::draft(), None).await.expect("published");
            assert_eq!((first.index, connection.identity().memory().known_size()), (7, 8));
            let second = connection.publish(sample::draft(), None).await.expect("published");
            assert_eq!((second.index, connection.identity().memory().known_size()), (8, 9));
            assert_ne!(first.alert, second.alert);
        })
        .await;
    assert_eq!(broker.known().published[1].known_size, 8);
}

#[tokio::test]
async fn a_busy_broker_is_asked_again_with_the_same_request() {
    let broker = Broker::new(sample::log(7));
    broker.known().failures = [unavailable(), unavailable()].into();
    let id = sample::request_id(50);

    let receipt = broker
        .serve(POLICE, async |connection| connection.publish(sample::draft(), Some(id)).await);

    assert_eq!(receipt.await.expect("published").alert, id.to_string());
    let known = broker.known();
    assert_eq!(known.published.len(), 3);
    assert!(known.published.iter().all(|it| it.request_id == id.to_string()));
}

#[tokio::test]
async fn a_refusal_is_final_and_names_its_record() {
    let broker = Broker::new(sample::log(7));
    let decision = HashMap::from([("decision".to_owned(), "41".to_owned())]);
    let details = ErrorDetails::with_error_info("PURPOSE_NOT_AGREED", "portway", decision);
    let refusal = Status::with_error_details(Code::PermissionDenied, "no", details);
    broker.known().failures = [refusal].into();

    let error = broker
        .serve(POLICE, async |connection| connection.publish(sample::draft(), None).await)
        .await
        .expect_err("refused");

    assert!(matches!(error, Error::Refused { decision: Some(41), .. }), "{error:?}");
    assert_eq!(broker.known().published.len(), 1);
}

#[tokio::test]
async fn a_draft_in_another_order_is_committed_to_in_the_canonical_one() {
    let broker = Broker::new(sample::log(7));
    let mut draft = sample::draft();
    draft.subject_categories = vec![
        crate::pb::v1::SubjectCategory::Child.into(),
        crate::pb::v1::SubjectCategory::Suspect.into(),
    ];
    broker
        .serve(POLICE, async |connection| connection.publish(draft, None).await)
        .await
        .expect("published");
}

#[tokio::test]
async fn a_receipt_that_proves_nothing_is_no_receipt() {
    let publish = async |spoil: fn(&mut crate::pb::v1::Receipt)| {
        let broker = Broker::new(sample::log(7));
        broker
            .serve(POLICE, async |connection| {
                connection.checkpoint().await.expect("honest");
                broker.known().spoil = spoil;
                let error = connection.publish(sample::draft(), None).await.expect_err("spoilt");
                (fault(&error), connection.identity().memory().known_size())
            })
            .await
    };
    assert_eq!(publish(|it| it.content_key = vec![0; 32].into()).await, (Fault::Content, 8));
    assert!(matches!(publish(|it| it.index = 3).await.0, Fault::Inclusion { index: 3, .. }));
    let (found, known) = publish(|it| it.consistency.clear()).await;
    assert!(matches!(found, Fault::Inconsistent { from: 7, to: 8, .. }));
    assert_eq!(known, 7, "what is not proven is not remembered");
    let older = publish(|it| it.checkpoint = sample::log(5).note(5)).await;
    assert_eq!(older, (Fault::Older { size: 5, known: 7 }, 7));
}

#[tokio::test]
async fn a_checkpoint_without_a_proof_costs_one_more_question() {
    let broker = Broker::new(sample::log(7));
    broker
        .serve(POLICE, async |connection| {
            connection.checkpoint().await.expect("the first one");
            broker.known().log.publish(&sample::draft(), sample::request_id(9));
            let leaf = broker.known().log.entries()[3];
            let seen = connection.prove_inclusion(3, &leaf).await.expect("there");
            assert_eq!((seen.size(), connection.identity().memory().known_size()), (8, 8));
            assert_eq!(broker.known().consistency_asked, 1);
            connection.prove_inclusion(3, &leaf).await.expect("there");
            assert_eq!(broker.known().consistency_asked, 1);

            let error = connection.prove_inclusion(3, &[0; 32]).await.expect_err("not there");
            assert_eq!(fault(&error), Fault::Leaf { index: 3 });
        })
        .await;
}

#[tokio::test]
async fn entries_make_the_tree_or_are_not_believed() {
    let broker = Broker::new(sample::log(23));
    broker
        .serve(POLICE, async |connection| {
            let seen = connection.checkpoint().await.expect("a checkpoint");
            let entries = connection.read_entries(&seen).await.expect("its entries");
            assert_eq!(entries, broker.known().log.entries());

            let mut other = sample::log(10);
            while other.size() < 23 {
                other.publish(&sample::draft(), sample::request_id(1000 + other.size()));
            }
            broker.known().log = other;
            let error = connection.read_entries(&seen).await.expect_err("of another log");
            assert_eq!(fault(&error), Fault::Entries { size: 23 });
            broker.known().endless = true;
            let error = connection.read_entries(&seen).await.expect_err("without an end");
            assert_eq!(fault(&error), Fault::Entries { size: 23 });
        })
        .await;
}

#[tokio::test]
async fn a_subscription_is_followed_within_its_credit_and_acknowledged() {
    let broker = Broker::new(sample::log(7));
    broker.known().deliveries = 25;
    broker
        .serve(COUNCIL, async |connection| {
            let options = FollowOptions { credit: 4, ..FollowOptions::default() };
            let purpose = Purpose::CrimeAndDisorder;
            let mut follower =
                connection.follow(&name(), purpose, options).await.expect("the stream");
            for number in 1..=25 {
                let Ok(Some(Incoming::Delivery(delivered))) = follower.next().await else {
                    panic!("delivery {number}")
                };
                assert_eq!((delivered.number, delivered.view), (number, sample::view()));
                follower.acknowledge(&delivered.position).await.expect("acknowledged");
            }
            follower.finish().await;
            assert_eq!(connection.identity().memory().known_size(), 32);
        })
        .await;
    let known = broker.known();
    let positions: Vec<Bytes> = (1..=25).map(|number| vec![number; 48].into()).collect();
    assert_eq!(known.acknowledged, positions);
    assert!(known.credit_seen <= 4, "{}", known.credit_seen);
}

#[tokio::test]
async fn a_delivery_that_proves_nothing_is_not_handed_out() {
    let follow = async |spoil: fn(&mut crate::pb::v1::Delivery)| {
        let broker = Broker::new(sample::log(7));
        broker.known().deliveries = 1;
        broker.known().spoil_delivery = spoil;
        broker
            .serve(COUNCIL, async |connection| {
                let purpose = Purpose::CrimeAndDisorder;
                let options = FollowOptions::default();
                let mut follower =
                    connection.follow(&name(), purpose, options).await.expect("the stream");
                fault(&follower.next().await.expect_err("spoilt"))
            })
            .await
    };
    let view = follow(|it| it.view = Bytes::new()).await;
    assert_eq!(view, Fault::View("another commitment"));
    let number = follow(|it| it.number = 2).await;
    assert_eq!(number, Fault::Record { index: 7, what: "another number" });
    let consistency = follow(|it| it.consistency.clear()).await;
    assert!(matches!(consistency, Fault::Inconsistent { from: 7, to: 8, .. }));
    let forged = follow(|it| {
        it.checkpoint = sample::log(8).checkpoint(8).sign(&sample::other_signer()).unwrap();
    });
    assert!(matches!(forged.await, Fault::Checkpoint(_)));
}

/// The alert is recorded as disclosed to the council, and delivered to the police.
#[tokio::test]
async fn what_was_recorded_for_another_agency_is_not_believed() {
    let broker = Broker::new(sample::log(7));
    broker.known().deliveries = 1;
    let found = broker
        .serve(POLICE, async |connection| {
            let purpose = Purpose::CrimeAndDisorder;
            let options = FollowOptions::default();
            let mut follower =
                connection.follow(&name(), purpose, options).await.expect("the stream");
            fault(&follower.next().await.expect_err("not ours"))
        })
        .await;
    assert_eq!(found, Fault::Record { index: 7, what: "another recipient" });
}

/// Whoever holds the address does not hold a certificate that `ca.pem` vouches for.
#[tokio::test]
async fn a_broker_that_nobody_vouches_for_is_not_spoken_to() {
    let dir = sample::identity_dir();
    let identity = Identity::load(dir.path()).unwrap();
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("localhost:{}", listener.local_addr().unwrap().port());
    let accept = async {
        let (tcp, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config)).accept(tcp).await
    };

    let (accepted, connected) = tokio::join!(accept, Connection::connect(&target, identity));

    accepted.expect_err("the client hung up");
    let error = connected.expect_err("nobody vouches for it");
    assert!(matches!(error, Error::Unreachable { retry: Retry::Never, .. }), "{error:?}");
}

#[tokio::test]
async fn no_broker_is_told_apart_from_no_address() {
    let dir = sample::identity_dir();
    let identity = Identity::load(dir.path()).unwrap();
    // Bound and closed again: nothing listens there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    drop(listener);

    let error = Connection::connect(&target, identity.clone()).await.expect_err("nobody there");
    assert!(matches!(error, Error::Unreachable { retry: Retry::Later(_), .. }), "{error:?}");
    for target in ["localhost", "localhost:x", "", "a b:1"] {
        let error = Connection::connect(target, identity.clone()).await.expect_err(target);
        assert!(matches!(error, Error::Configuration(_)), "{target}: {error:?}");
    }
}

/// The key hands over twice while the client is away; it learns of it by the next answer, one rotation at a time.
#[tokio::test]
async fn a_client_follows_the_logs_key() {
    let broker = Broker::new(sample::log(7));
    broker
        .serve(POLICE, async |connection| {
            connection.publish(sample::draft(), None).await.expect("published");
            broker.known().log.rotate(sample::other_signer());
            broker.known().log.publish(&sample::draft(), sample::request_id(70));
            broker.known().log.rotate(sample::seeded(9));

            let receipt = connection.publish(sample::draft(), None).await.expect("published");

            let memory = connection.identity().memory();
            assert_eq!((receipt.index, memory.known_size()), (11, 12));
            assert_eq!(*memory.chain(), broker.known().log.chain());
            assert!(!connection.follow_keys().await.expect("nothing new"));
        })
        .await;
}

/// Both trees extend what the client knows, and are of two histories: the one that hands over, and the one shown.
#[tokio::test]
async fn a_key_of_another_history_is_not_followed() {
    let broker = Broker::new(sample::log(7));
    broker
        .serve(POLICE, async |connection| {
            connection.checkpoint().await.expect("honest");
            let mut other = sample::log(7);
            other.publish(&sample::draft(), sample::request_id(71));
            other.rotate(sample::other_signer());
            broker.known().log.rotate(sample::other_signer());
            for number in 0..6 {
                broker.known().log.publish(&sample::draft(), sample::request_id(80 + number));
            }
            broker.known().rotations = Some(other.rotations());

            let error = connection.publish(sample::draft(), None).await.expect_err("a fork");

            assert!(matches!(fault(&error), Fault::Inconsistent { .. }), "{error:?}");
            assert_eq!(connection.identity().memory().rotations(), []);
            assert_eq!(connection.identity().memory().known_size(), 7);
        })
        .await;
}

#[tokio::test]
async fn a_rotation_that_is_not_shown_is_not_followed() {
    for spoil in [
        (|it| it.inclusion.clear()) as fn(&mut crate::record::Rotation),
        |it| it.salt[0] ^= 1,
        |it| it.checkpoint = sample::log(9).note(8),
        |it| it.index = 6,
    ] {
        let broker = Broker::new(sample::log(7));
        broker
            .serve(POLICE, async |connection| {
                connection.checkpoint().await.expect("honest");
                broker.known().log.rotate(sample::other_signer());
                let mut rotations = broker.known().log.rotations();
                rotations.iter_mut().for_each(spoil);
                broker.known().rotations = Some(rotations);

                let error = connection.publish(sample::draft(), None).await.expect_err("spoilt");

                assert!(matches!(fault(&error), Fault::Rotation(_)), "{error:?}");
                assert_eq!(connection.identity().memory().rotations(), []);
            })
            .await;
    }
}
