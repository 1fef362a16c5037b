//! What happened to the fifty in two years, and which agency wrote it down under which case number.

use std::collections::BTreeMap;

use super::{
    people::Person,
    random::Random,
    sources::{Bears, Kind, SOURCES, Source},
};

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) source: &'static Source,
    /// Index into the people.
    pub(super) person: usize,
    pub(super) kind: &'static Kind,
    /// Minutes since the first day.
    pub(super) occurred: u32,
    pub(super) recorded: u32,
    pub(super) case: String,
    pub(super) categories: Vec<&'static str>,
    pub(super) indicators: Vec<&'static str>,
}

const DAYS: u32 = 731;
const LAG_HOURS_MAX: u32 = 72;

/// Draws the events in the order of people.
pub(super) fn draw(random: &mut Random, people: &[Person], per_person: u32) -> Vec<Event> {
    let mut events = Vec::new();
    for (person, known) in people.iter().enumerate() {
        let involved = involved(random, known);
        let mut cases: BTreeMap<&str, String> = BTreeMap::new();
        for _ in 0..random.within(per_person / 2, per_person + per_person / 2).max(3) {
            let Some(source) = random.pick(&involved).copied() else { continue };
            let Some(kind) = random.pick(source.kinds) else { continue };
            let case = cases
                .entry(source.agency)
                .or_insert_with(|| format!("{}-{}", source.prefix, random.within(10_000, 99_999)))
                .clone();
            let occurred = random.below(DAYS * 24 * 60);
            events.push(Event {
                id: format!("E{:05}", events.len() + 1),
                source,
                person,
                kind,
                occurred,
                recorded: occurred + random.within(0, LAG_HOURS_MAX * 60),
                case,
                categories: categories(random, known, kind),
                indicators: indicators(known, kind.bears),
            });
        }
    }
    events
}

/// Chooses who is involved with a person: always police and council, a service for what the person is
/// known for, and one to three others.
fn involved(random: &mut Random, person: &Person) -> Vec<&'static Source> {
    let mut others = ["housing", "emergency-department", "fire", "homeless-outreach"];
    random.shuffle(&mut others);
    let count = random.within(1, 3) as usize;
    let issues = &person.issues;
    let fits = |source: &&Source| match source.agency {
        "police" | "council-asb" => true,
        "substance-misuse" => !issues.substance.is_empty(),
        "mental-health" => issues.mental_health,
        // No order of a court on a child is in this cohort.
        "probation" => !issues.offending.is_empty() && !person.young,
        "children-services" => person.young,
        agency => others.iter().take(count).any(|other| *other == agency),
    };
    SOURCES.iter().filter(fits).collect()
}

fn categories(random: &mut Random, person: &Person, kind: &Kind) -> Vec<&'static str> {
    let part = match kind.name {
        "ARREST" => Some("SUSPECT"),
        "ORDER_STARTED" | "BREACH" | "RELEASE_FROM_PRISON" => Some("CONVICTED"),
        "ASSAULT_INJURY" | "PROPERTY_TAKEOVER_CONCERN" => Some("VICTIM"),
        "ADULT_AT_RISK_FORM" | "CRISIS_CONTACT" if !person.young => Some("AT_RISK_ADULT"),
        // Somebody known for abuse is suffering it too at times.
        "DOMESTIC_ABUSE_INCIDENT" => {
            let known = person.issues.offending.contains(&"DOMESTIC_ABUSE");
            Some(if known && random.chance(75) { "SUSPECT" } else { "VICTIM" })
        }
        _ => None,
    };
    let categories: Vec<_> = person.young.then_some("CHILD").into_iter().chain(part).collect();
    if categories.is_empty() { vec!["OTHER"] } else { categories }
}

fn indicators(person: &Person, bears: Bears) -> Vec<&'static str> {
    let of_offending = |code: &'static str| {
        person.issues.offending.iter().copied().filter(|known| *known == code).collect()
    };
    match bears {
        Bears::Always(code) => vec![code],
        Bears::DomesticAbuse => of_offending("DOMESTIC_ABUSE"),
        Bears::MentalHealth if person.issues.mental_health => vec!["MENTAL_HEALTH"],
        Bears::MentalHealth | Bears::Nothing => Vec::new(),
        Bears::Offending => of_offending("OFFENDING"),
        Bears::Substance => person.issues.substance.to_vec(),
    }
}
