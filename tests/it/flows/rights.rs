//! Accuracy and rights: recall, correction and restriction reach every recipient, whatever has become of the
//! agreement since; nobody learns who else was told.

use portway::{
    client::{Connection, Error, PullOptions, Pulled},
    domain::{
        AlertId, ObjectionGround, ObjectionKind, ObjectionOutcome, QueryPurpose, Reason,
        RecallReason, RestrictionReason,
    },
    pb::v1::{
        self as pb, subscribe_request::Message as Ask, subscribe_response::Message as Answer,
    },
    record::{Event, RightsEvent},
};

use crate::stage::{
    AGREEMENT, PURPOSE, Role, SUBSCRIPTION, Stage, draft, events, now, open, request,
};

/// The police publish, and council and housing receive it.
async fn received() -> (Stage, AlertId) {
    let stage = Stage::start();
    stage.agree().await;
    for agency in ["council", "housing"] {
        stage.subscribe(agency).await;
    }
    let alert = publish(&stage, draft(now())).await;
    for agency in ["council", "housing"] {
        assert_eq!(take(&stage, agency).await.incoming.len(), 1);
    }
    (stage, alert)
}

async fn publish(stage: &Stage, alert: pb::AlertDraft) -> AlertId {
    let police = stage.connect("police", Role::Service).await;
    police.publish(alert, None).await.unwrap().alert.parse().unwrap()
}

/// Pulls what waits, and acknowledges it.
async fn take(stage: &Stage, agency: &str) -> Pulled {
    let service = stage.connect(agency, Role::Service).await;
    let name = SUBSCRIPTION.parse().unwrap();
    let pulled = service.pull(&name, PURPOSE, PullOptions::default()).await.unwrap();
    let resume = pulled.position.clone();
    let options = PullOptions { max: 0, resume, ..PullOptions::default() };
    service.pull(&name, PURPOSE, options).await.unwrap();
    pulled
}

/// How notices stand: recipient, kind, state.
async fn standing(officer: &Connection) -> Vec<(String, pb::AlertNoticeKind, pb::NoticeState)> {
    let all = (None, false);
    let page = officer.list_notices(QueryPurpose::Lawfulness, all, String::new()).await.unwrap();
    assert_eq!((page.next_page.as_str(), page.pending_acts), ("", 0));
    let notices = page.notices.iter();
    notices.map(|it| (it.recipient.clone(), it.kind(), it.state())).collect()
}

/// UK GDPR Art 19, DPA 2018 s.48: the agreement has ended, the broker was started again, and every recipient is
/// told all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_recall_reaches_every_recipient_must_be_acknowledged_and_is_reported_until_it_is() {
    use pb::{AlertNoticeKind::Recalled, NoticeState};
    let (mut stage, alert) = received().await;
    let police = stage.connect("police", Role::Officer).await;
    let recalled = police.recall_alert(alert, RecallReason::WrongPerson).await.unwrap();
    assert_eq!(police.recall_alert(alert, RecallReason::WrongPerson).await.unwrap(), recalled);
    stage.connect("housing", Role::Officer).await.withdraw_agreement(AGREEMENT).await.unwrap();
    let waiting = |agency: &str| (agency.to_owned(), Recalled, NoticeState::Waiting);
    assert_eq!(standing(&police).await, [waiting("council"), waiting("housing")]);

    let council = stage.connect("council", Role::Service).await;
    let told = council.pull_notices(0, 10).await.unwrap();
    let [notice] = told.notices.as_slice() else { panic!("{told:?}") };
    assert_eq!((notice.number, notice.alert.as_str()), (1, alert.to_string().as_str()));
    assert_eq!((notice.kind(), notice.publisher.as_str()), (Recalled, "police"));
    assert_eq!(notice.recall_reason(), pb::RecallReason::WrongPerson);
    // What is not acknowledged comes again, also after a stop.
    stage.terminate();
    stage.serve_again();
    let council = stage.connect("council", Role::Service).await;
    let again = council.pull_notices(0, 10).await.unwrap();
    let [same] = again.notices.as_slice() else { panic!("{again:?}") };
    assert_eq!((same.number, same.index, &same.record), (1, notice.index, &notice.record));
    let done = council.pull_notices(1, 10).await.unwrap();
    assert_eq!((done.acknowledged, done.notices.len(), done.more), (1, 0, false));
    let housing = stage.connect("housing", Role::Service).await;
    assert_eq!(housing.pull_notices(0, 10).await.unwrap().notices.len(), 1);

    let police = stage.connect("police", Role::Officer).await;
    let council_done = ("council".to_owned(), Recalled, NoticeState::Acknowledged);
    let housing_sent = ("housing".to_owned(), Recalled, NoticeState::Sent);
    assert_eq!(standing(&police).await, [council_done, housing_sent]);
    let outstanding = (Some(alert), true);
    let page = police.list_notices(QueryPurpose::Lawfulness, outstanding, String::new()).await;
    let page = page.unwrap();
    let left: Vec<_> = page.notices.iter().map(|it| it.recipient.as_str()).collect();
    assert_eq!(left, ["housing"]);
}

/// A recipient learns of its own notice and of nobody else's; whoever is suspended gets none and is reported.
#[tokio::test(flavor = "multi_thread")]
async fn no_recipient_learns_who_else_was_told_and_who_cannot_be_reached_is_listed() {
    let (stage, alert) = received().await;
    let police = stage.connect("police", Role::Officer).await;
    police.recall_alert(alert, RecallReason::Unlawful).await.unwrap();
    let council = stage.connect("council", Role::Service).await;
    council.pull_notices(0, 10).await.unwrap();
    council.pull_notices(1, 0).await.unwrap();

    let officer = stage.connect("council", Role::Officer).await;
    let seen: Vec<_> = events(&officer).await.into_iter().map(|(_, event)| event).collect();
    let rights = seen
        .iter()
        .filter_map(|event| if let Event::Rights(event) = event { Some(event) } else { None });
    let rights: Vec<_> = rights.collect();
    assert!(matches!(
        rights.as_slice(),
        [
            RightsEvent::NoticesPulled { .. },
            RightsEvent::NoticeSent(_),
            RightsEvent::NoticesPulled { .. },
            RightsEvent::NoticeAcknowledged(_),
        ]
    ));
    assert!(!format!("{rights:?}").contains("housing"));

    let operator = portway::client::Operator::over(&stage.connect("", Role::Operator).await);
    operator.suspend_agency("housing").await.unwrap();
    let page = standing(&police).await;
    assert_eq!(page[1].2, pb::NoticeState::Unreachable);
    operator.reinstate_agency("housing").await.unwrap();
    let housing = stage.connect("housing", Role::Service).await;
    assert_eq!(housing.pull_notices(0, 10).await.unwrap().notices.len(), 1, "it is told then");
}

/// P4: a stream that holds the alert is cut before the act is answered; P3: once that is lifted, whoever waited gets
/// it, and those who had it are told.
#[tokio::test(flavor = "multi_thread")]
async fn a_contested_alert_is_not_disclosed_further_until_the_restriction_is_lifted() {
    let stage = Stage::start();
    stage.agree().await;
    for agency in ["council", "housing"] {
        stage.subscribe(agency).await;
    }
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    let alert = publish(&stage, draft(now())).await;
    let first = talk.delivery().await;
    let police = stage.connect("police", Role::Officer).await;

    let reason = RestrictionReason::AccuracyContested;
    let restricted = police.restrict_alert(alert, reason).await.unwrap();

    let status = talk.end().await;
    assert!(std::error::Error::source(&status).is_some(), "the broker sent a status: {status:?}");
    let council = stage.speak("council", Role::Service).await;
    let mut talk = council.stream(Some(Ask::Open(open(SUBSCRIPTION)))).await.unwrap();
    assert_eq!(skipped(&mut talk).await, (first.number, Reason::Restricted.code().to_owned()));
    assert_eq!(take(&stage, "housing").await.incoming, [], "it waited for it, and gets nothing");
    let disclosed = |event: &Event| matches!(event, Event::Disclosed(_));
    let seen = events(&police).await;
    assert!(!seen.iter().any(|(index, event)| *index > restricted && disclosed(event)));

    police.lift_restriction(alert).await.unwrap();

    assert_eq!(talk.delivery().await.number, first.number + 1, "what it may never have had");
    assert_eq!(take(&stage, "housing").await.incoming.len(), 1);
    let told = stage.connect("council", Role::Service).await.pull_notices(0, 10).await.unwrap();
    let kinds: Vec<_> = told.notices.iter().map(pb::PulledNotice::kind).collect();
    let (held, free) = (pb::AlertNoticeKind::Restricted, pb::AlertNoticeKind::RestrictionLifted);
    assert_eq!(kinds, [held, free]);
    let housing = stage.connect("housing", Role::Service).await;
    assert_eq!(housing.pull_notices(0, 10).await.unwrap().notices, [], "it never had it before");
}

async fn skipped(talk: &mut crate::stage::Talk) -> (u64, String) {
    loop {
        match talk.answers.message().await.unwrap().unwrap().message.unwrap() {
            Answer::Skipped(it) => return (it.number, it.reason),
            Answer::Opened(_) => {}
            other @ (Answer::Delivery(_) | Answer::Heartbeat(_) | Answer::Notice(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

/// The corrected content goes by agreement; whoever had the wrong one is told, entitled or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_rectification_reaches_every_recipient_and_ends_the_disclosure_of_what_was_wrong() {
    let (stage, alert) = received().await;
    let corrected = pb::AlertDraft { rectifies: alert.to_string(), ..draft(now()) };
    let by = publish(&stage, corrected.clone()).await;
    let police = stage.connect("police", Role::Officer).await;
    // The act is a publication, whose answer waits for no recipient to be found.
    while standing(&police).await.len() != 2 {
        tokio::task::yield_now().await;
    }
    let council = stage.connect("council", Role::Service).await;
    let told = council.pull_notices(0, 10).await.unwrap();
    let [notice] = told.notices.as_slice() else { panic!("{told:?}") };
    assert_eq!(notice.kind(), pb::AlertNoticeKind::Rectified);
    assert_eq!((&notice.alert, &notice.rectified_by), (&alert.to_string(), &by.to_string()));
    assert_eq!(take(&stage, "council").await.incoming.len(), 1, "the corrected one");

    let service = stage.connect("police", Role::Service).await;
    let error = service.publish(corrected, None).await.expect_err("corrected before");
    let Error::Refused { reason, .. } = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::Rectified.code());
}

/// Art 16, 17, 18, 21: an officer of a recipient is told, and the publisher has to answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_objection_is_recorded_where_it_was_told_and_routed_to_the_publisher() {
    let (stage, alert) = received().await;
    let council = stage.connect("council", Role::Officer).await;
    let police: portway::domain::AgencyId = "police".parse().unwrap();
    let kind = ObjectionKind::Accuracy;
    let objection = council.record_objection(alert, Some(&police), kind).await.unwrap();
    assert_eq!(council.record_objection(alert, Some(&police), kind).await.unwrap(), objection);

    let publisher = stage.connect("police", Role::Officer).await;
    let (open, more) = publisher.list_objections(0, true).await.unwrap();
    assert_eq!((open.len(), more), (1, false));
    assert_eq!((open[0].index, open[0].recorded_by.as_str()), (objection, "council"));
    let (outcome, ground) = (ObjectionOutcome::Upheld, ObjectionGround::Inaccurate);
    let answer = publisher.answer_objection(objection, outcome, ground).await.unwrap();
    assert_eq!(publisher.answer_objection(objection, outcome, ground).await.unwrap(), answer);

    assert_eq!(publisher.list_objections(0, true).await.unwrap().0, []);
    let (answered, _) = council.list_objections(0, false).await.unwrap();
    assert_eq!(answered[0].outcome(), pb::ObjectionOutcome::Upheld);
    let housing = stage.connect("housing", Role::Officer).await;
    assert_eq!(housing.list_objections(0, false).await.unwrap().0, [], "it is not its matter");
}

/// Of an alert that ended long ago nothing is in memory, and its recipients are found in the log.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_has_left_the_brokers_memory_is_recalled_like_any_other() {
    let stage = Stage::start();
    stage.agree().await;
    stage.subscribe("council").await;
    let expires_at = Some(crate::stage::time(now().after(std::time::Duration::from_secs(2))));
    let police = stage.speak("police", Role::Service).await;
    let short = pb::AlertDraft { expires_at, ..draft(now()) };
    let alert: AlertId = police.publish(request(short)).await.unwrap().alert.parse().unwrap();
    assert_eq!(take(&stage, "council").await.incoming.len(), 1);
    let operator = stage.connect("", Role::Operator).await;
    while operator.status().await.unwrap().live_alerts > 0 {
        tokio::task::yield_now().await;
    }
    let officer = stage.connect("police", Role::Officer).await;
    officer.recall_alert(alert, RecallReason::Wrong).await.unwrap();
    let council = stage.connect("council", Role::Service).await;
    assert_eq!(council.pull_notices(0, 10).await.unwrap().notices.len(), 1);
}
