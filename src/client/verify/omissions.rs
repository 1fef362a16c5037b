//! Nothing can be left out: an export whose seal is good and that lacks a record of its agencies is found out, as
//! is a proof of completeness; and what an export says of itself cannot be changed.

use std::fs;

use super::{
    super::{complete::Complete as Proof, fault::Fault, sample},
    Complete, Finding, What,
    tests::{Written, trust, write_of},
    verify,
};

const SIZE: u64 = 60;

fn written() -> Written {
    write_of(&sample::log(SIZE))
}

/// Changes the lines of a file of an export, and seals it as only the holder of the log's key could.
fn changed(path: &str, change: impl FnOnce(&mut Vec<String>)) -> Result<(), Finding> {
    let written = written();
    written.change_lines(path, change);
    written.seal_anew();
    written.verify().map(drop)
}

#[test]
fn an_export_says_of_which_agencies_it_is_complete() {
    let verified = written().verify().expect("honest");
    let police = Complete { agency: sample::police(), start: 0, end: SIZE, records: 40 };
    assert_eq!(verified.complete, [police]);
}

#[test]
fn a_record_left_out_of_an_export_under_a_fresh_seal_is_named() {
    let lines = fs::read_to_string(written().dir.join("records.jsonl")).unwrap().lines().count();
    for left_out in 0..lines {
        let removed = changed("records.jsonl", |lines| drop(lines.remove(left_out)));
        // The first record concerns nobody: no agency's links can show that it is missing.
        assert_eq!(removed.is_ok(), left_out == 0, "{left_out}: {removed:?}");
    }
}

#[test]
fn neither_record_nor_opening_can_be_left_out() {
    for left_out in 0..40 {
        let written = written();
        written.change_lines("links.jsonl", |lines| drop(lines.remove(left_out)));
        written.change_lines("records.jsonl", |lines| drop(lines.remove(left_out + 1)));
        written.seal_anew();
        let number = u64::try_from(left_out).unwrap() + 1;
        let finding = written.verify().expect_err("both are gone");
        assert_eq!(finding.what, What::Fault(Fault::Gap { number }), "{left_out}: {finding}");
    }
}

/// An export of a log of which records 20 to 29 are gone, and which says that those below `up_to` were erased.
fn with_a_gap((up_to, days): (u64, u64)) -> Result<Vec<Complete>, Finding> {
    let mut log = sample::log(SIZE);
    log.erase_records(up_to, days);
    let written = write_of(&log);
    let is_of_it = |line: &String| (20..30).any(|it| line.contains(&format!("\"index\":{it},")));
    for path in ["links.jsonl", "records.jsonl"] {
        written.change_lines(path, |lines| lines.retain(|line| !is_of_it(line)));
    }
    written.seal_anew();
    written.verify().map(|verified| verified.complete)
}

/// What a broker says that it erased excuses what stood below, and nothing that a log cannot have erased.
#[test]
fn an_omission_is_not_hidden_behind_a_false_gap() {
    let police = Complete { agency: sample::police(), start: 30, end: SIZE + 1, records: 40 };
    assert_eq!(with_a_gap((30, 31)).expect("erased"), [police]);
    for false_gap in [(29, 31), (SIZE + 1, 31), (u64::MAX, 31), (30, 30), (30, 0)] {
        let finding = with_a_gap(false_gap).expect_err("nothing excuses it");
        let is_gap = matches!(finding.what, What::Fault(Fault::Gap { .. }));
        assert!(is_gap, "{false_gap:?}: {finding}");
    }
}

/// The tail is what somebody would most like to be without: an erasure that names an index to come hides none of it.
#[test]
fn the_end_of_an_export_is_not_hidden_behind_a_false_gap() {
    let mut log = sample::log(SIZE - 10);
    log.erase_records(u64::MAX, 31);
    while log.size() < SIZE {
        log.publish(&sample::draft(), sample::request_id(1000 + log.size()));
    }
    let written = write_of(&log);
    let is_of_it = |line: &String| {
        (SIZE - 5..SIZE).any(|it| line.contains(&format!("\"index\":{it},\"number")))
            || (SIZE - 5..SIZE).any(|it| line.contains(&format!("{{\"index\":{it},")))
    };
    for path in ["links.jsonl", "records.jsonl"] {
        written.change_lines(path, |lines| lines.retain(|line| !is_of_it(line)));
    }
    written.seal_anew();
    let finding = written.verify().expect_err("the tail is gone");
    assert!(matches!(finding.what, What::Fault(Fault::Gap { .. })), "{finding}");
}

#[test]
fn the_end_of_an_export_cannot_be_left_out() {
    for kept in 0..40 {
        let written = written();
        written.change_lines("links.jsonl", |lines| drop(lines.drain(kept..40)));
        written.change_lines("records.jsonl", |lines| lines.truncate(kept + 1));
        written.seal_anew();
        let finding = written.verify().expect_err("the tail is gone");
        let number = u64::try_from(kept).unwrap() + 1;
        let due = Finding::new("links.jsonl police", What::Fault(Fault::Gap { number }));
        assert_eq!(finding, due);
    }
}

#[test]
fn links_cannot_be_changed_closed_twice_or_not_at_all() {
    let malformed = What::Form("not a line of links in its place");
    let fault = |change: fn(&mut Vec<String>)| changed("links.jsonl", change).expect_err("changed");
    assert_eq!(fault(Vec::clear).what, What::Form("it ends no agency's links"));
    assert_eq!(fault(|it| drop(it.pop())).what, What::Form("it ends no agency's links"));
    assert_eq!(fault(|it| it.swap(3, 4)).what, malformed);
    assert_eq!(fault(|it| it.extend(it.last().cloned())).what, malformed);
    assert_eq!(fault(|it| it[5] = it[5].replace("police", "fire")).what, malformed);
    let other = fault(|it| it[5] = it[5].replace("\"number\":6", "\"number\":7"));
    assert!(matches!(other.what, What::Fault(Fault::Link { .. })), "{other}");
    // What ends the links is of another log's size.
    let log = sample::log(SIZE);
    let chained = log.clone().chained(&sample::police(), SIZE - 3);
    let lines = chained.to_lines(&sample::police()).unwrap();
    let earlier = changed("links.jsonl", |it| {
        *it.last_mut().unwrap() = lines.lines().last().unwrap().to_owned() + "\n";
    });
    let claim = What::Fault(Fault::Claim("another agency or another range"));
    assert_eq!(earlier, Err(Finding::new("links.jsonl police", claim)));
}

/// A tree that does not grow out of the export's own shows nothing of it.
#[test]
fn what_ends_the_links_is_of_the_same_log() {
    let mut other = sample::log(SIZE - 3);
    while other.size() < SIZE {
        other.publish(&sample::draft(), sample::request_id(1000 + other.size()));
    }
    let chained = other.chained(&sample::police(), SIZE);
    let lines = chained.to_lines(&sample::police()).unwrap();
    let forked = changed("links.jsonl", |it| {
        *it.last_mut().unwrap() = lines.lines().last().unwrap().to_owned() + "\n";
    });
    let finding = forked.expect_err("a fork");
    assert!(matches!(finding.what, What::Fault(Fault::Inconsistent { .. })), "{finding}");
}

#[test]
fn what_an_export_says_of_itself_is_fixed() {
    let changed =
        changed("README.txt", |it| it.push("Send it to somebody@example.org\n".to_owned()));
    let form = What::Form("not what an export says of itself");
    assert_eq!(changed, Err(Finding::new("README.txt", form)));
}

#[test]
fn a_kept_proof_of_completeness_is_verified_and_no_byte_of_it_can_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("proof.jsonl");
    let mut log = sample::log(12);
    let proof: Proof = log.complete(&sample::police(), (2, Some(9)));
    let text = proof.to_lines().unwrap();
    let check = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        verify(&path, &trust(), None)
    };
    let verified = check(text.as_bytes()).expect("honest");
    let police = Complete { agency: sample::police(), start: 2, end: 9, records: 5 };
    assert_eq!(verified.complete, [police]);
    assert_eq!(verified.size, 13);
    for at in 0..text.len() {
        let mut bad = text.clone().into_bytes();
        bad[at] ^= 1 << (at % 7);
        check(&bad).expect_err(&format!("byte {at}"));
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for left_out in 0..lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(left_out);
        check(fewer.concat().as_bytes()).expect_err(&format!("without line {left_out}"));
    }
}

#[test]
fn a_kept_proof_of_consistency_is_verified() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("grown.json");
    let log = sample::log(40);
    let of = |log: &sample::Log, from: u64, to: u64| crate::pb::v1::ConsistencyProof {
        older: log.note(from),
        newer: log.note(to),
        consistency: sample::as_bytes(&log.consistency(from, to)),
    };
    let check = |proof: &crate::pb::v1::ConsistencyProof| {
        fs::write(&path, crate::client::json::to_text(proof).unwrap()).unwrap();
        verify(&path, &trust(), None).map(|it| it.size)
    };
    assert_eq!(check(&of(&log, 17, 40)), Ok(40));
    assert_eq!(check(&of(&log, 40, 40)), Ok(40));
    let mut other = sample::log(16);
    other.publish(&sample::draft(), sample::request_id(1000));
    let forked = crate::pb::v1::ConsistencyProof { older: other.note(17), ..of(&log, 17, 40) };
    assert!(check(&forked).is_err());
    let older = of(&log, 17, 40);
    let reversed = crate::pb::v1::ConsistencyProof {
        older: older.newer.clone(),
        newer: older.older.clone(),
        ..older
    };
    assert!(check(&reversed).is_err());
}
