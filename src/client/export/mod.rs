//! An export: everything that an auditor needs to check a log, and the records that officers may see,
//! in a directory that any C2SP tlog-tiles tool can read. Gathered first, and written afterwards.

mod chained;
mod line;
mod links;
mod manifest;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use chained::Chained;
pub(super) use chained::ChainedLine;
pub(super) use line::{parse as parse_line, write as write_line};
pub use links::{Links, opened};
pub(super) use manifest::{Manifest, sha256};
pub use write::write;
pub(super) use write::{README, README_TEXT, vkeys};

use super::{Connection, Error, Seen, fault::Fault};
use crate::{
    domain::{AgencyId, QueryPurpose},
    merkle::{Chain, WitnessKey},
    pb::v1 as pb,
    record::{self, Rotation},
};

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
    /// What shows that all of these agencies' records are there.
    pub links: BTreeMap<AgencyId, Chained>,
}

impl Export {
    /// Gathers the newest checkpoint, every entry below it, and every record below it that the caller may see.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with the broker's reason, [`Error::Verification`] where any of it does not fit.
    pub async fn gather(connection: &Connection, purpose: QueryPurpose) -> Result<Self, Error> {
        Self::gather_as_of(connection, purpose, None).await
    }

    /// Gathers the same as of the newest checkpoint that one of the witnesses has cosigned, with their lines.
    ///
    /// # Errors
    ///
    /// As [`gather`](Self::gather); also where none of them has cosigned any.
    pub async fn gather_witnessed(
        connection: &Connection,
        purpose: QueryPurpose,
        trusted: &[WitnessKey],
    ) -> Result<Self, Error> {
        Self::gather_as_of(connection, purpose, Some(trusted)).await
    }

    async fn gather_as_of(
        connection: &Connection,
        purpose: QueryPurpose,
        trusted: Option<&[WitnessKey]>,
    ) -> Result<Self, Error> {
        // The keys first: a checkpoint that is seen afterwards is of the last of them, or of one that is new.
        connection.follow_keys().await?;
        let memory = connection.identity().memory();
        let (seen, log) = loop {
            let seen = match trusted {
                None => connection.checkpoint().await?.as_ref().clone(),
                Some(trusted) => connection.witnessed(trusted).await?.seen,
            };
            let log = memory.chain();
            // Whoever shares the identity may have followed a key to which a later tree handed over.
            if log.newest_from() <= seen.size() {
                break (seen, log);
            }
            // Only what the newest key signs is sealed, and no witness has come to that yet.
            if trusted.is_some() {
                return Err(Fault::NotWitnessed.into());
            }
        };
        let rotations = memory.rotations();
        let entries = connection.read_entries(&seen).await?;
        let (records, links) = (BTreeMap::new(), BTreeMap::new());
        let mut export = Self { seen, log, rotations, entries, records, links };
        export.add(connection, purpose).await?;
        Ok(export)
    }

    /// Adds the records that another officer may see, and what shows that all that are linked to the agency are there.
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
        let mut openings = BTreeMap::new();
        for record in records {
            openings.extend(record.link.clone().map(|link| (record.index, link)));
            self.insert(record)?;
        }
        let Some(agency) = connection.identity().agency() else {
            return self.add_links(connection, purpose).await;
        };
        let closed = connection.close_links(&self.seen, purpose, agency).await?;
        self.links.insert(agency.clone(), Chained::ended(openings, closed)?);
        Ok(())
    }

    /// Adds the links of every agency that a record concerns: an auditor is shown the links of an agency that it names.
    async fn add_links(
        &mut self,
        connection: &Connection,
        purpose: QueryPurpose,
    ) -> Result<(), Error> {
        let mut agencies = BTreeSet::new();
        for (index, shown) in &self.records {
            let malformed = Fault::Record { index: *index, what: "it cannot be read" };
            let record = record::decode(&shown.record).map_err(|_| malformed)?;
            agencies.extend(record.event.agencies().into_iter().cloned());
        }
        for agency in agencies {
            let openings = connection.openings_of(&self.seen, purpose, &agency).await?;
            let closed = connection.close_links(&self.seen, purpose, &agency).await?;
            self.links.insert(agency, Chained::ended(openings, closed)?);
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
