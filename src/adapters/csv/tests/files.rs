//! What can be wrong with an extract as a file: each is handled, or is a clear fault, and no rows but its own
//! are lost.

use std::io::{self, Read};

use super::*;
use crate::adapters::csv::Rows;

fn key() -> TokenKey {
    TokenKey::new(&[7; 32])
}

fn read_bytes(map: &str, bytes: &[u8]) -> Vec<Result<Row, RowFault>> {
    read(bytes, &Map::parse(map).expect("a map"), &key(), play())
}

fn fault(line: u64, column: &str, reason: Fault) -> Result<Row, RowFault> {
    Err(RowFault { line, column: column.to_owned(), reason })
}

fn second(row: &str) -> String {
    row.replacen("E1", "E2", 1)
}

#[test]
fn a_ragged_row_is_a_fault_and_its_neighbours_are_read() {
    let row = second(ROW);
    let read = read_rows(HEADER, &format!("{ROW}\nE3,short\n{row},more\n{row}"));
    assert!(read[0].is_ok() && read[3].is_ok());
    assert_eq!(read[1], fault(3, "", Fault::Ragged));
    assert_eq!(read[2], fault(4, "", Fault::Ragged));
}

#[test]
fn lines_of_any_system_and_a_byte_order_mark_are_read() {
    let expected = read_rows(HEADER, &format!("{ROW}\n{}", second(ROW)));
    for (mark, end) in [("", "\r\n"), ("\u{feff}", "\n"), ("\u{feff}", "\r\n"), ("", "\r")] {
        let text = format!("{mark}{HEADER}{end}{ROW}{end}{}{end}", second(ROW));
        assert_eq!(read_bytes(MAP, text.as_bytes()), expected, "{mark:?} {end:?}");
    }
    let blank = format!("{HEADER}\n\n\n{ROW}\n\n{}\n", second(ROW));
    let lines = read_bytes(MAP, blank.as_bytes()).into_iter().map(|row| row.unwrap().line);
    assert_eq!(lines.collect::<Vec<_>>(), [4, 6]);
    let unended = format!("{HEADER}\n{ROW}\n{}", second(ROW));
    assert_eq!(read_bytes(MAP, unended.as_bytes()), expected);
}

#[test]
fn a_line_end_within_quotes_belongs_to_the_cell_and_lines_are_still_counted() {
    let quoted = with("rang about the canary", "\"rang,\nabout\r\nthe canary\"");
    let read = read_rows(HEADER, &format!("{quoted}\n{}", with("E1", "E 2")));
    assert_eq!(read[0].as_ref().unwrap().draft, read_row(ROW).unwrap().draft);
    assert_eq!(read[1], fault(5, "id", Fault::Invalid));
}

#[test]
fn latin_1_is_read_where_the_map_says_so_and_is_a_fault_of_its_row_where_not() {
    let text = format!("{HEADER}\n{ROW}\n{}\n", second(&ROW.replace(['ø', 'â'], "o")));
    let latin_1: Vec<u8> = text.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
    let faulty = read_bytes(MAP, &latin_1);
    assert_eq!(faulty[0], fault(2, "", Fault::Encoding));
    let map = MAP.replacen("default_area", "encoding = \"WINDOWS-1252\"\ndefault_area", 1);
    let read = read_bytes(&map, &latin_1);
    assert_eq!(read[0], read_row(ROW));
    let plain = read_bytes(MAP, text.as_bytes());
    assert_eq!(read, plain);
}

#[test]
fn utf_16_and_an_empty_file_are_faults_of_the_header() {
    let utf_16: Vec<u8> = "\u{feff}id,at\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read_bytes(MAP, &utf_16), [fault(1, "", Fault::Encoding)]);
    for empty in ["", "\u{feff}", "\n\n"] {
        assert_eq!(read_bytes(MAP, empty.as_bytes()), [fault(1, "", Fault::HeaderMissing)]);
    }
}

#[test]
fn an_extract_of_a_day_without_events_has_no_rows_and_no_fault() {
    assert_eq!(read_bytes(MAP, HEADER.as_bytes()), []);
    assert_eq!(read_bytes(MAP, format!("{HEADER}\r\n\r\n").as_bytes()), []);
}

#[test]
fn a_column_that_stands_twice_is_a_fault_of_the_header() {
    let twice = HEADER.replace("notes", "born");
    let faults = read_rows(&twice, ROW);
    assert_eq!(faults, [fault(1, "born", Fault::ColumnRepeated)]);
}

#[test]
fn an_event_that_stands_twice_is_taken_once() {
    let other = with("P1", "ROUTINE");
    let read = read_rows(HEADER, &format!("{ROW}\n{}\n{other}", second(ROW)));
    assert!(read[0].is_ok() && read[1].is_ok());
    assert_eq!(read[2], fault(4, "id", Fault::Repeated));
}

#[test]
fn a_quote_that_is_never_closed_takes_a_bounded_amount_of_memory() {
    let map = Map::parse(MAP).unwrap();
    let key = key();
    let begin = format!("{HEADER}\n{ROW}\n\"E2,");
    let endless = io::Cursor::new(begin).chain(io::repeat(b'x'));
    let mut rows = Rows::open(endless, &map, &key).unwrap();
    assert!(rows.next(play()).unwrap().is_ok());
    assert_eq!(rows.next(play()), Some(fault(3, "", Fault::TooLong)));
    assert_eq!(rows.next(play()), None);
    assert!(rows.bytes_read() < 2 << 20, "{}", rows.bytes_read());
}

#[test]
fn a_quote_that_is_open_at_the_end_swallows_no_row_in_silence() {
    let opened = with("rang about the canary", "\"rang about the canary");
    for rest in ["", "\n", &format!("\n{}\n{}\n", second(ROW), with("E1", "E3"))] {
        let read = read_rows(HEADER, &format!("{}\n{opened}{rest}", second(ROW)));
        assert!(read[0].is_ok());
        assert_eq!(read[1..], [fault(3, "", Fault::TooLong)], "{rest:?}");
    }
    let header = HEADER.replace("notes", "\"notes");
    assert_eq!(read_rows(&header, ROW), [fault(1, "", Fault::TooLong)]);
    for closed in ["\"rang,\"", "\"rang\n\"", "\"rang \"\"her\"\"\""] {
        for end in ["", "\n", "\r\n", "\n\n"] {
            let text = format!("{HEADER}\n{}{end}", with("rang about the canary", closed));
            assert!(read_bytes(MAP, text.as_bytes())[0].is_ok(), "{closed:?} {end:?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_on_ends_with_a_fault() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let map = Map::parse(MAP).unwrap();
    let key = key();
    let begin = io::Cursor::new(format!("{HEADER}\n{ROW}\n"));
    let mut rows = Rows::open(begin.chain(Broken), &map, &key).unwrap();
    assert!(rows.next(play()).unwrap().is_ok());
    assert_eq!(rows.next(play()), Some(fault(3, "", Fault::Unreadable)));
    assert_eq!(rows.next(play()), None);
}
