//! What a map can say beyond the sample: other columns, words, defaults, and times as they are.

use super::*;
use crate::domain::{Grading, HandlingCode, IntelligenceAssessment, SourceEvaluation};

/// The sample map with one part replaced.
fn map_with(part: &str, other: &str) -> String {
    assert!(MAP.contains(part), "{part}");
    MAP.replacen(part, other, 1)
}

fn read_by(map: &str, header: &str, row: &str) -> Result<Row, RowFault> {
    let map = Map::parse(map).expect("a map");
    let text = format!("{header}\n{row}\n");
    read(text.as_bytes(), &map, &TokenKey::new(&[7; 32]), play()).pop().expect("one row")
}

#[test]
fn times_of_today_stay_as_they_are() {
    for map in [map_with("\"REPLAYED\"", "\"RECORDED\""), map_with("times = \"REPLAYED\"\n", "")] {
        let draft = read_by(&map, HEADER, ROW).unwrap().draft;
        let moment = |text| Timestamp::parse(text).unwrap();
        assert_eq!(draft.time, moment("2024-03-01T10:00:00Z"));
        assert_eq!(draft.as_of, moment("2024-03-02T12:30:00Z"));
        assert_eq!(draft.expires_at, play().plus_days(28));
    }
}

#[test]
fn moments_are_read_as_systems_write_them() {
    let expected = read_row(ROW).unwrap().draft;
    for same in [
        "2024-03-01 10:00",
        "2024-03-01T10:00:00",
        "2024-03-01 10:00:00",
        "01/03/2024 10:00",
        "01/03/2024 10:00:00",
        " 01/03/2024 10:00 ",
    ] {
        assert_eq!(read_row(&with("2024-03-01T10:00", same)).unwrap().draft, expected, "{same}");
    }
    for bad in ["03/31/2024 10:00", "1/3/2024 10:00", "01/03/24 10:00", "2024-03-01", "10:00"] {
        let fault = read_row(&with("2024-03-01T10:00", bad)).expect_err(bad);
        assert_eq!((fault.column.as_str(), fault.reason), ("at", Fault::Date), "{bad}");
    }
}

#[test]
fn a_blank_cell_or_a_column_that_is_not_there_has_its_default() {
    let defaults = "[defaults]\nurgency = \"ROUTINE\"\ncertainty = \"SUSPECTED\"\n\
        subject_category = \"OTHER\"\n\n[categories]";
    let map = map_with("[categories]", defaults);
    let row = ROW.replace("Accused;OTHER", "").replace(",Y,P1,", ",,,");
    let draft = read_by(&map, HEADER, &row).unwrap().draft;
    let expected = (Certainty::Suspected, Urgency::Routine, [SubjectCategory::Other].into());
    assert_eq!((draft.certainty, draft.urgency, draft.categories), expected);
    // What is written goes before what is not.
    let written = read_by(&map, HEADER, ROW).unwrap().draft;
    assert_eq!((written.certainty, written.urgency), (Certainty::Known, Urgency::Urgent));

    let map = map
        .replace("certainty = \"sure\"\n", "")
        .replace("urgency = \"speed\"\n", "")
        .replace("indicators = \"flags\"\n", "")
        .replace("[\"notes\"]", "[\"notes\", \"flags\", \"sure\", \"speed\"]");
    let draft = read_by(&map, HEADER, &row).unwrap().draft;
    assert_eq!((draft.certainty, draft.indicators.len()), (Certainty::Suspected, 0));
}

#[test]
fn what_every_alert_has_to_say_needs_a_column_or_a_default() {
    for (column, name) in
        [("urgency = \"speed\"\n", "urgency"), ("certainty = \"sure\"\n", "certainty")]
    {
        let said = Map::parse(&map_with(column, "")).expect_err(name).to_string();
        assert_eq!(said, format!("columns = \"{name}\": neither a column nor a default"));
    }
}

#[test]
fn area_and_grading_have_columns_and_words_of_their_own() {
    let columns = "urgency = \"speed\"\narea = \"ward\"\ngrading = \"grade\"";
    let map = map_with("urgency = \"speed\"", columns)
        + "[areas]\n\"St Thomas\" = \"W7\"\n\n[gradings]\n\"good\" = \"1/A/P\"\n";
    let header = format!("{HEADER},ward,grade");
    let draft = |ward, grade| read_by(&map, &header, &format!("{ROW},{ward},{grade}"));
    let known = draft("St Thomas", "good").unwrap().draft;
    assert_eq!(known.area.unwrap().as_str(), "W7");
    let grading = Grading {
        source: SourceEvaluation::Reliable,
        assessment: IntelligenceAssessment::A,
        handling: HandlingCode::P,
    };
    assert_eq!(known.grading, Some(grading));
    assert_eq!(draft("W9", "1/A/P").unwrap().draft.area.unwrap().as_str(), "W9");
    // Blank: the postcode's district, and no grading.
    let blank = draft("", "").unwrap().draft;
    assert_eq!((blank.area.unwrap().as_str(), blank.grading), ("PO1", None));
    for (ward, grade, column) in [("St. Thomas", "", "ward"), ("", "excellent", "grade")] {
        let fault = draft(ward, grade).expect_err(column);
        assert_eq!((fault.column.as_str(), fault.reason), (column, Fault::Word));
    }
}

#[test]
fn other_delimiters_are_read() {
    for (written, delimiter) in [(";", ";"), ("|", "|"), ("\\t", "\t")] {
        let line = format!("delimiter = \"{written}\"\ndefault_area");
        let map = map_with("default_area", &line);
        let row = with("Accused;OTHER", "Accused").replace(',', delimiter);
        let row = row.replace("drink; THREATS", "drink");
        let read = read_by(&map, &HEADER.replace(',', delimiter), &row).unwrap();
        assert_eq!(read.draft.categories, [SubjectCategory::Suspect].into(), "{written}");
    }
}

#[test]
fn the_source_tells_systems_of_one_agency_apart() {
    let id = |map: &str| read_by(map, HEADER, ROW).unwrap().event;
    let of = |source: &str| id(&map_with("default_area", &format!("{source}\ndefault_area")));
    assert_ne!(of("source = \"rms\""), of("source = \"custody\""));
    assert_ne!(of("source = \"rms\""), id(MAP));
}

#[test]
fn what_the_map_says_of_the_file_is_one_of_a_few() {
    for (line, named) in [
        ("encoding = \"LATIN\"", "encoding = \"LATIN\": UTF-8 or WINDOWS-1252"),
        ("delimiter = \",,\"", "delimiter = \",,\": a comma, semicolon, bar or tab"),
        ("source = \"R M S\"", "source = \"R M S\": not a valid name"),
    ] {
        let map = map_with("default_area", &format!("{line}\ndefault_area"));
        let said = Map::parse(&map).expect_err(line).to_string();
        assert!(said.starts_with(named), "{said}");
    }
    let said = Map::parse(&map_with("\"REPLAYED\"", "\"NOW\"")).expect_err("times").to_string();
    assert_eq!(said, "times = \"NOW\": RECORDED or REPLAYED");
    for (table, named) in [
        ("[defaults]\nurgency = \"SOON\"", "defaults.urgency = \"SOON\""),
        ("[defaults]\nroute = \"X\"", "unknown field `route`"),
        ("[areas]\nX = \"St Thomas\"", "areas.X = \"St Thomas\""),
        ("[gradings]\nX = \"9/Z/Q\"", "gradings.X = \"9/Z/Q\""),
    ] {
        let said = Map::parse(&format!("{MAP}\n{table}\n")).expect_err(table).to_string();
        assert!(said.contains(named), "{said}");
    }
}
