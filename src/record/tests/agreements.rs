//! Agreements: there and back, one form to hash, and each code that is on no list.

use bytes::Bytes;
use proptest::{prelude::*, test_runner::Config};
use prost::Message;

use super::sample;
use crate::domain::{Agreement, Reason, Refusal, random};
use crate::pb::v1 as pb;
use crate::record::{
    Malformed, agreement_from_pb, agreement_from_stored, agreement_to_pb, agreement_version,
};

proptest! {
    #![proptest_config(Config::with_cases(300))]

    #[test]
    fn an_agreement_reads_back_as_it_was_written(agreement in random::agreement()) {
        let written = agreement_to_pb(&agreement);
        prop_assert_eq!(agreement_from_pb(&written), Ok(agreement.clone()));
        let stored = Bytes::from(written.encode_to_vec());
        prop_assert_eq!(agreement_from_stored(&stored), Ok(agreement));
    }

    #[test]
    fn another_agreement_is_another_version(
        one in random::agreement(),
        other in random::agreement(),
    ) {
        let version = |it: &Agreement| agreement_version(&agreement_to_pb(it).encode_to_vec());
        prop_assert_eq!(version(&one) == version(&other), one == other);
    }
}

fn full() -> pb::Agreement {
    agreement_to_pb(&sample::agreement())
}

type Change = fn(&mut pb::Agreement);

fn expect_refusals(reason: Reason, changes: &[(&'static str, Change)]) {
    agreement_from_pb(&full()).expect("nothing wrong with it");
    for (at, change) in changes {
        let mut agreement = full();
        change(&mut agreement);
        assert_eq!(agreement_from_pb(&agreement), Err(Refusal::at(reason, at)), "{at}");
        let stored = Bytes::from(agreement.encode_to_vec());
        assert_eq!(agreement_from_stored(&stored), Err(Malformed), "{at}");
    }
}

#[test]
fn a_code_of_law_that_is_on_no_list_is_refused_defined_or_stored() {
    expect_refusals(
        Reason::UnknownCode,
        &[
            ("purpose", |it| it.flows[0].purpose = 99),
            ("alert_types", |it| it.flows[0].alert_types.push(99)),
            ("subject_categories", |it| it.flows[0].subject_categories.push(0)),
            ("fields", |it| it.flows[0].fields.push(19)),
            ("gateway", |it| it.flows[0].gateway = "CDA1998-S116".to_owned()),
            ("lawful_basis", |it| it.flows[0].lawful_basis = "A6-1-b".to_owned()),
            ("special_condition", |it| it.flows[0].special_condition = "A9-2-k".to_owned()),
            ("schedule_paragraph", |it| {
                it.flows[0].schedule_paragraph = "DPA2018-Sch1-99".to_owned();
            }),
            ("no_consent_reason", |it| it.flows[0].no_consent_reason = "BUSY".to_owned()),
            ("offence_condition", |it| it.flows[0].offence_condition = "A10".to_owned()),
            ("confidentiality_basis", |it| {
                it.flows[0].confidentiality_basis = "CONVENIENCE".to_owned();
            }),
            ("kind", |it| it.parties[0].kind = 10),
            ("regime", |it| it.parties[0].regime = 3),
            ("retention", |it| it.retention = 4),
            ("delivery", |it| it.delivery = 3),
            ("type_retention", |it| it.type_retention = vec![kept(900, 1, 7)]),
            ("type_retention", |it| it.type_retention = vec![kept(1, 9, 7)]),
        ],
    );
}

#[test]
fn a_purpose_gateway_or_basis_that_is_missing_is_refused() {
    expect_refusals(
        Reason::MissingField,
        &[
            ("id", |it| it.id.clear()),
            ("starts", |it| it.starts = None),
            ("ends", |it| it.ends = None),
            ("review", |it| it.review = None),
            ("retention", |it| it.retention = 0),
            ("agency", |it| it.parties[0].agency.clear()),
            ("kind", |it| it.parties[0].kind = 0),
            ("regime", |it| it.parties[0].regime = 0),
            ("policy_document_until", |it| it.parties[0].policy_document_until = None),
            ("policy_document", |it| it.parties[0].policy_document.clear()),
            ("from", |it| it.flows[0].from.clear()),
            ("to", |it| it.flows[0].to.push(String::new())),
            ("purpose", |it| it.flows[0].purpose = 0),
            ("gateway", |it| it.flows[0].gateway.clear()),
            ("lawful_basis", |it| it.flows[0].lawful_basis.clear()),
            ("type_retention", |it| it.type_retention = vec![kept(0, 1, 7)]),
            ("type_retention", |it| it.type_retention = vec![kept(1, 0, 7)]),
        ],
    );
}

#[test]
fn a_name_with_a_wildcard_is_refused() {
    expect_refusals(
        Reason::Malformed,
        &[
            ("to", |it| it.flows[0].to = vec!["*".to_owned()]),
            ("to", |it| it.flows[0].to = vec!["council-*".to_owned()]),
            ("from", |it| it.flows[0].from = "*".to_owned()),
            ("agency", |it| it.parties[0].agency = "*".to_owned()),
            ("acting_for", |it| it.parties[0].acting_for = "*".to_owned()),
        ],
    );
    expect_refusals(
        Reason::OutOfBounds,
        &[
            ("delete_after_days", |it| it.delete_after_days = 65_536),
            ("type_retention", |it| it.type_retention = vec![kept(1, 1, 65_536)]),
            ("type_retention", |it| it.type_retention = vec![kept(1, 1, 7), kept(1, 2, 7)]),
        ],
    );
}

fn kept(kind: i32, retention: i32, delete_after_days: u32) -> pb::TypeRetention {
    pb::TypeRetention { r#type: kind, retention, delete_after_days }
}
