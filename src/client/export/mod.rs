//! An export: everything that an auditor needs to check a log, and the records that officers may see,
//! in a directory that any C2SP tlog-tiles tool can read. Gathered first, and written afterwards.

mod line;
mod links;
mod manifest;
mod write;

use std::{collections::BTreeMap, sync::Arc};

pub(super) use line::{parse as parse_line, write as write_line};
pub use links::{Links, opened};
pub(super) use manifest::{Manifest, sha256};
pub(super) use write::vkeys;
pub use write::write;

use super::{Connection, Error, Seen, fault::Fault};
use crate::{domain::QueryPurpose, merkle::Chain, pb::v1 as pb, record::Rotation};

/// What an export holds, verified.
#[derive(Clone, Debug)]
pub struct Export {
    /// The checkpoint that it covers, with its note.
    pub seen: Seen,
    /// The keys of the log.
    pub log: Arc<Chain>,
    /// How each of them came to be one, oldest first.
    pub rotations: Vec<Rotation>,
    /// The commitments of all entries, in order.
    pub entries: Vec<[u8; 32]>,
    /// The records that may be seen, by index.
    pub records: BTreeMap<u64, pb::LogRecord>,
}

impl Export {
    /// Gathers the newest checkpoint, every entry below it, and every record below it that the caller may see.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where any of it does not fit.
    pub async fn gather(connection: &Connection, purpose: QueryPurpose) -> Result<Self, Error> {
        // The keys first: a checkpoint that is seen afterwards is of the last of them, or of one that is new.
        connection.follow_keys().await?;
        let memory = connection.identity().memory();
        let (seen, log) = loop {
            let seen = connection.checkpoint().await?.as_ref().clone();
            let log = memory.chain();
            // Whoever shares the identity may have followed a key to which a later tree handed over.
            if log.newest_from() <= seen.size() {
                break (seen, log);
            }
        };
        let rotations = memory.rotations();
        let entries = connection.read_entries(&seen).await?;
        let mut export = Self { seen, log, rotations, entries, records: BTreeMap::new() };
        export.add(connection, purpose).await?;
        Ok(export)
    }

    /// Adds the records that another officer may see.
    ///
    /// # Errors
    ///
    /// As [`gather`](Self::gather).
    pub async fn add(
        &mut self,
        connection: &Connection,
        purpose: QueryPurpose,
    ) -> Result<(), Error> {
        let mut records = Vec::new();
        connection.export_records(self.seen.size(), purpose, |record| records.push(record)).await?;
        for record in records {
            self.insert(record)?;
        }
        Ok(())
    }

    /// Takes a record whose commitment was verified, and holds its leaf against the entries.
    ///
    /// # Errors
    ///
    /// [`Fault::Leaf`] where the log has another entry at that index.
    pub fn insert(&mut self, record: pb::LogRecord) -> Result<(), Fault> {
        let index = record.index;
        let entry = usize::try_from(index).ok().and_then(|index| self.entries.get(index));
        if entry.is_some_and(|entry| record.leaf == entry.as_slice()) {
            self.records.insert(index, record);
            Ok(())
        } else {
            Err(Fault::Leaf { index })
        }
    }
}
