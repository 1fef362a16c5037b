//! The register of processing (UK GDPR Art 30, DPA 2018 s.61), made from the agreements in force: what the agency sends
//! and receives, for what, on which basis, and how long it is kept.

use serde::Serialize;

use super::page::{Page, Section};
use crate::domain::{
    AgencyId, Agreement, Field, Flow, Party, Regime, Timestamp,
    law::{
        ConfidentialityBasis, NoConsentReason, OffenceCondition, ScheduleParagraph,
        SpecialCondition,
    },
};

/// The register of one agency.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Register {
    /// Whose it is.
    pub agency: String,
    /// As of when.
    pub made_at: String,
    /// What is done.
    pub activities: Vec<Activity>,
}

/// One activity: what one agency tells others for one purpose.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Activity {
    /// The law that asks for the entry, by the sender's regime.
    pub statute: &'static str,
    /// What the agency does: `SENDS` or `RECEIVES`.
    pub part: &'static str,
    /// Id of the agreement.
    pub agreement: String,
    /// Its title.
    pub title: String,
    /// SHA-256 of its text.
    pub version: String,
    /// The controller that sends.
    pub controller: String,
    /// The controllers that receive.
    pub recipients: Vec<String>,
    /// Purpose.
    pub purpose: &'static str,
    /// Types of alert.
    pub alert_types: Vec<&'static str>,
    /// Categories of people.
    pub subject_categories: Vec<&'static str>,
    /// Categories of data.
    pub data: Vec<&'static str>,
    /// Gateway, lawful basis and conditions.
    pub basis: Vec<String>,
    /// The sender's regime.
    pub regime: &'static str,
    /// Retention class, and after how many days it is deleted.
    pub time_limit: String,
    /// Term of the agreement and its review.
    pub term: String,
    /// What protects it.
    pub safeguards: Vec<String>,
}

impl Register {
    /// Makes the register of an agency from its agreements in force, each with its version.
    pub fn of(agency: &AgencyId, agreements: &[(String, Agreement)], now: Timestamp) -> Self {
        let mut activities = Vec::new();
        for (version, agreement) in agreements {
            for flow in &agreement.flows {
                let part = if flow.from == *agency {
                    "SENDS"
                } else if flow.to.contains(agency) {
                    "RECEIVES"
                } else {
                    continue;
                };
                activities.push(activity(part, (version, agreement), flow));
            }
        }
        Self { agency: agency.to_string(), made_at: now.to_string(), activities }
    }

    /// Lays it out as a page.
    pub fn page(&self) -> Page {
        Page {
            title: format!("Record of processing: {}", self.agency),
            facts: vec![
                ("Agency", self.agency.clone()),
                ("As of", self.made_at.clone()),
                ("Activities", self.activities.len().to_string()),
            ],
            notes: vec![
                "Made from the sharing agreements in force on the exchange (UK GDPR Art 30, DPA 2018 s.61). What the agency \
                 does outside the exchange is not in it."
                    .to_owned(),
            ],
            sections: self.activities.iter().map(Activity::section).collect(),
        }
    }
}

impl Activity {
    fn section(&self) -> Section {
        let list = |items: &[&str]| items.join(", ");
        Section {
            heading: format!("{} {} ({})", self.agreement, self.purpose, self.part),
            rows: vec![
                ("Statute", self.statute.to_owned()),
                ("Part", self.part.to_owned()),
                ("Agreement", format!("{}: {}", self.agreement, self.title)),
                ("Version", self.version.clone()),
                ("Controller", self.controller.clone()),
                ("Recipients", self.recipients.join(", ")),
                ("Purpose", self.purpose.to_owned()),
                ("Alert types", list(&self.alert_types)),
                ("Categories of people", list(&self.subject_categories)),
                ("Categories of data", list(&self.data)),
                ("Basis", self.basis.join(", ")),
                ("Regime", self.regime.to_owned()),
                ("Time limit", self.time_limit.clone()),
                ("Term", self.term.clone()),
                ("Safeguards", self.safeguards.join("; ")),
            ],
        }
    }
}

fn activity(part: &'static str, (version, agreement): (&str, &Agreement), flow: &Flow) -> Activity {
    let regime = agreement.party(&flow.from).map_or(Regime::UkGdpr, |party| party.regime);
    Activity {
        statute: match regime {
            Regime::UkGdpr => "UK GDPR Art 30",
            Regime::DpaPart3 => "DPA 2018 s.61",
        },
        part,
        agreement: agreement.id.to_string(),
        title: agreement.title.clone(),
        version: version.to_owned(),
        controller: flow.from.to_string(),
        recipients: flow.to.iter().map(ToString::to_string).collect(),
        purpose: flow.purpose.code(),
        alert_types: flow.alert_types.iter().map(|it| it.code()).collect(),
        subject_categories: flow.subject_categories.iter().map(|it| it.code()).collect(),
        data: flow.fields.iter().map(Field::code).collect(),
        basis: basis(flow),
        regime: regime.code(),
        time_limit: time_limit(agreement, flow),
        term: format!("{} to {}, review {}", agreement.starts, agreement.ends, agreement.review),
        safeguards: safeguards(agreement, flow),
    }
}

/// Says how long what flows is kept: of a type of its own where the agreement has another time for it.
fn time_limit(agreement: &Agreement, flow: &Flow) -> String {
    let days = agreement.delete_after_days;
    let all = format!("{}: deleted after {days} days", agreement.retention.code());
    let own = flow.alert_types.iter().filter_map(|kind| {
        let it = agreement.type_retention.get(kind)?;
        let (class, days) = (it.retention.code(), it.delete_after_days);
        Some(format!("{kind}, {class}: after {days} days"))
    });
    std::iter::once(all).chain(own).collect::<Vec<_>>().join("; ")
}

/// Lists what the flow rests on in law.
pub(super) fn basis(flow: &Flow) -> Vec<String> {
    let all = [
        Some(flow.gateway.code()),
        Some(flow.lawful_basis.code()),
        flow.special_condition.map(SpecialCondition::code),
        flow.schedule_paragraph.map(ScheduleParagraph::code),
        flow.no_consent_reason.map(NoConsentReason::code),
        flow.offence_condition.map(OffenceCondition::code),
        flow.confidentiality_basis.map(ConfidentialityBasis::code),
    ];
    let named = flow.authorised_by.as_ref().map(|it| format!("authorised by {it}"));
    all.into_iter().flatten().map(str::to_owned).chain(named).collect()
}

/// What the exchange does for every activity, and what the parties named for this one.
fn safeguards(agreement: &Agreement, flow: &Flow) -> Vec<String> {
    let documents = |party: &Party| {
        let document = party.policy_document.as_ref()?;
        Some(format!("policy document {} of {}", document.reference, party.agency))
    };
    let parties = std::iter::once(&flow.from).chain(&flow.to);
    let documents = parties.filter_map(|it| agreement.party(it)).filter_map(documents);
    [
        "only the fields listed leave".to_owned(),
        "mutual TLS 1.3".to_owned(),
        "each disclosure recorded in a tamper-evident log before it leaves".to_owned(),
        "content sealed under a key of its own and erased with it".to_owned(),
        format!("impact assessment {}", agreement.dpia),
    ]
    .into_iter()
    .chain(documents)
    .collect()
}
