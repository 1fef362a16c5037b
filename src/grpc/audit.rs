//! `Audit`: what was recorded, for the officers it concerns. Every read is itself recorded first.

use std::{pin::Pin, sync::Arc};

use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use super::{Answer, Broker, access, caller::asker, complete, convert, question, status};
use crate::domain::{Act, Reason, Refusal};
use crate::ledger::{Ledger, LedgerError};
use crate::pb::v1::{self as pb, audit_server::Audit};
use crate::record;
use crate::views::{Asker, Place, Question, Shown};

/// How many records one message carries.
pub(super) const RECORDS_MAX: usize = 256;

/// Serves `portway.v1.Audit`.
#[derive(Clone, Debug)]
pub struct AuditService(pub Broker);

type Records = Pin<Box<dyn Stream<Item = Result<pb::ExportRecordsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Audit for AuditService {
    type ExportRecordsStream = Records;
    type ProveCompleteStream = complete::Parts;

    async fn show_record(
        &self,
        request: Request<pb::ShowRecordRequest>,
    ) -> Answer<pb::ShowRecordResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let pb::ShowRecordRequest { index, purpose } = request.into_inner();
        let read = asker(&by).and_then(|asker| Ok((asker, convert::query_purpose(purpose)?)));
        let (asker, purpose) = self.0.checked(&by, Act::ReadLog, read).await?;
        let range = index..index.saturating_add(1);
        let consulted = ledger.consult(by.clone(), purpose, range).await;
        let (_, commit) = consulted.map_err(status::of)?;
        // Another agency's record is not told from one that does not exist.
        let (mut shown, mut why) = (None, Reason::RecordUnknown);
        if index < commit.size {
            let place = Place::new(index, index + 1);
            let answer = self.0.views.answer(asker, Arc::default(), place, 1).await;
            shown = answer.map_err(|error| status::internal(&error))?.shown.pop();
            let is_erased = shown.is_none() && {
                let is_erased = self.0.views.is_erased(index).await;
                is_erased.map_err(|error| status::internal(&error))?
            };
            if is_erased {
                why = Reason::RecordErased;
            }
        }
        let record = shown.map(record).ok_or(Refusal::at(why, "index"));
        let record = self.0.checked(&by, Act::ReadLog, record).await?;
        let proof = ledger.inclusion(index, commit.size);
        let inclusion = record::proof_to_pb(&proof.map_err(|error| status::internal(&error))?);
        let checkpoint = commit.checkpoint.clone();
        Ok(Response::new(pb::ShowRecordResponse { record: Some(record), inclusion, checkpoint }))
    }

    async fn export_records(
        &self,
        request: Request<pb::ExportRecordsRequest>,
    ) -> Answer<Self::ExportRecordsStream> {
        let (by, ledger) = self.0.asked(&request)?;
        let pb::ExportRecordsRequest { start, end, purpose } = request.into_inner();
        let size = ledger.newest().size;
        let end = if end == 0 { size } else { end };
        let read = asker(&by).and_then(|asker| {
            let purpose = convert::query_purpose(purpose)?;
            let bounded = start <= end && end <= size;
            bounded.then_some((asker, purpose)).ok_or(Refusal::at(Reason::BeyondTheLog, "end"))
        });
        let (asker, purpose) = self.0.checked(&by, Act::ReadLog, read).await?;
        ledger.consult(by.clone(), purpose, start..end).await.map_err(status::of)?;
        Ok(Response::new(self.stream(asker, (start, end))))
    }

    async fn query(&self, request: Request<pb::QueryRequest>) -> Answer<pb::QueryResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let request = request.into_inner();
        let read = question::read(&request, &by, &self.0.views);
        let asked = self.0.checked(&by, Act::ReadLog, read).await?;
        // The question is on record before anything of the answer leaves.
        let range = asked.place.map_or((0, None), |place| (place.next, Some(place.size)));
        let (size, commit) = ledger.query(by, asked.purpose, range).await.map_err(status::of)?;
        let place = asked.place.unwrap_or(Place::new(0, size));
        let answer = self.0.views.answer(asked.by, asked.question, place, asked.limit).await;
        let answer = answer.map_err(|error| status::internal(&error))?;
        let next = answer.next.map(|next| self.0.views.place_bytes(next, &asked.bound));
        let records = proven(&self.0.ledger, answer.shown, commit.size);
        Ok(Response::new(pb::QueryResponse {
            records: records.map_err(|error| status::internal(&error))?,
            size,
            next_page_token: next.unwrap_or_default().into(),
            checkpoint: commit.checkpoint.clone(),
        }))
    }

    async fn prove_complete(
        &self,
        request: Request<pb::ProveCompleteRequest>,
    ) -> Answer<Self::ProveCompleteStream> {
        let (by, ledger) = self.0.asked(&request)?;
        let now = self.0.clock.now();
        let read = complete::read(&request.into_inner(), &by, (ledger.newest().size, now));
        let asked = self.0.checked(&by, Act::ReadLog, read).await?;
        let known = asked.is_known(&self.0).await.map_err(|error| status::internal(&error))?;
        let known = known.then_some(()).ok_or(Refusal::at(Reason::AgencyUnknown, "agency"));
        self.0.checked(&by, Act::ReadLog, known).await?;
        let range = asked.range(&self.0.views).await.map_err(|error| status::internal(&error))?;
        // The question is on record before anything of the answer leaves, and its record ends the answer.
        let closed = ledger.close_range((by, asked.about()), asked.purpose, range).await;
        let (index, commit) = closed.map_err(status::of)?;
        Ok(Response::new(asked.prove(&self.0, range, (index, commit))))
    }

    async fn assess_breach(
        &self,
        request: Request<pb::AssessBreachRequest>,
    ) -> Answer<pb::AssessBreachResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = access::breach(&request.into_inner(), &by);
        let (asker, purpose, question) = self.0.checked(&by, Act::ReadLog, read).await?;
        let (size, commit) = ledger.query(by, purpose, (0, None)).await.map_err(status::of)?;
        let breach = self.0.views.assess(asker, question, size).await;
        let breach = breach.map_err(|error| status::internal(&error))?;
        Ok(Response::new(access::assessed(&breach, (size, commit.checkpoint.clone()))))
    }

    async fn open_access(
        &self,
        request: Request<pb::OpenAccessRequest>,
    ) -> Answer<pb::OpenAccessResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = access::received(&request.into_inner(), &by, self.0.clock.now());
        let received_at = self.0.checked(&by, Act::OpenAccess, read).await?;
        let opened_by = by.seat.to_string();
        let opened = ledger.open_access(by, received_at).await;
        let (request, due_at, index) = opened.map_err(status::of)?;
        let status = pb::AccessStatus {
            request: request.to_string(),
            received_at: Some(record::timestamp_to_pb(received_at)),
            due_at: Some(record::timestamp_to_pb(due_at)),
            opened_by,
            releases: Vec::new(),
        };
        Ok(Response::new(pb::OpenAccessResponse { status: Some(status), index }))
    }

    async fn release_report(
        &self,
        request: Request<pb::ReleaseReportRequest>,
    ) -> Answer<pb::ReleaseReportResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let read = access::released(&request.into_inner(), &by)
            .and_then(|released| Ok((by.officer()?.clone(), released)));
        let (agency, released) = self.0.checked(&by, Act::ReleaseReport, read).await?;
        let _one_at_a_time = self.0.releasing.lock().await;
        let requests = self.0.requests_of(&agency).await;
        let requests = requests.map_err(|error| status::internal(&error))?;
        let releasable = access::releasable(&requests, &released);
        let known = self.0.checked(&by, Act::ReleaseReport, releasable).await?;
        if let Some(pb::ReleaseStatus { index, released_at, .. }) = known {
            return Ok(Response::new(pb::ReleaseReportResponse { index, released_at }));
        }
        let (index, at) = ledger.release_report(released).await.map_err(status::of)?;
        let released_at = Some(record::timestamp_to_pb(at));
        Ok(Response::new(pb::ReleaseReportResponse { index, released_at }))
    }

    async fn list_access(
        &self,
        request: Request<pb::ListAccessRequest>,
    ) -> Answer<pb::ListAccessResponse> {
        let (by, _) = self.0.asked(&request)?;
        let agency = self.0.checked(&by, Act::ReadGovernance, by.officer().cloned()).await?;
        let requests = self.0.requests_of(&agency).await;
        let requests = requests.map_err(|error| status::internal(&error))?;
        Ok(Response::new(pb::ListAccessResponse { requests }))
    }

    async fn seal_export(
        &self,
        request: Request<pb::SealExportRequest>,
    ) -> Answer<pb::SealExportResponse> {
        let (by, ledger) = self.0.asked(&request)?;
        let pb::SealExportRequest { size, manifest, purpose } = request.into_inner();
        let read = convert::query_purpose(purpose).and_then(|purpose| {
            let manifest = <[u8; 32]>::try_from(manifest.as_ref());
            let manifest = manifest.map_err(|_| Refusal::at(Reason::Malformed, "manifest"))?;
            Ok((purpose, manifest))
        });
        let (purpose, manifest) = self.0.checked(&by, Act::ReadLog, read).await?;
        let sealed = ledger.seal_export(by, purpose, size, manifest).await;
        let (seal, index) = sealed.map_err(status::of)?;
        Ok(Response::new(pb::SealExportResponse { seal, index }))
    }
}

impl AuditService {
    /// Streams records to one who may read them, for as long as they are read.
    fn stream(&self, by: Asker, (start, end): (u64, u64)) -> Records {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let views = self.0.views.clone();
        self.0.tasks.spawn("audit-export", async move {
            let all = Arc::<Question>::default();
            let mut next = (start < end).then_some(Place::new(start, end));
            while let Some(place) = next {
                let part = views.answer(by.clone(), Arc::clone(&all), place, RECORDS_MAX).await;
                next = part.as_ref().ok().and_then(|part| part.next);
                let records = part.map_err(|error| status::internal(&error)).map(|part| {
                    let records = part.shown.into_iter().map(record).collect();
                    pb::ExportRecordsResponse { records }
                });
                let is_empty = records.as_ref().is_ok_and(|it| it.records.is_empty());
                // A reader that went away ends the export.
                if !is_empty && sender.send(records).await.is_err() {
                    return;
                }
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

/// Proves that the records of an answer stand in the tree of a commit.
pub(super) fn proven(
    ledger: &Ledger,
    shown: Vec<Shown>,
    size: u64,
) -> Result<Vec<pb::ProvenRecord>, LedgerError> {
    let prove = |shown: Shown| {
        let inclusion = record::proof_to_pb(&ledger.inclusion(shown.entry.index, size)?);
        Ok(pb::ProvenRecord { record: Some(record(shown)), inclusion })
    };
    shown.into_iter().map(prove).collect()
}

fn record(shown: Shown) -> pb::LogRecord {
    let Shown { entry, link } = shown;
    pb::LogRecord {
        index: entry.index,
        leaf: convert::bytes(&entry.frame.leaf),
        salt: convert::bytes(&entry.frame.salt),
        record: entry.frame.record,
        link: link.as_ref().map(convert::link),
    }
}
