//! Rows become drafts of codes and tokens, or faults that name a place and no content.

mod files;
mod words;

use proptest::prelude::*;

use super::*;
use crate::{
    adapters::token::TokenKey,
    domain::{
        AlertType, Assertion, Certainty, Indicator, RequestedAction, SubjectCategory, Timestamp,
        TokenKind, Urgency,
    },
};

const MAP: &str = r#"
agency = "police"
times = "REPLAYED"
default_area = "PORTSEA"
expiry_days = 28
handling = ["NOT_TO_SUBJECT"]

[contact]
role = "Duty desk"
number = "023 9200 0101"

[columns]
event_id = "id"
occurred_at = "at"
recorded_at = "entered"
case_reference = "case"
nhs_number = "nhs"
surname = "last"
forename = "first"
dob = "born"
postcode = "home"
event_type = "what"
subject_category = "part"
indicators = "flags"
certainty = "sure"
urgency = "speed"
left_behind = ["notes"]

[events.DISPUTE]
type = "ANTISOCIAL_BEHAVIOUR"
purpose = "CRIME_AND_DISORDER"
agreement = "crime-and-disorder"
assertion = "FACT"
requested_action = "VISIT"

[categories]
"Accused" = "SUSPECT"

[indicators]
"drink" = "ALCOHOL"

[urgency]
"P1" = "URGENT"

[certainty]
"Y" = "KNOWN"
"#;

const HEADER: &str = "id,at,entered,case,nhs,last,first,born,home,what,part,flags,sure,speed,notes";
const ROW: &str = "E1,2024-03-01T10:00,2024-03-02T12:30,OCC-1,9434765919,Sørensen,Siân,\
    08/02/1986,po1 3ab,DISPUTE,Accused;OTHER,drink; THREATS,Y,P1,rang about the canary";

fn play() -> Timestamp {
    Timestamp::parse("2026-06-01T00:00:00Z").expect("a moment")
}

fn read_rows(header: &str, rows: &str) -> Vec<Result<Row, RowFault>> {
    let map = Map::parse(MAP).expect("the map above");
    read(format!("{header}\n{rows}\n").as_bytes(), &map, &TokenKey::new(&[7; 32]), play())
}

fn read_row(row: &str) -> Result<Row, RowFault> {
    read_rows(HEADER, row).pop().expect("one row")
}

/// The sample row with one cell replaced.
fn with(cell: &str, other: &str) -> String {
    assert!(ROW.contains(cell), "{cell}");
    ROW.replacen(cell, other, 1)
}

#[test]
fn a_row_becomes_a_draft() {
    let row = read_row(ROW).unwrap();
    let draft = &row.draft;
    assert_eq!(row.line, 2);
    assert_eq!(draft.kind, AlertType::AntisocialBehaviour);
    assert_eq!(draft.agreement.as_str(), "crime-and-disorder");
    assert_eq!(draft.categories, [SubjectCategory::Suspect, SubjectCategory::Other].into());
    assert_eq!(draft.indicators, [Indicator::Alcohol, Indicator::Threats].into());
    assert_eq!(
        (draft.certainty, draft.assertion, draft.urgency, draft.action, draft.route),
        (Certainty::Known, Assertion::Fact, Urgency::Urgent, Some(RequestedAction::Visit), None)
    );
    assert_eq!(draft.area.as_ref().unwrap().as_str(), "PO1");
    assert_eq!(draft.case_reference.as_ref().unwrap().as_str(), "OCC-1");
    assert_eq!(draft.expires_at, play().plus_days(28));
    let kinds: Vec<_> = draft.subject.iter().map(|token| token.kind).collect();
    assert_eq!(kinds, TokenKind::ALL);
}

#[test]
fn times_are_as_far_before_the_play_as_recording_took() {
    let draft = read_row(ROW).unwrap().draft;
    assert_eq!(draft.as_of, Timestamp::parse("2026-05-30T21:30:00Z").unwrap());
    assert_eq!(draft.time, draft.as_of);
    let at_once = read_row(&with("2024-03-02T12:30", "2024-03-01T10:00:00")).unwrap().draft;
    assert_eq!(at_once.as_of, play());
}

#[test]
fn a_second_attempt_is_the_same_request() {
    let id = |row: &str| read_row(row).unwrap().request_id;
    assert_eq!(id(ROW), id(&with("DISPUTE,Accused", "DISPUTE,WITNESS")));
    assert_ne!(id(ROW), id(&with("E1", "E2")));
    assert_eq!(id(ROW).made_at_ms(), play().ms());
}

#[test]
fn without_a_usable_postcode_the_area_is_the_maps_own() {
    for blank in ["ZZ99 3VZ", "", "PO1", "somewhere"] {
        let draft = read_row(&with("po1 3ab", blank)).unwrap().draft;
        assert_eq!(draft.area.unwrap().as_str(), "PORTSEA", "{blank}");
        assert!(draft.subject.iter().all(|token| token.kind != TokenKind::Nfp), "{blank}");
    }
}

#[test]
fn what_is_left_behind_and_who_it_is_about_is_in_no_draft() {
    let shown = format!("{:?}", read_row(ROW).unwrap());
    for canary in
        ["canary", "rensen", "RENSEN", "Siân", "SIAN", "1986", "3ab", "3AB", "943476", "nhs_number"]
    {
        assert!(!shown.contains(canary), "{canary}: {shown}");
    }
    let other = with("rang about the canary", "\"another, note\"");
    assert_eq!(read_row(ROW).unwrap().draft, read_row(&other).unwrap().draft);
}

#[test]
fn a_fault_names_line_and_column_and_not_the_cell() {
    for (cell, bad, column, reason) in [
        ("E1", "", "id", Fault::Blank),
        ("E1", "E 1", "id", Fault::Invalid),
        ("2024-03-01T10:00", "1 March 2024", "at", Fault::Date),
        ("2024-03-01T10:00", "", "at", Fault::Blank),
        ("2024-03-02T12:30", "2024-03-32T12:30", "entered", Fault::Date),
        ("2024-03-02T12:30", "2024-03-01T09:59", "entered", Fault::RecordedFirst),
        ("OCC-1", "OCC 1", "case", Fault::Invalid),
        ("08/02/1986", "1986", "born", Fault::Date),
        ("08/02/1986", "2024-03-03", "born", Fault::Date),
        ("08/02/1986", "1899-12-31", "born", Fault::Date),
        ("DISPUTE", "dispute", "what", Fault::Word),
        ("DISPUTE", "", "what", Fault::Blank),
        ("Accused;OTHER", "Accused;Perpetrator", "part", Fault::Word),
        ("Accused;OTHER", ";", "part", Fault::Blank),
        ("drink;", "secret;", "flags", Fault::Word),
        (",Y,", ",maybe,", "sure", Fault::Word),
        (",P1,", ",,", "speed", Fault::Blank),
        (",P1,", ",P1,more,", "", Fault::Ragged),
        (",P1,", ",", "", Fault::Ragged),
    ] {
        let rows = format!("{ROW}\n{}", with(cell, bad));
        let fault = read_rows(HEADER, &rows).pop().unwrap().expect_err(bad);
        assert_eq!(fault, RowFault { line: 3, column: column.to_owned(), reason }, "{bad}");
        assert!(bad.len() < 2 || !fault.to_string().contains(bad), "{fault}");
    }
}

#[test]
fn a_row_about_nobody_is_a_fault() {
    let nameless = with("9434765919,Sørensen", "9434765918,?");
    let fault = read_row(&nameless).expect_err("no part left");
    assert_eq!(fault.to_string(), "line 2: no subject token can be derived");
}

#[test]
fn a_fault_leaves_the_rows_after_it_alone() {
    let rows = format!("{}\n{ROW}", with("DISPUTE", "?"));
    let read = read_rows(HEADER, &rows);
    assert!(read[0].is_err() && read[1].is_ok());
}

#[test]
fn bytes_that_are_no_text_are_a_fault_of_their_row() {
    let map = Map::parse(MAP).unwrap();
    let mut bytes = format!("{HEADER}\n{ROW}\n").into_bytes();
    let place = bytes.windows(6).position(|window| window == b"canary").unwrap();
    bytes[place] = 0xff;
    let read = read(&bytes, &map, &TokenKey::new(&[7; 32]), play());
    assert_eq!(read[0].as_ref().expect_err("not UTF-8").reason, Fault::Encoding);
}

#[test]
fn a_header_that_does_not_fit_the_map_stops_the_whole_extract() {
    for (header, column, reason) in [
        (HEADER.replace("notes", "remarks"), "#15", Fault::ColumnUnknown),
        (HEADER.replace("born,", ""), "born", Fault::ColumnMissing),
        (HEADER.replace("last,", ""), "last", Fault::ColumnMissing),
        (HEADER.replace("notes", "born"), "born", Fault::ColumnRepeated),
        (ROW.to_owned(), "#1", Fault::ColumnUnknown),
        (String::new(), "#1", Fault::ColumnUnknown),
    ] {
        let read = read_rows(&header, ROW);
        assert!(read.iter().all(Result::is_err), "{header}");
        let expected = RowFault { line: 1, column: column.to_owned(), reason };
        assert!(read.contains(&Err(expected)), "{header}: {read:?}");
        assert!(!format!("{read:?}").contains("rensen"));
    }
}

#[test]
fn a_column_left_behind_may_be_absent_and_a_byte_order_mark_present() {
    let row = ROW.replace(",rang about the canary", "");
    let read = read_rows(&format!("\u{feff}{}", HEADER.replace(",notes", "")), &row);
    assert_eq!(read, [read_row(ROW)]);
}

#[test]
fn an_empty_extract_is_a_fault() {
    let map = Map::parse(MAP).unwrap();
    let read = read(b"", &map, &TokenKey::new(&[7; 32]), play());
    assert!(!read.is_empty() && read.iter().all(Result::is_err), "{read:?}");
}

#[test]
fn a_typo_in_a_map_is_named() {
    for (good, bad, named) in [
        ("\"SUSPECT\"", "\"SUSPICIOUS\"", "categories.Accused = \"SUSPICIOUS\": unknown subject"),
        ("\"ALCOHOL\"", "\"BEER\"", "indicators.drink = \"BEER\": unknown indicator"),
        ("\"URGENT\"", "\"ASAP\"", "urgency.P1 = \"ASAP\": unknown urgency"),
        ("\"KNOWN\"", "\"YES\"", "certainty.Y = \"YES\": unknown certainty"),
        ("\"VISIT\"", "\"RAID\"", "events.DISPUTE.requested_action = \"RAID\""),
        ("\"CRIME_AND_DISORDER\"", "\"ANY\"", "events.DISPUTE.purpose = \"ANY\": unknown purpose"),
        ("\"NOT_TO_SUBJECT\"", "\"SECRET\"", "handling[0] = \"SECRET\""),
        ("expiry_days = 28", "expiry_days = 91", "expiry_days = \"91\": not in 1 to 90"),
        ("expiry_days = 28", "expiry_days = 0", "expiry_days = \"0\": not in 1 to 90"),
        ("\"PORTSEA\"", "\"Portsea\"", "default_area = \"Portsea\""),
        ("023 9200 0101", "unlisted", "contact = \"Duty desk, unlisted\""),
        ("[\"notes\"]", "[\"notes\", \"last\"]", "columns = \"last\": named twice"),
        ("requested_action", "action", "unknown field `action`"),
        ("left_behind", "leave", "unknown field `leave`"),
        ("[categories]", "[kategories]", "unknown field `kategories`"),
        ("assertion = \"FACT\"\n", "", "missing field `assertion`"),
    ] {
        assert!(MAP.contains(good), "{good}");
        let said = Map::parse(&MAP.replacen(good, bad, 1)).expect_err(bad).to_string();
        assert!(said.contains(named), "{bad}: {said}");
    }
}

fn tokens(row: &str) -> Vec<[u8; 32]> {
    read_row(row).expect(row).draft.subject.iter().map(|token| token.value).collect()
}

#[test]
fn one_person_has_the_same_tokens_however_it_is_written() {
    let tokens_of_sample = tokens(ROW);
    for (cell, other) in [
        ("Sørensen", "SORENSEN"),
        ("Sørensen", " Sørensen "),
        ("Sørensen", "Mrs Sorensen"),
        ("Siân", "sia\u{302}n"),
        ("08/02/1986", "1986-02-08"),
        ("po1 3ab", "PO13AB"),
        ("9434765919", "943 476 5919"),
    ] {
        assert_eq!(tokens(&with(cell, other)), tokens_of_sample, "{other}");
    }
    assert_ne!(tokens(&with("Siân", "Sean")), tokens_of_sample);
}

proptest! {
    /// No bytes at all make a reader fail, and no fault repeats what it read.
    #[test]
    fn any_row_is_a_draft_or_a_fault(cells in prop::collection::vec("[^\",\r\n]{0,12}", 15)) {
        let row = cells.join(",");
        for fault in read_rows(HEADER, &row).into_iter().filter_map(Result::err) {
            prop_assert!(fault.column.is_empty() || HEADER.contains(&fault.column));
        }
    }

    /// An event's time never ends up after the play.
    #[test]
    fn as_of_is_never_ahead_of_the_play(hours in 0_u32..24, minutes in 0_u32..60) {
        let entered = format!("2024-03-02T{hours:02}:{minutes:02}");
        let draft = read_row(&with("2024-03-02T12:30", &entered)).unwrap().draft;
        prop_assert!(draft.time <= draft.as_of && draft.as_of <= play());
        prop_assert_eq!(play().since(draft.as_of).as_secs() / 60, u64::from(14 * 60 + hours * 60 + minutes));
    }
}
