//! The journal in append-only files of one directory: the engine of a single broker.
//!
//! Space is filled in advance, so a commit is one write and one `fdatasync`. Segments are never
//! used again. After a failed write or sync everything is refused until the journal is reopened.

mod bearings;
mod condense;
mod disk;
mod engine;
mod error;
mod format;
mod marks;
mod read;
mod resume;
mod scan;
mod space;
mod tail;
mod walk;
mod walked;
mod write;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use self::{
    engine::{Recovery, Segments, Settings},
    error::OpenError,
    scan::TailCut,
};
pub(in crate::journal) use self::{
    scan::segments,
    walked::{Walked, walk},
};

pub(in crate::journal) fn segment_name(first_index: u64) -> String {
    format!("{first_index:020}.seg")
}

fn segment_path(dir: &Path, first_index: u64) -> PathBuf {
    dir.join(segment_name(first_index))
}
