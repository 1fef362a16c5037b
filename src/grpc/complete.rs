//! Proofs of completeness: every record linked to an agency in a range, with the one before it, the one behind it,
//! and the record of the question itself, which names the range and closes the agency's links.

use std::{pin::Pin, sync::Arc};

use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::Status;

use super::{
    Broker,
    audit::{RECORDS_MAX, proven},
    caller::asker,
    convert::{parsed, query_purpose},
    status,
};
use crate::domain::{AgencyId, Caller, QueryPurpose, Reason, RecordKind, Refusal, Timestamp};
use crate::ledger::{Commit, Ledger, LedgerError};
use crate::pb::v1 as pb;
use crate::record;
use crate::views::{Asker, Place, Question, Shown, Views};

/// The parts of a proof, as they are sent.
pub(super) type Parts = Pin<Box<dyn Stream<Item = Result<Part, Status>> + Send>>;
type Part = pb::ProveCompleteResponse;
/// A range of indexes; no end is that of the question's own record.
type Range = (u64, Option<u64>);

/// Whose records are asked for, and which of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Asked {
    pub(super) purpose: QueryPurpose,
    agency: AgencyId,
    /// An auditor asks about it.
    is_about: bool,
    range: Range,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
}

/// Reads what is asked of a log of `size` entries, as of `now`.
///
/// # Errors
///
/// `WRONG_ROLE` for one who is no officer; else the field that is missing, unknown or out of its bounds.
pub(super) fn read(
    request: &pb::ProveCompleteRequest,
    by: &Caller,
    (size, now): (u64, Timestamp),
) -> Result<Asked, Refusal> {
    let (agency, is_about) = agency(request, by)?;
    let purpose = query_purpose(request.purpose)?;
    let time = |time: Option<prost_types::Timestamp>, at| {
        time.map(|time| record::timestamp_from_pb(Some(time), at)).transpose()
    };
    let (from, to) = (time(request.from, "from")?, time(request.to, "to")?);
    let is_from_twice = from.is_some() && request.start > 0;
    let is_to_twice = to.is_some() && request.end.is_some();
    // A proof cannot speak of what has not happened yet.
    let is_ahead = to.is_some_and(|to| to > now);
    let is_empty = from.zip(to).is_some_and(|(from, to)| from >= to);
    if is_from_twice {
        Err(Refusal::at(Reason::OutOfBounds, "from"))
    } else if is_to_twice || is_empty || is_ahead {
        Err(Refusal::at(Reason::OutOfBounds, "to"))
    } else if request.start > size {
        Err(Refusal::at(Reason::BeyondTheLog, "start"))
    } else if request.end.is_some_and(|end| end > size || end < request.start) {
        Err(Refusal::at(Reason::BeyondTheLog, "end"))
    } else {
        Ok(Asked { purpose, agency, is_about, range: (request.start, request.end), from, to })
    }
}

/// Returns the agency whose records are asked for, and whether it is an auditor who asks about it.
fn agency(request: &pb::ProveCompleteRequest, by: &Caller) -> Result<(AgencyId, bool), Refusal> {
    let named = request.agency.as_str();
    match asker(by)? {
        Asker::Agency(own) if named.is_empty() || named == own.as_str() => Ok((own, false)),
        Asker::Agency(_) => Err(Refusal::at(Reason::WrongRole, "agency")),
        Asker::Auditor if named.is_empty() => Err(Refusal::at(Reason::MissingField, "agency")),
        Asker::Auditor => Ok((parsed(named, "agency")?, true)),
    }
}

impl Asked {
    /// Returns the agency that an auditor asks about.
    pub(super) fn about(&self) -> Option<AgencyId> {
        self.is_about.then(|| self.agency.clone())
    }

    /// Tells whether there is such an agency: in the table, or in the log.
    pub(super) async fn is_known(&self, broker: &Broker) -> Result<bool, LedgerError> {
        if !self.is_about || broker.trust.borrow().knows(&self.agency) {
            return Ok(true);
        }
        let question = Arc::new(Question { linked: true, ..Question::default() });
        let mut place = Some(Place::new(0, broker.views.standing().size));
        while let Some(at) = place {
            let part = broker.views.answer(self.agency.clone(), Arc::clone(&question), at, 1);
            let part = part.await?;
            if !part.shown.is_empty() {
                return Ok(true);
            }
            place = part.next;
        }
        Ok(false)
    }

    /// Finds the range of indexes. A time that the log has not come to yet ends at the question's own record.
    pub(super) async fn range(&self, views: &Views) -> Result<Range, LedgerError> {
        let (mut start, mut end) = self.range;
        if let Some(from) = self.from {
            start = views.first_since(from).await?;
        }
        if let Some(to) = self.to {
            let size = views.standing().size;
            end = Some(views.first_since(to).await?).filter(|end| *end < size);
        }
        // The log may have grown since it was looked for the start of times.
        Ok((end.map_or(start, |end| start.min(end)), end))
    }

    /// Sends the proof, for as long as it is read.
    pub(super) fn prove(
        self,
        broker: &Broker,
        (start, end): Range,
        (index, commit): (u64, Arc<Commit>),
    ) -> Parts {
        let (sender, receiver) = mpsc::channel(4);
        let end = end.unwrap_or(index);
        let linked = Linked {
            views: broker.views.clone(),
            ledger: broker.ledger.clone(),
            agency: self.agency.clone(),
            commit,
        };
        broker.tasks.spawn("audit-complete", async move {
            let sent = linked.send(&self, (start, end), (index, &sender)).await;
            if let Err(error) = sent {
                // A reader that went away has nobody to be told.
                drop(sender.send(Err(status::internal(&error))).await);
            }
        });
        Box::pin(ReceiverStream::new(receiver))
    }
}

/// The records linked to one agency, as of a commit.
struct Linked {
    views: Views,
    ledger: Ledger,
    agency: AgencyId,
    commit: Arc<Commit>,
}

type Sender = mpsc::Sender<Result<Part, Status>>;

impl Linked {
    async fn send(
        &self,
        asked: &Asked,
        (start, end): (u64, u64),
        (index, sender): (u64, &Sender),
    ) -> Result<(), LedgerError> {
        let closing = self.first(index, index + 1).await?;
        let closing = proven(&self.ledger, vec![closing], self.commit.size)?.pop();
        let time = |time: Option<Timestamp>| time.map(record::timestamp_to_pb);
        let completeness = pb::Completeness {
            agency: self.agency.to_string(),
            start,
            end,
            from: time(asked.from),
            to: time(asked.to),
            checkpoint: self.commit.checkpoint.clone(),
            closing,
            erased: self.erased(index).await?,
        };
        let first = Part { completeness: Some(completeness), records: Vec::new() };
        if sender.send(Ok(first)).await.is_err() {
            return Ok(());
        }
        // There is always one: the question's own record, if no other.
        let next = self.first(start, index + 1).await?;
        let previous = next.link.as_ref().map_or(0, |link| link.previous);
        if let Some(before) = previous.checked_sub(1) {
            // It may have been erased, and the claim says so.
            let before = self.find(before, previous).await?;
            if !self.send_records(before.into_iter().collect(), sender).await? {
                return Ok(());
            }
        }
        let mut place = (start < end).then_some(Place::new(start, end));
        while let Some(at) = place {
            let part = self.part(at, RECORDS_MAX).await?;
            place = part.next;
            if !self.send_records(part.shown, sender).await? {
                return Ok(());
            }
        }
        let behind = self.first(end, index + 1).await?;
        self.send_records(vec![behind], sender).await.map(drop)
    }

    /// Tells whether anybody still reads.
    async fn send_records(&self, shown: Vec<Shown>, sender: &Sender) -> Result<bool, LedgerError> {
        if shown.is_empty() {
            return Ok(true);
        }
        let records = proven(&self.ledger, shown, self.commit.size)?;
        Ok(sender.send(Ok(Part { completeness: None, records })).await.is_ok())
    }

    async fn part(&self, place: Place, limit: usize) -> Result<crate::views::Answer, LedgerError> {
        let question = Question { linked: true, ..Question::default() };
        self.views.answer(self.agency.clone(), question.into(), place, limit).await
    }

    /// Returns the first linked record from `start` on and before `end`: there has to be one.
    async fn first(&self, start: u64, end: u64) -> Result<Shown, LedgerError> {
        let what = "the links of an agency end before it";
        self.find(start, end).await?.ok_or(LedgerError::Damaged { index: start, what })
    }

    /// Returns the first linked record from `start` on and before `end`, if any.
    async fn find(&self, start: u64, end: u64) -> Result<Option<Shown>, LedgerError> {
        let mut place = Some(Place::new(start, end));
        while let Some(at) = place {
            let mut part = self.part(at, 1).await?;
            if let Some(shown) = part.shown.pop() {
                return Ok(Some(shown));
            }
            place = part.next;
        }
        Ok(None)
    }

    /// Returns the newest record before `end` that says that others were erased.
    async fn erased(&self, end: u64) -> Result<Option<pb::ProvenRecord>, LedgerError> {
        let kind = Some(RecordKind::RecordsErased);
        let question = Arc::new(Question { kind, ..Question::default() });
        let (mut place, mut newest) = (Some(Place::new(0, end)), None);
        while let Some(at) = place {
            let part =
                self.views.answer(self.agency.clone(), Arc::clone(&question), at, RECORDS_MAX);
            let mut part = part.await?;
            newest = part.shown.pop().or(newest);
            place = part.next;
        }
        Ok(proven(&self.ledger, newest.into_iter().collect(), self.commit.size)?.pop())
    }
}
