//! The papers: an agreement, a subscription, an alert, all of them good.

use portway::{
    adapters,
    domain::{Purpose, Timestamp},
    pb::v1 as pb,
    record,
};
use uuid::Uuid;

pub(crate) const AGREEMENT: &str = "city-asb";
pub(crate) const SUBSCRIPTION: &str = "asb";
pub(crate) const PURPOSE: Purpose = Purpose::CrimeAndDisorder;

/// The agreement as officers write it: the council sees much of what the police know, the landlord little.
pub(crate) fn agreement_toml(now: Timestamp) -> String {
    let (starts, ends) = (now.before(DAY), now.plus_days(365));
    let review = now.plus_days(180);
    let parties = [
        ("police", "POLICE", "DPA_PART3"),
        ("council", "LOCAL_AUTHORITY", "UK_GDPR"),
        ("housing", "HOUSING_PROVIDER", "UK_GDPR"),
    ];
    let part3 = "lawful_basis = \"DPA2018-S35-2-b\"\nauthorised_by = \"CDA1998-S115\"";
    let head = format!(
        "id = \"{AGREEMENT}\"\ntitle = \"Antisocial behaviour in the city\"\n\
         starts = {starts}\nends = {ends}\nreview = {review}\ndpia = \"DPIA-1\"\n\
         retention = \"STANDARD\"\ndelete_after_days = 90\n"
    );
    let parties = parties.map(|(agency, kind, regime)| {
        format!(
            "\n[[party]]\nagency = \"{agency}\"\nkind = \"{kind}\"\nregime = \"{regime}\"\n\
             faces_suspects = false\nprofessional_secrecy = false\n\
             policy_document = \"APD-1\"\npolicy_document_until = {ends}\n"
        )
    });
    let flows = [
        ("police", "council", MUCH, part3),
        ("police", "housing", LITTLE, part3),
        ("council", "police", LITTLE, "lawful_basis = \"A6-1-e\""),
    ];
    let flows = flows.map(|(from, to, fields, basis)| {
        format!(
            "\n[[flow]]\nfrom = \"{from}\"\nto = [\"{to}\"]\npurpose = \"CRIME_AND_DISORDER\"\n\
             alert_types = [\"ANTISOCIAL_BEHAVIOUR\", \"VIOLENCE\"]\n\
             subject_categories = [\"SUSPECT\", \"OTHER\"]\nfields = {fields}\n\
             gateway = \"CDA1998-S115\"\noffence_condition = \"A10-OFFICIAL-AUTHORITY\"\n{basis}\n"
        )
    });
    format!("{head}{}{}", parties.concat(), flows.concat())
}

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600);
const MUCH: &str = r#"["TYPE", "SUBJECT", "SUBJECT_CATEGORIES", "OFFENCE_INDICATORS", "CERTAINTY",
    "ASSERTION", "URGENCY", "AREA", "TIME", "AS_OF", "CONTACT", "CASE_REFERENCE"]"#;
const LITTLE: &str = r#"["TYPE", "SUBJECT", "URGENCY", "AREA"]"#;

/// The same, as it is proposed.
pub(crate) fn agreement(now: Timestamp) -> pb::Agreement {
    record::agreement_to_pb(&adapters::agreement::parse(&agreement_toml(now)).unwrap())
}

/// A subscription that every usual alert matches.
pub(crate) fn subscription(name: &str, now: Timestamp) -> pb::Subscription {
    pb::Subscription {
        name: name.to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        filter: Some(pb::Filter {
            types: vec![pb::AlertType::AntisocialBehaviour.into(), pb::AlertType::Violence.into()],
            areas: vec!["N1".to_owned()],
            tokens: Vec::new(),
        }),
        expires_at: Some(time(now.plus_days(60))),
    }
}

/// An alert of the police, with every field that has a place for one.
pub(crate) fn draft(now: Timestamp) -> pb::AlertDraft {
    let ago = |seconds| Some(time(now.before(std::time::Duration::from_secs(seconds))));
    pb::AlertDraft {
        agreement: AGREEMENT.to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        r#type: pb::AlertType::AntisocialBehaviour.into(),
        subject: vec![pb::SubjectToken {
            kind: pb::TokenKind::Nfd.into(),
            epoch: 1,
            value: vec![0x5a; 32].into(),
        }],
        subject_categories: vec![pb::SubjectCategory::Suspect.into()],
        indicators: vec![pb::Indicator::Homelessness.into(), pb::Indicator::Threats.into()],
        certainty: pb::Certainty::Known.into(),
        assertion: pb::Assertion::Fact.into(),
        grading: Some(pb::SourceGrading {
            source: pb::SourceEvaluation::Reliable.into(),
            assessment: pb::IntelligenceAssessment::A.into(),
            handling: pb::HandlingCode::P.into(),
        }),
        urgency: pb::Urgency::Routine.into(),
        route: Some(pb::Route::MultiAgency.into()),
        area: "N1".to_owned(),
        requested_action: Some(pb::RequestedAction::CallContact.into()),
        time: ago(120),
        as_of: ago(60),
        expires_at: Some(time(now.plus_days(7))),
        contact: Some(pb::Contact {
            role: "Duty desk".to_owned(),
            number: "+44 20 7946 0000".to_owned(),
        }),
        handling_conditions: vec![pb::HandlingCondition::NoOnwardSharing.into()],
        restricted: false,
        case_reference: "A-17".to_owned(),
        on_behalf_of: String::new(),
        rectifies: String::new(),
    }
}

/// A request that publishes an alert under a new id.
pub(crate) fn request(alert: pb::AlertDraft) -> pb::PublishRequest {
    let request_id = Uuid::now_v7().to_string();
    pb::PublishRequest { request_id, alert: Some(alert), known_size: 0 }
}

/// Opens a subscription's stream, with ten deliveries allowed.
pub(crate) fn open(name: &str) -> pb::Open {
    pb::Open {
        subscription: name.to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        credit: 10,
        ..pb::Open::default()
    }
}

/// Pulls at most ten alerts of a subscription.
pub(crate) fn pull(name: &str) -> pb::PullRequest {
    pb::PullRequest {
        subscription: name.to_owned(),
        purpose: pb::Purpose::CrimeAndDisorder.into(),
        max: 10,
        ..pb::PullRequest::default()
    }
}

pub(crate) fn time(at: Timestamp) -> prost_types::Timestamp {
    record::timestamp_to_pb(at)
}
