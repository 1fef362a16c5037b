//! An extract, row by row: memory for one row at a time. A row that is not understood is a fault of its own
//! and leaves the others alone; only a file that cannot be read on ends them all.

use std::{collections::HashSet, io::Read};

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::{
    bounded::Bounded,
    cells::{Cells, Fault, Header, RowFault},
    event::EventKey,
    map::Map,
    row::{self, Row},
};
use crate::{adapters::token::TokenKey, domain::Timestamp};

/// The rows of one extract.
pub struct Rows<'a> {
    reader: Reader<Bounded<'a>>,
    header: Header<'a>,
    map: &'a Map,
    key: &'a TokenKey,
    /// The events so far: ten bytes each.
    seen: HashSet<EventKey>,
    is_over: bool,
}

impl<'a> Rows<'a> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// What is wrong with the header: it does not fit the map, or there is none.
    pub fn open(
        extract: impl Read + 'a,
        map: &'a Map,
        key: &'a TokenKey,
    ) -> Result<Self, Vec<RowFault>> {
        let bounded = Bounded::new(Box::new(extract), map.encoding);
        let delimiter = map.delimiter;
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bounded);
        let first = match reader.headers() {
            Ok(first) => first.clone(),
            Err(error) => return Err(vec![unreadable(&error, 1, reader.get_ref())]),
        };
        if !first.is_empty() && reader.get_ref().has_ended() {
            return Err(vec![whole(1, Fault::TooLong)]);
        }
        let header = Header::find(&first, &map.columns)?;
        Ok(Self { reader, header, map, key, seen: HashSet::new(), is_over: false })
    }

    /// Reads the next row as it would come in at `play`; nothing after the last one.
    pub fn next(&mut self, play: Timestamp) -> Option<Result<Row, RowFault>> {
        if self.is_over {
            return None;
        }
        self.reader.get_mut().refill();
        let begin = self.reader.position().line();
        let mut record = ByteRecord::new();
        match self.reader.read_byte_record(&mut record) {
            Ok(false) => None,
            // The parser makes a row of whatever an open quote has swallowed.
            Ok(true) if self.reader.get_ref().has_ended() => {
                self.is_over = true;
                Some(Err(whole(begin, Fault::TooLong)))
            }
            Ok(true) => {
                // The parser tells where it stands, which is behind the row; blank lines may lie before it.
                let within: u64 =
                    record.as_slice().iter().map(|byte| u64::from(*byte == b'\n')).sum();
                let line = self.reader.position().line().saturating_sub(1 + within);
                Some(self.row(record, line, play))
            }
            Err(error) => {
                self.is_over = true;
                Some(Err(unreadable(&error, begin, self.reader.get_ref())))
            }
        }
    }

    fn row(&mut self, record: ByteRecord, line: u64, play: Timestamp) -> Result<Row, RowFault> {
        let encoded = StringRecord::from_byte_record(record);
        let record = encoded.map_err(|_| whole(line, Fault::Encoding))?;
        if record.len() != self.header.len() {
            return Err(whole(line, Fault::Ragged));
        }
        let cells = Cells { header: &self.header, record: &record, line };
        let row = row::read(&cells, self.map, self.key, play)?;
        self.once(row)
    }

    /// Returns how many bytes of the file were read.
    pub fn bytes_read(&self) -> u64 {
        self.reader.get_ref().bytes_read()
    }

    /// An id that stands twice names two things, or one thing twice: the first is taken.
    fn once(&mut self, row: Row) -> Result<Row, RowFault> {
        if self.seen.insert(row.event) {
            return Ok(row);
        }
        let column = self.map.columns.event_id.clone();
        Err(RowFault { line: row.line, column, reason: Fault::Repeated })
    }
}

/// Neither rows nor key stand in a log line.
impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

/// Reads a whole extract as it would come in at `play`, in the order of the file.
///
/// Where the header does not fit the map, its faults are the whole answer.
pub fn read(
    extract: &[u8],
    map: &Map,
    key: &TokenKey,
    play: Timestamp,
) -> Vec<Result<Row, RowFault>> {
    match Rows::open(extract, map, key) {
        Ok(mut rows) => std::iter::from_fn(|| rows.next(play)).collect(),
        Err(faults) => faults.into_iter().map(Err).collect(),
    }
}

/// The error's own words are left out: they can quote the cell.
fn unreadable(error: &::csv::Error, line: u64, bounded: &Bounded<'_>) -> RowFault {
    let reason = if matches!(error.kind(), ErrorKind::Utf8 { .. }) {
        Fault::Encoding
    } else if bounded.is_exhausted() {
        Fault::TooLong
    } else {
        Fault::Unreadable
    };
    whole(line, reason)
}

/// A fault of a whole row.
const fn whole(line: u64, reason: Fault) -> RowFault {
    RowFault { line, column: String::new(), reason }
}
