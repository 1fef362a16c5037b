//! One agency's extract, a CSV file, as drafts: what a map file says about its columns and words is
//! applied row by row. A row that is not understood is a fault that names line and column, and never
//! the cell, because that may identify a person. Columns left behind are not looked at.

mod bounded;
mod cells;
mod columns;
mod event;
mod map;
mod row;
mod rows;

#[cfg(test)]
mod tests;

pub use bounded::Encoding;
pub use cells::{Fault, RowFault};
pub use columns::Columns;
pub use event::EventKey;
pub use map::{Event, Map, Times};
pub use row::Row;
pub use rows::{Rows, read};
