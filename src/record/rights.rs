//! What the log says of a person's rights over an alert: acts of its publisher, and the notices of them to every
//! recipient. A recipient finds its own notices here and nobody else's.

use bytes::Bytes;
use smallvec::smallvec;

use super::{
    Agencies, Malformed,
    decode::{caller, code, parsed},
    read::actor,
};
use crate::domain::{
    AgencyId, AlertId, AlertNotice, AlertNoticeKind, AlertRef, Caller, ObjectionGround,
    ObjectionKind, ObjectionOutcome, RecallReason, RecordKind, RestrictionReason, Timestamp,
};
use crate::pb::v1::{self as pb, record::Event as Stored};

/// An act on an alert, or a notice of one; each is described in `proto/portway/v1/record.proto`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is described in proto/portway/v1/record.proto")]
pub enum RightsEvent {
    AlertRecalled { by: Caller, alert: AlertRef, reason: RecallReason },
    AlertRestricted { by: Caller, alert: AlertRef, reason: RestrictionReason },
    NoticeAcknowledged(NoticeStep),
    NoticeSent(NoticeStep),
    NoticesDue(NoticesDue),
    NoticesPulled { by: Caller },
    ObjectionAnswered(Answered),
    ObjectionRecorded { by: Caller, alert: AlertRef, kind: ObjectionKind },
    RestrictionLifted { by: Caller, alert: AlertRef },
}

/// Who is to be told of an act on an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticesDue {
    /// Index of the act's record.
    pub cause: u64,
    /// The alert.
    pub alert: AlertRef,
    /// What they are told.
    pub notice: AlertNotice,
    /// The recipients, in order of name.
    pub recipients: Vec<AgencyId>,
}

/// One recipient's notice goes a step on.
#[derive(Clone, Debug, PartialEq)]
pub struct NoticeStep {
    /// Index of the record that made it due.
    pub due: u64,
    /// Index of the record that names the recipient's system.
    pub pulled: u64,
    /// The alert.
    pub alert: AlertRef,
    /// What it says.
    pub notice: AlertNotice,
    /// The recipient.
    pub recipient: AgencyId,
}

/// An objection was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The officer of the publisher.
    pub by: Caller,
    /// The alert.
    pub alert: AlertRef,
    /// Index of the objection's record.
    pub objection: u64,
    /// The agency that recorded it.
    pub recorded_by: AgencyId,
    /// What came of it.
    pub outcome: ObjectionOutcome,
    /// Why.
    pub ground: ObjectionGround,
}

impl RightsEvent {
    /// Returns the agencies that it concerns, in the order of its links. Who else received an alert is its
    /// publisher's to know alone.
    pub fn agencies(&self) -> Agencies<'_> {
        match self {
            Self::AlertRecalled { alert, .. }
            | Self::AlertRestricted { alert, .. }
            | Self::RestrictionLifted { alert, .. } => smallvec![&alert.publisher],
            Self::NoticesDue(due) => smallvec![&due.alert.publisher],
            Self::NoticeAcknowledged(it) | Self::NoticeSent(it) => {
                smallvec![&it.alert.publisher, &it.recipient]
            }
            Self::NoticesPulled { by } => by.seat.agency().into_iter().collect(),
            Self::ObjectionAnswered(it) => both(&it.alert.publisher, &it.recorded_by),
            Self::ObjectionRecorded { by, alert, .. } => {
                both(&alert.publisher, by.seat.agency().unwrap_or(&alert.publisher))
            }
        }
    }

    /// Returns what kind of record it is.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::AlertRecalled { .. } => RecordKind::AlertRecalled,
            Self::AlertRestricted { .. } => RecordKind::AlertRestricted,
            Self::NoticeAcknowledged(_) => RecordKind::NoticeAcknowledged,
            Self::NoticeSent(_) => RecordKind::NoticeSent,
            Self::NoticesDue(_) => RecordKind::NoticesDue,
            Self::NoticesPulled { .. } => RecordKind::NoticesPulled,
            Self::ObjectionAnswered(_) => RecordKind::ObjectionAnswered,
            Self::ObjectionRecorded { .. } => RecordKind::ObjectionRecorded,
            Self::RestrictionLifted { .. } => RecordKind::RestrictionLifted,
        }
    }

    /// Returns who did it; nobody where the broker found it out by itself, or the record of a pull says it.
    pub const fn by(&self) -> Option<&Caller> {
        match self {
            Self::AlertRecalled { by, .. }
            | Self::AlertRestricted { by, .. }
            | Self::NoticesPulled { by }
            | Self::ObjectionAnswered(Answered { by, .. })
            | Self::ObjectionRecorded { by, .. }
            | Self::RestrictionLifted { by, .. } => Some(by),
            Self::NoticeAcknowledged(_) | Self::NoticeSent(_) | Self::NoticesDue(_) => None,
        }
    }

    /// Returns the alert that it is about.
    pub const fn alert(&self) -> Option<&AlertRef> {
        match self {
            Self::AlertRecalled { alert, .. }
            | Self::AlertRestricted { alert, .. }
            | Self::NoticeAcknowledged(NoticeStep { alert, .. })
            | Self::NoticeSent(NoticeStep { alert, .. })
            | Self::NoticesDue(NoticesDue { alert, .. })
            | Self::ObjectionAnswered(Answered { alert, .. })
            | Self::ObjectionRecorded { alert, .. }
            | Self::RestrictionLifted { alert, .. } => Some(alert),
            Self::NoticesPulled { .. } => None,
        }
    }
}

fn both<'a>(publisher: &'a AgencyId, other: &'a AgencyId) -> Agencies<'a> {
    if publisher == other { smallvec![publisher] } else { smallvec![publisher, other] }
}

pub(super) fn stored(event: &RightsEvent) -> Stored {
    match event {
        RightsEvent::AlertRecalled { by, alert, reason } => {
            Stored::AlertRecalled(pb::AlertRecalled {
                by: Some(actor(by)),
                alert: Some(alert_to_pb(alert)),
                reason: reason.number().into(),
            })
        }
        RightsEvent::AlertRestricted { by, alert, reason } => {
            Stored::AlertRestricted(pb::AlertRestricted {
                by: Some(actor(by)),
                alert: Some(alert_to_pb(alert)),
                reason: reason.number().into(),
            })
        }
        RightsEvent::NoticeAcknowledged(it) => Stored::NoticeAcknowledged(pb::NoticeAcknowledged {
            due: it.due,
            pulled: it.pulled,
            alert: Some(alert_to_pb(&it.alert)),
            notice: Some(notice_to_pb(it.notice)),
            recipient: it.recipient.to_string(),
        }),
        RightsEvent::NoticeSent(it) => Stored::NoticeSent(pb::NoticeSent {
            due: it.due,
            pulled: it.pulled,
            alert: Some(alert_to_pb(&it.alert)),
            notice: Some(notice_to_pb(it.notice)),
            recipient: it.recipient.to_string(),
        }),
        RightsEvent::NoticesDue(it) => Stored::NoticesDue(pb::NoticesDue {
            cause: it.cause,
            alert: Some(alert_to_pb(&it.alert)),
            notice: Some(notice_to_pb(it.notice)),
            recipients: it.recipients.iter().map(ToString::to_string).collect(),
        }),
        RightsEvent::NoticesPulled { by } => {
            Stored::NoticesPulled(pb::NoticesPulled { by: Some(actor(by)) })
        }
        RightsEvent::ObjectionAnswered(it) => Stored::ObjectionAnswered(pb::ObjectionAnswered {
            by: Some(actor(&it.by)),
            alert: Some(alert_to_pb(&it.alert)),
            objection: it.objection,
            recorded_by: it.recorded_by.to_string(),
            outcome: it.outcome.number().into(),
            ground: it.ground.number().into(),
        }),
        RightsEvent::ObjectionRecorded { by, alert, kind } => {
            Stored::ObjectionRecorded(pb::ObjectionRecorded {
                by: Some(actor(by)),
                alert: Some(alert_to_pb(alert)),
                kind: kind.number().into(),
            })
        }
        RightsEvent::RestrictionLifted { by, alert } => {
            Stored::RestrictionLifted(pb::RestrictionLifted {
                by: Some(actor(by)),
                alert: Some(alert_to_pb(alert)),
            })
        }
    }
}

pub(super) fn recalled(it: pb::AlertRecalled) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::AlertRecalled {
        by: caller(it.by)?,
        alert: alert(it.alert.as_ref())?,
        reason: code(it.reason, RecallReason::from_number)?,
    })
}

pub(super) fn restricted(it: pb::AlertRestricted) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::AlertRestricted {
        by: caller(it.by)?,
        alert: alert(it.alert.as_ref())?,
        reason: code(it.reason, RestrictionReason::from_number)?,
    })
}

pub(super) fn lifted(it: pb::RestrictionLifted) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::RestrictionLifted { by: caller(it.by)?, alert: alert(it.alert.as_ref())? })
}

pub(super) fn due(it: &pb::NoticesDue) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::NoticesDue(NoticesDue {
        cause: it.cause,
        alert: alert(it.alert.as_ref())?,
        notice: notice(it.notice.as_ref())?,
        recipients: it.recipients.iter().map(|it| parsed(it)).collect::<Result<_, _>>()?,
    }))
}

pub(super) fn pulled(it: pb::NoticesPulled) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::NoticesPulled { by: caller(it.by)? })
}

pub(super) fn sent(it: &pb::NoticeSent) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::NoticeSent(NoticeStep {
        due: it.due,
        pulled: it.pulled,
        alert: alert(it.alert.as_ref())?,
        notice: notice(it.notice.as_ref())?,
        recipient: parsed(&it.recipient)?,
    }))
}

pub(super) fn acknowledged(it: &pb::NoticeAcknowledged) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::NoticeAcknowledged(NoticeStep {
        due: it.due,
        pulled: it.pulled,
        alert: alert(it.alert.as_ref())?,
        notice: notice(it.notice.as_ref())?,
        recipient: parsed(&it.recipient)?,
    }))
}

pub(super) fn objection(it: pb::ObjectionRecorded) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::ObjectionRecorded {
        by: caller(it.by)?,
        alert: alert(it.alert.as_ref())?,
        kind: code(it.kind, ObjectionKind::from_number)?,
    })
}

pub(super) fn answered(it: pb::ObjectionAnswered) -> Result<RightsEvent, Malformed> {
    Ok(RightsEvent::ObjectionAnswered(Answered {
        by: caller(it.by)?,
        alert: alert(it.alert.as_ref())?,
        objection: it.objection,
        recorded_by: parsed(&it.recorded_by)?,
        outcome: code(it.outcome, ObjectionOutcome::from_number)?,
        ground: code(it.ground, ObjectionGround::from_number)?,
    }))
}

pub(super) fn alert_to_pb(alert: &AlertRef) -> pb::AlertRef {
    pb::AlertRef {
        published: alert.published,
        id: Bytes::copy_from_slice(alert.id.as_bytes()),
        publisher: alert.publisher.to_string(),
        delete_after_ms: alert.delete_after.ms(),
    }
}

pub(super) fn alert(it: Option<&pb::AlertRef>) -> Result<AlertRef, Malformed> {
    let it = it.ok_or(Malformed)?;
    Ok(AlertRef {
        published: it.published,
        id: AlertId::from_bytes(&it.id).map_err(|_| Malformed)?,
        publisher: parsed(&it.publisher)?,
        delete_after: Timestamp::from_ms(it.delete_after_ms),
    })
}

fn notice_to_pb(notice: AlertNotice) -> pb::AlertNotice {
    let mut it =
        pb::AlertNotice { kind: notice.kind().number().into(), ..pb::AlertNotice::default() };
    match notice {
        AlertNotice::Recalled(reason) => it.recall_reason = reason.number().into(),
        AlertNotice::Rectified(by) => it.rectified_by = Bytes::copy_from_slice(by.as_bytes()),
        AlertNotice::Restricted(reason) => it.restriction_reason = reason.number().into(),
        AlertNotice::Delete | AlertNotice::RestrictionLifted => {}
    }
    it
}

fn notice(it: Option<&pb::AlertNotice>) -> Result<AlertNotice, Malformed> {
    let it = it.ok_or(Malformed)?;
    let read = match code(it.kind, AlertNoticeKind::from_number)? {
        AlertNoticeKind::Delete => AlertNotice::Delete,
        AlertNoticeKind::Recalled => {
            AlertNotice::Recalled(code(it.recall_reason, RecallReason::from_number)?)
        }
        AlertNoticeKind::Rectified => {
            let by = AlertId::from_bytes(&it.rectified_by);
            AlertNotice::Rectified(by.map_err(|_| Malformed)?)
        }
        AlertNoticeKind::Restricted => {
            AlertNotice::Restricted(code(it.restriction_reason, RestrictionReason::from_number)?)
        }
        AlertNoticeKind::RestrictionLifted => AlertNotice::RestrictionLifted,
    };
    // What belongs to another kind has no place here.
    if notice_to_pb(read) == *it { Ok(read) } else { Err(Malformed) }
}
