//! The papers of the measured exchange: one agency publishes, others subscribe; an agreement that lets them, an
//! alert of 462 to 480 bytes, and the subscriptions that it matches.

use std::{fmt::Write, time::Duration};

use crate::{
    adapters::{self, DocumentError},
    domain::{AgencyId, Agreement, Purpose, Timestamp},
    pb::v1 as pb,
    record,
};

pub(super) const PURPOSE: Purpose = Purpose::CrimeAndDisorder;

/// The agreement of the measured exchange.
pub(super) const AGREEMENT: &str = "bench";
/// The area of its alerts.
pub(super) const AREA: &str = "N1";

/// Writes an agreement: everything that the alert holds may go to every reader. What is measured on has to stay, and
/// so it is kept for long.
pub(super) fn agreement(
    id: &str,
    publisher: &AgencyId,
    readers: &[AgencyId],
    now: Timestamp,
) -> Result<Agreement, DocumentError> {
    let (starts, ends) = (now.before(Duration::from_secs(24 * 3600)), now.plus_days(365));
    let review = now.plus_days(180);
    let mut text = format!(
        "id = \"{id}\"\ntitle = \"Measurement\"\nstarts = {starts}\nends = {ends}\n\
         review = {review}\ndpia = \"DPIA-1\"\nretention = \"LONG\"\ndelete_after_days = 1800\n"
    );
    let publisher_first = std::iter::once((publisher, "POLICE", "DPA_PART3"));
    let others = readers.iter().map(|reader| (reader, "LOCAL_AUTHORITY", "UK_GDPR"));
    for (agency, kind, regime) in publisher_first.chain(others) {
        // Writing to a string does not fail.
        write!(
            text,
            "\n[[party]]\nagency = \"{agency}\"\nkind = \"{kind}\"\nregime = \"{regime}\"\n\
             faces_suspects = false\nprofessional_secrecy = false\n\
             policy_document = \"APD-1\"\npolicy_document_until = {ends}\n"
        )
        .unwrap_or_default();
    }
    let to: Vec<String> = readers.iter().map(|reader| format!("\"{reader}\"")).collect();
    write!(
        text,
        "\n[[flow]]\nfrom = \"{publisher}\"\nto = [{}]\npurpose = \"CRIME_AND_DISORDER\"\n\
         alert_types = [\"ANTISOCIAL_BEHAVIOUR\"]\nsubject_categories = [\"SUSPECT\"]\n\
         fields = [\"TYPE\", \"SUBJECT\", \"SUBJECT_CATEGORIES\", \"OFFENCE_INDICATORS\", \
         \"CERTAINTY\", \"ASSERTION\", \"URGENCY\", \"AREA\", \"TIME\", \"AS_OF\", \"CONTACT\", \
         \"CASE_REFERENCE\"]\ngateway = \"CDA1998-S115\"\n\
         offence_condition = \"A10-OFFICIAL-AUTHORITY\"\nlawful_basis = \"DPA2018-S35-2-b\"\n\
         authorised_by = \"CDA1998-S115\"\n",
        to.join(", ")
    )
    .unwrap_or_default();
    adapters::agreement::parse(&text)
}

/// Makes a subscription that every alert of these areas matches.
pub(super) fn subscription(name: &str, areas: Vec<String>, ends: Timestamp) -> pb::Subscription {
    pb::Subscription {
        name: name.to_owned(),
        purpose: PURPOSE.number().into(),
        filter: Some(pb::Filter {
            types: vec![pb::AlertType::AntisocialBehaviour.into()],
            areas,
            tokens: Vec::new(),
        }),
        expires_at: Some(record::timestamp_to_pb(ends)),
    }
}

/// Makes the alert, in canonical order.
pub(super) fn alert(now: Timestamp) -> pb::AlertDraft {
    let ago = |seconds| Some(record::timestamp_to_pb(now.before(Duration::from_secs(seconds))));
    pb::AlertDraft {
        agreement: AGREEMENT.to_owned(),
        purpose: PURPOSE.number().into(),
        r#type: pb::AlertType::AntisocialBehaviour.into(),
        subject: (1..=8).map(|byte| token(vec![byte; 32])).collect(),
        subject_categories: vec![pb::SubjectCategory::Suspect.into()],
        indicators: vec![pb::Indicator::Threats.into()],
        certainty: pb::Certainty::Known.into(),
        assertion: pb::Assertion::Fact.into(),
        urgency: pb::Urgency::Routine.into(),
        area: AREA.to_owned(),
        requested_action: None,
        time: ago(120),
        as_of: ago(60),
        expires_at: Some(record::timestamp_to_pb(now.plus_days(7))),
        contact: Some(pb::Contact {
            role: "Duty desk of the multi-agency safeguarding hub 1".to_owned(),
            number: "+44 20 7946 0000".to_owned(),
        }),
        case_reference: "ASB-2026-0000017".to_owned(),
        ..pb::AlertDraft::default()
    }
}

/// Makes the tokens of a person: two, as where a date of birth and a number are known.
pub(super) fn person(number: u64) -> Vec<pb::SubjectToken> {
    let value = |which| [vec![which; 24], number.to_be_bytes().to_vec()].concat();
    vec![token(value(1)), token(value(2))]
}

fn token(value: Vec<u8>) -> pb::SubjectToken {
    pb::SubjectToken { kind: pb::TokenKind::Nfd.into(), epoch: 1, value: value.into() }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[test]
    fn an_alert_is_near_512_bytes_and_its_fields_are_canonical() {
        // A time takes more or fewer bytes with its fraction of a second.
        for ms in 0..1000 {
            let alert = alert(Timestamp::from_ms(1_790_000_000_000 + ms));
            let length = alert.encoded_len();
            assert!((448..=544).contains(&length), "{length} at {ms} ms");
            let read = record::draft_from_pb(&alert).unwrap();
            assert_eq!(record::draft_to_pb(&read), alert);
        }
    }
}
