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
    let mut sent = None;
    for notice in &answer.notices {
        if notice.number <= last {
            return Err(Fault::Number { expected: last.saturating_add(1), number: notice.number });
        }
        // What is sent first has the lower number: one record under two numbers would have another acknowledged by it.
        if sent.is_some_and(|sent| notice.index <= sent) {
            return Err(Fault::RecordOrder { index: notice.index });
        }
        (last, sent) = (notice.number, Some(notice.index));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample::{self, Log};
    use crate::domain::{AlertRef, RecallReason, RestrictionReason, Timestamp};

    const SAID: [AlertNotice; 3] = [
        AlertNotice::Restricted(RestrictionReason::Unlawful),
        AlertNotice::Recalled(RecallReason::WrongPerson),
        AlertNotice::Delete,
    ];

    fn alert() -> AlertRef {
        AlertRef {
            published: 1,
            id: sample::request_id(1).to_string().parse().unwrap(),
            publisher: sample::police(),
            delete_after: Timestamp::from_ms(1_800_000_000_000),
        }
    }

    /// What an honest broker answers the council, whose first five notices are acknowledged.
    fn answer() -> (Log, pb::PullNoticesResponse) {
        let mut log = sample::log(7);
        let indexes = SAID.map(|notice| {
            let recipient = sample::council();
            let step = NoticeStep { due: 1, pulled: 2, alert: alert(), notice, recipient };
            log.append(Event::Rights(RightsEvent::NoticeSent(step)))
        });
        let notices = (6..).zip(SAID).zip(indexes).map(|((number, said), index)| {
            let shown = log.shown_at(index);
            let mut notice = pb::PulledNotice {
                number,
                alert: alert().id.to_string(),
                publisher: "police".to_owned(),
                kind: said.kind().number().into(),
                index,
                inclusion: log.inclusion(index, log.size()),
                record: shown.record,
                salt: shown.salt,
                ..pb::PulledNotice::default()
            };
            if let AlertNotice::Restricted(reason) = said {
                notice.restriction_reason = reason.number().into();
            } else if let AlertNotice::Recalled(reason) = said {
                notice.recall_reason = reason.number().into();
            }
            notice
        });
        let notices = notices.collect();
        let answer = pb::PullNoticesResponse {
            acknowledged: 5,
            notices,
            ..pb::PullNoticesResponse::default()
        };
        (log, answer)
    }

    fn of(
        change: impl FnOnce(&mut pb::PullNoticesResponse),
        recipient: &AgencyId,
    ) -> Result<(), Fault> {
        let (log, mut answer) = answer();
        change(&mut answer);
        verify(&answer, (5, 3), recipient, &log.checkpoint(log.size()))
    }

    fn with(change: impl FnOnce(&mut pb::PullNoticesResponse)) -> Fault {
        of(change, &sample::council()).expect_err("a forged answer")
    }

    #[test]
    fn honest_notices_pass_with_gaps_where_some_are_forgotten() {
        assert_eq!(of(|_| (), &sample::council()), Ok(()));
        assert_eq!(of(|it| it.notices[2].number = 90, &sample::council()), Ok(()));
        assert_eq!(of(|it| it.notices.clear(), &sample::council()), Ok(()));
    }

    #[test]
    fn a_notice_that_says_other_than_its_record_is_refused() {
        let changes: [fn(&mut pb::PulledNotice); 6] = [
            |it| it.kind = pb::AlertNoticeKind::Delete.into(),
            |it| it.alert = sample::request_id(2).to_string(),
            |it| it.publisher = "council".to_owned(),
            |it| it.restriction_reason = pb::RestrictionReason::Evidence.into(),
            |it| it.recall_reason = pb::RecallReason::Wrong.into(),
            |it| it.rectified_by = sample::request_id(3).to_string(),
        ];
        for change in changes {
            let fault = with(|it| change(&mut it.notices[0]));
            assert!(matches!(fault, Fault::Record { what: "another notice", .. }), "{fault}");
        }
    }

    #[test]
    fn a_notice_to_another_agency_or_no_notice_at_all_is_refused() {
        let fault = of(|_| (), &"housing".parse().unwrap()).unwrap_err();
        assert!(matches!(fault, Fault::Record { what: "another recipient", .. }), "{fault}");
        let (log, mut answer) = answer();
        let shown = log.shown_at(3);
        let notice = &mut answer.notices[0];
        (notice.index, notice.record, notice.salt) = (3, shown.record, shown.salt);
        notice.inclusion = log.inclusion(3, log.size());
        let checkpoint = log.checkpoint(log.size());
        let fault = verify(&answer, (5, 3), &sample::council(), &checkpoint).unwrap_err();
        assert_eq!(fault, Fault::Record { index: 3, what: "it is no notice" });
    }

    #[test]
    fn a_notice_that_does_not_stand_in_the_log_is_refused() {
        let flip = |bytes: &bytes::Bytes| -> bytes::Bytes {
            bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 7)).collect()
        };
        let changes: [&dyn Fn(&mut pb::PulledNotice); 5] = [
            &|it| it.record = flip(&it.record),
            &|it| it.salt = flip(&it.salt),
            &|it| it.inclusion[0] = flip(&it.inclusion[0]),
            &|it| it.inclusion.clear(),
            &|it| it.index = u64::MAX,
        ];
        for change in changes {
            let fault = with(|it| change(&mut it.notices[0]));
            assert!(matches!(fault, Fault::Inclusion { .. }), "{fault}");
        }
        assert_eq!(with(|it| it.notices[1].salt.clear()), Fault::Length);
    }

    /// A number says up to where is acknowledged: nothing may stand under two, and nothing may come twice.
    #[test]
    fn numbers_and_records_that_do_not_rise_are_refused() {
        for (number, expected) in [(0, 6), (5, 6)] {
            let fault = with(|it| it.notices[0].number = number);
            assert_eq!(fault, Fault::Number { expected, number });
        }
        let fault = with(|it| it.notices[1].number = 6);
        assert_eq!(fault, Fault::Number { expected: 7, number: 6 });
        // The last number there is has none behind it.
        let fault = with(|it| it.acknowledged = u64::MAX);
        assert_eq!(fault, Fault::Number { expected: u64::MAX, number: 6 });
        let fault = with(|it| it.notices[1].number = u64::MAX);
        assert_eq!(fault, Fault::Number { expected: u64::MAX, number: 8 });
        let fault = with(|it| {
            let number = it.notices[1].number;
            it.notices[1] = pb::PulledNotice { number, ..it.notices[0].clone() };
        });
        assert!(
            matches!(fault, Fault::RecordOrder { .. }),
            "one record under two numbers: {fault}"
        );
    }

    #[test]
    fn more_than_was_asked_for_or_less_acknowledged_is_refused() {
        let (log, answer) = answer();
        let checkpoint = log.checkpoint(log.size());
        for (asked, due) in [((5, 2), "a bound"), ((6, 3), "the acknowledgement")] {
            let fault = verify(&answer, asked, &sample::council(), &checkpoint).unwrap_err();
            let Fault::Protocol(what) = fault else { panic!("{fault}") };
            assert!(what.starts_with(due), "{what}");
        }
    }
}
