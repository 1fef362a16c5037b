//! One agency's extract, a CSV file, as drafts: what a map file says about its columns and words is
//! applied row by row. A row that is not understood is a fault that names line and column, and never
//! the cell, because that may identify a person. Columns left behind are not looked at.

mod cells;
mod map;
mod row;

#[cfg(test)]
mod tests;

pub use cells::{Fault, RowFault};
pub use map::{Columns, Event, Map};
pub use row::{Row, read};
