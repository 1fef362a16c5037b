//! What a person's report promises: nothing goes out undecided, what is withheld is not told of, and what the law asks
//! for is in it.

use std::{collections::BTreeSet, time::Duration};

use prost::Message;

use super::*;
use crate::{
    domain::{
        AgencyId, Agreement, AlertNotice, AlertRef, AlertType, Assertion, Caller, Certainty, Facts,
        Field, Fields, Fingerprint, Purpose, Regime, RestrictionReason, Seat, SubjectCategory,
        Timestamp,
    },
    pb::v1 as pb,
    record::{Disclosed, Event, NoticeStep, Published, Record, RightsEvent, commitment},
};

const DAY: Duration = Duration::from_secs(86_400);
const NOW: Timestamp = Timestamp::from_ms(1_790_000_000_000);

fn agency(name: &str) -> AgencyId {
    name.parse().unwrap()
}

/// The usual agreement: the police, under Part 3, tell the council; the council tells the police.
fn agreement() -> Agreement {
    let text = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("config/demo/agreements/crime-and-disorder.toml"),
    )
    .unwrap();
    crate::adapters::agreement::parse(&text).unwrap()
}

fn sources(agreement: Agreement) -> Sources {
    let place = agreement.flows.iter().position(|flow| flow.from == agency("police")).unwrap();
    let flow = &agreement.flows[place];
    let recipient = flow.to.first().unwrap().clone();
    let by = Seat::Service { agency: agency("police"), name: "rms".parse().unwrap() };
    let published = Event::Published(Published {
        by: Caller { seat: by, certificate: Fingerprint([1; 32]) },
        facts: Facts {
            id: "01234567-89ab-7def-8123-456789abcdef".parse().unwrap(),
            publisher: agency("police"),
            agreement: agreement.id.clone(),
            purpose: Purpose::CrimeAndDisorder,
            kind: AlertType::Violence,
            categories: BTreeSet::from([SubjectCategory::Suspect]),
            fields: Fields::all(),
            certainty: Certainty::Known,
            assertion: Assertion::Fact,
            time: NOW,
            as_of: NOW,
            expires_at: NOW.plus_days(7),
            delete_after: NOW.plus_days(90),
            handling: BTreeSet::new(),
            restricted: true,
            on_behalf_of: None,
        },
        agreement: 1,
        flows: vec![u32::try_from(place).unwrap()],
        rectifies: None,
        slot: 0,
        content: [2; 32],
    });
    let disclosed = Event::Disclosed(Disclosed {
        published: 5,
        agreement: 1,
        flow: u32::try_from(place).unwrap(),
        subscription: 2,
        opened: 3,
        number: 1,
        publisher: agency("police"),
        recipient,
        released: [Field::Type, Field::Subject, Field::SubjectCategories].into_iter().collect(),
        withheld: Fields::NONE,
        view: [3; 32],
        rules: std::sync::Arc::default(),
        regime_change: true,
        delete_after: NOW.plus_days(60),
    });
    let record = |event| Record { at: NOW, links: Vec::new(), event };
    Sources {
        records: [(5, record(published)), (6, record(disclosed))].into(),
        agreements: [(1, agreement)].into(),
        ..Sources::default()
    }
}

fn draft() -> Draft {
    let request = "00112233445566778899aabbccddeeff".to_owned();
    Draft::of((request, &agency("police")), &sources(agreement()), (9, NOW))
}

fn decision(index: u64) -> Decision {
    let third_party = ThirdParty { checked_by: "ig-1".to_owned(), finding: Finding::Nobody };
    Decision { index, third_party, withhold: None }
}

fn withhold(reason: Reason) -> Withhold {
    Withhold { reason, review: NOW.plus_days(90).to_string() }
}

fn decisions() -> Decisions {
    Decisions { decisions: vec![decision(5), decision(6)] }
}

fn report(decided: &Decided) -> Report {
    Report::of(&draft(), decided, ("agency/police/officer/ig-1".to_owned(), NOW), None)
}

/// UK GDPR Art 15(1), DPA 2018 s.45(2): every recipient, purpose, basis, time, category, storage period and origin.
#[test]
fn a_persons_report_tells_all_that_article_15_asks_for() {
    let decided = decisions().on(&draft(), false, NOW).unwrap();
    let report = report(&decided);
    assert_eq!(report.entries.len(), 2);
    let disclosure = &report.entries[1];
    assert_eq!(disclosure.operation, "DISCLOSURE");
    assert!(disclosure.recipient.is_some());
    assert_eq!(disclosure.purpose, "CRIME_AND_DISORDER");
    assert!(disclosure.basis.iter().any(|it| it == "CDA1998-S115"), "{disclosure:?}");
    assert!(disclosure.basis.len() >= 2, "{disclosure:?}");
    assert_eq!(disclosure.recorded_at, NOW.to_string());
    assert_eq!(disclosure.subject_categories, ["SUSPECT"]);
    assert_eq!(disclosure.data, ["TYPE", "SUBJECT", "SUBJECT_CATEGORIES"]);
    assert_eq!(disclosure.stored_until, NOW.plus_days(60).to_string());
    assert_eq!(disclosure.origin, "agency/police/service/rms");
    assert_eq!(disclosure.restricted, Some(true), "the marker travels with the alert");
    let html = report.page().to_html();
    for told in ["Went to", "Legal basis", "Stored until", "Came from", "Information Commissioner"]
    {
        assert!(html.contains(told), "{told}");
    }
    assert_eq!(report.page().to_csv().unwrap().lines().count(), 1 + 2);
}

/// Art 18, DPA 2018 s.47: what was restricted after it had gone out is told, and whether it still is; and what went out
/// more than once.
#[test]
fn what_was_done_since_and_what_was_sent_again_is_in_the_report() {
    let (police, council) = (agency("police"), agency("council"));
    let officer = || Caller {
        seat: Seat::Officer { agency: agency("police"), id: "ig-1".parse().unwrap() },
        certificate: Fingerprint([1; 32]),
    };
    let alert = |published| AlertRef {
        published,
        id: "01234567-89ab-7def-8123-456789abcdef".parse().unwrap(),
        publisher: agency("police"),
        delete_after: NOW.plus_days(90),
    };
    let contested = RestrictionReason::AccuracyContested;
    let sent = |notice| {
        let (alert, recipient) = (alert(5), agency("council"));
        RightsEvent::NoticeSent(NoticeStep { due: 8, pulled: 9, alert, notice, recipient })
    };
    let restricted = |published| RightsEvent::AlertRestricted {
        by: officer(),
        alert: alert(published),
        reason: contested,
    };
    let own = [
        // Before the disclosure, and lifted: it says nothing about what went out.
        (4, restricted(5)),
        (7, restricted(5)),
        (8, restricted(50)),
        (9, sent(AlertNotice::Restricted(contested))),
    ];
    let mut sources = sources(agreement());
    let record = |event| Record { at: NOW, links: Vec::new(), event };
    let told = |sources: &Sources, own: &AgencyId, index: u64| {
        let draft = Draft::of((String::new(), own), sources, (99, NOW));
        draft.entries.into_iter().find(|it| it.index == index).unwrap()
    };
    if let Some(Record { event: Event::Published(it), .. }) = sources.records.get_mut(&5) {
        it.facts.restricted = false;
    }
    if let Some(Record { event: Event::Disclosed(it), .. }) = sources.records.get_mut(&6) {
        it.recipient = agency("council");
    }
    assert_eq!(told(&sources, &police, 6).restricted, Some(false));
    assert_eq!(told(&sources, &council, 6).restricted, Some(false), "its record was shown");
    for (index, event) in own {
        sources.records.insert(index, record(Event::Rights(event)));
    }
    let disclosure = told(&sources, &police, 6);
    let acts: Vec<_> = disclosure.acts.iter().map(|it| (it.index, it.what.as_str())).collect();
    assert_eq!((acts, disclosure.restricted), (vec![(7, "RESTRICTED")], Some(true)));
    assert_eq!(disclosure.acts[0].reason.as_deref(), Some("ACCURACY_CONTESTED"));
    assert_eq!(told(&sources, &police, 5).acts.len(), 2);

    // The recipient was shown the disclosure, what was sent again, and its own notices.
    sources.records.retain(|index, _| [6, 9].contains(index));
    let again = Event::Redelivered { disclosed: 6, opened: 3, recipient: council.clone() };
    sources.records.insert(10, record(again));
    assert_eq!(sources.received(&council), BTreeSet::from([5]));
    let received = told(&sources, &council, 6);
    assert_eq!((received.acts.len(), received.restricted), (1, Some(true)));
    assert_eq!(received.sent_again, [NOW.to_string()]);
    let lifted = record(Event::Rights(sent(AlertNotice::RestrictionLifted)));
    sources.records.insert(11, lifted);
    assert_eq!(told(&sources, &council, 6).restricted, Some(false));
    sources.records.retain(|index, _| *index == 6);
    assert_eq!(told(&sources, &council, 6).restricted, None, "nobody told it");
}

/// The log does not tell a recipient type and categories: the view that it kept does, where it is the very one.
#[test]
fn a_view_that_was_kept_says_what_the_log_does_not() {
    let council = agency("council");
    let mut sources = sources(agreement());
    sources.records.remove(&5);
    let view = pb::View {
        r#type: pb::AlertType::Violence.into(),
        subject_categories: vec![pb::SubjectCategory::Suspect.into()],
        ..pb::View::default()
    };
    let kept = |view: &pb::View| pb::Delivery {
        index: 6,
        view: view.encode_to_vec().into(),
        view_key: vec![7; 32].into(),
        ..pb::Delivery::default()
    };
    let delivery = kept(&view);
    if let Some(Record { event: Event::Disclosed(it), .. }) = sources.records.get_mut(&6) {
        it.view = commitment::view(&[7; 32], &delivery.view);
    }
    let entry = |sources: &Sources| {
        Draft::of((String::new(), &council), sources, (9, NOW)).entries.remove(0)
    };
    let without = entry(&sources);
    assert_eq!((without.alert_type.as_deref(), without.subject_categories.len()), (None, 0));
    let other = pb::View { r#type: pb::AlertType::AntisocialBehaviour.into(), ..view.clone() };
    for forged in [kept(&other), pb::Delivery { index: 5, ..delivery.clone() }] {
        assert!(!sources.take_view(&forged));
    }
    assert!(sources.take_view(&delivery));
    let with = entry(&sources);
    assert_eq!(with.alert_type.as_deref(), Some("VIOLENCE"));
    assert_eq!(with.subject_categories, ["SUSPECT"]);
    // What it was given it holds under its own regime, not under the sender's.
    assert!(!with.part_3, "the council is under the UK GDPR");
}

/// A page must not say that nothing was shared where that alone is withheld.
#[test]
fn what_was_collected_says_nothing_of_what_is_withheld() {
    let mut some = decisions();
    some.decisions[1].withhold = Some(withhold(Reason::Section45));
    let decided = some.on(&draft(), false, NOW).unwrap();
    let html = report(&decided).page().to_html();
    assert!(!html.contains("nobody"), "{html}");
    assert!(html.contains("what was shared, and can be told of, is an entry of its own"), "{html}");
}

#[test]
fn an_answer_that_takes_anothers_place_says_so() {
    let decided = decisions().on(&draft(), false, NOW).unwrap();
    let by = || ("agency/police/officer/ig-1".to_owned(), NOW);
    let again = Report::of(&draft(), &decided, by(), Some(NOW.before(DAY)));
    let said = "This takes the place of the answer that was released on ";
    assert!(again.notes[0].starts_with(said), "{:?}", again.notes);
    let first = Report::of(&draft(), &decided, by(), None);
    assert!(!first.page().to_html().contains(said));
}

#[test]
fn a_report_with_an_undecided_third_party_check_is_not_released() {
    for (left, index) in [(5, 6), (6, 5)] {
        let some = Decisions { decisions: vec![decision(left)] };
        assert_eq!(some.on(&draft(), false, NOW), Err(Undecided::Unchecked(index)));
        // Not even where nothing is shown.
        assert_eq!(some.on(&draft(), true, NOW), Err(Undecided::Unchecked(index)));
    }
    let with = |change: fn(&mut Decision)| {
        let mut decisions = decisions();
        change(&mut decisions.decisions[1]);
        decisions.on(&draft(), false, NOW)
    };
    assert_eq!(with(|it| it.third_party.checked_by = " ".to_owned()), Err(Undecided::Nameless(6)));
    assert_eq!(with(|it| it.third_party.finding = Finding::Others), Err(Undecided::Others(6)));
    assert_eq!(with(|it| it.index = 5), Err(Undecided::Stray(5)));
    let mut more = decisions();
    more.decisions.push(decision(7));
    assert_eq!(more.on(&draft(), false, NOW), Err(Undecided::Stray(7)));
}

/// DPA 2018 s.45(4): what is processed for law enforcement is withheld under that section, all else under Schedules 2
/// and 3.
#[test]
fn part_3_entries_are_withheld_under_section_45_only() {
    let withheld = |agreement: Agreement, reason| {
        let request = "00112233445566778899aabbccddeeff".to_owned();
        let draft = Draft::of((request, &agency("police")), &sources(agreement), (9, NOW));
        let mut decisions = decisions();
        decisions.decisions[1].withhold = Some(withhold(reason));
        decisions.on(&draft, false, NOW).map(|it| it.withheld.len())
    };
    let part_3 = agreement();
    let mut general = agreement();
    for party in &mut general.parties {
        party.regime = Regime::UkGdpr;
    }
    assert_eq!(withheld(part_3.clone(), Reason::Section45), Ok(1));
    assert_eq!(withheld(general.clone(), Reason::Section45), Err(Undecided::Reason(6)));
    for reason in [Reason::Crime, Reason::Others, Reason::SeriousHarm, Reason::Privilege] {
        assert_eq!(withheld(part_3.clone(), reason), Err(Undecided::Reason(6)));
        assert_eq!(withheld(general.clone(), reason), Ok(1));
    }
}

/// A restriction has a reason and a time to look at it again, and the person is not told what was left out.
#[test]
fn what_is_withheld_is_not_told_of() {
    let mut some = decisions();
    some.decisions[1].withhold = Some(withhold(Reason::Section45));
    let decided = some.on(&draft(), false, NOW).unwrap();
    assert_eq!((decided.entries, decided.withheld.len()), (2, 1));
    let with = report(&decided);
    assert_eq!(with.entries.len(), 1);
    let page = with.page();
    for told in [serde_json::to_string(&with).unwrap(), page.to_html(), page.to_csv().unwrap()] {
        let recipient = draft().entries[1].recipient.clone().unwrap();
        assert!(!told.contains(&recipient) && !told.to_lowercase().contains("section"), "{told}");
        assert!(!told.contains("withheld"), "{told}");
    }
    for review in ["", "soon", "2001-01-01T00:00:00Z"] {
        let mut bad = some.clone();
        bad.decisions[1].withhold.as_mut().unwrap().review = review.to_owned();
        assert_eq!(bad.on(&draft(), false, NOW), Err(Undecided::Review(6)), "{review}");
    }
}

/// The same words whether there is something or nothing.
#[test]
fn neither_confirm_nor_deny_says_the_same_in_either_case() {
    let decided = decisions().on(&draft(), true, NOW).unwrap();
    let something = report(&decided);
    let nothing = Draft { entries: Vec::new(), ..draft() };
    let none = Decisions::default().on(&nothing, true, NOW).unwrap();
    let nothing = Report::of(&nothing, &none, ("agency/police/officer/ig-1".to_owned(), NOW), None);
    assert_eq!(something, nothing);
    assert!(something.page().to_html().contains("neither confirms nor denies"));
}

/// UK GDPR Art 30, DPA 2018 s.61.
#[test]
fn the_register_names_each_activity_of_the_agreements_in_force() {
    let agreement = agreement();
    let part = |name: &str| {
        let agreements = [("0".repeat(64), agreement.clone())];
        Register::of(&agency(name), &agreements, NOW)
    };
    let police = part("police");
    let due = agreement
        .flows
        .iter()
        .filter(|flow| flow.from == agency("police") || flow.to.contains(&agency("police")));
    assert_eq!(police.activities.len(), due.count());
    let sent = police.activities.iter().find(|it| it.part == "SENDS").unwrap();
    assert_eq!((sent.statute, sent.regime), ("DPA 2018 s.61", "DPA_PART3"));
    assert!(!sent.recipients.is_empty() && !sent.data.is_empty() && !sent.basis.is_empty());
    assert!(!sent.subject_categories.is_empty() && sent.time_limit.contains("days"), "{sent:?}");
    assert!(sent.safeguards.iter().any(|it| it.contains("impact assessment")), "{sent:?}");
    assert_eq!(part("nobody").activities, []);
    let page = police.page();
    assert_eq!(page.to_csv().unwrap().lines().count(), police.activities.len() + 1);
    assert!(page.to_html().contains("DPA 2018 s.61"));
}
