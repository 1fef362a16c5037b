//! The extracts have the shape, the habits and the margins that they promise.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn cells(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.expect("a row of cells")).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_others() {
    assert_eq!(generate(7, 10), generate(7, 10));
    assert_ne!(generate(7, 10), generate(8, 10));
}

#[test]
fn each_extract_has_its_agencys_columns() {
    let columns: BTreeMap<_, _> = generate(1, 4)
        .extracts
        .into_iter()
        .map(|extract| (extract.agency, extract.text.lines().next().unwrap_or("").to_owned()))
        .collect();
    let start = "event_id,occurred_at,recorded_at,local_case_ref";
    let end =
        "event_type,subject_category,indicators,known_or_suspected,urgency,cost_gbp,free_text";
    for (agency, person) in [
        ("children-services", "nhs_number,surname,forename,dob,postcode"),
        ("council-asb", "surname,forename,dob,postcode"),
        ("emergency-department", "nhs_number,surname,forename,dob,postcode"),
        ("fire", "surname,forename,postcode"),
        ("homeless-outreach", "surname,forename,dob"),
        ("housing", "surname,forename,dob,postcode"),
        ("mental-health", "nhs_number,surname,forename,dob,postcode"),
        ("police", "surname,forename,dob,postcode"),
        ("probation", "surname,forename,dob"),
        ("substance-misuse", "nhs_number,surname,forename,dob"),
    ] {
        assert_eq!(columns[agency], format!("{start},{person},{end}"), "{agency}");
    }
    assert_eq!(columns.len(), 10);
}

#[test]
fn every_event_stands_in_one_extract_and_in_the_truth() {
    let cohort = generate(3, 26);
    let truth = cells(&cohort.truth);
    let people: BTreeSet<_> = truth.iter().map(|row| row["person"].clone()).collect();
    assert_eq!(people.len(), 50);
    let known: BTreeMap<_, _> =
        truth.iter().map(|row| (row["event_id"].clone(), row["agency"].clone())).collect();
    let mut seen = BTreeMap::new();
    for extract in &cohort.extracts {
        for row in cells(&extract.text) {
            seen.insert(row["event_id"].clone(), extract.agency.to_owned());
        }
    }
    assert_eq!(seen, known);
    assert!((1200..1400).contains(&seen.len()), "{}", seen.len());
}

#[test]
fn agencies_write_as_people_do() {
    let cohort = generate(3, 26);
    let rows: Vec<_> = cohort.extracts.iter().flat_map(|extract| cells(&extract.text)).collect();
    let some = |column: &str, holds: &dyn Fn(&str) -> bool| {
        let written = rows.iter().filter_map(|row| row.get(column));
        let (yes, no): (Vec<_>, Vec<_>) = written.partition(|cell| holds(cell));
        assert!(!yes.is_empty() && !no.is_empty(), "{column}: {} {}", yes.len(), no.len());
    };
    some("surname", &|name| name == name.to_uppercase());
    some("surname", &|name| name.starts_with(' '));
    some("surname", &|name| !name.is_ascii());
    some("surname", &|name| name.contains('-') || name.contains('\''));
    some("forename", &|name| name.starts_with("Mr "));
    some("dob", &|date| date.contains('/'));
    some("dob", &|date| date.ends_with("-01-01"));
    some("dob", &str::is_empty);
    some("postcode", &|code| code.starts_with("ZZ99"));
    some("postcode", &|code| code.starts_with("po"));
    some("postcode", &str::is_empty);
    some("nhs_number", &|number| number.contains(' '));
    some("free_text", &str::is_empty);
}

#[test]
fn a_child_is_always_marked_and_nobody_is_recorded_before_it_happened() {
    let cohort = generate(3, 26);
    let truth = cells(&cohort.truth);
    let person: BTreeMap<_, _> =
        truth.iter().map(|row| (row["event_id"].clone(), row["person"].clone())).collect();
    let mut marked: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    for row in cohort.extracts.iter().flat_map(|extract| cells(&extract.text)) {
        let child = row["subject_category"].split(';').any(|category| category == "CHILD");
        marked.entry(&person[&row["event_id"]]).or_default().insert(child);
        assert!(row["recorded_at"] >= row["occurred_at"], "{}", row["event_id"]);
    }
    assert!(marked.values().all(|marks| marks.len() == 1));
    assert_eq!(marked.values().filter(|marks| marks.contains(&true)).count(), 4);
}
