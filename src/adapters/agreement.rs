//! Sharing agreements as officers write them: TOML with the key names of `agreements.proto` and the
//! codes of `domain`, read strictly and printed back. Whether one is lawful is for `policy` to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::{DocumentError, moment, one, optional, set, shape};
use crate::domain::{
    Agreement, AlertType, DeliveryCondition, Fields, Flow, Party, Timestamp,
    agreement::{PolicyDocument, TypeRetention},
};

/// Reads an agreement.
///
/// # Errors
///
/// [`DocumentError`], which names the first key that is unknown or missing, or the first value that
/// is not one of its list.
pub fn parse(text: &str) -> Result<Agreement, DocumentError> {
    let raw: RawAgreement = shape(text)?;
    let parties = raw.party.iter().enumerate().map(|(index, raw)| party(index, raw));
    let flows = raw.flow.iter().enumerate().map(|(index, raw)| flow(index, raw));
    Ok(Agreement {
        id: one("id", &raw.id)?,
        title: raw.title,
        starts: moment("starts", &raw.starts)?,
        ends: moment("ends", &raw.ends)?,
        review: moment("review", &raw.review)?,
        dpia: raw.dpia,
        retention: one("retention", &raw.retention)?,
        delete_after_days: raw.delete_after_days,
        delivery: optional("delivery", raw.delivery.as_deref())?
            .unwrap_or(DeliveryCondition::Recorded),
        type_retention: type_retention(&raw.type_retention)?,
        parties: parties.collect::<Result<_, _>>()?,
        flows: flows.collect::<Result<_, _>>()?,
    })
}

/// Prints an agreement as [`parse`] reads it.
///
/// # Errors
///
/// [`DocumentError`] where a text in it cannot be written as TOML.
pub fn print(agreement: &Agreement) -> Result<String, DocumentError> {
    let raw = RawAgreement {
        id: agreement.id.to_string(),
        title: agreement.title.clone(),
        starts: written(agreement.starts),
        ends: written(agreement.ends),
        review: written(agreement.review),
        dpia: agreement.dpia.clone(),
        retention: agreement.retention.to_string(),
        delete_after_days: agreement.delete_after_days,
        delivery: match agreement.delivery {
            DeliveryCondition::Recorded => None,
            DeliveryCondition::Witnessed => Some(agreement.delivery.to_string()),
        },
        type_retention: agreement.type_retention.iter().map(raw_type_retention).collect(),
        party: agreement.parties.iter().map(raw_party).collect(),
        flow: agreement.flows.iter().map(raw_flow).collect(),
    };
    toml::to_string_pretty(&raw).map_err(|fault| DocumentError::value("id", &raw.id, fault))
}

/// The file, key by key.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawAgreement {
    id: String,
    title: String,
    starts: toml::Value,
    ends: toml::Value,
    review: toml::Value,
    dpia: String,
    retention: String,
    delete_after_days: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    type_retention: Vec<RawTypeRetention>,
    party: Vec<RawParty>,
    flow: Vec<RawFlow>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawTypeRetention {
    r#type: String,
    retention: String,
    delete_after_days: u16,
}

/// The two flags have no default: one left out must not read as "faces nobody".
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawParty {
    agency: String,
    kind: String,
    regime: String,
    faces_suspects: bool,
    professional_secrecy: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    names_staff: bool,
    acting_for: Option<String>,
    policy_document: Option<String>,
    policy_document_until: Option<toml::Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RawFlow {
    from: String,
    to: Vec<String>,
    purpose: String,
    alert_types: Vec<String>,
    subject_categories: Vec<String>,
    fields: Vec<String>,
    gateway: String,
    lawful_basis: String,
    special_condition: Option<String>,
    schedule_paragraph: Option<String>,
    no_consent_reason: Option<String>,
    offence_condition: Option<String>,
    confidentiality_basis: Option<String>,
    authorised_by: Option<String>,
}

fn type_retention(
    raw: &[RawTypeRetention],
) -> Result<BTreeMap<AlertType, TypeRetention>, DocumentError> {
    let mut all = BTreeMap::new();
    for (index, raw) in raw.iter().enumerate() {
        let key = |name: &str| format!("type_retention[{index}].{name}");
        let kind = one(&key("type"), &raw.r#type)?;
        let retention = one(&key("retention"), &raw.retention)?;
        let kept = TypeRetention { retention, delete_after_days: raw.delete_after_days };
        if all.insert(kind, kept).is_some() {
            return Err(DocumentError::value(&key("type"), &raw.r#type, "it is there twice"));
        }
    }
    Ok(all)
}

fn party(index: usize, raw: &RawParty) -> Result<Party, DocumentError> {
    let key = |name: &str| format!("party[{index}].{name}");
    let policy_document = match (&raw.policy_document, &raw.policy_document_until) {
        (Some(reference), Some(until)) => Some(PolicyDocument {
            reference: reference.clone(),
            until: moment(&key("policy_document_until"), until)?,
        }),
        (None, None) => None,
        (Some(reference), None) => {
            let fault = "needs policy_document_until";
            return Err(DocumentError::value(&key("policy_document"), reference, fault));
        }
        (None, Some(until)) => {
            let fault = "needs policy_document";
            let key = key("policy_document_until");
            return Err(DocumentError::value(&key, &until.to_string(), fault));
        }
    };
    Ok(Party {
        agency: one(&key("agency"), &raw.agency)?,
        kind: one(&key("kind"), &raw.kind)?,
        regime: one(&key("regime"), &raw.regime)?,
        faces_suspects: raw.faces_suspects,
        professional_secrecy: raw.professional_secrecy,
        names_staff: raw.names_staff,
        acting_for: optional(&key("acting_for"), raw.acting_for.as_deref())?,
        policy_document,
    })
}

fn flow(index: usize, raw: &RawFlow) -> Result<Flow, DocumentError> {
    let key = |name: &str| format!("flow[{index}].{name}");
    let special_condition = raw.special_condition.as_deref();
    let schedule_paragraph = raw.schedule_paragraph.as_deref();
    let no_consent_reason = raw.no_consent_reason.as_deref();
    let offence_condition = raw.offence_condition.as_deref();
    let confidentiality_basis = raw.confidentiality_basis.as_deref();
    Ok(Flow {
        from: one(&key("from"), &raw.from)?,
        to: set(&key("to"), &raw.to)?,
        purpose: one(&key("purpose"), &raw.purpose)?,
        alert_types: set(&key("alert_types"), &raw.alert_types)?,
        subject_categories: set(&key("subject_categories"), &raw.subject_categories)?,
        fields: set(&key("fields"), &raw.fields)?.into_iter().collect::<Fields>(),
        gateway: one(&key("gateway"), &raw.gateway)?,
        lawful_basis: one(&key("lawful_basis"), &raw.lawful_basis)?,
        special_condition: optional(&key("special_condition"), special_condition)?,
        schedule_paragraph: optional(&key("schedule_paragraph"), schedule_paragraph)?,
        no_consent_reason: optional(&key("no_consent_reason"), no_consent_reason)?,
        offence_condition: optional(&key("offence_condition"), offence_condition)?,
        confidentiality_basis: optional(&key("confidentiality_basis"), confidentiality_basis)?,
        authorised_by: raw.authorised_by.clone(),
    })
}

fn raw_type_retention((kind, it): (&AlertType, &TypeRetention)) -> RawTypeRetention {
    RawTypeRetention {
        r#type: kind.to_string(),
        retention: it.retention.to_string(),
        delete_after_days: it.delete_after_days,
    }
}

fn raw_party(party: &Party) -> RawParty {
    let document = party.policy_document.as_ref();
    RawParty {
        agency: party.agency.to_string(),
        kind: party.kind.to_string(),
        regime: party.regime.to_string(),
        faces_suspects: party.faces_suspects,
        professional_secrecy: party.professional_secrecy,
        names_staff: party.names_staff,
        acting_for: party.acting_for.as_ref().map(ToString::to_string),
        policy_document: document.map(|document| document.reference.clone()),
        policy_document_until: document.map(|document| written(document.until)),
    }
}

fn raw_flow(flow: &Flow) -> RawFlow {
    RawFlow {
        from: flow.from.to_string(),
        to: flow.to.iter().map(ToString::to_string).collect(),
        purpose: flow.purpose.to_string(),
        alert_types: flow.alert_types.iter().map(ToString::to_string).collect(),
        subject_categories: flow.subject_categories.iter().map(ToString::to_string).collect(),
        fields: flow.fields.iter().map(|field| field.to_string()).collect(),
        gateway: flow.gateway.to_string(),
        lawful_basis: flow.lawful_basis.to_string(),
        special_condition: flow.special_condition.map(|code| code.to_string()),
        schedule_paragraph: flow.schedule_paragraph.map(|code| code.to_string()),
        no_consent_reason: flow.no_consent_reason.map(|code| code.to_string()),
        offence_condition: flow.offence_condition.map(|code| code.to_string()),
        confidentiality_basis: flow.confidentiality_basis.map(|code| code.to_string()),
        authorised_by: flow.authorised_by.clone(),
    }
}

/// Writes a moment as a TOML date-time, which is RFC 3339 without quotes.
fn written(moment: Timestamp) -> toml::Value {
    let text = moment.to_string();
    text.parse().map_or(toml::Value::String(text), toml::Value::Datetime)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
id = "crime-and-disorder"
title = "Crime and disorder"
starts = 2026-01-01T00:00:00Z
ends = "2030-06-30T00:00:00Z"
review = 2028-01-01
dpia = "DPIA-1"
retention = "STANDARD"
delete_after_days = 180

[[party]]
agency = "police"
kind = "POLICE"
regime = "DPA_PART3"
faces_suspects = true
professional_secrecy = false
policy_document = "APD-1"
policy_document_until = 2030-12-31T00:00:00Z

[[party]]
agency = "outreach"
kind = "VOLUNTARY"
regime = "UK_GDPR"
faces_suspects = false
professional_secrecy = false
acting_for = "police"

[[flow]]
from = "police"
to = ["outreach"]
purpose = "CRIME_AND_DISORDER"
alert_types = ["ANTISOCIAL_BEHAVIOUR", "VIOLENCE"]
subject_categories = ["SUSPECT", "OTHER"]
fields = ["TYPE", "SUBJECT", "AREA"]
gateway = "CDA1998-S115"
lawful_basis = "DPA2018-S35-2-b"
special_condition = "DPA2018-Sch8-1"
authorised_by = "CDA1998-S115"
"#;

    #[test]
    fn what_is_printed_reads_back_the_same() {
        let agreement = parse(SAMPLE).unwrap();
        assert_eq!(agreement.starts, Timestamp::parse("2026-01-01T00:00:00Z").unwrap());
        assert_eq!(agreement.ends, Timestamp::parse("2030-06-30T00:00:00Z").unwrap());
        assert_eq!(agreement.review, Timestamp::parse("2028-01-01T00:00:00Z").unwrap());
        let printed = print(&agreement).unwrap();
        assert!(printed.contains("starts = 2026-01-01T00:00:00Z\n"), "{printed}");
        assert_eq!(parse(&printed).unwrap(), agreement);
    }

    #[test]
    fn what_has_to_be_before_a_view_leaves_need_not_be_said() {
        let plain = parse(SAMPLE).unwrap();
        assert_eq!(plain.delivery, DeliveryCondition::Recorded);
        let said = |code: &str| format!("delivery = \"{code}\"\n{SAMPLE}");
        assert_eq!(parse(&said("RECORDED")).unwrap(), plain);
        let witnessed = parse(&said("WITNESSED")).unwrap();
        assert_eq!(witnessed.delivery, DeliveryCondition::Witnessed);
        assert_eq!(parse(&print(&witnessed).unwrap()).unwrap(), witnessed);
        let error = parse(&said("LATER")).expect_err("no such code").to_string();
        assert!(error.contains("delivery = \"LATER\": unknown delivery condition"), "{error}");
    }

    #[test]
    fn types_may_be_kept_for_a_time_of_their_own() {
        let said = |kind: &str| {
            format!(
                "{SAMPLE}\n[[type_retention]]\ntype = \"{kind}\"\nretention = \"SHORT\"\ndelete_after_days = 14\n"
            )
        };
        let agreement = parse(&said("VIOLENCE")).unwrap();
        let kept = TypeRetention {
            retention: crate::domain::RetentionClass::Short,
            delete_after_days: 14,
        };
        assert_eq!(agreement.type_retention, [(AlertType::Violence, kept)].into());
        assert_eq!(agreement.days_kept(AlertType::Violence), 14);
        assert_eq!(agreement.days_kept(AlertType::FireRisk), 180);
        assert_eq!(parse(&print(&agreement).unwrap()).unwrap(), agreement);
        let all = said("VIOLENCE");
        let section = all.split_once(SAMPLE).unwrap().1;
        let twice = format!("{all}{section}");
        for bad in [said("violence"), twice] {
            let error = parse(&bad).expect_err("no type, or no second time").to_string();
            assert!(error.contains("type_retention["), "{error}");
        }
    }

    #[test]
    fn a_title_that_looks_like_toml_reads_back_the_same() {
        let mut agreement = parse(SAMPLE).unwrap();
        agreement.title = "x\"\n[[flow]]\nfrom = \"police\" # '''".to_owned();
        assert_eq!(parse(&print(&agreement).unwrap()).unwrap(), agreement);
    }

    #[test]
    fn a_wrong_value_is_named_with_its_key() {
        for (good, bad, named) in [
            ("\"CRIME_AND_DISORDER\"", "\"CRIME\"", "flow[0].purpose = \"CRIME\": unknown purpose"),
            ("\"AREA\"", "\"*\"", "flow[0].fields[2] = \"*\": unknown field"),
            ("\"VIOLENCE\"", "\"violence\"", "flow[0].alert_types[1] = \"violence\""),
            ("\"OTHER\"", "\"OFFENDER\"", "flow[0].subject_categories[1] = \"OFFENDER\""),
            ("\"SUSPECT\", ", "\"OTHER\", ", "flow[0].subject_categories[1] = \"OTHER\": repeated"),
            ("DPA2018-Sch8-1", "DPA2018-Sch8-0", "flow[0].special_condition = \"DPA2018-Sch8-0\""),
            ("\"CDA1998-S115\"\nl", "\"CDA1998\"\nl", "flow[0].gateway = \"CDA1998\""),
            ("[\"outreach\"]", "[\"*\"]", "flow[0].to[0] = \"*\""),
            ("\"VOLUNTARY\"", "\"CHARITY\"", "party[1].kind = \"CHARITY\": unknown agency kind"),
            ("\"UK_GDPR\"", "\"GDPR\"", "party[1].regime = \"GDPR\": unknown regime"),
            ("\"STANDARD\"", "\"FOREVER\"", "retention = \"FOREVER\""),
            ("\"2030-06-30T00:00:00Z\"", "\"30 June\"", "ends = \"30 June\""),
            ("2030-12-31T00:00:00Z", "2030-12-31T00:00:00", "party[0].policy_document_until"),
            ("policy_document = \"APD-1\"\n", "", "needs policy_document"),
            ("policy_document_until = 2030-12-31T00:00:00Z", "", "needs policy_document_until"),
        ] {
            assert!(SAMPLE.contains(good), "{good}");
            let said = parse(&SAMPLE.replacen(good, bad, 1)).expect_err(bad).to_string();
            assert!(said.contains(named), "{bad}: {said}");
        }
    }

    #[test]
    fn a_key_that_is_wrong_or_missing_is_named_with_its_line() {
        for (good, bad, named) in [
            ("dpia =", "dpai =", "line 7: unknown field `dpai`"),
            ("gateway =", "gate_way =", "unknown field `gate_way`"),
            ("authorised_by =", "authorized_by =", "unknown field `authorized_by`"),
            ("faces_suspects = true\n", "", "missing field `faces_suspects`"),
            ("purpose = \"CRIME_AND_DISORDER\"\n", "", "missing field `purpose`"),
            ("[[flow]]", "[[flows]]", "unknown field `flows`"),
            ("delete_after_days = 180", "delete_after_days = -1", "line 9: "),
            ("id = ", "id ", "line 2: "),
        ] {
            assert!(SAMPLE.contains(good), "{good}");
            let said = parse(&SAMPLE.replacen(good, bad, 1)).expect_err(bad).to_string();
            assert!(said.contains(named), "{bad}: {said}");
        }
    }
}
