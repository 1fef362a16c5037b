//! The cells of one row by the names that a map gives them, and what can be wrong with one.
//! A fault knows line and column; the cell itself is not in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use ::csv::StringRecord;

use super::columns::Columns;

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A mandatory cell is blank.
    #[error("blank")]
    Blank,
    /// The map names a column that the extract has not.
    #[error("column missing")]
    ColumnMissing,
    /// The column stands twice.
    #[error("column repeated")]
    ColumnRepeated,
    /// The map does not name the column.
    #[error("column unknown to the map")]
    ColumnUnknown,
    /// The cell is no date, or an impossible one.
    #[error("not a possible date")]
    Date,
    /// The text is not in the encoding that the map names.
    #[error("not in the encoding that the map names")]
    Encoding,
    /// The extract is empty: not even a header.
    #[error("no header")]
    HeaderMissing,
    /// The cell breaks the rule of its column.
    #[error("breaks the rule of its column")]
    Invalid,
    /// No part of the person is good enough to derive a token from.
    #[error("no subject token can be derived")]
    NoToken,
    /// The row has more or fewer cells than the header.
    #[error("more or fewer cells than the header")]
    Ragged,
    /// It reached the case system before it happened.
    #[error("recorded before it happened")]
    RecordedFirst,
    /// An event of that id stands further up.
    #[error("an event of this id stands further up")]
    Repeated,
    /// A quote is open at the end of the file, or the row takes more than a mebibyte, most likely for that.
    #[error("a row without end: is a quote left open?")]
    TooLong,
    /// The file cannot be read on.
    #[error("cannot be read")]
    Unreadable,
    /// The word is not in the map and not a code.
    #[error("unknown word")]
    Word,
}

impl Fault {
    /// Returns the stable code that reports name it by.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blank => "BLANK",
            Self::ColumnMissing => "COLUMN_MISSING",
            Self::ColumnRepeated => "COLUMN_REPEATED",
            Self::ColumnUnknown => "COLUMN_UNKNOWN",
            Self::Date => "DATE",
            Self::Encoding => "ENCODING",
            Self::HeaderMissing => "HEADER_MISSING",
            Self::Invalid => "INVALID",
            Self::NoToken => "NO_TOKEN",
            Self::Ragged => "RAGGED",
            Self::RecordedFirst => "RECORDED_FIRST",
            Self::Repeated => "REPEATED",
            Self::TooLong => "TOO_LONG",
            Self::Unreadable => "UNREADABLE",
            Self::Word => "WORD",
        }
    }
}

/// A row that was not understood, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RowFault {
    /// The line it begins on, from 1.
    pub line: u64,
    /// The column as the map names it, `#n` for the nth column where the map does not name it, or
    /// empty for the whole row.
    pub column: String,
    /// What is wrong.
    pub reason: Fault,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", column {}", self.column)?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for RowFault {}

/// Where each column stands.
#[derive(Debug)]
pub(super) struct Header<'a> {
    places: BTreeMap<&'a str, usize>,
    len: usize,
}

impl<'a> Header<'a> {
    /// Finds the map's columns in the first row. Every column that is read has to be there, once, and
    /// none that the map does not name: a column nobody thought about may hold anything.
    pub(super) fn find(first: &StringRecord, columns: &'a Columns) -> Result<Self, Vec<RowFault>> {
        if first.is_empty() {
            let column = String::new();
            return Err(vec![RowFault { line: 1, column, reason: Fault::HeaderMissing }]);
        }
        let mut places = BTreeMap::new();
        let mut faults = Vec::new();
        let mut fault = |column: &str, reason| {
            faults.push(RowFault { line: 1, column: column.to_owned(), reason });
        };
        for (index, written) in first.iter().enumerate() {
            match columns.known().find(|name| *name == written.trim()) {
                // By number: an extract without a header has a person in its first row.
                None => fault(&format!("#{}", index + 1), Fault::ColumnUnknown),
                Some(name) => {
                    if places.insert(name, index).is_some() {
                        fault(name, Fault::ColumnRepeated);
                    }
                }
            }
        }
        for name in columns.required().filter(|name| !places.contains_key(name)) {
            fault(name, Fault::ColumnMissing);
        }
        if faults.is_empty() { Ok(Self { places, len: first.len() }) } else { Err(faults) }
    }

    /// Returns how many cells a row has.
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

/// One row.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    pub(super) header: &'a Header<'a>,
    pub(super) record: &'a StringRecord,
    pub(super) line: u64,
}

impl Cells<'_> {
    /// Makes the fault about one column of this row.
    pub(super) fn fault(&self, column: &str, reason: Fault) -> RowFault {
        RowFault { line: self.line, column: column.to_owned(), reason }
    }

    /// Returns the cell without the blanks around it; a column the map has not is a blank cell.
    pub(super) fn text(&self, column: Option<&str>) -> &str {
        let place = column.and_then(|name| self.header.places.get(name).copied());
        place.and_then(|index| self.record.get(index)).unwrap_or_default().trim()
    }

    /// Returns a cell that must not be blank.
    pub(super) fn filled(&self, column: &str) -> Result<&str, RowFault> {
        match self.text(Some(column)) {
            "" => Err(self.fault(column, Fault::Blank)),
            text => Ok(text),
        }
    }

    /// Reads one word: the map's own first, then the codes. Nothing where the cell is blank.
    pub(super) fn code<T>(
        &self,
        column: Option<&str>,
        words: &BTreeMap<String, T>,
    ) -> Result<Option<T>, RowFault>
    where
        T: Clone + FromStr,
    {
        match (column, self.text(column)) {
            (None, _) | (_, "") => Ok(None),
            (Some(column), text) => self.word(column, text, words).map(Some),
        }
    }

    /// Reads several words with `;` between them, none where the cell is blank.
    pub(super) fn codes<T>(
        &self,
        column: Option<&str>,
        words: &BTreeMap<String, T>,
    ) -> Result<BTreeSet<T>, RowFault>
    where
        T: Clone + FromStr + Ord,
    {
        let list = self.text(column).split(';').map(str::trim).filter(|word| !word.is_empty());
        list.map(|word| self.word(column.unwrap_or_default(), word, words)).collect()
    }

    fn word<T>(&self, column: &str, word: &str, words: &BTreeMap<String, T>) -> Result<T, RowFault>
    where
        T: Clone + FromStr,
    {
        let code = words.get(word).cloned().or_else(|| word.parse().ok());
        code.ok_or_else(|| self.fault(column, Fault::Word))
    }
}
