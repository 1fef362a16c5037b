//! Notices of alerts that the own agency received, verified against the log before any of them is handed out. Nothing
//! is acknowledged by itself: of a recall that would say that the alert is deleted.

use super::{Connection, Error, connection::ANSWER_BYTES_MAX, entry::Entry, fault::Fault};
use crate::{
    domain::{AgencyId, AlertNotice},
    merkle::Checkpoint,
    pb::v1::{self as pb, exchange_client::ExchangeClient},
    record::{Event, NoticeStep, RightsEvent},
};

/// The most notices that one call brings.
pub const NOTICES_MAX: u8 = 100;

/// Notices, verified.
#[derive(Clone, Debug, PartialEq)]
pub struct PulledNotices {
    /// Number up to which all is acknowledged.
    pub acknowledged: u64,
    /// The notices that follow, in order of number.
    pub notices: Vec<pb::PulledNotice>,
    /// More wait behind them.
    pub more: bool,
}

impl Connection {
    /// Acknowledges every notice up to a number, 0 for none, and takes up to `max` of the next.
    ///
    /// # Errors
    ///
    /// [`Error::Configuration`] where the identity is an operator's or `max` out of bounds, [`Error::Refused`] with
    /// the broker's reason, [`Error::Verification`] where a notice is not what was recorded.
    pub async fn pull_notices(&self, acknowledged: u64, max: u8) -> Result<PulledNotices, Error> {
        let no_agency = || Error::configuration("an operator's identity gets no notices");
        let recipient = self.identity().agency().ok_or_else(no_agency)?.clone();
        if max > NOTICES_MAX {
            return Err(Error::configuration("notices: 0 to 100"));
        }
        let known = self.known();
        let checkpoint = known.as_ref().map(|seen| seen.note.clone()).unwrap_or_default();
        let request = pb::PullNoticesRequest { acknowledged, max: max.into(), checkpoint };
        let mut exchange =
            ExchangeClient::new(self.channel()).max_decoding_message_size(ANSWER_BYTES_MAX);
        let answer = exchange.pull_notices(request).await?.into_inner();
        let consistency = Some(answer.consistency.as_slice());
        let seen = self.settle(known.as_deref(), &answer.checkpoint, consistency).await?;
        verify(&answer, (acknowledged, max), &recipient, &seen.checkpoint)?;
        let pb::PullNoticesResponse { acknowledged, notices, more, .. } = answer;
        Ok(PulledNotices { acknowledged, notices, more })
    }
}

/// Verifies that what was asked is acknowledged, and every notice.
fn verify(
    answer: &pb::PullNoticesResponse,
    (acknowledged, max): (u64, u8),
    recipient: &AgencyId,
    checkpoint: &Checkpoint,
) -> Result<(), Fault> {
    if answer.notices.len() > usize::from(max) {
        return Err(Fault::Protocol("a bound: more notices came than were asked for"));
    }
    if answer.acknowledged < acknowledged {
        return Err(Fault::Protocol("the acknowledgement"));
    }
    let mut last = answer.acknowledged;
    for notice in &answer.notices {
        if notice.number <= last {
            return Err(Fault::Number { expected: last + 1, number: notice.number });
        }
        last = notice.number;
        verify_notice(notice, recipient, checkpoint)?;
    }
    Ok(())
}

/// Verifies that a notice is what the record of its sending says, to us.
fn verify_notice(
    notice: &pb::PulledNotice,
    recipient: &AgencyId,
    checkpoint: &Checkpoint,
) -> Result<(), Fault> {
    let entry = Entry {
        index: notice.index,
        record: &notice.record,
        salt: &notice.salt,
        leaf: None,
        inclusion: &notice.inclusion,
    };
    let other = |what| Err(Fault::Record { index: notice.index, what });
    let Event::Rights(RightsEvent::NoticeSent(sent)) = entry.open(checkpoint)?.event else {
        return other("it is no notice");
    };
    if sent.recipient != *recipient {
        return other("another recipient");
    }
    if said(&sent) == told(notice) { Ok(()) } else { other("another notice") }
}

/// Alert, publisher, kind, the two reasons and the alert that takes the other's place.
type Told<'a> = (String, &'a str, i32, i32, i32, String);

fn told(notice: &pb::PulledNotice) -> Told<'_> {
    (
        notice.alert.clone(),
        &notice.publisher,
        notice.kind,
        notice.recall_reason,
        notice.restriction_reason,
        notice.rectified_by.clone(),
    )
}

fn said(sent: &NoticeStep) -> Told<'_> {
    let (recall, restriction, rectified_by) = match sent.notice {
        AlertNotice::Recalled(reason) => (reason.number().into(), 0, String::new()),
        AlertNotice::Rectified(by) => (0, 0, by.to_string()),
        AlertNotice::Restricted(reason) => (0, reason.number().into(), String::new()),
        AlertNotice::Delete | AlertNotice::RestrictionLifted => (0, 0, String::new()),
    };
    let kind = sent.notice.kind().number().into();
    let alert = &sent.alert;
    (alert.id.to_string(), alert.publisher.as_str(), kind, recall, restriction, rectified_by)
}
