//! What is kept of rights, as a snapshot holds it: ids, codes, times and indexes.

use prost::Message;

use super::NotAState;
use crate::domain::{
    AgencyId, AlertId, AlertNotice, AlertNoticeKind, AlertRef, ObjectionGround, ObjectionKind,
    ObjectionOutcome, RecallReason, RestrictionReason, Timestamp, UnknownCode,
};
use crate::exchange::rights::{Answer, Book, Due, Inbox, Kept, Mark, Objection, Owed, Place};

/// A [`Book`].
#[derive(Clone, PartialEq, Message)]
pub(super) struct Stored {
    #[prost(message, repeated, tag = "1")]
    marks: Vec<StoredMark>,
    #[prost(message, repeated, tag = "2")]
    owed: Vec<StoredOwed>,
    #[prost(message, repeated, tag = "3")]
    due: Vec<StoredDue>,
    #[prost(message, repeated, tag = "4")]
    inboxes: Vec<StoredInbox>,
    #[prost(message, repeated, tag = "5")]
    objections: Vec<StoredObjection>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredAlert {
    #[prost(uint64, tag = "1")]
    published: u64,
    #[prost(bytes = "vec", tag = "2")]
    id: Vec<u8>,
    #[prost(string, tag = "3")]
    publisher: String,
    #[prost(uint64, tag = "4")]
    delete_after: u64,
}

#[derive(Clone, PartialEq, Message)]
struct StoredNotice {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(int32, tag = "2")]
    reason: i32,
    #[prost(bytes = "vec", tag = "3")]
    rectified_by: Vec<u8>,
}

/// An index, and a code, an id or a time beside it.
#[derive(Clone, PartialEq, Message)]
struct At {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(uint64, tag = "2")]
    number: u64,
    #[prost(bytes = "vec", tag = "3")]
    id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredMark {
    #[prost(message, optional, tag = "1")]
    alert: Option<StoredAlert>,
    #[prost(message, optional, tag = "2")]
    restricted: Option<At>,
    #[prost(uint64, optional, tag = "3")]
    lifted: Option<u64>,
    #[prost(message, optional, tag = "4")]
    recalled: Option<At>,
    #[prost(message, optional, tag = "5")]
    rectified: Option<At>,
    #[prost(uint64, tag = "6")]
    until: u64,
}

#[derive(Clone, PartialEq, Message)]
struct StoredOwed {
    #[prost(uint64, tag = "1")]
    cause: u64,
    #[prost(uint64, tag = "2")]
    published: u64,
    #[prost(string, tag = "3")]
    publisher: String,
    #[prost(message, optional, tag = "4")]
    notice: Option<StoredNotice>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredDue {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(message, optional, tag = "2")]
    alert: Option<StoredAlert>,
    #[prost(message, optional, tag = "3")]
    notice: Option<StoredNotice>,
    #[prost(uint64, tag = "4")]
    at: u64,
    #[prost(uint64, tag = "5")]
    until: u64,
}

#[derive(Clone, PartialEq, Message)]
struct StoredInbox {
    #[prost(string, tag = "1")]
    agency: String,
    #[prost(uint64, tag = "2")]
    given: u64,
    #[prost(uint64, tag = "3")]
    acknowledged: u64,
    #[prost(message, repeated, tag = "4")]
    places: Vec<StoredPlace>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredPlace {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint64, tag = "2")]
    due: u64,
    #[prost(message, optional, tag = "3")]
    sent: Option<At>,
    #[prost(message, optional, tag = "4")]
    acknowledged: Option<At>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredObjection {
    #[prost(uint64, tag = "1")]
    index: u64,
    #[prost(message, optional, tag = "2")]
    alert: Option<StoredAlert>,
    #[prost(string, tag = "3")]
    recorded_by: String,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(uint64, tag = "5")]
    at: u64,
    #[prost(uint64, tag = "6")]
    until: u64,
    #[prost(message, optional, tag = "7")]
    answer: Option<At>,
    #[prost(int32, tag = "8")]
    outcome: i32,
    #[prost(int32, tag = "9")]
    ground: i32,
}

/// Writes what is kept beyond `at`.
pub(super) fn write(book: &Book, at: Timestamp) -> Stored {
    let live = |until: Timestamp| until > at;
    let marks = book.marks.values().filter(|it| live(it.until)).map(|it| StoredMark {
        alert: Some(alert(&it.alert)),
        restricted: it.restricted.map(|(index, reason)| code_at(index, reason.number())),
        lifted: it.lifted,
        recalled: it.recalled.map(|(index, reason)| code_at(index, reason.number())),
        rectified: it.rectified.map(|(index, by)| id_at(index, by)),
        until: it.until.ms(),
    });
    let owed = book.owed.iter().map(|((cause, published), it)| StoredOwed {
        cause: *cause,
        published: *published,
        publisher: it.publisher.to_string(),
        notice: Some(notice(it.notice)),
    });
    let due = book.due.iter().filter(|(_, it)| live(it.until)).map(|(index, it)| StoredDue {
        index: *index,
        alert: Some(alert(&it.alert)),
        notice: Some(notice(it.notice)),
        at: it.at.ms(),
        until: it.until.ms(),
    });
    let is_due = |place: &Place| book.due.get(&place.due).is_some_and(|it| live(it.until));
    let inboxes = book.inboxes.iter().map(|(agency, it)| StoredInbox {
        agency: agency.to_string(),
        given: it.given,
        acknowledged: it.acknowledged,
        places: it.places.iter().filter(|(_, it)| is_due(it)).map(place).collect(),
    });
    let objections = book.objections.iter().filter(|(_, it)| live(it.until)).map(objection);
    Stored {
        marks: marks.collect(),
        owed: owed.collect(),
        due: due.collect(),
        inboxes: inboxes.collect(),
        objections: objections.collect(),
    }
}

fn alert(it: &AlertRef) -> StoredAlert {
    StoredAlert {
        published: it.published,
        id: it.id.as_bytes().to_vec(),
        publisher: it.publisher.to_string(),
        delete_after: it.delete_after.ms(),
    }
}

fn notice(it: AlertNotice) -> StoredNotice {
    let mut stored = StoredNotice { kind: it.kind().number().into(), ..StoredNotice::default() };
    match it {
        AlertNotice::Recalled(reason) => stored.reason = reason.number().into(),
        AlertNotice::Rectified(by) => stored.rectified_by = by.as_bytes().to_vec(),
        AlertNotice::Restricted(reason) => stored.reason = reason.number().into(),
        AlertNotice::Delete | AlertNotice::RestrictionLifted => {}
    }
    stored
}

fn place((number, it): (&u64, &Place)) -> StoredPlace {
    StoredPlace {
        number: *number,
        due: it.due,
        sent: it.sent.map(time_at),
        acknowledged: it.acknowledged.map(time_at),
    }
}

fn objection((index, it): (&u64, &Objection)) -> StoredObjection {
    StoredObjection {
        index: *index,
        alert: Some(alert(&it.alert)),
        recorded_by: it.recorded_by.to_string(),
        kind: it.kind.number().into(),
        at: it.at.ms(),
        until: it.until.ms(),
        answer: it.answer.map(|answer| time_at((answer.index, answer.at))),
        outcome: it.answer.map_or(0, |answer| answer.outcome.number().into()),
        ground: it.answer.map_or(0, |answer| answer.ground.number().into()),
    }
}

fn code_at(index: u64, code: u8) -> At {
    At { index, number: code.into(), id: Vec::new() }
}

fn id_at(index: u64, id: AlertId) -> At {
    At { index, number: 0, id: id.as_bytes().to_vec() }
}

fn time_at((index, at): (u64, Timestamp)) -> At {
    At { index, number: at.ms(), id: Vec::new() }
}

/// Reads what is kept.
///
/// # Errors
///
/// [`NotAState`] where anything is missing or unknown.
pub(super) fn read(stored: Stored) -> Result<Book, NotAState> {
    let mut book = Book::default();
    for it in stored.marks {
        let alert = read_alert(it.alert)?;
        let (published, until) = (alert.published, Timestamp::from_ms(it.until));
        let restricted = it.restricted.map(|at| coded(&at, RestrictionReason::from_number));
        let recalled = it.recalled.map(|at| coded(&at, RecallReason::from_number));
        let mark = Mark {
            alert,
            restricted: restricted.transpose()?,
            lifted: it.lifted,
            recalled: recalled.transpose()?,
            rectified: it.rectified.map(|at| Ok((at.index, id(&at.id)?))).transpose()?,
            until,
        };
        book.marks.insert(published, mark);
        book.ends.insert((until, Kept::Mark(published)));
    }
    for it in stored.owed {
        let owed = Owed { publisher: agency(&it.publisher)?, notice: read_notice(it.notice)? };
        book.owed.insert((it.cause, it.published), owed);
    }
    for it in stored.due {
        let until = Timestamp::from_ms(it.until);
        let due = Due {
            alert: read_alert(it.alert)?,
            notice: read_notice(it.notice)?,
            at: Timestamp::from_ms(it.at),
            recipients: std::collections::BTreeMap::new(),
            until,
        };
        book.due.insert(it.index, due);
        book.ends.insert((until, Kept::Due(it.index)));
    }
    for it in stored.inboxes {
        let agency = agency(&it.agency)?;
        let mut inbox =
            Inbox { given: it.given, acknowledged: it.acknowledged, ..Inbox::default() };
        for place in it.places {
            let due = book.due.get_mut(&place.due).ok_or(NotAState)?;
            due.recipients.insert(agency.clone(), place.number);
            let (sent, acknowledged) =
                (place.sent.as_ref().map(timed), place.acknowledged.as_ref().map(timed));
            inbox.places.insert(place.number, Place { due: place.due, sent, acknowledged });
        }
        book.inboxes.insert(agency, inbox);
    }
    for it in stored.objections {
        let (index, objection) = (it.index, read_objection(it)?);
        book.ends.insert((objection.until, Kept::Objection(index)));
        book.objections.insert(index, objection);
    }
    Ok(book)
}

fn read_objection(it: StoredObjection) -> Result<Objection, NotAState> {
    let answer = match it.answer.as_ref().map(timed) {
        Some((index, at)) => Some(Answer {
            index,
            at,
            outcome: code(it.outcome, ObjectionOutcome::from_number)?,
            ground: code(it.ground, ObjectionGround::from_number)?,
        }),
        None => None,
    };
    Ok(Objection {
        alert: read_alert(it.alert)?,
        recorded_by: agency(&it.recorded_by)?,
        kind: code(it.kind, ObjectionKind::from_number)?,
        at: Timestamp::from_ms(it.at),
        answer,
        until: Timestamp::from_ms(it.until),
    })
}

fn read_alert(it: Option<StoredAlert>) -> Result<AlertRef, NotAState> {
    let it = it.ok_or(NotAState)?;
    Ok(AlertRef {
        published: it.published,
        id: id(&it.id)?,
        publisher: agency(&it.publisher)?,
        delete_after: Timestamp::from_ms(it.delete_after),
    })
}

fn read_notice(it: Option<StoredNotice>) -> Result<AlertNotice, NotAState> {
    let it = it.ok_or(NotAState)?;
    Ok(match code(it.kind, AlertNoticeKind::from_number)? {
        AlertNoticeKind::Delete => AlertNotice::Delete,
        AlertNoticeKind::Recalled => {
            AlertNotice::Recalled(code(it.reason, RecallReason::from_number)?)
        }
        AlertNoticeKind::Rectified => AlertNotice::Rectified(id(&it.rectified_by)?),
        AlertNoticeKind::Restricted => {
            AlertNotice::Restricted(code(it.reason, RestrictionReason::from_number)?)
        }
        AlertNoticeKind::RestrictionLifted => AlertNotice::RestrictionLifted,
    })
}

fn coded<T>(
    at: &At,
    from_number: fn(i32) -> Result<T, UnknownCode>,
) -> Result<(u64, T), NotAState> {
    let number = i32::try_from(at.number).map_err(|_| NotAState)?;
    Ok((at.index, code(number, from_number)?))
}

fn timed(at: &At) -> (u64, Timestamp) {
    (at.index, Timestamp::from_ms(at.number))
}

fn code<T>(number: i32, from_number: fn(i32) -> Result<T, UnknownCode>) -> Result<T, NotAState> {
    from_number(number).map_err(|_| NotAState)
}

fn id(bytes: &[u8]) -> Result<AlertId, NotAState> {
    AlertId::from_bytes(bytes).map_err(|_| NotAState)
}

fn agency(text: &str) -> Result<AgencyId, NotAState> {
    text.parse().map_err(|_| NotAState)
}
