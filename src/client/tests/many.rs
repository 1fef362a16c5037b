//! Many alerts over one stream, against a broker of our own making.

use super::*;
use crate::pb::v1 as pb;

/// Submissions under ids of their own; those at `spoilt` lack what the broker demands.
fn submissions(count: u64, spoilt: &[u64]) -> Vec<Submission> {
    let one = |number| {
        let mut alert = sample::draft();
        if spoilt.contains(&number) {
            alert.area.clear();
        }
        Submission { request_id: sample::request_id(50 + number), alert }
    };
    (0..count).map(one).collect()
}

async fn publish(
    connection: &Connection,
    submissions: &[Submission],
) -> Result<Vec<Outcome>, Error> {
    let mut publishing = connection.publish_many(tokio_stream::iter(submissions.to_vec()))?;
    let mut outcomes = Vec::new();
    while let Some(outcome) = publishing.next().await? {
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

#[tokio::test]
async fn many_are_answered_in_order_and_a_refusal_ends_nothing() {
    let broker = Broker::new(sample::log(7));
    let sent = submissions(300, &[0, 5, 299]);
    let outcomes = broker
        .serve(POLICE, async |connection| {
            connection.checkpoint().await.expect("honest");
            let outcomes = publish(&connection, &sent).await.expect("all answered");
            assert_eq!(connection.identity().memory().known_size(), 7 + 297);
            outcomes
        })
        .await;

    assert_eq!(outcomes.len(), 300);
    for (outcome, sent) in outcomes.iter().zip(&sent) {
        assert_eq!(outcome.request_id, sent.request_id);
        match &outcome.result {
            Ok(receipt) => assert_eq!(receipt.alert, sent.request_id.to_string()),
            Err(error) => assert!(
                sent.alert.area.is_empty()
                    && matches!(error, Error::Refused { reason, decision: Some(41), .. }
                        if reason == "MISSING_FIELD"),
                "{error:?}"
            ),
        }
    }
    assert_eq!(outcomes.iter().filter(|it| it.result.is_err()).count(), 3);
    assert_eq!(broker.known().consistency_asked, 0);
}

#[tokio::test]
async fn what_is_unanswered_is_sent_again_under_the_same_ids() {
    let broker = Broker::new(sample::log(7));
    broker.known().failures = [unavailable(), unavailable()].into();
    let sent = submissions(20, &[]);

    let outcomes = broker
        .serve(POLICE, async |connection| publish(&connection, &sent).await)
        .await
        .expect("all answered");

    let answered: Vec<_> = outcomes.iter().map(|it| it.request_id).collect();
    let asked: Vec<_> = sent.iter().map(|it| it.request_id).collect();
    assert_eq!(answered, asked);
    assert_eq!(broker.known().log.size(), 27);
}

#[tokio::test]
async fn a_broker_that_stays_away_is_told_of_after_the_last_try() {
    let broker = Broker::new(sample::log(7));
    broker.known().failures = std::iter::repeat_with(unavailable).take(50).collect();
    let error = broker
        .serve(POLICE, async |connection| publish(&connection, &submissions(3, &[])).await)
        .await
        .expect_err("never there");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_receipt_that_proves_nothing_ends_it() {
    let publish = async |spoil: fn(&mut pb::Receipt)| {
        let broker = Broker::new(sample::log(7));
        broker.known().spoil = spoil;
        let error = broker
            .serve(POLICE, async |connection| publish(&connection, &submissions(3, &[])).await)
            .await
            .expect_err("spoilt");
        fault(&error)
    };
    assert_eq!(publish(|it| it.content_key = vec![0; 32].into()).await, Fault::Content);
    assert!(matches!(publish(|it| it.index = 3).await, Fault::Inclusion { index: 3, .. }));
    let unproven = publish(|it| it.consistency.clear()).await;
    assert!(matches!(unproven, Fault::Inconsistent { from: 8, to: 9, .. }), "{unproven:?}");
    let other = publish(|it| it.alert = sample::request_id(9).to_string()).await;
    assert!(matches!(other, Fault::Record { .. }), "{other:?}");
}

#[tokio::test]
async fn an_operator_publishes_nothing() {
    let broker = Broker::new(sample::log(7));
    let error = broker
        .serve("operator/ops", async |connection| publish(&connection, &submissions(1, &[])).await)
        .await
        .expect_err("no agency");
    assert!(matches!(error, Error::Configuration(_)), "{error:?}");
    assert!(broker.known().published.is_empty());
}
