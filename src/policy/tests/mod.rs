//! Goal: each limit of the law has an example that is refused for its own reason, beside the nearest
//! example that is permitted. Method: one lawful sample agreement, changed in one place at a time.

mod admission;
mod basis;
mod comparison;
mod delivery;
mod differential;
mod gateways;
mod minimal;
mod offence;
mod properties;
mod random;
mod rule_set;
mod shape;
mod special;

use std::{collections::BTreeSet, sync::Arc};

use super::{Admitted, Ask, Permit, Rules, Version, oracle};
use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertId, AlertType, Assertion, Certainty, DeliveryCondition,
    Draft, Facts, Field, Fields, Flow, Indicator, Party, Purpose, Reason, Refusal, Regime,
    RetentionClass, SubjectCategory, SubjectToken, Timestamp, TokenKind, Urgency,
    agreement::PolicyDocument,
    law::{
        ConfidentialityBasis, Gateway, LawfulBasis, NoConsentReason, OffenceCondition,
        ScheduleParagraph, SpecialCondition,
    },
};

const COUNCIL: &str = "council";
const LANDLORD: &str = "landlord";

fn agency(name: &str) -> AgencyId {
    name.parse().expect("an agency's name")
}

fn rules() -> Arc<Rules> {
    Rules::built_in().expect("they load")
}

fn admit(
    agreement: &Agreement,
    publisher: &AgencyId,
    draft: &Draft,
    now: Timestamp,
) -> Result<Admitted, Refusal> {
    rules().admit(agreement, publisher, draft, now)
}

fn permit(agreement: &Agreement, ask: &Ask<'_>, now: Timestamp) -> Result<Permit, Refusal> {
    rules().permit(agreement, ask, now)
}

fn now() -> Timestamp {
    Timestamp::parse("2026-06-01T09:00:00Z").expect("a moment")
}

fn party(name: &str, kind: AgencyKind, regime: Regime) -> Party {
    let reference = format!("APD-{name}");
    Party {
        agency: agency(name),
        kind,
        regime,
        faces_suspects: false,
        professional_secrecy: false,
        names_staff: false,
        acting_for: None,
        policy_document: Some(PolicyDocument { reference, until: now().plus_days(365) }),
    }
}

/// A council tells a landlord of people who lost their home: plain data, nothing special to it.
fn agreement() -> Agreement {
    Agreement {
        id: "homes".parse().expect("an id"),
        title: "Homes".to_owned(),
        parties: vec![
            party(COUNCIL, AgencyKind::LocalAuthority, Regime::UkGdpr),
            party(LANDLORD, AgencyKind::HousingProvider, Regime::UkGdpr),
        ],
        flows: vec![Flow {
            from: agency(COUNCIL),
            to: [agency(LANDLORD)].into(),
            purpose: Purpose::HomelessnessPrevention,
            alert_types: [AlertType::Homelessness].into(),
            subject_categories: SubjectCategory::ALL.iter().copied().collect(),
            fields: plain_fields(),
            gateway: Gateway::HousingAct213B,
            lawful_basis: LawfulBasis::PublicTask,
            special_condition: None,
            schedule_paragraph: None,
            no_consent_reason: None,
            offence_condition: None,
            confidentiality_basis: None,
            authorised_by: None,
        }],
        starts: now(),
        ends: now().plus_days(365),
        review: now().plus_days(180),
        dpia: "DPIA-1".to_owned(),
        retention: RetentionClass::Standard,
        delete_after_days: 120,
        delivery: DeliveryCondition::Recorded,
        type_retention: std::collections::BTreeMap::new(),
    }
}

/// Every field whose class asks for no condition.
fn plain_fields() -> Fields {
    Fields::all().without([Field::HealthIndicators, Field::OffenceIndicators].into_iter().collect())
}

/// The same, and health indicators under Sch 1 para 18.
fn of_health() -> Agreement {
    let mut agreement = agreement();
    let flow = &mut agreement.flows[0];
    flow.fields.insert(Field::HealthIndicators);
    flow.special_condition = Some(SpecialCondition::Art9G);
    flow.schedule_paragraph = Some(ScheduleParagraph::Safeguarding);
    flow.no_consent_reason = Some(NoConsentReason::WouldPrejudice);
    agreement
}

/// An adult at risk, homeless, with health and plain indicators.
fn draft() -> Draft {
    Draft {
        agreement: "homes".parse().expect("an id"),
        purpose: Purpose::HomelessnessPrevention,
        kind: AlertType::Homelessness,
        subject: vec![SubjectToken { kind: TokenKind::Nfd, epoch: 1, value: [7; 32] }],
        categories: [SubjectCategory::AtRiskAdult].into(),
        indicators: [Indicator::MentalHealth, Indicator::Homelessness].into(),
        certainty: Certainty::Known,
        assertion: Assertion::Fact,
        grading: None,
        urgency: Urgency::Priority,
        route: None,
        area: Some("PO1".parse().expect("an area")),
        action: None,
        time: now(),
        as_of: now(),
        expires_at: now().plus_days(30),
        contact: None,
        handling: BTreeSet::new(),
        restricted: false,
        case_reference: None,
        on_behalf_of: None,
        rectifies: None,
    }
}

fn draft_with(change: impl FnOnce(&mut Draft)) -> Draft {
    let mut draft = draft();
    change(&mut draft);
    draft
}

fn facts(draft: &Draft) -> Facts {
    let id: AlertId = "01920000-0000-7abc-8def-0123456789ab".parse().expect("an id");
    Facts::of(draft, id, &agency(COUNCIL), now().plus_days(90))
}

/// Defines `agreement`; only the reason matters.
fn defined(agreement: &Agreement) -> Result<(), Reason> {
    rules().define(agreement, now()).map_err(|refusal| refusal.reason)
}

/// Defines the sample with one change.
fn defined_with(change: impl FnOnce(&mut Agreement)) -> Result<(), Reason> {
    let mut agreement = agreement();
    change(&mut agreement);
    defined(&agreement)
}

/// Defines the sample with one change to its flow.
fn defined_flow(change: impl FnOnce(&mut Flow)) -> Result<(), Reason> {
    defined_with(|agreement| change(&mut agreement.flows[0]))
}

fn admitted(agreement: &Agreement, draft: &Draft) -> Result<Admitted, Refusal> {
    admit(agreement, &agency(COUNCIL), draft, now())
}

/// Asks what the landlord may see of `draft`.
fn permitted(agreement: &Agreement, draft: &Draft) -> Result<Permit, Reason> {
    permitted_at(agreement, &facts(draft), now())
}

fn permitted_at(agreement: &Agreement, alert: &Facts, now: Timestamp) -> Result<Permit, Reason> {
    let ask = Ask { alert, recipient: &agency(LANDLORD), purpose: alert.purpose };
    permit(agreement, &ask, now).map_err(|refusal| refusal.reason)
}

/// Says why the sample draft is neither admitted nor permitted; both say the same.
fn refused(agreement: &Agreement, draft: &Draft) -> Option<Reason> {
    let reasons = (
        admitted(agreement, draft).err().map(|refusal| refusal.reason),
        permitted(agreement, draft).err(),
    );
    assert_eq!(reasons.0, reasons.1, "at the door and on the way out");
    reasons.0
}

#[test]
fn the_samples_are_lawful_and_permit_something() {
    for agreement in [agreement(), of_health()] {
        assert_eq!(defined(&agreement), Ok(()));
        assert_eq!(refused(&agreement, &draft()), None);
    }
}
