//! `Exchange.PublishMany`: each alert is refused by itself, and what is not ours ends the stream.

use portway::{
    domain::{Act, Reason},
    pb::v1::{self as pb, publish_many_response::Outcome},
};
use tonic::Code;
use uuid::Uuid;

use crate::stage::{Due, Role, Stage, draft, events, now, size};

/// One alert of many.
fn one(alert: Option<pb::AlertDraft>) -> pb::PublishManyRequest {
    pb::PublishManyRequest { request_id: Uuid::now_v7().to_string(), alert, known_size: 0 }
}

fn refusal(outcome: Outcome) -> pb::PublishRefusal {
    match outcome {
        Outcome::Refusal(refusal) => refusal,
        Outcome::Receipt(_) => panic!("it was published"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_many_by_an_officer_alert_by_alert() {
    let stage = Stage::start();
    stage.agree().await;
    let officer = stage.speak("police", Role::Officer).await;
    let alerts = vec![one(Some(draft(now()))), one(Some(draft(now())))];
    let (outcomes, end) = officer.publish_many(alerts).await;
    end.expect("the stream ends well");
    assert_eq!(outcomes.len(), 2);
    for outcome in outcomes {
        let refusal = refusal(outcome);
        assert_eq!(refusal.code, i32::from(Code::PermissionDenied));
        assert_eq!(refusal.reason, Reason::WrongRole.code());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_many_of_bad_alerts_and_takes_the_good_ones_between_them() {
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let other = |change: fn(&mut pb::AlertDraft)| {
        let mut alert = draft(now());
        change(&mut alert);
        one(Some(alert))
    };
    let reused = one(Some(draft(now())));
    let mut differs = reused.clone();
    differs.alert.as_mut().unwrap().urgency = pb::Urgency::Urgent.into();
    let bad_id = pb::PublishManyRequest { request_id: "1".to_owned(), ..reused.clone() };
    let alerts = vec![
        (one(None), Some((Reason::MissingField, "alert"))),
        (reused, None),
        (differs, Some((Reason::RequestIdReused, "request_id"))),
        (bad_id, Some((Reason::Malformed, "request_id"))),
        (other(|it| it.purpose = 0), Some((Reason::MissingField, "purpose"))),
        (other(|it| it.purpose = 999), Some((Reason::UnknownCode, "purpose"))),
        (other(|it| it.agreement = "no-such".to_owned()), Some((Reason::AgreementUnknown, ""))),
        (other(|it| it.subject.clear()), Some((Reason::PersonMissing, ""))),
        (one(Some(draft(now()))), None),
    ];
    let (sent, due): (Vec<_>, Vec<_>) = alerts.into_iter().unzip();

    let (outcomes, end) = police.publish_many(sent.clone()).await;

    end.expect("the stream ends well");
    assert_eq!(outcomes.len(), due.len());
    let officer = stage.connect("police", Role::Officer).await;
    let recorded = events(&officer).await;
    for ((outcome, sent), due) in outcomes.into_iter().zip(sent).zip(due) {
        match (outcome, due) {
            (Outcome::Receipt(receipt), None) => assert_eq!(receipt.alert, sent.request_id),
            (Outcome::Refusal(refusal), Some((reason, at))) => {
                assert_eq!(refusal.reason, reason.code());
                assert!(at.is_empty() || refusal.at == at, "{refusal:?}");
                let (_, event) = recorded
                    .iter()
                    .find(|(index, _)| Some(*index) == refusal.decision)
                    .expect("its record");
                let portway::record::Event::Refused(it) = event else { panic!("{event:?}") };
                assert_eq!((it.act, it.reason), (Act::Publish, reason));
            }
            (outcome, due) => panic!("{outcome:?} where {due:?} was due"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_many_to_whoever_sends_more_than_an_alert_can_be() {
    let stage = Stage::start();
    stage.agree().await;
    let police = stage.speak("police", Role::Service).await;
    let officer = stage.connect("police", Role::Officer).await;
    let mut large = draft(now());
    large.case_reference = "A".repeat(65 << 10);
    let before = size(&officer).await;

    let alerts = vec![one(Some(draft(now()))), one(Some(large)), one(Some(draft(now())))];
    let (outcomes, end) = police.publish_many(alerts).await;

    // What came before is told; what comes after was never read.
    assert!(matches!(outcomes.as_slice(), [Outcome::Receipt(_)]), "{outcomes:?}");
    let status = end.expect_err("too large");
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status:?}");
    assert_eq!(size(&officer).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_publish_many_without_an_agreement_and_names_the_record() {
    let stage = Stage::start();
    let police = stage.speak("police", Role::Service).await;
    let (outcomes, end) = police.publish_many(vec![one(Some(draft(now())))]).await;
    end.expect("the stream ends well");
    let refusal = refusal(outcomes.into_iter().next().unwrap());
    let due = Due { code: Code::NotFound, reason: Reason::AgreementUnknown, act: Act::Publish };
    assert_eq!((refusal.code, refusal.reason.as_str()), (due.code.into(), due.reason.code()));
    assert!(refusal.decision.is_some() && refusal.message.contains(due.reason.code()));
}
