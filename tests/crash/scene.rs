//! Who tells whom what: one agreement, three subscriptions of different agencies and fields, and alerts
//! that differ from one another.

use portway::{
    adapters::agreement,
    domain::{AlertType, Clock, Name, Purpose, SystemClock},
    pb::v1 as pb,
    record::{self, Published},
};

use super::house::{AGENCIES, Wires};

const AGREEMENT: &str = include_str!("../../config/demo/agreements/crime-and-disorder.toml");
pub(crate) const PURPOSE: Purpose = Purpose::CrimeAndDisorder;

/// A subscription.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) agency: &'static str,
    name: &'static str,
    kinds: &'static [AlertType],
}

/// One of the scene's subscriptions, and the index of the record that created it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscription {
    pub(crate) asked: Asked,
    pub(crate) created: u64,
}

/// The team sees the case; the landlord a signal; the police what the team reports.
pub(crate) const SUBSCRIPTIONS: [Asked; 3] = [
    Asked {
        agency: "council-asb",
        name: "street",
        kinds: &[AlertType::AntisocialBehaviour, AlertType::Violence],
    },
    Asked {
        agency: "housing",
        name: "homes",
        kinds: &[AlertType::AntisocialBehaviour, AlertType::Violence],
    },
    Asked { agency: "police", name: "beat", kinds: &[AlertType::AntisocialBehaviour] },
];

impl Asked {
    pub(crate) fn name(&self) -> Name {
        self.name.parse().unwrap()
    }

    /// Tells whether the subscription is due an alert: of a kind it asks for, from somebody else.
    pub(crate) fn is_due(&self, published: &Published) -> bool {
        let facts = &published.facts;
        self.kinds.contains(&facts.kind) && facts.publisher.as_str() != self.agency
    }
}

/// Brings the agreement into force, and creates the subscriptions.
pub(crate) async fn set(wires: &Wires) -> Vec<Subscription> {
    let agreed = agreement::parse(AGREEMENT).unwrap();
    let proposed = record::agreement_to_pb(&agreed);
    let status = wires.officers[AGENCIES[0]].propose_agreement(proposed).await.unwrap();
    let mut in_force = false;
    for agency in AGENCIES {
        let officer = &wires.officers[agency];
        let approved = officer.approve_agreement(agreed.id.as_str(), &status.version).await;
        in_force = approved.unwrap().in_force;
    }
    assert!(in_force, "every party has approved");
    let mut subscriptions = Vec::new();
    for asked in SUBSCRIPTIONS {
        let service = &wires.services[asked.agency];
        let created = service.create_subscription(subscription(&asked)).await.unwrap().index;
        subscriptions.push(Subscription { asked, created });
    }
    subscriptions
}

fn subscription(asked: &Asked) -> pb::Subscription {
    pb::Subscription {
        name: asked.name.to_owned(),
        purpose: PURPOSE.number().into(),
        filter: Some(pb::Filter {
            types: asked.kinds.iter().map(|kind| kind.number().into()).collect(),
            areas: vec!["PO1".to_owned()],
            tokens: Vec::new(),
        }),
        expires_at: Some(record::timestamp_to_pb(SystemClock.now().plus_days(180))),
    }
}

/// The `serial`-th alert of an agency. Only the police tell of violence.
pub(crate) fn draft(agency: &str, serial: u64) -> pb::AlertDraft {
    let now = SystemClock.now();
    let is_violence = agency == "police" && serial.is_multiple_of(3);
    let kind = if is_violence { AlertType::Violence } else { AlertType::AntisocialBehaviour };
    let mut value = [0; 32];
    value[..8].copy_from_slice(&serial.to_be_bytes());
    pb::AlertDraft {
        agreement: "crime-and-disorder".to_owned(),
        purpose: PURPOSE.number().into(),
        r#type: kind.number().into(),
        subject: vec![pb::SubjectToken {
            kind: pb::TokenKind::Nhs.into(),
            epoch: 1,
            value: value.to_vec().into(),
        }],
        subject_categories: vec![pb::SubjectCategory::Other.into()],
        certainty: pb::Certainty::Known.into(),
        assertion: pb::Assertion::Fact.into(),
        urgency: pb::Urgency::Routine.into(),
        area: "PO1".to_owned(),
        time: Some(record::timestamp_to_pb(now)),
        as_of: Some(record::timestamp_to_pb(now)),
        expires_at: Some(record::timestamp_to_pb(now.plus_days(30))),
        case_reference: format!("CASE-{serial}"),
        ..pb::AlertDraft::default()
    }
}
