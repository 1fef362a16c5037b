//! Questions of the log, page by page. Every record of an answer is verified to stand in the log, in order, and
//! to open the own agency's link. That a page leaves nothing out is not shown by it: an export's chain does.

use bytes::Bytes;

use super::{Connection, Error, audit::entry, export::opened, fault::Fault};
use crate::{domain::QueryPurpose, pb::v1 as pb};

/// A question, and how far its answer has been read.
#[derive(Clone, Debug)]
pub struct Query {
    purpose: QueryPurpose,
    filter: pb::RecordFilter,
    page_size: u32,
    token: Bytes,
    /// Size of the log that the answer covers, once it is known.
    size: Option<u64>,
    /// No record of the next page stands before this index.
    next: u64,
}

/// One page of an answer, verified.
#[derive(Clone, Debug)]
pub struct Page {
    /// The records, each with its proof and the checkpoint.
    pub records: Vec<pb::ShowRecordResponse>,
    /// Size of the log that the answer covers.
    pub size: u64,
    /// To go on with; empty = this is the last.
    pub next_page_token: Bytes,
}

impl Query {
    /// Makes a question. `token` is where to go on in an earlier answer to it; empty = from the start.
    pub const fn new(
        purpose: QueryPurpose,
        filter: pb::RecordFilter,
        page_size: u32,
        token: Bytes,
    ) -> Self {
        Self { purpose, filter, page_size, token, size: None, next: 0 }
    }

    /// Asks for the next page.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] or [`Error::Failed`] with the broker's reason, [`Error::Verification`] where a record
    /// is not in the log, out of order, or the pages cover different logs.
    pub async fn next(&mut self, connection: &Connection) -> Result<Page, Error> {
        let known = connection.known();
        let request = pb::QueryRequest {
            purpose: self.purpose.number().into(),
            filter: Some(self.filter.clone()),
            page_size: self.page_size,
            page_token: self.token.clone(),
        };
        let answer = connection.audit().query(request).await?.into_inner();
        let seen = connection.settle(known.as_deref(), &answer.checkpoint, None).await?;
        let size = answer.size;
        if size > seen.size() || self.size.is_some_and(|before| before != size) {
            return Err(Fault::Protocol("one size of the log on all pages").into());
        }
        self.size = Some(size);
        let mut records = Vec::with_capacity(answer.records.len());
        for proven in answer.records {
            let shown = proven.record.ok_or(Fault::Protocol("the record"))?;
            let index = shown.index;
            if index < self.next || index >= size {
                return Err(Fault::RecordOrder { index }.into());
            }
            self.next = index + 1;
            let record = entry(&shown, &proven.inclusion).open(&seen.checkpoint)?;
            opened(connection.identity().agency(), &shown, &record)?;
            records.push(pb::ShowRecordResponse {
                record: Some(shown),
                inclusion: proven.inclusion,
                checkpoint: answer.checkpoint.clone(),
            });
        }
        self.token = answer.next_page_token.clone();
        Ok(Page { records, size, next_page_token: answer.next_page_token })
    }
}
