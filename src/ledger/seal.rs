//! An event becomes an entry: time, links, bytes, salt, commitment, sealed body. The state moves on at
//! once, so that later commands of the batch see it.

use bytes::Bytes;

use super::{LedgerError, secrets::Secrets, writer::Writer};
use crate::exchange::Content;
use crate::journal::Frame;
use crate::merkle::leaf_hash;
use crate::record::{self, Event, Record, commitment};

/// A body to seal.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) key: &'a commitment::Key,
    pub(super) slot: u64,
    pub(super) content: &'a [u8],
}

impl Writer {
    /// Adds an event without a body to the batch and returns its index.
    pub(super) fn record(&mut self, event: Event) -> Result<u64, LedgerError> {
        self.record_with(event, None, Content::None)
    }

    /// Adds an event with its sealed body to the batch and returns its index.
    pub(super) fn record_with(
        &mut self,
        event: Event,
        body: Option<Body<'_>>,
        content: Content<'_>,
    ) -> Result<u64, LedgerError> {
        let index = self.state.size();
        let body = match body {
            Some(Body { key, slot, content }) => {
                let random = self.salts.next(&self.secrets.random)?;
                Secrets::seal(key, slot, content, &random)?.into()
            }
            None => Bytes::new(),
        };
        let links = links(&event, index, &self.state, &self.secrets);
        let record = Record { at: self.now, links, event };
        let bytes = record::encode(&record);
        let salt = self.salts.next(&self.secrets.random)?;
        let leaf = commitment::record(&salt, &bytes);
        self.state.apply(&record, content);
        self.work.hashes.push(leaf_hash(&leaf));
        self.work.frames.push(Frame { leaf, salt, record: bytes, body });
        Ok(index)
    }
}

fn links(
    event: &Event,
    index: u64,
    state: &crate::exchange::State,
    secrets: &Secrets,
) -> Vec<[u8; 32]> {
    let commit = |agency: &crate::domain::AgencyId| {
        let (number, previous) = state.link(agency);
        let nonce = secrets.link_nonce(agency.as_str(), index);
        commitment::link(&nonce, agency.as_str(), number, previous)
    };
    event.agencies().into_iter().map(commit).collect()
}
