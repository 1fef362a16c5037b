//! Request ids and who may publish.

use super::*;

fn reason(publication: Result<Publication, Refusal>) -> Reason {
    publication.expect_err("it is refused").reason
}

#[test]
fn a_repeat_is_known_and_another_content_is_refused() {
    let mut desk = Desk::agreed();
    let (id, draft) = (alert_id(desk.now, 1), draft(desk.now));
    let first = desk.state.size();
    assert!(matches!(desk.submit(id, &draft), Ok(Publication::New(_))));
    let size = desk.state.size();
    let again = desk.submit(id, &draft).unwrap();
    assert!(matches!(again, Publication::Known { index, slot: 0 } if index == first));
    let other = Draft { urgency: Urgency::Urgent, ..draft };
    assert_eq!(reason(desk.submit(id, &other)), Reason::RequestIdReused);
    assert_eq!(desk.state.size(), size);
}

#[test]
fn the_same_id_of_another_publisher_is_another_alert() {
    let mut desk = Desk::new();
    let mut both = agreement(&[COUNCIL, HOUSING], WIDE, desk.now);
    both.flows.push(Flow {
        from: agency(HOUSING),
        to: [agency(COUNCIL)].into(),
        ..both.flows[0].clone()
    });
    desk.agree(both);
    let (id, draft) = (alert_id(desk.now, 1), draft(desk.now));
    for by in [service(COUNCIL), service(HOUSING)] {
        let publication = desk.submit_by(&by, id, &draft);
        assert!(matches!(publication, Ok(Publication::New(_))), "{publication:?}");
    }
}

#[test]
fn an_id_is_taken_from_five_minutes_ahead_to_a_day_back() {
    let mut desk = Desk::agreed();
    let (now, minute) = (desk.now, Duration::from_secs(60));
    let draft = draft(now);
    let millisecond = Duration::from_millis(1);
    for (made_at, taken) in [
        (now.before(24 * HOUR), true),
        (now.before(24 * HOUR + millisecond), false),
        (now.after(5 * minute), true),
    ] {
        let publication = desk.submit(alert_id(made_at, 1), &draft);
        assert_eq!(publication.is_ok(), taken, "{made_at}");
    }
    let old = desk.submit(alert_id(now.before(25 * HOUR), 1), &draft);
    assert_eq!(reason(old), Reason::RequestIdTooOld);
    let ahead = desk.submit(alert_id(now.after(5 * minute + millisecond), 1), &draft);
    assert_eq!(reason(ahead), Reason::AheadOfTime);
}

/// Whatever the publisher's clock said, an id is forgotten only once it would be too old.
#[test]
fn an_id_is_remembered_for_as_long_as_it_could_be_taken() {
    let mut desk = Desk::agreed();
    let start = desk.now;
    for (unique, made_at) in
        (1..).zip([start.before(23 * HOUR), start, start.after(Duration::from_secs(300))])
    {
        desk.now = start;
        let (id, mut draft) = (alert_id(made_at, unique), draft(start));
        desk.submit(id, &draft).unwrap();
        for hours in 0..=26 {
            desk.now = start.after(hours * HOUR);
            desk.state.prune(desk.now);
            draft.as_of = desk.now;
            match desk.submit(id, &draft) {
                Ok(Publication::Known { .. }) => {}
                Ok(Publication::New(_)) => panic!("taken twice after {hours} h"),
                Err(refusal) => {
                    assert_eq!(refusal.reason, Reason::RequestIdTooOld);
                    assert!(made_at.after(24 * HOUR) < desk.now, "refused after {hours} h");
                }
            }
        }
        assert!(desk.state.remembered_slot(&agency(COUNCIL), id).is_none());
    }
}

#[test]
fn only_a_partys_system_publishes() {
    let mut desk = Desk::agreed();
    let (id, draft) = (alert_id(desk.now, 1), draft(desk.now));
    for by in [officer(COUNCIL), operator()] {
        assert_eq!(reason(desk.submit_by(&by, id, &draft)), Reason::WrongRole);
    }
    assert_eq!(reason(desk.submit_by(&service(FIRE), id, &draft)), Reason::AgreementUnknown);
    assert_eq!(reason(desk.submit_by(&service(HOUSING), id, &draft)), Reason::PurposeNotAgreed);
    let elsewhere = Draft { agreement: "other".parse().unwrap(), ..draft.clone() };
    assert_eq!(reason(desk.submit(id, &elsewhere)), Reason::AgreementUnknown);
    desk.withdraw(HOUSING);
    assert_eq!(reason(desk.submit(id, &draft)), Reason::AgreementNotInForce);
    assert_eq!(reason(desk.submit_by(&service(FIRE), id, &draft)), Reason::AgreementUnknown);
}
