//! An agreement as protobuf: as it is proposed, as it is stored, and the hash that is its version.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use super::content::{timestamp_from_pb, timestamp_to_pb};
use super::decode::Malformed;
use super::read::{code, codes, parsed};
use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertType, DeliveryCondition, Field, Flow, Hex, Party,
    Purpose, Reason, Refusal, Regime, RetentionClass, SubjectCategory,
    agreement::{PolicyDocument, TypeRetention},
};
use crate::pb::v1 as pb;

/// Reads an agreement as it came in.
///
/// # Errors
///
/// `MISSING_FIELD`, `UNKNOWN_CODE` or `MALFORMED`, with the name of the field.
pub fn agreement_from_pb(agreement: &pb::Agreement) -> Result<Agreement, Refusal> {
    Ok(Agreement {
        id: parsed(&agreement.id, Reason::Malformed, "id")?,
        title: agreement.title.clone(),
        parties: agreement.parties.iter().map(party).collect::<Result<_, _>>()?,
        flows: agreement.flows.iter().map(flow).collect::<Result<_, _>>()?,
        starts: timestamp_from_pb(agreement.starts, "starts")?,
        ends: timestamp_from_pb(agreement.ends, "ends")?,
        review: timestamp_from_pb(agreement.review, "review")?,
        dpia: agreement.dpia.clone(),
        retention: code(agreement.retention, RetentionClass::from_number, "retention")?,
        delete_after_days: agreement
            .delete_after_days
            .try_into()
            .map_err(|_| Refusal::at(Reason::OutOfBounds, "delete_after_days"))?,
        delivery: match agreement.delivery {
            0 => DeliveryCondition::Recorded,
            number => code(number, DeliveryCondition::from_number, "delivery")?,
        },
        type_retention: type_retention(&agreement.type_retention)?,
    })
}

/// Writes an agreement as protobuf: the one form that is stored and hashed.
pub fn agreement_to_pb(agreement: &Agreement) -> pb::Agreement {
    pb::Agreement {
        id: agreement.id.to_string(),
        title: agreement.title.clone(),
        parties: agreement.parties.iter().map(party_to_pb).collect(),
        flows: agreement.flows.iter().map(flow_to_pb).collect(),
        starts: Some(timestamp_to_pb(agreement.starts)),
        ends: Some(timestamp_to_pb(agreement.ends)),
        review: Some(timestamp_to_pb(agreement.review)),
        dpia: agreement.dpia.clone(),
        retention: agreement.retention.number().into(),
        delete_after_days: agreement.delete_after_days.into(),
        // Not said, so that the versions of agreements from before this could be said are what they were.
        delivery: match agreement.delivery {
            DeliveryCondition::Recorded => 0,
            DeliveryCondition::Witnessed => agreement.delivery.number().into(),
        },
        type_retention: agreement.type_retention.iter().map(type_retention_to_pb).collect(),
    }
}

/// Returns the version that stored bytes of an agreement are known by: their SHA-256, in hex.
pub fn agreement_version(stored: &[u8]) -> String {
    Hex(ring::digest::digest(&ring::digest::SHA256, stored).as_ref()).to_string()
}

/// Reads an agreement that was stored.
///
/// # Errors
///
/// `Malformed` where the bytes are no agreement.
pub fn agreement_from_stored(stored: &Bytes) -> Result<Agreement, Malformed> {
    let agreement = pb::Agreement::decode(stored.as_ref()).map_err(|_| Malformed)?;
    agreement_from_pb(&agreement).map_err(|_| Malformed)
}

fn type_retention(
    all: &[pb::TypeRetention],
) -> Result<BTreeMap<AlertType, TypeRetention>, Refusal> {
    const AT: &str = "type_retention";
    let days = |days: u32| days.try_into().map_err(|_| Refusal::at(Reason::OutOfBounds, AT));
    let one = |it: &pb::TypeRetention| {
        let kept = TypeRetention {
            retention: code(it.retention, RetentionClass::from_number, AT)?,
            delete_after_days: days(it.delete_after_days)?,
        };
        Ok((code(it.r#type, AlertType::from_number, AT)?, kept))
    };
    let read: BTreeMap<_, _> = all.iter().map(one).collect::<Result<_, Refusal>>()?;
    let is_once = read.len() == all.len();
    is_once.then_some(read).ok_or(Refusal::at(Reason::OutOfBounds, AT))
}

fn type_retention_to_pb((kind, it): (&AlertType, &TypeRetention)) -> pb::TypeRetention {
    pb::TypeRetention {
        r#type: kind.number().into(),
        retention: it.retention.number().into(),
        delete_after_days: it.delete_after_days.into(),
    }
}

fn party(party: &pb::Party) -> Result<Party, Refusal> {
    let policy_document = if party.policy_document.is_empty() {
        if party.policy_document_until.is_some() {
            return Err(Refusal::at(Reason::MissingField, "policy_document"));
        }
        None
    } else {
        Some(PolicyDocument {
            reference: party.policy_document.clone(),
            until: timestamp_from_pb(party.policy_document_until, "policy_document_until")?,
        })
    };
    Ok(Party {
        agency: parsed(&party.agency, Reason::Malformed, "agency")?,
        kind: code(party.kind, AgencyKind::from_number, "kind")?,
        regime: code(party.regime, Regime::from_number, "regime")?,
        faces_suspects: party.faces_suspects,
        professional_secrecy: party.professional_secrecy,
        names_staff: party.names_staff,
        acting_for: optional(&party.acting_for, Reason::Malformed, "acting_for")?,
        policy_document,
    })
}

fn party_to_pb(party: &Party) -> pb::Party {
    let document = party.policy_document.as_ref();
    pb::Party {
        agency: party.agency.to_string(),
        kind: party.kind.number().into(),
        regime: party.regime.number().into(),
        faces_suspects: party.faces_suspects,
        professional_secrecy: party.professional_secrecy,
        acting_for: party.acting_for.as_ref().map(ToString::to_string).unwrap_or_default(),
        policy_document: document.map(|it| it.reference.clone()).unwrap_or_default(),
        policy_document_until: document.map(|it| timestamp_to_pb(it.until)),
        names_staff: party.names_staff,
    }
}

fn flow(flow: &pb::Flow) -> Result<Flow, Refusal> {
    let to = flow.to.iter().map(|it| parsed::<AgencyId>(it, Reason::Malformed, "to"));
    let fields = codes(&flow.fields, Field::from_number, "fields")?;
    let unknown = Reason::UnknownCode;
    Ok(Flow {
        from: parsed(&flow.from, Reason::Malformed, "from")?,
        to: to.collect::<Result<_, _>>()?,
        purpose: code(flow.purpose, Purpose::from_number, "purpose")?,
        alert_types: codes(&flow.alert_types, AlertType::from_number, "alert_types")?,
        subject_categories: codes(
            &flow.subject_categories,
            SubjectCategory::from_number,
            "subject_categories",
        )?,
        fields: fields.into_iter().collect(),
        gateway: parsed(&flow.gateway, unknown, "gateway")?,
        lawful_basis: parsed(&flow.lawful_basis, unknown, "lawful_basis")?,
        special_condition: optional(&flow.special_condition, unknown, "special_condition")?,
        schedule_paragraph: optional(&flow.schedule_paragraph, unknown, "schedule_paragraph")?,
        no_consent_reason: optional(&flow.no_consent_reason, unknown, "no_consent_reason")?,
        offence_condition: optional(&flow.offence_condition, unknown, "offence_condition")?,
        confidentiality_basis: optional(
            &flow.confidentiality_basis,
            unknown,
            "confidentiality_basis",
        )?,
        authorised_by: (!flow.authorised_by.is_empty()).then(|| flow.authorised_by.clone()),
    })
}

fn flow_to_pb(flow: &Flow) -> pb::Flow {
    pb::Flow {
        from: flow.from.to_string(),
        to: flow.to.iter().map(ToString::to_string).collect(),
        purpose: flow.purpose.number().into(),
        alert_types: flow.alert_types.iter().map(|it| it.number().into()).collect(),
        subject_categories: flow.subject_categories.iter().map(|it| it.number().into()).collect(),
        fields: flow.fields.iter().map(|it| it.number().into()).collect(),
        gateway: flow.gateway.to_string(),
        lawful_basis: flow.lawful_basis.to_string(),
        special_condition: written(flow.special_condition.as_ref()),
        schedule_paragraph: written(flow.schedule_paragraph.as_ref()),
        no_consent_reason: written(flow.no_consent_reason.as_ref()),
        offence_condition: written(flow.offence_condition.as_ref()),
        confidentiality_basis: written(flow.confidentiality_basis.as_ref()),
        authorised_by: flow.authorised_by.clone().unwrap_or_default(),
    }
}

fn optional<T: std::str::FromStr>(
    text: &str,
    reason: Reason,
    at: &'static str,
) -> Result<Option<T>, Refusal> {
    if text.is_empty() { Ok(None) } else { parsed(text, reason, at).map(Some) }
}

fn written<T: ToString>(code: Option<&T>) -> String {
    code.map(ToString::to_string).unwrap_or_default()
}
