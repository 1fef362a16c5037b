//! `Audit`: what was recorded, for the officers it concerns. Every read is itself recorded first.

use std::pin::Pin;

use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{Answer, Broker, caller, convert, status};
use crate::domain::{Act, AgencyId, Reason, Refusal};
use crate::ledger::{Entry, Ledger, LinkOpening};
use crate::pb::v1::{self as pb, audit_server::Audit};

/// How many records one message carries.
const RECORDS_MAX: usize = 256;

/// Serves `portway.v1.Audit`.
#[derive(Clone, Debug)]
pub struct AuditService(pub Broker);

type Records = Pin<Box<dyn Stream<Item = Result<pb::ExportRecordsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Audit for AuditService {
    type ExportRecordsStream = Records;

    async fn show_record(
        &self,
        request: Request<pb::ShowRecordRequest>,
    ) -> Answer<pb::ShowRecordResponse> {
        let by = caller::peer(&request)?.caller;
        let pb::ShowRecordRequest { index, purpose } = request.into_inner();
        let read = convert::query_purpose(purpose);
        let purpose = self.0.checked(&by, Act::ReadLog, read).await?;
        let ledger = &self.0.ledger;
        let range = index..index.saturating_add(1);
        let consulted = ledger.consult(by.clone(), purpose, range).await;
        let (_, commit) = consulted.map_err(status::of)?;
        let agency = by.seat.agency().cloned();
        // Another agency's record is not told from one that does not exist.
        let record = match agency {
            Some(agency) => shown(ledger, agency, index).await?,
            None => None,
        };
        let record = record.ok_or(Refusal::at(Reason::RecordUnknown, "index"));
        let record = self.0.checked(&by, Act::ReadLog, record).await?;
        let proof = ledger.inclusion(index, commit.size);
        let inclusion = convert::hashes(&proof.map_err(|error| status::internal(&error))?);
        let checkpoint = commit.checkpoint.clone();
        Ok(Response::new(pb::ShowRecordResponse { record: Some(record), inclusion, checkpoint }))
    }

    async fn export_records(
        &self,
        request: Request<pb::ExportRecordsRequest>,
    ) -> Answer<Self::ExportRecordsStream> {
        let by = caller::peer(&request)?.caller;
        let pb::ExportRecordsRequest { start, end, purpose } = request.into_inner();
        let size = self.0.ledger.newest().size;
        let end = if end == 0 { size } else { end };
        let read = convert::query_purpose(purpose).and_then(|purpose| {
            let bounded = start <= end && end <= size;
            bounded.then_some(purpose).ok_or(Refusal::at(Reason::BeyondTheLog, "end"))
        });
        let purpose = self.0.checked(&by, Act::ReadLog, read).await?;
        let ledger = self.0.ledger.clone();
        ledger.consult(by.clone(), purpose, start..end).await.map_err(status::of)?;
        let agency = by.seat.agency().cloned().ok_or_else(|| {
            Status::permission_denied("only an officer of an agency reads records")
        })?;
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        self.0.tasks.spawn("audit-export", async move {
            let mut export = Export::new(ledger, agency, end);
            while let Some(records) = export.next(start).await {
                // A reader that went away ends the export.
                if sender.send(records).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn seal_export(
        &self,
        request: Request<pb::SealExportRequest>,
    ) -> Answer<pb::SealExportResponse> {
        let by = caller::peer(&request)?.caller;
        let pb::SealExportRequest { size, manifest, purpose } = request.into_inner();
        let read = convert::query_purpose(purpose).and_then(|purpose| {
            let manifest = <[u8; 32]>::try_from(manifest.as_ref());
            let manifest = manifest.map_err(|_| Refusal::at(Reason::Malformed, "manifest"))?;
            Ok((purpose, manifest))
        });
        let (purpose, manifest) = self.0.checked(&by, Act::ReadLog, read).await?;
        let sealed = self.0.ledger.seal_export(by, purpose, size, manifest).await;
        let (seal, index) = sealed.map_err(status::of)?;
        Ok(Response::new(pb::SealExportResponse { seal, index }))
    }
}

/// Reads one record; its link can only be opened by counting the agency's records before it.
async fn shown(
    ledger: &Ledger,
    agency: AgencyId,
    index: u64,
) -> Result<Option<pb::LogRecord>, Status> {
    let found = ledger.entries(index..index.saturating_add(1));
    let found = found.map_err(|error| status::internal(&error))?;
    if !found.first().is_some_and(|entry| entry.is_open_to(&agency)) {
        return Ok(None);
    }
    let mut export = Export::new(ledger.clone(), agency, index + 1);
    while let Some(records) = export.next(index).await {
        if let Some(record) = records?.records.into_iter().next() {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Walks the log from its first entry, following one agency's links.
struct Export {
    ledger: Ledger,
    agency: AgencyId,
    links: crate::ledger::Links,
    at: u64,
    end: u64,
}

impl Export {
    fn new(ledger: Ledger, agency: AgencyId, end: u64) -> Self {
        let links = ledger.links(agency.clone());
        Self { ledger, agency, links, at: 0, end }
    }

    /// Returns the next records from `start` on that the agency may read; nothing at the end. A walk over a
    /// long log is long: after each chunk of it others have their turn on this thread.
    async fn next(&mut self, start: u64) -> Option<Result<pb::ExportRecordsResponse, Status>> {
        let mut records = Vec::new();
        while self.at < self.end && records.is_empty() {
            let end = self.end.min(self.at + RECORDS_MAX as u64);
            let entries = match self.ledger.entries(self.at..end) {
                Ok(entries) => entries,
                Err(error) => {
                    self.at = self.end;
                    return Some(Err(status::internal(&error)));
                }
            };
            for entry in entries {
                self.at = entry.index + 1;
                let link = self.links.next(&entry);
                if entry.index >= start && entry.is_open_to(&self.agency) {
                    records.push(record(entry, link.as_ref()));
                }
            }
            tokio::task::yield_now().await;
        }
        (!records.is_empty()).then_some(Ok(pb::ExportRecordsResponse { records }))
    }
}

fn record(entry: Entry, link: Option<&LinkOpening>) -> pb::LogRecord {
    pb::LogRecord {
        index: entry.index,
        leaf: convert::bytes(&entry.frame.leaf),
        salt: convert::bytes(&entry.frame.salt),
        record: entry.frame.record,
        link: link.map(convert::link),
    }
}
