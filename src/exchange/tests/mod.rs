//! The exchange's rules one by one, on a state with two or three agencies and no ledger.

mod agree;
mod bar;
mod deliver;
mod interest;
mod publish;
mod refuse;
mod retention;
mod rights;
mod subscribe;
mod versions;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use prost::Message;

use super::{Content, Publication, State, Step, Submission};
use crate::domain::{
    AgencyId, AgencyKind, Agreement, AlertId, AlertType, Assertion, Caller, Certainty,
    DeliveryCondition, Draft, Field, Filter, Fingerprint, Flow, Indicator, Party, Purpose, Reason,
    Refusal, Regime, RetentionClass, Seat, SubjectCategory, SubjectToken, Subscription, Timestamp,
    TokenKind, Urgency,
    law::{Gateway, LawfulBasis},
};
use crate::record::{Event, ProposedAgreement, Record, agreement_to_pb, agreement_version};

const COUNCIL: &str = "council";
const FIRE: &str = "fire-service";
const HOUSING: &str = "housing";
const HOUR: Duration = Duration::from_secs(3600);
const NARROW: &[Field] = &[Field::Type];
const WIDE: &[Field] = &[Field::Type, Field::Subject, Field::Area];

/// A state, the time, and what a ledger would do with events: apply them.
#[derive(Debug, Default)]
struct Desk {
    state: State,
    now: Timestamp,
    ids: u64,
    streams: u64,
}

/// What a stream was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Given {
    Again(u64),
    New(u64),
    Refused(Reason),
    Skipped(u64, Reason),
}

impl Desk {
    fn new() -> Self {
        Self { now: Timestamp::parse("2026-06-01T09:00:00Z").unwrap(), ..Self::default() }
    }

    /// With an agreement in force by which the council tells housing.
    fn agreed() -> Self {
        let mut desk = Self::new();
        desk.agree(agreement(&[COUNCIL, HOUSING], WIDE, desk.now));
        desk
    }

    fn record(&mut self, event: Event, content: Content<'_>) -> u64 {
        let index = self.state.size();
        self.state.apply(&Record { at: self.now, links: Vec::new(), event }, content);
        index
    }

    fn agree(&mut self, agreement: Agreement) -> String {
        let parties = agreement.parties.clone();
        let (id, version) = (agreement.id.clone(), self.propose(agreement));
        for party in parties {
            let by = officer(party.agency.as_str());
            let event = self.state.approve(&by, &id, &version, self.now).unwrap();
            self.record(event.unwrap(), Content::None);
        }
        version
    }

    /// Has the agreement's first party propose it.
    fn propose(&mut self, agreement: Agreement) -> String {
        let by = officer(agreement.parties[0].agency.as_str());
        let proposed = proposed(agreement);
        let version = agreement_version(&proposed.bytes);
        let event = self.state.propose(&by, proposed, self.now).unwrap();
        self.record(event.unwrap(), Content::None);
        version
    }

    fn withdraw(&mut self, agency: &str) {
        let event = self.state.withdraw(&officer(agency), &agreement_id(), self.now).unwrap();
        self.record(event, Content::None);
    }

    fn subscribe(&mut self, agency: &str, subscription: &Subscription) -> u64 {
        let by = service(agency);
        let event = self.state.create_subscription(&by, subscription, None, self.now);
        self.record(event.unwrap().unwrap(), Content::Tokens(&subscription.filter))
    }

    fn submit(&mut self, id: AlertId, draft: &Draft) -> Result<Publication, Refusal> {
        self.submit_by(&service(COUNCIL), id, draft)
    }

    fn submit_by(
        &mut self,
        by: &Caller,
        id: AlertId,
        draft: &Draft,
    ) -> Result<Publication, Refusal> {
        // The real commitment has a key; here the urgency tells contents apart.
        let content = [draft.urgency.number(); 32];
        let slot = self.state.slots();
        let submission = Submission { by, id, draft, slot, content, rectifies: None };
        let publication = self.state.publish(&submission, self.now)?;
        if let Publication::New(event) = &publication {
            self.record(Event::clone(event), Content::Draft(draft));
        }
        Ok(publication)
    }

    fn publish(&mut self, draft: &Draft) -> u64 {
        self.ids += 1;
        let index = self.state.size();
        let published = self.submit(alert_id(self.now, self.ids), draft).unwrap();
        assert!(matches!(published, Publication::New(_)));
        index
    }

    fn publish_some(&mut self, count: usize, draft: &Draft) {
        for _ in 0..count {
            self.publish(draft);
        }
    }

    fn open(&mut self, subscription: u64, credit: u32) -> u64 {
        self.streams += 1;
        let opened = self.state.size();
        self.state.begin(subscription, self.streams, opened, credit);
        self.streams
    }

    /// Takes every step there is.
    fn deliver(&mut self, subscription: u64) -> Vec<Given> {
        let mut given = Vec::new();
        while let Some(step) = self.state.next_step(subscription, self.now) {
            match step {
                Step::Disclose(disclosure) => {
                    let number = disclosure.number;
                    self.record(disclosure.event([0; 32]), Content::None);
                    self.state.sent(subscription, number, 1);
                    let again = disclosure.repeats().is_some();
                    given.push(if again { Given::Again(number) } else { Given::New(number) });
                }
                Step::Refuse(event) => {
                    let Event::Refused(refused) = &event else { panic!("{event:?}") };
                    given.push(Given::Refused(refused.reason));
                    self.record(event, Content::None);
                }
                Step::Skip { event, number, reason } => {
                    if let Some(event) = event {
                        self.record(event, Content::None);
                    }
                    self.state.sent(subscription, number, 0);
                    given.push(Given::Skipped(number, reason));
                }
            }
        }
        given
    }

    fn acknowledge(&mut self, subscription: u64, number: u64) {
        let event = self.state.acknowledge(subscription, number).unwrap();
        self.record(event.unwrap(), Content::None);
    }
}

fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

fn agreement_id() -> crate::domain::AgreementId {
    "sharing".parse().unwrap()
}

fn service(of: &str) -> Caller {
    seated(Seat::Service { agency: agency(of), name: "system".parse().unwrap() })
}

fn officer(of: &str) -> Caller {
    seated(Seat::Officer { agency: agency(of), id: "officer".parse().unwrap() })
}

fn operator() -> Caller {
    seated(Seat::Operator { id: "operator".parse().unwrap() })
}

const fn seated(seat: Seat) -> Caller {
    Caller { seat, certificate: Fingerprint([7; 32]) }
}

/// The first party tells all others.
fn agreement(parties: &[&str], fields: &[Field], starts: Timestamp) -> Agreement {
    let party = |name: &&str| Party {
        agency: agency(name),
        kind: AgencyKind::LocalAuthority,
        regime: Regime::UkGdpr,
        faces_suspects: false,
        professional_secrecy: false,
        names_staff: false,
        acting_for: None,
        policy_document: None,
    };
    let flow = Flow {
        from: agency(parties[0]),
        to: parties[1..].iter().map(|it| agency(it)).collect(),
        purpose: Purpose::TenancySustainment,
        alert_types: [AlertType::TenancyAtRisk].into(),
        subject_categories: [SubjectCategory::Other].into(),
        fields: fields.iter().copied().collect(),
        gateway: Gateway::CareAct45,
        lawful_basis: LawfulBasis::PublicTask,
        special_condition: None,
        schedule_paragraph: None,
        no_consent_reason: None,
        offence_condition: None,
        confidentiality_basis: None,
        authorised_by: None,
    };
    Agreement {
        id: agreement_id(),
        title: "Sharing".to_owned(),
        parties: parties.iter().map(party).collect(),
        flows: vec![flow],
        starts,
        ends: starts.plus_days(300),
        review: starts.plus_days(200),
        dpia: "DPIA-1".to_owned(),
        retention: RetentionClass::Standard,
        delete_after_days: 100,
        delivery: DeliveryCondition::Recorded,
        type_retention: std::collections::BTreeMap::new(),
    }
}

fn proposed(agreement: Agreement) -> ProposedAgreement {
    let bytes = agreement_to_pb(&agreement).encode_to_vec().into();
    ProposedAgreement { agreement: Arc::new(agreement), bytes }
}

fn token(byte: u8) -> SubjectToken {
    SubjectToken { kind: TokenKind::Nfd, epoch: 1, value: [byte; 32] }
}

fn draft(now: Timestamp) -> Draft {
    Draft {
        agreement: agreement_id(),
        purpose: Purpose::TenancySustainment,
        kind: AlertType::TenancyAtRisk,
        subject: vec![token(1)],
        categories: [SubjectCategory::Other].into(),
        indicators: [Indicator::Homelessness].into(),
        certainty: Certainty::Known,
        assertion: Assertion::Fact,
        grading: None,
        urgency: Urgency::Routine,
        route: None,
        area: Some("N1".parse().unwrap()),
        action: None,
        time: now,
        as_of: now,
        expires_at: now.plus_days(30),
        contact: None,
        handling: BTreeSet::new(),
        restricted: false,
        case_reference: None,
        on_behalf_of: None,
        rectifies: None,
    }
}

fn subscription(name: &str, expires_at: Timestamp) -> Subscription {
    Subscription {
        name: name.parse().unwrap(),
        purpose: Purpose::TenancySustainment,
        filter: Filter {
            types: [AlertType::TenancyAtRisk].into(),
            areas: ["N1".parse().unwrap()].into(),
            tokens: BTreeSet::new(),
        },
        expires_at,
    }
}

fn alert_id(made_at: Timestamp, unique: u64) -> AlertId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&made_at.ms().to_be_bytes()[2..]);
    bytes[6] = 0x70;
    bytes[8..].copy_from_slice(&unique.to_be_bytes());
    bytes[8] = 0x80;
    AlertId::from_bytes(&bytes).unwrap()
}
