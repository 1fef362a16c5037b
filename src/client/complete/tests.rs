//! What a proof of completeness promises: an honest one passes, and no record of the range can be left out of it,
//! changed, or shown for another range, agency or question.

use super::*;
use crate::client::sample::{self, Log};

fn log() -> Log {
    sample::log(40)
}

fn police(range: (u64, Option<u64>)) -> (Complete, Log) {
    let mut log = log();
    (log.complete(&sample::police(), range), log)
}

fn check_of(complete: &Complete, log: &Log) -> Result<Range, Fault> {
    complete.verify(&log.chain())
}

#[test]
fn an_honest_proof_of_any_range_passes() {
    for agency in [sample::police(), sample::council()] {
        let all = sample::log(40).complete(&agency, (0, None)).records.len() - 1;
        for start in 0..=40 {
            for end in (start..=40).map(Some).chain([None]) {
                let mut log = log();
                let complete = log.complete(&agency, (start, end));
                let range = check_of(&complete, &log).expect("honest");
                assert_eq!((range.start, range.end), (start, end.unwrap_or(40)));
                if (start, end) == (0, None) {
                    assert_eq!(range.records, all as u64);
                }
            }
        }
    }
}

#[test]
fn every_record_left_out_of_an_answer_is_missed() {
    for range in [(0, None), (0, Some(20)), (13, None), (13, Some(29)), (7, Some(7))] {
        let (honest, log) = police(range);
        check_of(&honest, &log).expect("honest");
        for left_out in 0..honest.records.len() {
            let mut complete = honest.clone();
            complete.records.remove(left_out);
            let fault = check_of(&complete, &log).expect_err("a record is left out");
            assert!(matches!(fault, Fault::Gap { .. }), "{range:?} {left_out}: {fault}");
        }
    }
}

/// What the log says that it erased excuses what stood below it, as long as no log could not have erased that.
#[test]
fn an_omission_is_not_hidden_behind_a_false_gap() {
    let with = |up_to: u64, days: u64| {
        let mut log = log();
        let said = log.erase_records(up_to, days);
        while log.size() < 50 {
            log.publish(&sample::draft(), sample::request_id(1000 + log.size()));
        }
        let mut complete = log.complete(&sample::police(), (0, None));
        let index = |it: &pb::ProvenRecord| it.record.as_ref().map_or(0, |it| it.index);
        assert!(complete.claim.erased.as_ref().is_some_and(|it| index(it) == said));
        (complete.records.retain(|it| !(20..30).contains(&index(it))), check_of(&complete, &log)).1
    };
    let range = with(30, 31).expect("erased");
    assert_eq!((range.erased_below, range.start, range.end), (30, 0, 50));
    let shown = with(40, 40).expect("more is erased than is missing");
    assert_eq!(shown.erased_below, 40);
    for (up_to, days) in [(29, 31), (41, 31), (u64::MAX, 31), (30, 30), (30, 0)] {
        let fault = with(up_to, days).expect_err("nothing excuses it");
        assert!(matches!(fault, Fault::Gap { .. }), "{up_to} {days}: {fault}");
    }
}

/// An erasure of another tree, or one that is not proven, excuses nothing.
#[test]
fn what_excuses_a_gap_is_proven_in_the_same_tree() {
    let mut log = log();
    let honest = log.complete(&sample::police(), (0, None));
    let mut other = sample::log(40);
    other.erase_records(30, 31);
    let of_another = other.complete(&sample::police(), (0, None)).claim.erased;
    let claim = pb::Completeness { erased: of_another, ..honest.claim };
    let complete = Complete { claim, records: honest.records };
    assert!(matches!(check_of(&complete, &log), Err(Fault::Inclusion { .. })));
}

/// The tail: what was recorded last is what somebody would most like to be without.
#[test]
fn an_omitted_tail_shows_by_the_record_of_the_question_itself() {
    let (honest, log) = police((0, None));
    for kept in 0..honest.records.len() - 1 {
        let mut complete = honest.clone();
        let closing = complete.records.pop().unwrap();
        complete.records.truncate(kept);
        let number = complete.records.last().map_or(1, |it| {
            it.record.as_ref().and_then(|it| it.link.as_ref()).map_or(0, |it| it.number) + 1
        });
        assert_eq!(check_of(&complete, &log), Err(Fault::Gap { number }), "without an end");
        complete.records.push(closing);
        assert_eq!(check_of(&complete, &log), Err(Fault::Gap { number }), "with the question");
    }
}

#[test]
fn an_answer_is_bound_to_its_question() {
    let (honest, log) = police((13, Some(29)));
    let claim = |change: fn(&mut Complete)| {
        let mut complete = honest.clone();
        change(&mut complete);
        check_of(&complete, &log).expect_err("another claim")
    };
    let another = Fault::Claim("what closes it is another question");
    assert_eq!(claim(|it| it.claim.start = 12), another);
    assert_eq!(claim(|it| it.claim.end = 30), another);
    assert!(matches!(claim(|it| it.claim.agency = "council".to_owned()), Fault::Link { .. }));
    assert_eq!(claim(|it| it.claim.agency = "*".to_owned()), Fault::Claim("no agency"));
    assert_eq!(claim(|it| it.claim.closing = None), Fault::Claim("nothing closes it"));
    let question = claim(|it| it.claim.closing = it.records.pop());
    assert_eq!(question, Fault::Claim("what closes it is no question"));
    let longer = claim(|it| {
        let again = it.records[0].clone();
        it.records.insert(0, again);
    });
    assert!(matches!(longer, Fault::RecordOrder { .. }), "{longer}");
}

/// An older question of the same range does not close a newer answer, and a newer one is another log.
#[test]
fn a_proof_is_of_one_tree() {
    let mut log = log();
    let older = log.complete(&sample::police(), (0, Some(40)));
    let newer = log.complete(&sample::police(), (0, Some(40)));
    check_of(&older, &log).expect("honest");
    check_of(&newer, &log).expect("honest");
    let mixed = Complete { claim: older.claim.clone(), records: newer.records.clone() };
    assert!(matches!(check_of(&mixed, &log), Err(Fault::Inclusion { .. })));
    let forged = sample::log(41).complete(&sample::council(), (0, None));
    let mut forged = Complete { claim: forged.claim, ..older };
    forged.claim.agency = "police".to_owned();
    assert!(check_of(&forged, &log).is_err());
}

#[test]
fn times_are_bounded_by_the_records_outside_the_range() {
    let mut log = log();
    let (start, end) = (13, 29);
    let honest = log.complete(&sample::police(), (start, Some(end)));
    let at = |index: u64| {
        let record = crate::record::decode(&log.shown_at(index).record).unwrap();
        Some(crate::record::timestamp_to_pb(record.at))
    };
    let within = |from, to| {
        let mut complete = honest.clone();
        (complete.claim.from, complete.claim.to) = (from, to);
        check_of(&complete, &log)
    };
    let other = Err(Fault::Claim("other times"));
    within(at(start), at(end)).expect("as it was looked for");
    within(None, at(end)).expect("no beginning");
    within(at(start), None).expect("no end");
    // The last record before the range was recorded at 11, the first behind it at 29 (one in three is of the council).
    assert!(within(at(10), at(end)).is_err());
    assert_eq!(within(at(start), at(end + 2)).map(drop), other);
    assert_eq!(within(at(end), at(end)).map(drop), other);
}

#[test]
fn a_kept_proof_has_one_spelling() {
    let (honest, _) = police((3, Some(20)));
    let text = honest.to_lines().unwrap();
    assert_eq!(Complete::from_lines(&text), Some(honest));
    for bad in [
        text.trim_end().to_owned(),
        format!("{text}\n"),
        text.replacen(' ', "", 1) + " ",
        text.replacen(r#"{"agency""#, r#"{ "agency""#, 1),
        text.replacen(r#""start":"3""#, r#""start":3"#, 1),
        text.replacen(r#""start":"3""#, r#""start":"03""#, 1),
        text.replacen(r#"{"record""#, r#"{"note":1,"record""#, 1),
    ] {
        assert_ne!(bad, text);
        assert_eq!(Complete::from_lines(&bad), None, "{bad}");
    }
}

/// The numbers of a log that lies may come to their end: that is a gap like any other.
#[test]
fn a_number_that_none_can_follow_is_a_gap() {
    let (mut log, police) = (log(), sample::police());
    log.skip_to(&police, u64::MAX - 1);
    log.publish(&sample::draft(), sample::request_id(41));
    log.skip_to(&police, 5);
    let complete = log.complete(&police, (41, None));
    assert_eq!(complete.records.len(), 2);
    assert_eq!(check_of(&complete, &log), Err(Fault::Gap { number: u64::MAX }));
}
