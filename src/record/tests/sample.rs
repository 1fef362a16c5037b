//! One value of each kind that never changes, every field of it filled.

use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertType, Assertion, Caller, Certainty, Contact,
    DeliveryCondition, Draft, Facts, Fields, Fingerprint, Flow, HandlingCondition, Indicator,
    Party, Purpose, Regime, RequestedAction, RetentionClass, Route, Seat, SubjectCategory,
    SubjectToken, Timestamp, Urgency, View,
    agreement::PolicyDocument,
    law::{
        ConfidentialityBasis, Gateway, LawfulBasis, NoConsentReason, OffenceCondition,
        ScheduleParagraph, SpecialCondition,
    },
};

pub(super) fn agency(name: &str) -> AgencyId {
    name.parse().expect("an agency")
}

pub(super) fn officer() -> Caller {
    let seat = Seat::parse("agency/police/officer/ig-1").expect("a seat");
    Caller { seat, certificate: Fingerprint([4; 32]) }
}

pub(super) fn operator() -> Caller {
    let seat = Seat::parse("operator/ops-1").expect("a seat");
    Caller { seat, certificate: Fingerprint([5; 32]) }
}

pub(super) fn at() -> Timestamp {
    Timestamp::from_ms(1_780_304_400_250)
}

pub(super) fn draft() -> Draft {
    Draft {
        agreement: "homes".parse().expect("an id"),
        purpose: "HOMELESSNESS_PREVENTION".parse().expect("a purpose"),
        kind: "HOMELESSNESS".parse().expect("a type"),
        subject: vec![SubjectToken {
            kind: "NFD".parse().expect("a kind"),
            epoch: 1,
            value: [7; 32],
        }],
        categories: [SubjectCategory::AtRiskAdult].into(),
        indicators: [Indicator::Homelessness].into(),
        certainty: Certainty::Known,
        assertion: Assertion::Fact,
        grading: Some("1/B/P".parse().expect("a grading")),
        urgency: Urgency::Priority,
        route: Some(Route::MultiAgency),
        area: Some("PO1".parse().expect("an area")),
        action: Some(RequestedAction::Visit),
        time: Timestamp::from_ms(1_780_300_000_000),
        as_of: Timestamp::from_ms(1_780_300_000_001),
        expires_at: at().plus_days(30),
        contact: Some(Contact::new("Duty desk", "023 9200 0000").expect("a contact")),
        handling: [HandlingCondition::ContactFirst].into(),
        restricted: false,
        case_reference: Some("C-1".parse().expect("a reference")),
        on_behalf_of: None,
        rectifies: None,
    }
}

pub(super) fn facts() -> Facts {
    let id = "01920000-0000-7abc-8def-0123456789ab".parse().expect("an id");
    Facts::of(&draft(), id, &agency("police"), at().plus_days(90))
}

pub(super) fn view() -> View {
    let draft = draft();
    View {
        id: facts().id,
        source: "//example.org/agency/police".to_owned(),
        agreement: draft.agreement,
        purpose: draft.purpose,
        kind: Some(draft.kind),
        subject: draft.subject,
        categories: draft.categories,
        indicators: draft.indicators,
        certainty: Some(draft.certainty),
        assertion: Some(draft.assertion),
        grading: draft.grading,
        urgency: Some(draft.urgency),
        route: draft.route,
        area: draft.area,
        action: draft.action,
        time: Some(draft.time),
        as_of: Some(draft.as_of),
        expires_at: draft.expires_at,
        contact: draft.contact,
        handling: draft.handling,
        delete_after: facts().delete_after,
        regime_change: true,
        case_reference: draft.case_reference,
    }
}

pub(super) fn system() -> Caller {
    let seat = Seat::parse("agency/police/service/rms").expect("a seat");
    Caller { seat, certificate: Fingerprint([3; 32]) }
}

fn party(name: &str, kind: AgencyKind, acting_for: Option<&str>) -> Party {
    Party {
        agency: agency(name),
        kind,
        regime: Regime::UkGdpr,
        faces_suspects: true,
        professional_secrecy: true,
        names_staff: false,
        acting_for: acting_for.map(agency),
        policy_document: Some(PolicyDocument { reference: "APD-1".to_owned(), until: at() }),
    }
}

pub(super) fn agreement() -> Agreement {
    Agreement {
        id: "homes".parse().expect("an id"),
        title: "Homes".to_owned(),
        parties: vec![
            party("hospital", AgencyKind::HealthBody, None),
            party("outreach", AgencyKind::Voluntary, Some("hospital")),
        ],
        flows: vec![Flow {
            from: agency("hospital"),
            to: [agency("outreach")].into(),
            purpose: Purpose::HomelessnessPrevention,
            alert_types: [AlertType::Homelessness, AlertType::Overdose].into(),
            subject_categories: [SubjectCategory::AtRiskAdult, SubjectCategory::Child].into(),
            fields: Fields::all(),
            gateway: Gateway::CareAct45,
            lawful_basis: LawfulBasis::PublicTask,
            special_condition: Some(SpecialCondition::Art9G),
            schedule_paragraph: Some(ScheduleParagraph::Safeguarding),
            no_consent_reason: Some(NoConsentReason::CannotGive),
            offence_condition: Some(OffenceCondition::Safeguarding),
            confidentiality_basis: Some(ConfidentialityBasis::LegalDuty),
            authorised_by: Some("CA2014-S45".to_owned()),
        }],
        starts: at(),
        ends: at().plus_days(365),
        review: at().plus_days(180),
        dpia: "DPIA-1".to_owned(),
        retention: RetentionClass::Short,
        delete_after_days: 31,
        delivery: DeliveryCondition::Recorded,
        type_retention: std::collections::BTreeMap::new(),
    }
}
