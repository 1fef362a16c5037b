//! How an agency writes it down: mostly right, sometimes as people do. CSV after RFC 4180 with plain
//! line feeds.

use time::{Date, Duration, Month, PrimitiveDateTime, Time};

use super::{
    events::Event,
    people::Person,
    random::Random,
    sources::{Column, Source},
};

const NOTES: [&str; 8] = [
    "",
    "caller {name} asks to be rung back after six",
    "sister {name} says things got worse, wants a visit",
    "curtains drawn, post piling up",
    "seen with two men, would not talk",
    "says \"fine\", did not look it",
    "agreed to come in on Thursday",
    "dog in the flat, go in pairs",
];
const CALLERS: &str = "Bernard Celeste Dilys Ffion Gwen Hamish Iona Jocasta";

/// Writes one agency's extract, in the order in which things reached its system.
pub(super) fn extract(
    random: &mut Random,
    source: &Source,
    people: &[Person],
    events: &[Event],
) -> String {
    let mut events: Vec<&Event> =
        events.iter().filter(|event| event.source.agency == source.agency).collect();
    events.sort_by_key(|event| (event.recorded, &event.id));
    let head = ["event_id", "occurred_at", "recorded_at", "local_case_ref"].into_iter();
    let names = source.columns.iter().map(|column| column.name());
    let tail =
        "event_type subject_category indicators known_or_suspected urgency cost_gbp free_text";
    let header: Vec<&str> = head.chain(names).chain(tail.split(' ')).collect();
    let mut text = header.join(",") + "\n";
    for event in events {
        if let Some(person) = people.get(event.person) {
            text += &line(row(random, source, person, event));
        }
    }
    text
}

/// Writes who is who.
pub(super) fn truth(people: &[Person], events: &[Event]) -> String {
    let mut text = "event_id,agency,person\n".to_owned();
    for event in events {
        let person = people.get(event.person).map(|person| person.name.clone());
        let agency = event.source.agency.to_owned();
        text += &line([event.id.clone(), agency, person.unwrap_or_default()]);
    }
    text
}

fn row(random: &mut Random, source: &Source, person: &Person, event: &Event) -> Vec<String> {
    let mut cells =
        vec![event.id.clone(), minute(event.occurred), minute(event.recorded), event.case.clone()];
    cells.extend(source.columns.iter().map(|column| written(random, person, *column)));
    let certainty = if random.chance(75) { "KNOWN" } else { "SUSPECTED" };
    let note = random.pick(&NOTES).copied().unwrap_or_default();
    let cost = event.kind.cost.unwrap_or_else(|| random.within(35, 150));
    cells.extend([
        event.kind.name.to_owned(),
        event.categories.join(";"),
        event.indicators.join(";"),
        certainty.to_owned(),
        urgency(random, event.kind.urgency).to_owned(),
        cost.to_string(),
        note.replace("{name}", random.word(CALLERS)),
    ]);
    cells
}

fn urgency(random: &mut Random, [routine, priority, _]: [u32; 3]) -> &'static str {
    match random.below(10) {
        drawn if drawn < routine => "ROUTINE",
        drawn if drawn < routine + priority => "PRIORITY",
        _ => "URGENT",
    }
}

fn minute(since_first: u32) -> String {
    let first = Date::from_calendar_date(2024, Month::January, 1).unwrap_or(Date::MIN);
    let moment = PrimitiveDateTime::new(first, Time::MIDNIGHT)
        .saturating_add(Duration::minutes(i64::from(since_first)));
    let (date, time) = (moment.date(), moment.time());
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}", time.hour(), time.minute())
}

fn written(random: &mut Random, person: &Person, column: Column) -> String {
    let roll = random.below(100);
    match column {
        Column::Surname => name(random, roll, person.surname),
        Column::Forename if roll == 99 => format!("Mr {}", person.forename),
        Column::Forename => name(random, roll, person.forename),
        Column::Dob => {
            let (year, month, day) = person.born;
            match roll {
                0..20 => format!("{day:02}/{month:02}/{year}"),
                20..22 => String::new(),
                22..24 => format!("{year}-01-01"),
                _ => format!("{year}-{month:02}-{day:02}"),
            }
        }
        Column::Postcode => match roll {
            0..15 => person.postcode.replace(' ', "").to_lowercase(),
            15..20 => "ZZ99 3VZ".to_owned(),
            20..24 => String::new(),
            _ => person.postcode.clone(),
        },
        Column::NhsNumber => nhs_number(roll, &person.nhs_number),
    }
}

fn name(random: &mut Random, roll: u32, name: &str) -> String {
    match roll {
        0..10 => name.to_uppercase(),
        10..14 => name.replace('-', " ").replace('\'', ""),
        14..16 => swapped(random, name),
        16..18 => format!(" {name} "),
        18..20 => name.to_lowercase(),
        _ => name.to_owned(),
    }
}

/// Swaps two neighbours, as a typist does; the first letter stays.
fn swapped(random: &mut Random, name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    if letters.len() > 3 {
        let at = random.within(1, u32::try_from(letters.len()).unwrap_or(3) - 2) as usize;
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}

fn nhs_number(roll: u32, number: &str) -> String {
    let part = |range: std::ops::Range<usize>| number.get(range).unwrap_or_default();
    match roll {
        0..20 => format!("{} {} {}", part(0..3), part(3..6), part(6..10)),
        20..23 => String::new(),
        23..25 => {
            let check = part(9..10).parse::<u32>().unwrap_or_default();
            format!("{}{}", part(0..9), (check + 1) % 10)
        }
        _ => number.to_owned(),
    }
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let quoted = |cell: String| {
        if cell.contains([',', '"', '\n']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    };
    cells.into_iter().map(quoted).collect::<Vec<_>>().join(",") + "\n"
}
