//! The domain's lists and the enums of the proto files are the same lists.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::EnumDescriptor;

use super::protos;
use crate::domain::{
    Act, AgencyKind, AlertNoticeKind, AlertType, Assertion, Certainty, DeliveryCondition,
    Direction, ErasureReason, Field, HandlingCode, HandlingCondition, HoldReason, Indicator,
    IntelligenceAssessment, ObjectionGround, ObjectionKind, ObjectionOutcome, Outcome, Purpose,
    QueryPurpose, RecallReason, RecordKind, Regime, ReloadCause, RequestedAction,
    RestrictionReason, RetentionClass, Route, Rule, SourceEvaluation, SubjectCategory, TokenKind,
    Urgency,
};

type List = BTreeMap<i32, String>;

macro_rules! lists {
    ($($name:ident),+ $(,)?) => {
        [$((
            stringify!($name),
            $name::ALL
                .iter()
                .map(|it| (i32::from(it.number()), it.code().to_owned()))
                .collect::<List>(),
        )),+]
    };
}

/// Enums that only the wire has: how something stands, and what a message tells.
const OF_THE_WIRE: [&str; 3] = ["AgreementState", "NoticeKind", "NoticeState"];

/// The name as a prefix: `AlertType` becomes `ALERT_TYPE_`.
fn prefix(name: &str) -> String {
    let mut prefix = String::new();
    for (place, letter) in name.char_indices() {
        if place > 0 && letter.is_ascii_uppercase() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix + "_"
}

fn written(list: &EnumDescriptor) -> List {
    list.values().map(|value| (value.number(), value.name().to_owned())).collect()
}

#[test]
fn every_list_has_the_numbers_and_names_of_its_enum() {
    let lists = lists![
        Act,
        AgencyKind,
        AlertNoticeKind,
        AlertType,
        Assertion,
        Certainty,
        DeliveryCondition,
        ErasureReason,
        Field,
        HandlingCode,
        HandlingCondition,
        HoldReason,
        Indicator,
        IntelligenceAssessment,
        ObjectionGround,
        ObjectionKind,
        ObjectionOutcome,
        Purpose,
        QueryPurpose,
        Direction,
        Outcome,
        RecallReason,
        RecordKind,
        Regime,
        ReloadCause,
        RequestedAction,
        RestrictionReason,
        RetentionClass,
        Route,
        Rule,
        SourceEvaluation,
        SubjectCategory,
        TokenKind,
        Urgency,
    ];
    let protos = protos();
    for (name, list) in &lists {
        let found = protos.get_enum_by_name(&format!("portway.v1.{name}")).expect(name);
        let mut expected: List =
            list.iter().map(|(number, code)| (*number, prefix(name) + code)).collect();
        expected.insert(0, prefix(name) + "UNSPECIFIED");
        assert_eq!(written(&found), expected, "{name}");
    }

    let ours: BTreeSet<_> = lists.iter().map(|(name, _)| *name).chain(OF_THE_WIRE).collect();
    let enums: Vec<_> = protos.all_enums().filter(|it| it.package_name() == "portway.v1").collect();
    let theirs: BTreeSet<_> = enums.iter().map(EnumDescriptor::name).collect();
    assert_eq!(theirs, ours, "an enum without a list, or a list without an enum");
}

#[test]
fn no_number_outside_a_list_is_read() {
    for number in [i32::MIN, -1, 0, 24, 255, 256, 257, i32::MAX] {
        AlertType::from_number(number).expect_err("not on the list");
        Field::from_number(number).expect_err("not on the list");
        Act::from_number(number).expect_err("not on the list");
    }
}

/// The kind of a record has the number of its event in `Record`.
#[test]
fn a_kind_of_record_has_the_number_of_its_event() {
    let record = protos().get_message_by_name("portway.v1.Record").unwrap();
    let event = record.oneofs().find(|it| it.name() == "event").unwrap();
    let events: List = event
        .fields()
        .map(|it| (i32::try_from(it.number()).unwrap(), it.name().to_ascii_uppercase()))
        .collect();
    let kinds: List =
        RecordKind::ALL.iter().map(|it| (it.number().into(), it.code().to_owned())).collect();
    assert_eq!(kinds, events);
}
