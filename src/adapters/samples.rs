//! The samples in `config` cannot rot: they load, they fit together, they are lawful, and playing the
//! extracts shows both disclosures and the refusals that `config/demo/README.md` promises.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    agreement, cohort,
    csv::{Fault, Map, Row, RowFault, read},
    subscription,
    token::TokenKey,
};
use crate::{
    domain::{
        AgencyId, Agreement, AgreementId, AlertId, Facts, Fields, Reason, Subscription, Timestamp,
    },
    policy,
};

const SEED: u64 = 1;
const EVENTS_PER_PERSON: u32 = 26;

fn config(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config").join(path)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(path: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(config(path)).expect(path);
    let mut files: Vec<_> = entries.map(|entry| entry.expect(path).path()).collect();
    files.sort();
    files
}

fn maps() -> BTreeMap<String, Map> {
    let map = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let map = Map::parse(&text(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, map)
    };
    files("adapters").into_iter().map(map).collect()
}

fn agreements() -> BTreeMap<AgreementId, Agreement> {
    let agreement = |path: PathBuf| {
        let name = path.display().to_string();
        let agreement =
            agreement::parse(&text(&path)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(name.ends_with(&format!("/{}.toml", agreement.id)), "{name}");
        (agreement.id.clone(), agreement)
    };
    files("demo/agreements").into_iter().map(agreement).collect()
}

fn rules() -> std::sync::Arc<policy::Rules> {
    policy::Rules::built_in().expect("they load")
}

fn play() -> Timestamp {
    Timestamp::parse("2026-06-01T09:00:00Z").unwrap()
}

fn subscriptions() -> Vec<(AgencyId, Subscription)> {
    let file = text(&config("demo/subscriptions.toml"));
    subscription::parse(&file, play().plus_days(90)).unwrap()
}

fn rows() -> Vec<(AgencyId, Result<Row, RowFault>)> {
    let key = TokenKey::new(&[7; 32]);
    let mut rows = Vec::new();
    for (agency, map) in maps() {
        let extract = text(&config(&format!("demo/extracts/{agency}.csv")));
        let read = read(extract.as_bytes(), &map, &key, play());
        rows.extend(read.into_iter().map(|row| (map.agency().clone(), row)));
    }
    rows
}

#[test]
fn every_agency_has_a_map_that_knows_all_its_kinds_of_event() {
    let maps = maps();
    assert_eq!(maps.len(), cohort::SOURCES.len());
    for source in &cohort::SOURCES {
        let map = &maps[source.agency];
        assert_eq!(map.agency().as_str(), source.agency);
        let mapped: BTreeSet<_> = map.events().map(|(word, _)| word).collect();
        let made: BTreeSet<_> = source.kinds.iter().map(|kind| kind.name).collect();
        assert_eq!(mapped, made, "{}", source.agency);
    }
}

#[test]
fn every_agreement_is_lawful_and_prints_back() {
    let agreements = agreements();
    assert_eq!(agreements.len(), 7);
    for (id, agreement) in &agreements {
        assert_eq!(rules().define(agreement, play()), Ok(()), "{id}");
        let printed = agreement::print(agreement).unwrap();
        assert_eq!(agreement::parse(&printed).unwrap(), *agreement, "{id}");
    }
}

/// One type is mapped and not agreed, so that the demonstration has that refusal to show.
#[test]
fn every_kind_of_event_is_agreed_but_one() {
    let agreements = agreements();
    let mut not_agreed = Vec::new();
    for (agency, map) in maps() {
        for (word, event) in map.events() {
            let flows = &agreements[&event.agreement].flows;
            let mut of_purpose = flows
                .iter()
                .filter(|flow| flow.from == *map.agency() && flow.purpose == event.purpose)
                .peekable();
            assert!(of_purpose.peek().is_some(), "{agency} {word}");
            if !of_purpose.any(|flow| flow.alert_types.contains(&event.kind)) {
                not_agreed.push(format!("{agency} {word}"));
            }
        }
    }
    assert_eq!(not_agreed, ["emergency-department ASSAULT_INJURY"]);
}

#[test]
fn whoever_an_agreement_names_subscribes_to_all_of_it_and_nobody_to_more() {
    let mut agreed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for flow in agreements().values().flat_map(|agreement| &agreement.flows) {
        for to in &flow.to {
            agreed.entry((to.clone(), flow.purpose)).or_default().extend(&flow.alert_types);
        }
    }
    let subscriptions = subscriptions();
    let asked: BTreeMap<_, _> = subscriptions
        .iter()
        .map(|(agency, asked)| ((agency.clone(), asked.purpose), asked.filter.types.clone()))
        .collect();
    assert_eq!(asked, agreed);
    assert_eq!(asked.len(), subscriptions.len());
    for map in maps().values() {
        assert!(subscriptions.iter().all(|(_, it)| it.filter.areas.contains(map.default_area())));
    }
}

#[test]
fn the_extracts_are_what_the_generator_makes() {
    let made = cohort::generate(SEED, EVENTS_PER_PERSON);
    assert_eq!(files("demo/extracts").len(), made.extracts.len());
    for extract in made.extracts {
        let file = text(&config(&format!("demo/extracts/{}.csv", extract.agency)));
        assert!(file == extract.text, "{} differs from its generator", extract.agency);
    }
}

#[test]
fn every_row_is_read_but_those_about_nobody() {
    let rows = rows();
    let faults: Vec<_> = rows.iter().filter_map(|(_, row)| row.as_ref().err()).collect();
    assert!(faults.iter().all(|fault| fault.reason == Fault::NoToken), "{faults:?}");
    assert!((1..100).contains(&faults.len()), "{}", faults.len());
    assert!((1200..1400).contains(&rows.len()), "{}", rows.len());
    let ids: BTreeSet<_> =
        rows.iter().filter_map(|(_, row)| row.as_ref().ok()).map(|row| row.request_id).collect();
    assert_eq!(ids.len() + faults.len(), rows.len());
}

/// Goal: what the README promises is there to see. Method: admit each row and permit it to each subscriber, as a
/// broker would, and count.
#[test]
fn playing_the_extracts_shows_disclosures_and_every_promised_refusal() {
    let (agreements, subscriptions) = (agreements(), subscriptions());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut releases: BTreeMap<AlertId, BTreeSet<Fields>> = BTreeMap::new();
    for (publisher, row) in rows() {
        let Ok(Row { request_id, draft, .. }) = row else { continue };
        let agreement = &agreements[&draft.agreement];
        let admitted = match rules().admit(agreement, &publisher, &draft, play()) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                *counts.entry(refusal.reason.code()).or_default() += 1;
                continue;
            }
        };
        *counts.entry("published").or_default() += 1;
        let facts = Facts::of(&draft, request_id, &publisher, admitted.delete_after());
        let applies = |to: &AgencyId| {
            (0..)
                .zip(&agreement.flows)
                .any(|(place, flow)| admitted.flows().contains(&place) && flow.to.contains(to))
        };
        for (recipient, asked) in &subscriptions {
            if asked.purpose != draft.purpose
                || !asked.filter.matches(&draft)
                || !applies(recipient)
            {
                continue;
            }
            let ask = policy::Ask { alert: &facts, recipient, purpose: asked.purpose };
            let counted = match rules().permit(agreement, &ask, play()) {
                Ok(permit) => {
                    releases.entry(request_id).or_default().insert(permit.released());
                    "disclosed"
                }
                Err(refusal) => refusal.reason.code(),
            };
            *counts.entry(counted).or_default() += 1;
        }
    }
    let said = format!("{counts:?}");
    for counted in [
        "published",
        "disclosed",
        Reason::CategoryNotAgreed.code(),
        Reason::Stale.code(),
        Reason::TypeNotAgreed.code(),
        Reason::VictimFacingSuspect.code(),
    ] {
        assert!(counts.get(counted).is_some_and(|count| *count >= 10), "{counted}: {said}");
    }
    assert!(releases.values().any(|fields| fields.len() > 1), "one alert, several views");
}
