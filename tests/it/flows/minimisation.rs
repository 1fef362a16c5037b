//! P1 and P2, seen from outside: each recipient sees its part and no more, and the log committed to it first.

use portway::{
    domain::{Field, Fields, QueryPurpose},
    pb::v1::{self as pb, subscribe_request::Message as Ask},
    record::{self, Disclosed, Event, commitment},
};
use prost::Message;

use crate::stage::{Role, SUBSCRIPTION, Stage, draft, events, now, open, request};

async fn receive(stage: &Stage, agency: &str) -> pb::Delivery {
    let speaker = stage.speak(agency, Role::Service).await;
    let mut talk = speaker.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    talk.delivery().await
}

/// Checks by hand, as a foreign client would, that the record is of exactly these bytes.
fn committed(delivery: &pb::Delivery) -> Disclosed {
    let Event::Disclosed(disclosed) = record::decode(&delivery.record).unwrap().event else {
        panic!("no disclosure")
    };
    let key = delivery.view_key.as_ref().try_into().unwrap();
    assert_eq!(commitment::view(&key, &delivery.view), disclosed.view);
    let mut other = delivery.view.to_vec();
    *other.last_mut().unwrap() ^= 1;
    assert_ne!(commitment::view(&key, &other), disclosed.view);
    disclosed
}

fn fields(fields: &[Field]) -> Fields {
    fields.iter().copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_recipients_see_different_fields_and_the_log_names_them() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    stage.subscribe("housing").await;
    let alert = draft(now());
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(alert.clone())).await.unwrap();

    let council = receive(&stage, "council").await;
    let housing = receive(&stage, "housing").await;

    let seen = pb::View::decode(council.view.clone()).unwrap();
    assert_eq!((seen.contact, &seen.case_reference), (alert.contact, &alert.case_reference));
    assert_eq!(seen.indicators, [i32::from(pb::Indicator::Threats)]);
    assert_eq!((seen.grading, seen.route), (None, None));

    let seen = pb::View::decode(housing.view.clone()).unwrap();
    let due = pb::View {
        id: seen.id.clone(),
        source: "//portway.test/agency/police".to_owned(),
        agreement: alert.agreement,
        purpose: alert.purpose,
        r#type: alert.r#type,
        subject: alert.subject,
        urgency: alert.urgency,
        area: alert.area,
        expires_at: alert.expires_at,
        handling_conditions: alert.handling_conditions,
        delete_after: seen.delete_after,
        regime_change: true,
        ..pb::View::default()
    };
    assert_eq!(seen, due);

    let little = fields(&[Field::Type, Field::Subject, Field::Urgency, Field::Area]);
    let recorded = committed(&housing);
    assert_eq!(recorded.released, little);
    assert_eq!(recorded.withheld, Fields::all().without(little));
    let recorded = committed(&council);
    assert!(recorded.released.contains(Field::CaseReference));
    assert!(recorded.withheld.contains(Field::Grading));
    assert!(!recorded.released.contains(Field::Indicators));
    assert_ne!(council.view_key, housing.view_key);
}

/// Each officer finds the disclosures of the own agency, the publisher's both, and nobody another's.
#[tokio::test(flavor = "multi_thread")]
async fn officers_see_the_disclosures_of_their_agency_and_no_others() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    stage.subscribe("housing").await;
    let police = stage.speak("police", Role::Service).await;
    police.publish(request(draft(now()))).await.unwrap();
    let council = receive(&stage, "council").await;
    let housing = receive(&stage, "housing").await;

    for (agency, due) in [
        ("police", vec![council.index, housing.index]),
        ("council", vec![council.index]),
        ("housing", vec![housing.index]),
        ("fire", vec![]),
    ] {
        let officer = stage.connect(agency, Role::Officer).await;
        let events = events(&officer).await;
        let disclosed = events.iter().filter(|(_, event)| matches!(event, Event::Disclosed(_)));
        assert_eq!(disclosed.map(|(index, _)| *index).collect::<Vec<_>>(), due, "{agency}");
    }
    let fire = stage.connect("fire", Role::Officer).await;
    fire.show_record(council.index, QueryPurpose::Lawfulness).await.expect_err("another's");
}
