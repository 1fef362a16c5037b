//! A log in which everything that can be asked for occurs, made from random choices, and questions about it.

use proptest::{collection::vec, option, prelude::*, strategy::ValueTree};

use crate::domain::{
    Act, AgencyId, Agreement, AlertId, Assertion, Caller, Certainty, Direction, Draft, Facts,
    Field, Fields, Filter, Fingerprint, Outcome, Purpose, QueryPurpose, Reason, RecordKind, Seat,
    SubjectCategory, SubjectToken, Subscription, Timestamp, TokenKind, Urgency,
};
use crate::ledger::{Entry, LinkOpening, LinkPlace, Reader, Stood, sample::Log};
use crate::record::{
    self, Disclosed, Event, Governed, ProposedAgreement, Published, Refused, SealedFilter,
    StoredSubscription,
};
use crate::views::{Answer, Asker, Place, Question, Views, matter::Matter, resolve::Resolver};

pub(super) const AGENCIES: [&str; 4] = ["police", "council", "housing", "hospital"];
const AGREEMENTS: [&str; 2] = ["city-asb", "safe-homes"];
const PURPOSES: [Purpose; 2] = [Purpose::CrimeAndDisorder, Purpose::HomelessnessPrevention];
const REASONS: [Reason; 2] = [Reason::Expired, Reason::NotRecipient];
pub(super) const TOKENS: u8 = 4;

pub(super) fn agency(number: usize) -> AgencyId {
    AGENCIES[number % AGENCIES.len()].parse().unwrap()
}

/// Who asks: an officer of one of the agencies, or an auditor.
pub(super) fn asker(number: usize) -> Asker {
    if number % 5 == 4 { Asker::Auditor } else { agency(number % 5).into() }
}

pub(super) fn token(number: u8) -> SubjectToken {
    SubjectToken { kind: TokenKind::Nfd, epoch: 1, value: [0xe0 | (number % TOKENS); 32] }
}

pub(super) fn certificate(agency: usize, is_officer: bool) -> Fingerprint {
    let number = u8::try_from(agency % AGENCIES.len()).unwrap() + 1;
    Fingerprint([if is_officer { 100 + number } else { number }; 32])
}

pub(super) fn caller(agency: usize, is_officer: bool) -> Caller {
    let seat = if is_officer {
        Seat::Officer { agency: self::agency(agency), id: "ig-1".parse().unwrap() }
    } else {
        Seat::Service { agency: self::agency(agency), name: "rms".parse().unwrap() }
    };
    Caller { seat, certificate: certificate(agency, is_officer) }
}

pub(super) fn alert_id(number: usize) -> AlertId {
    let mut bytes = [0; 16];
    bytes[6] = 0x70;
    bytes[8] = 0x80;
    bytes[12..].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
    AlertId::from_bytes(&bytes).unwrap()
}

/// Random numbers, to be made an event of.
pub(super) type Choice = (u8, usize, usize, u8);

pub(super) fn choices(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Choice>> {
    vec((any::<u8>(), 0..64_usize, 0..64_usize, any::<u8>()), count)
}

/// A log that is being written.
pub(super) struct Scene {
    pub(super) log: Log,
    pub(super) size: u64,
    alerts: Vec<(u64, usize)>,
    pub(super) slots: Vec<u64>,
    subscriptions: Vec<(u64, usize)>,
    streams: Vec<u64>,
    disclosed: Vec<(u64, AgencyId)>,
}

impl Scene {
    /// Begins with something of everything that others refer to.
    pub(super) fn new() -> Self {
        let mut scene = Self {
            log: Log::new(),
            size: 0,
            alerts: Vec::new(),
            slots: Vec::new(),
            subscriptions: Vec::new(),
            streams: Vec::new(),
            disclosed: Vec::new(),
        };
        let started = Event::LogStarted { origin: "o".to_owned(), vkey: "k".to_owned() };
        scene.push(started, &[]);
        for (number, id) in AGREEMENTS.into_iter().enumerate() {
            let agreement = Agreement { id: id.parse().unwrap(), ..agreement() };
            let bytes = prost::Message::encode_to_vec(&record::agreement_to_pb(&agreement)).into();
            let proposed = ProposedAgreement { agreement: agreement.into(), bytes };
            scene.push(Event::AgreementProposed { by: caller(number, true), proposed }, &[]);
        }
        for choice in [(1, 0, 0, 1), (0, 0, 0, 1), (2, 0, 0, 0), (3, 0, 0, 0)] {
            scene.add(choice);
        }
        scene
    }

    pub(super) fn of(choices: &[Choice]) -> Self {
        let mut scene = Self::new();
        for choice in choices {
            scene.add(*choice);
        }
        scene
    }

    /// Makes an event of random numbers.
    pub(super) fn add(&mut self, (what, one, two, code): Choice) {
        match what % 16 {
            0 | 4 | 5 => self.publish(one, two, code),
            1 => self.subscribe(one, code),
            2 => {
                let (subscription, agency) = pick(&self.subscriptions, two);
                let by = caller(agency, false);
                let index =
                    self.push(Event::StreamOpened { by, subscription, on_behalf_of: None }, &[]);
                self.streams.push(index);
            }
            3 | 6 | 7 | 8 => self.disclose(one, two, code),
            9 => {
                let (disclosed, recipient) = pick(&self.disclosed, one);
                let opened = pick(&self.streams, two);
                self.push(Event::Redelivered { disclosed, opened, recipient }, &[]);
            }
            10 => {
                let (subscription, agency) = pick(&self.subscriptions, two);
                let agency = self::agency(agency);
                self.push(Event::Acknowledged { subscription, number: 1, agency }, &[]);
            }
            11 => {
                let (subscription, agency) = pick(&self.subscriptions, two);
                let (reason, recipient) = (pick(&REASONS, one), self::agency(agency));
                let skipped = Event::NumberSkipped { subscription, number: 1, reason, recipient };
                self.push(skipped, &[]);
            }
            12 | 13 => self.refuse(one, two, code),
            14 => {
                let id = AGREEMENTS[one % AGREEMENTS.len()].parse().unwrap();
                let parties = vec![agency(one), agency(one + 1)];
                let act = Governed { by: caller(one, true), id, proposed: 1, parties };
                self.push(Event::AgreementApproved(act), &[]);
            }
            _ => {
                let (by, purpose) = (caller(one, true), QueryPurpose::Lawfulness);
                self.push(
                    Event::Consulted { by, purpose, start: 0, end: self.size, about: None },
                    &[],
                );
            }
        }
    }

    fn publish(&mut self, one: usize, two: usize, code: u8) {
        let id = alert_id(self.alerts.len());
        self.publish_as((one, two, code), id);
    }

    /// Publishes under the id of the alert of that number, whoever published that.
    pub(super) fn publish_again(&mut self, one: usize, number: usize) {
        self.publish_as((one, 0, 1), alert_id(number));
    }

    fn publish_as(&mut self, (one, two, code): (usize, usize, u8), id: AlertId) {
        let slot = self.log.slot();
        let draft = Draft {
            agreement: AGREEMENTS[two % AGREEMENTS.len()].parse().unwrap(),
            purpose: pick(&PURPOSES, two),
            subject: if code.is_multiple_of(5) { vec![] } else { vec![token(code)] },
            ..draft()
        };
        let facts = Facts::of(&draft, id, &agency(one), at(0).plus_days(90));
        let (by, content) = (caller(one, false), [1; 32]);
        let (flows, rectifies) = (vec![0], None);
        let published = Published { by, facts, agreement: 1, flows, slot, content, rectifies };
        let index = self.push(Event::Published(published), &record::draft_bytes(&draft));
        self.alerts.push((index, one));
        self.slots.push(slot);
    }

    fn subscribe(&mut self, one: usize, code: u8) {
        let slot = self.log.slot();
        let tokens = [token(code)].into();
        let filter = Filter { tokens, ..Filter::default() };
        let body = record::filter_bytes(&filter);
        let subscription = Subscription {
            name: "asb".parse().unwrap(),
            purpose: pick(&PURPOSES, one),
            filter: Filter::default(),
            expires_at: at(0).plus_days(1),
        };
        let sealed = Some(SealedFilter { slot, content: [2; 32] });
        let subscription = StoredSubscription { subscription, token_count: 1, sealed };
        let by = caller(one, false);
        let index = self.push(Event::SubscriptionCreated { by, subscription }, &body);
        self.subscriptions.push((index, one));
    }

    fn disclose(&mut self, one: usize, two: usize, code: u8) {
        let (alert, publisher) = pick(&self.alerts, one);
        let recipient = agency(publisher + 1 + two % 3);
        let mut released: Fields = [Field::Type].into_iter().collect();
        if code.is_multiple_of(2) {
            released.insert(Field::Subject);
        } else {
            released.insert(Field::SubjectCategories);
        }
        let index = self.push(
            Event::Disclosed(Disclosed {
                published: alert,
                agreement: 1,
                flow: 0,
                subscription: self.subscriptions[0].0,
                opened: pick(&self.streams, two),
                number: 1,
                publisher: agency(publisher),
                recipient: recipient.clone(),
                released,
                withheld: Fields::NONE,
                view: [3; 32],
                rules: [].into(),
                regime_change: false,
                delete_after: at(0),
            }),
            &[],
        );
        self.disclosed.push((index, recipient));
    }

    fn refuse(&mut self, one: usize, two: usize, code: u8) {
        let asked = Refused {
            by: Some(caller(one, code.is_multiple_of(2))),
            act: Act::Publish,
            reason: pick(&REASONS, two),
            agreement: code.is_multiple_of(3).then_some(1),
            published: None,
            subscription: None,
            suppressed: 0,
            recipient: None,
            publisher: None,
        };
        let (alert, publisher) = pick(&self.alerts, one);
        let refused = if code > 127 {
            Refused {
                by: None,
                act: Act::Disclose,
                published: Some(alert),
                subscription: Some(self.subscriptions[0].0),
                recipient: Some(agency(publisher + 1)),
                publisher: Some(agency(publisher)),
                ..asked
            }
        } else {
            asked
        };
        self.push(Event::Refused(refused), &[]);
    }

    /// A second passes every third record.
    pub(super) fn push(&mut self, event: Event, body: &[u8]) -> u64 {
        let index = self.log.push(at(self.size / 3), event, body);
        self.size = index + 1;
        index
    }
}

fn pick<T: Clone>(from: &[T], number: usize) -> T {
    from[number % from.len()].clone()
}

/// A moment, so many seconds after the log's beginning.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_ms(1_780_304_400_000 + seconds * 1000)
}

fn draft() -> Draft {
    Draft {
        agreement: AGREEMENTS[0].parse().unwrap(),
        purpose: PURPOSES[0],
        kind: crate::domain::AlertType::Violence,
        subject: vec![],
        categories: [SubjectCategory::Other].into(),
        indicators: [].into(),
        certainty: Certainty::Known,
        assertion: Assertion::Fact,
        grading: None,
        urgency: Urgency::Routine,
        route: None,
        area: None,
        action: None,
        time: at(0),
        as_of: at(0),
        expires_at: at(0).plus_days(1),
        contact: None,
        handling: [].into(),
        restricted: false,
        case_reference: None,
        on_behalf_of: None,
        rectifies: None,
    }
}

fn agreement() -> Agreement {
    let draw = crate::domain::random::agreement();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    draw.new_tree(&mut runner).unwrap().current()
}

/// Questions of whatever can be asked, with more than one condition at a time.
pub(super) fn question() -> impl Strategy<Value = Question> {
    let one = |count: usize| option::weighted(0.25, 0..count);
    let linked = proptest::bool::weighted(0.2);
    let went = (
        option::weighted(0.2, 0..Direction::ALL.len()),
        option::weighted(0.2, 0..Outcome::ALL.len()),
    );
    let times = (option::weighted(0.2, 0..120_u64), option::weighted(0.2, 0..120_u64));
    let who = (one(4), one(2), option::weighted(0.3, 0..RecordKind::ALL.len()), one(40));
    let rest = (one(2), one(2), option::weighted(0.3, 0..TOKENS), one(8));
    (times, who, rest, linked, went).prop_map(|((from, to), who, rest, linked, went)| {
        let (agency, purpose, kind, alert) = who;
        let (agreement, reason, subject, certificate) = rest;
        Question {
            from: from.map(at),
            to: to.map(at),
            agency: agency.map(self::agency),
            purpose: purpose.map(|it| pick(&PURPOSES, it)),
            kind: kind.map(|it| RecordKind::ALL[it]),
            alert: alert.map(alert_id),
            agreement: agreement.map(|it| AGREEMENTS[it].parse().unwrap()),
            reason: reason.map(|it| pick(&REASONS, it)),
            subject: subject.map(token),
            certificate: certificate.map(|it| self::certificate(it / 2, it % 2 == 0)),
            linked,
            direction: went.0.map(|it| Direction::ALL[it]),
            outcome: went.1.map(|it| Outcome::ALL[it]),
        }
    })
}

/// An answer, to be compared: index and link of each entry.
pub(super) type Found = Vec<(u64, Option<LinkOpening>)>;

/// What a plain reading of the whole log finds.
pub(super) fn scanned(reader: &Reader, by: &Asker, question: &Question, size: u64) -> Found {
    let mut resolver = Resolver::new(reader.clone(), true);
    let mut links = by.agency().map(|by| reader.links(by.clone(), LinkPlace::default()));
    let mut found = Found::new();
    for entry in all(reader, size) {
        let link = links.as_mut().and_then(|links| links.next(&entry));
        let matter = Matter::of(&entry, &mut resolver).unwrap();
        let is_shown = link.is_some() || !question.linked && by.may_see(&entry);
        if is_shown && question.may_fit(&entry, by) && question.fits(&matter, by) {
            found.push((entry.index, link));
        }
    }
    found
}

pub(super) fn all(reader: &Reader, size: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    while (entries.len() as u64) < size {
        let stood = reader.read(entries.len() as u64..size).unwrap();
        entries.extend(stood.into_iter().filter_map(Stood::entry));
    }
    entries
}

/// What the views find, page by page.
pub(super) fn asked(
    views: &Views,
    by: &Asker,
    question: &Question,
    (size, limit): (u64, usize),
) -> Found {
    let mut found = Found::new();
    let mut next = Some(Place::new(0, size));
    while let Some(place) = next {
        // Every place goes out as a page token and comes back.
        let bytes = views.place_bytes(place, b"question");
        let place = views.place(&bytes, b"question").unwrap();
        let Answer { shown, next: then } = views.ask(by, question, place, limit).unwrap();
        assert!(shown.len() <= limit);
        found.extend(shown.into_iter().map(|it| (it.entry.index, it.link)));
        next = then;
    }
    found
}
