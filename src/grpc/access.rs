//! A person's request for access: opened, answered by a released report, listed. And what a breach touches.

use super::{
    Broker,
    caller::asker,
    convert::{self, parsed, query_purpose},
};
use crate::domain::{AgencyId, Caller, QueryPurpose, Reason, RecordKind, Refusal, Timestamp};
use crate::ledger::LedgerError;
use crate::pb::v1 as pb;
use crate::record::{self, Access, Event, Released, RequestId};
use crate::views::{Asker, Breach, Place, Question, Reached, Shown};

/// Reads when a request was received.
///
/// # Errors
///
/// `WRONG_ROLE` for one who is no officer; the time that is missing or in the future.
pub(super) fn received(
    request: &pb::OpenAccessRequest,
    by: &Caller,
    now: Timestamp,
) -> Result<Timestamp, Refusal> {
    by.officer()?;
    let received = record::timestamp_from_pb(request.received_at, "received_at")?;
    let is_ahead = received > now;
    if is_ahead { Err(Refusal::at(Reason::AheadOfTime, "received_at")) } else { Ok(received) }
}

/// Reads a release.
///
/// # Errors
///
/// `WRONG_ROLE` for one who is no officer, `THIRD_PARTY_UNCHECKED` where an entry was not looked at; else the field
/// that is wrong.
pub(super) fn released(
    request: &pb::ReleaseReportRequest,
    by: &Caller,
) -> Result<Released, Refusal> {
    by.officer()?;
    let id: RequestId = parsed(&request.request, "request")?;
    let report = request.report.as_ref().try_into();
    let report = report.map_err(|_| Refusal::at(Reason::Malformed, "report"))?;
    let (entries, withheld) = (request.entries, request.withheld);
    if withheld > entries {
        return Err(Refusal::at(Reason::OutOfBounds, "withheld"));
    }
    // DPA 2018 Sch 2 para 16: whether an entry is about others as well is for a person to say.
    if request.third_party_checked != entries {
        return Err(Refusal::at(Reason::ThirdPartyUnchecked, "third_party_checked"));
    }
    Ok(Released {
        by: by.clone(),
        request: id,
        report,
        entries,
        withheld,
        neither: request.neither_confirms_nor_denies,
        corrects: Some(request.corrects).filter(|index| *index > 0),
    })
}

/// Decides whether a report may be released, by what was released before for its request; returns the release where it
/// is that one again. A person may be answered anew, and then it is on record which answer does not hold any more.
///
/// # Errors
///
/// `REQUEST_UNKNOWN`; `REPORT_RELEASED` unless it names the newest release, or there is none and it names none.
pub(super) fn releasable(
    requests: &[pb::AccessStatus],
    released: &Released,
) -> Result<Option<pb::ReleaseStatus>, Refusal> {
    let id = released.request.to_string();
    let request = requests.iter().find(|status| status.request == id);
    let request = request.ok_or(Refusal::at(Reason::RequestUnknown, "request"))?;
    let newest = request.releases.last();
    let corrects = released.corrects.unwrap_or_default();
    // Whoever got no answer may ask again.
    let is_same =
        |it: &&pb::ReleaseStatus| *it.report == released.report && it.corrects == corrects;
    if let Some(same) = newest.filter(is_same) {
        return Ok(Some(same.clone()));
    }
    if newest.map_or(0, |it| it.index) == corrects {
        Ok(None)
    } else {
        Err(Refusal::at(Reason::ReportReleased, "corrects"))
    }
}

impl Broker {
    /// Lists the requests of an agency, with what was released for each.
    pub(super) async fn requests_of(
        &self,
        agency: &AgencyId,
    ) -> Result<Vec<pb::AccessStatus>, LedgerError> {
        let mut requests: Vec<pb::AccessStatus> = Vec::new();
        for kind in [RecordKind::SubjectRequestOpened, RecordKind::ReportReleased] {
            for shown in self.all_of(agency, kind).await? {
                let at = shown.entry.record.at;
                let Event::Access(access) = &shown.entry.record.event else { continue };
                match access {
                    Access::Opened { by, request, received_at, due_at } => {
                        requests.push(pb::AccessStatus {
                            request: request.to_string(),
                            received_at: Some(record::timestamp_to_pb(*received_at)),
                            due_at: Some(record::timestamp_to_pb(*due_at)),
                            opened_by: by.seat.to_string(),
                            releases: Vec::new(),
                        });
                    }
                    Access::Released(it) => {
                        let id = it.request.to_string();
                        if let Some(status) = requests.iter_mut().find(|it| it.request == id) {
                            status.releases.push(release(it, at, shown.entry.index));
                        }
                    }
                }
            }
        }
        Ok(requests)
    }

    async fn all_of(&self, agency: &AgencyId, kind: RecordKind) -> Result<Vec<Shown>, LedgerError> {
        let question =
            std::sync::Arc::new(Question { kind: Some(kind), linked: true, ..Question::default() });
        let size = self.ledger.newest().size;
        let mut place = (size > 0).then_some(Place::new(0, size));
        let mut all = Vec::new();
        while let Some(at) = place {
            let part = self.views.answer(agency.clone(), std::sync::Arc::clone(&question), at, 256);
            let part = part.await?;
            all.extend(part.shown);
            place = part.next;
        }
        Ok(all)
    }
}

fn release(it: &Released, at: Timestamp, index: u64) -> pb::ReleaseStatus {
    pb::ReleaseStatus {
        released_by: it.by.seat.to_string(),
        released_at: Some(record::timestamp_to_pb(at)),
        report: convert::bytes(&it.report),
        entries: it.entries,
        withheld: it.withheld,
        neither_confirms_nor_denies: it.neither,
        index,
        corrects: it.corrects.unwrap_or_default(),
    }
}

/// Reads what a breach is asked by.
///
/// # Errors
///
/// `WRONG_ROLE` for one who may not read the log, `MISSING_FIELD` where nothing is set; else the field that is wrong.
pub(super) fn breach(
    request: &pb::AssessBreachRequest,
    by: &Caller,
) -> Result<(Asker, QueryPurpose, Question), Refusal> {
    let by = asker(by)?;
    let purpose = query_purpose(request.purpose)?;
    let time = |time: Option<prost_types::Timestamp>, at| {
        time.map(|time| record::timestamp_from_pb(Some(time), at)).transpose()
    };
    let named = |text: &str| !text.is_empty();
    let question = Question {
        from: time(request.from, "from")?,
        to: time(request.to, "to")?,
        agency: named(&request.agency).then(|| parsed(&request.agency, "agency")).transpose()?,
        alert: named(&request.alert).then(|| parsed(&request.alert, "alert")).transpose()?,
        certificate: if request.certificate.is_empty() {
            None
        } else {
            Some(convert::fingerprint(&request.certificate, "certificate")?)
        },
        ..Question::default()
    };
    let is_empty = question.from.zip(question.to).is_some_and(|(from, to)| from >= to);
    if question == Question::default() {
        Err(Refusal::at(Reason::MissingField, "certificate"))
    } else if is_empty {
        Err(Refusal::at(Reason::OutOfBounds, "to"))
    } else {
        Ok((by, purpose, question))
    }
}

/// Writes what a breach touches.
pub(super) fn assessed(
    breach: &Breach,
    (size, checkpoint): (u64, String),
) -> pb::AssessBreachResponse {
    let time = |time: Option<Timestamp>| time.map(record::timestamp_to_pb);
    let recipient = |(agency, it): (&AgencyId, &Reached)| pb::BreachRecipient {
        agency: agency.to_string(),
        disclosures: it.disclosures,
        people: it.people,
        fields: it.fields.iter().map(|field| field.number().into()).collect(),
        first: time(it.times.map(|(first, _)| first)),
        last: time(it.times.map(|(_, last)| last)),
    };
    pb::AssessBreachResponse {
        people: breach.people,
        alerts: breach.alerts,
        alerts_without_people: breach.alerts_without_people,
        disclosures: breach.disclosures,
        redeliveries: breach.redeliveries,
        subject_categories: breach.categories.iter().map(|it| it.number().into()).collect(),
        types: breach.types.iter().map(|it| it.number().into()).collect(),
        purposes: breach.purposes.iter().map(|it| it.number().into()).collect(),
        recipients: breach.recipients.iter().map(recipient).collect(),
        first: time(breach.times.map(|(first, _)| first)),
        last: time(breach.times.map(|(_, last)| last)),
        size,
        checkpoint,
    }
}
