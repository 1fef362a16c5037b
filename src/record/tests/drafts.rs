//! Drafts and filters: there and back, and each field that is missing, unknown or too long.

use proptest::{prelude::*, test_runner::Config};
use prost::Message;

use crate::domain::{AlertType, Filter, Reason, Refusal, Timestamp, random};
use crate::pb::v1 as pb;
use crate::record::{
    draft_bytes, draft_from_bytes, draft_from_pb, draft_to_pb, filter_bytes, filter_from_bytes,
    filter_from_pb, filter_to_pb, timestamp_from_pb, timestamp_to_pb,
};

fn filter() -> impl Strategy<Value = Filter> {
    let areas = proptest::collection::btree_set(random::area(), 0..5);
    let tokens = proptest::collection::btree_set(random::token(), 0..5);
    (random::some(AlertType::ALL, 0), areas, tokens).prop_map(|(types, areas, tokens)| Filter {
        types,
        areas,
        tokens,
    })
}

proptest! {
    #![proptest_config(Config::with_cases(500))]

    #[test]
    fn a_draft_reads_back_as_it_was_written(draft in random::draft()) {
        prop_assert_eq!(draft_from_pb(&draft_to_pb(&draft)), Ok(draft.clone()));
        prop_assert_eq!(draft_to_pb(&draft).encode_to_vec(), draft_bytes(&draft));
        prop_assert_eq!(draft_from_bytes(&draft_bytes(&draft)), Ok(draft));
    }

    #[test]
    fn a_filter_reads_back_as_it_was_written(filter in filter()) {
        prop_assert_eq!(filter_from_pb(&filter_to_pb(&filter)), Ok(filter.clone()));
        let sealed = Filter { tokens: filter.tokens.clone(), ..Filter::default() };
        prop_assert_eq!(filter_from_bytes(&filter_bytes(&filter)), Ok(sealed), "its tokens only");
    }

    #[test]
    fn arbitrary_bytes_are_never_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(draft) = draft_from_bytes(&bytes) {
            prop_assert_eq!(draft_from_bytes(&draft_bytes(&draft)), Ok(draft));
        }
        if let Ok(filter) = filter_from_bytes(&bytes) {
            prop_assert_eq!(filter_from_pb(&filter_to_pb(&filter)), Ok(filter));
        }
    }
}

/// A draft with every field filled.
fn full() -> pb::AlertDraft {
    let at = |ms| Some(timestamp_to_pb(Timestamp::from_ms(ms)));
    pb::AlertDraft {
        agreement: "homes".to_owned(),
        purpose: 7,
        r#type: 8,
        subject: vec![token(1)],
        subject_categories: vec![3, 7],
        indicators: vec![9, 10],
        certainty: 1,
        assertion: 2,
        grading: Some(pb::SourceGrading { source: 1, assessment: 2, handling: 1 }),
        urgency: 2,
        route: Some(3),
        area: "PO1".to_owned(),
        requested_action: Some(2),
        time: at(1_000),
        as_of: at(2_000),
        expires_at: at(3_000),
        contact: Some(contact("Duty desk", "023 9200 0000")),
        handling_conditions: vec![1],
        restricted: false,
        case_reference: "C-1".to_owned(),
        on_behalf_of: "PC-4711".to_owned(),
        rectifies: "01920000-0000-7abc-8def-0123456789ab".to_owned(),
    }
}

fn token(byte: u8) -> pb::SubjectToken {
    pb::SubjectToken { kind: 2, epoch: 1, value: vec![byte; 32].into() }
}

fn contact(role: &str, number: &str) -> pb::Contact {
    pb::Contact { role: role.to_owned(), number: number.to_owned() }
}

type Change = fn(&mut pb::AlertDraft);

/// Applies each change to a full draft, and expects one reason at the field that is named.
fn expect_refusals(reason: Reason, changes: &[(&'static str, Change)]) {
    draft_from_pb(&full()).expect("nothing wrong with it");
    for (at, change) in changes {
        let mut draft = full();
        change(&mut draft);
        assert_eq!(draft_from_pb(&draft), Err(Refusal::at(reason, at)), "{at}");
    }
}

#[test]
fn a_mandatory_field_that_is_missing_is_named() {
    expect_refusals(
        Reason::MissingField,
        &[
            ("agreement", |it| it.agreement.clear()),
            ("purpose", |it| it.purpose = 0),
            ("type", |it| it.r#type = 0),
            ("subject_categories", |it| it.subject_categories.clear()),
            ("certainty", |it| it.certainty = 0),
            ("assertion", |it| it.assertion = 0),
            ("urgency", |it| it.urgency = 0),
            ("time", |it| it.time = None),
            ("as_of", |it| it.as_of = None),
            ("expires_at", |it| it.expires_at = None),
        ],
    );
}

#[test]
fn an_unspecified_code_inside_an_optional_field_is_missing() {
    expect_refusals(
        Reason::MissingField,
        &[
            ("grading", |it| it.grading = Some(pb::SourceGrading::default())),
            ("grading", |it| it.grading.as_mut().expect("full").assessment = 0),
            ("grading", |it| it.grading.as_mut().expect("full").handling = 0),
            ("route", |it| it.route = Some(0)),
            ("requested_action", |it| it.requested_action = Some(0)),
            ("subject", |it| it.subject[0].kind = 0),
        ],
    );
}

#[test]
fn a_code_that_is_on_no_list_is_named() {
    expect_refusals(
        Reason::UnknownCode,
        &[
            ("purpose", |it| it.purpose = 12),
            ("purpose", |it| it.purpose = -1),
            ("type", |it| it.r#type = 24),
            ("subject_categories", |it| it.subject_categories.push(8)),
            ("subject_categories", |it| it.subject_categories = vec![0]),
            ("indicators", |it| it.indicators.push(19)),
            ("indicators", |it| it.indicators = vec![0]),
            ("certainty", |it| it.certainty = 3),
            ("assertion", |it| it.assertion = 3),
            ("grading", |it| it.grading.as_mut().expect("full").source = 4),
            ("grading", |it| it.grading.as_mut().expect("full").assessment = 6),
            ("grading", |it| it.grading.as_mut().expect("full").handling = 3),
            ("urgency", |it| it.urgency = 4),
            ("route", |it| it.route = Some(4)),
            ("requested_action", |it| it.requested_action = Some(6)),
            ("handling_conditions", |it| it.handling_conditions = vec![4]),
            ("subject", |it| it.subject[0].kind = 5),
        ],
    );
}

#[test]
fn what_breaks_its_rule_or_stands_twice_is_named() {
    expect_refusals(
        Reason::Malformed,
        &[
            ("agreement", |it| it.agreement = "Homes".to_owned()),
            ("agreement", |it| it.agreement = "a".repeat(65)),
            ("agreement", |it| it.agreement = "*".to_owned()),
            ("subject", |it| it.subject[0].value = vec![1; 31].into()),
            ("subject", |it| it.subject[0].value = vec![1; 33].into()),
            ("subject", |it| it.subject[0].epoch = 0),
            ("subject", |it| it.subject.push(token(1))),
            ("subject_categories", |it| it.subject_categories = vec![3, 3]),
            ("indicators", |it| it.indicators = vec![9, 9]),
            ("handling_conditions", |it| it.handling_conditions = vec![1, 1]),
            ("area", |it| it.area = "po1".to_owned()),
            ("area", |it| it.area = "A".repeat(13)),
            ("contact", |it| it.contact = Some(contact("", "023"))),
            ("contact", |it| it.contact = Some(contact("Duty", "call me"))),
            ("contact", |it| it.contact = Some(contact(&"a".repeat(49), "023"))),
            ("contact", |it| it.contact = Some(contact("Duty", &"0".repeat(21)))),
            ("case_reference", |it| it.case_reference = "a b".to_owned()),
            ("case_reference", |it| it.case_reference = "a".repeat(41)),
        ],
    );
}

#[test]
fn what_is_out_of_bounds_is_named() {
    expect_refusals(
        Reason::OutOfBounds,
        &[
            ("subject", |it| it.subject = (0..9).map(token).collect()),
            ("time", |it| it.time.as_mut().expect("full").seconds = -1),
            ("as_of", |it| it.as_of.as_mut().expect("full").nanos = 1_000_000_000),
            ("as_of", |it| it.as_of.as_mut().expect("full").nanos = -1),
            ("expires_at", |it| it.expires_at.as_mut().expect("full").seconds = 253_402_300_800),
            ("expires_at", |it| it.expires_at.as_mut().expect("full").seconds = i64::MAX),
        ],
    );
    let mut most = full();
    most.subject = (0..8).map(token).collect();
    assert_eq!(draft_from_pb(&most).expect("8 tokens").subject.len(), 8);
}

#[test]
fn every_optional_field_may_be_absent() {
    let full = full();
    let draft = pb::AlertDraft {
        subject: vec![],
        indicators: vec![],
        grading: None,
        route: None,
        area: String::new(),
        requested_action: None,
        contact: None,
        handling_conditions: vec![],
        case_reference: String::new(),
        on_behalf_of: String::new(),
        rectifies: String::new(),
        ..full
    };
    assert_eq!(draft_to_pb(&draft_from_pb(&draft).expect("fewest fields")), draft);
}

#[test]
fn a_filter_has_bounds() {
    let filter = |areas: usize, tokens: u32| {
        let area = |number: usize| format!("A{number}");
        let token = |epoch| pb::SubjectToken { epoch: epoch + 1, ..token(1) };
        let filter = pb::Filter {
            types: vec![1],
            areas: (0..areas).map(area).collect(),
            tokens: (0..tokens).map(token).collect(),
        };
        filter_from_pb(&filter).map(|it| (it.areas.len(), it.tokens.len()))
    };
    assert_eq!(filter(256, 10_000), Ok((256, 10_000)));
    assert_eq!(filter(257, 0), Err(Refusal::at(Reason::OutOfBounds, "filter.areas")));
    assert_eq!(filter(0, 10_001), Err(Refusal::at(Reason::OutOfBounds, "filter.tokens")));
}

#[test]
fn a_time_keeps_its_milliseconds() {
    for ms in [0, 1, 999, 1_000, 1_780_304_400_250, 253_402_300_799_999] {
        let time = timestamp_to_pb(Timestamp::from_ms(ms));
        assert_eq!(timestamp_from_pb(Some(time), "time"), Ok(Timestamp::from_ms(ms)));
    }
}
