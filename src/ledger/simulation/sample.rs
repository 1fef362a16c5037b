//! Agencies, agreements, alerts and subscriptions for the simulation: few of each, so that they meet.

use std::sync::Arc;

use prost::Message;

use super::random::Random;
use crate::domain::{
    AgencyId, AgencyKind, Agreement, AgreementId, AlertId, AlertType, Area, Assertion, Caller,
    Certainty, DeliveryCondition, Draft, Field, Filter, Fingerprint, Flow, Indicator, Name, Party,
    Purpose, Regime, RequestedAction, RetentionClass, Seat, SubjectCategory, SubjectToken,
    Subscription, Timestamp, TokenKind, Urgency,
    law::{Gateway, LawfulBasis},
};
use crate::record::{self, ProposedAgreement};

const AGENCIES: [&str; 4] = ["council", "fire-service", "housing", "outreach"];
/// The first three are agreed now and then, the last never.
const PURPOSES: [Purpose; 4] = [
    Purpose::HomelessnessPrevention,
    Purpose::SafeguardingChild,
    Purpose::TenancySustainment,
    Purpose::HealthAndCare,
];
/// Plain ones: what health and offence data ask for is proven in `policy`.
const TYPES: [AlertType; 3] =
    [AlertType::AntisocialBehaviour, AlertType::Homelessness, AlertType::TenancyAtRisk];
const CATEGORIES: [SubjectCategory; 4] = [
    SubjectCategory::AtRiskAdult,
    SubjectCategory::Child,
    SubjectCategory::Other,
    SubjectCategory::Victim,
];
const FIELDS: [Field; 12] = [
    Field::Type,
    Field::Subject,
    Field::SubjectCategories,
    Field::Indicators,
    Field::SafeguardingIndicators,
    Field::Certainty,
    Field::Assertion,
    Field::Urgency,
    Field::Area,
    Field::RequestedAction,
    Field::Time,
    Field::AsOf,
];
const HOUR_MS: u64 = 3_600_000;

pub(super) fn agency(number: usize) -> AgencyId {
    AGENCIES[number].parse().unwrap()
}

pub(super) fn agencies() -> impl Iterator<Item = AgencyId> {
    (0..AGENCIES.len()).map(agency)
}

pub(super) fn agreement_id(number: usize) -> AgreementId {
    format!("agreement-{number}").parse().unwrap()
}

pub(super) fn name(number: usize) -> Name {
    format!("feed-{number}").parse().unwrap()
}

pub(super) fn service(number: usize) -> Caller {
    seated(Seat::Service { agency: agency(number), name: "system".parse().unwrap() })
}

pub(super) fn service_of(agency: &AgencyId) -> Caller {
    service(number_of(agency))
}

pub(super) fn officer(number: usize) -> Caller {
    seated(Seat::Officer { agency: agency(number), id: "officer".parse().unwrap() })
}

/// Another officer, with another certificate.
pub(super) fn deputy(number: usize) -> Caller {
    let seat = Seat::Officer { agency: agency(number), id: "deputy".parse().unwrap() };
    Caller { seat, certificate: Fingerprint([8; 32]) }
}

pub(super) fn number_of(agency: &AgencyId) -> usize {
    AGENCIES.iter().position(|it| *it == agency.as_str()).unwrap()
}

pub(super) fn operator() -> Caller {
    seated(Seat::Operator { id: "operator".parse().unwrap() })
}

const fn seated(seat: Seat) -> Caller {
    Caller { seat, certificate: Fingerprint([7; 32]) }
}

/// Makes an agreement that is nearly always lawful.
pub(super) fn agreement(number: usize, shape: u64, now: Timestamp) -> ProposedAgreement {
    let random = &mut Random::new(shape);
    let members: Vec<usize> = match number {
        0 if random.chance(70) => vec![0, 2],
        1 if random.chance(80) => vec![0, 1, 2],
        _ => vec![1, 2, 3],
    };
    let starts = match random.below(10) {
        0..=5 => now,
        6 | 7 => Timestamp::from_ms(now.ms() + random.below(3 * HOUR_MS)),
        _ => Timestamp::from_ms(now.ms() - HOUR_MS),
    };
    let term = *random.pick(&[2 * HOUR_MS, 24 * HOUR_MS, 30 * 24 * HOUR_MS, 300 * 24 * HOUR_MS]);
    let ends = Timestamp::from_ms(starts.ms() + term);
    let agreement = Agreement {
        id: agreement_id(number),
        title: format!("Sharing {shape:x}"),
        parties: members.iter().map(|member| party(*member, random)).collect(),
        flows: flows(&members, random),
        starts,
        ends: if random.chance(3) { now } else { ends },
        review: ends,
        dpia: "DPIA-1".to_owned(),
        retention: RetentionClass::Short,
        delete_after_days: u16::try_from(1 + random.below(31)).unwrap(),
        delivery: DeliveryCondition::Recorded,
        type_retention: std::collections::BTreeMap::new(),
    };
    proposed(agreement)
}

/// Makes a new version of an agreement: other fields, a new term.
pub(super) fn amended(current: &Agreement, shape: u64, now: Timestamp) -> ProposedAgreement {
    let random = &mut Random::new(shape);
    let mut agreement = current.clone();
    agreement.title = format!("Sharing {shape:x}");
    agreement.starts = now;
    agreement.ends = Timestamp::from_ms(now.ms() + 90 * 24 * HOUR_MS);
    agreement.review = agreement.ends;
    for flow in &mut agreement.flows {
        flow.fields = random.some(&FIELDS).into_iter().collect();
    }
    proposed(agreement)
}

fn proposed(agreement: Agreement) -> ProposedAgreement {
    let bytes = record::agreement_to_pb(&agreement).encode_to_vec().into();
    ProposedAgreement { agreement: Arc::new(agreement), bytes }
}

fn party(number: usize, random: &mut Random) -> Party {
    Party {
        agency: agency(number),
        kind: [
            AgencyKind::LocalAuthority,
            AgencyKind::Fire,
            AgencyKind::HousingProvider,
            AgencyKind::Voluntary,
        ][number],
        regime: Regime::UkGdpr,
        faces_suspects: random.chance(10),
        professional_secrecy: false,
        names_staff: false,
        acting_for: None,
        policy_document: None,
    }
}

fn flows(members: &[usize], random: &mut Random) -> Vec<Flow> {
    let mut flows = Vec::new();
    for from in members {
        for purpose in random.some(&PURPOSES[..3]) {
            let others: Vec<usize> = members.iter().copied().filter(|it| it != from).collect();
            flows.push(Flow {
                from: agency(*from),
                to: random.some(&others).into_iter().map(agency).collect(),
                purpose,
                alert_types: random.some(&TYPES).into_iter().collect(),
                subject_categories: random.some(&CATEGORIES).into_iter().collect(),
                fields: random.some(&FIELDS).into_iter().collect(),
                gateway: Gateway::CareAct45,
                lawful_basis: LawfulBasis::PublicTask,
                special_condition: None,
                schedule_paragraph: None,
                no_consent_reason: None,
                offence_condition: None,
                confidentiality_basis: None,
                authorised_by: None,
            });
        }
    }
    flows
}

/// Makes an alert that fits many agreements.
pub(super) fn draft(agreement: usize, random: &mut Random, now: Timestamp) -> Draft {
    let as_of = Timestamp::from_ms(now.ms() - random.below(HOUR_MS));
    let life = *random.pick(&[HOUR_MS / 2, 3 * HOUR_MS, 20 * 24 * HOUR_MS, 60 * 24 * HOUR_MS]);
    Draft {
        agreement: agreement_id(agreement),
        purpose: *random.pick(&PURPOSES[..3]),
        kind: *random.pick(&TYPES),
        subject: vec![token(random.below(4))],
        categories: [*random.pick(&CATEGORIES)].into(),
        indicators: random
            .some(&[Indicator::Homelessness, Indicator::AdultAtRisk])
            .into_iter()
            .collect(),
        certainty: Certainty::Known,
        assertion: Assertion::Fact,
        grading: None,
        urgency: *random.pick(Urgency::ALL),
        route: None,
        area: random.chance(80).then(|| area(random.below(2))),
        action: random.chance(50).then_some(RequestedAction::Note),
        time: as_of,
        as_of,
        expires_at: Timestamp::from_ms(now.ms() + life),
        contact: None,
        handling: std::collections::BTreeSet::new(),
        restricted: random.chance(4),
        case_reference: None,
        on_behalf_of: None,
        rectifies: None,
    }
}

/// A purpose that no agreement names.
pub(super) const NEVER_AGREED: Purpose = PURPOSES[3];

/// Makes a subscription; `unique` is below a second and tells it from all others.
pub(super) fn subscription(
    number: usize,
    random: &mut Random,
    (now, unique): (Timestamp, u64),
) -> Subscription {
    let term = *random.pick(&[HOUR_MS, 48 * HOUR_MS, 90 * 24 * HOUR_MS, 300 * 24 * HOUR_MS]);
    let tokens = if random.chance(60) { random.some(&[0, 1, 2, 3]) } else { Vec::new() };
    Subscription {
        name: name(number),
        purpose: *random.pick(&PURPOSES[..3]),
        filter: Filter {
            types: random.some(&TYPES).into_iter().collect(),
            areas: random.some(&[0, 1]).into_iter().map(area).collect(),
            tokens: tokens.into_iter().map(token).collect(),
        },
        expires_at: Timestamp::from_ms(now.ms() + term + unique),
    }
}

/// Makes a request id that says it was made at `at`.
pub(super) fn alert_id(at: Timestamp, random: &mut Random) -> AlertId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at.ms().to_be_bytes()[2..]);
    bytes[6..8].copy_from_slice(&[0x70, 1]);
    bytes[8..].copy_from_slice(&random.next().to_be_bytes());
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    AlertId::from_bytes(&bytes).unwrap()
}

fn token(number: u64) -> SubjectToken {
    let value = [u8::try_from(number + 1).unwrap(); 32];
    SubjectToken { kind: TokenKind::Nfd, epoch: 1, value }
}

fn area(number: u64) -> Area {
    format!("AREA-{number}").parse().unwrap()
}
