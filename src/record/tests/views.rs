//! A view's bytes are the view and nothing more, and a commitment is to every one of them.

use proptest::{prelude::*, sample::Index, test_runner::Config};
use prost::Message;
use prost_reflect::DynamicMessage;

use super::protos;
use crate::domain::{AlertType, Assertion, Certainty, Urgency, View, random};
use crate::pb::v1 as pb;
use crate::record::{commitment, timestamp_to_pb, view_bytes};

/// The names of the fields that the view fills.
fn filled(view: &View) -> Vec<&'static str> {
    [
        ("id", true),
        ("source", true),
        ("agreement", true),
        ("purpose", true),
        ("type", view.kind.is_some()),
        ("subject", !view.subject.is_empty()),
        ("subject_categories", !view.categories.is_empty()),
        ("indicators", !view.indicators.is_empty()),
        ("certainty", view.certainty.is_some()),
        ("assertion", view.assertion.is_some()),
        ("grading", view.grading.is_some()),
        ("urgency", view.urgency.is_some()),
        ("route", view.route.is_some()),
        ("area", view.area.is_some()),
        ("requested_action", view.action.is_some()),
        ("time", view.time.is_some()),
        ("as_of", view.as_of.is_some()),
        ("expires_at", true),
        ("contact", view.contact.is_some()),
        ("handling_conditions", !view.handling.is_empty()),
        ("delete_after", true),
        ("regime_change", view.regime_change),
        ("case_reference", view.case_reference.is_some()),
    ]
    .into_iter()
    .filter_map(|(name, there)| there.then_some(name))
    .collect()
}

proptest! {
    #![proptest_config(Config::with_cases(300))]

    #[test]
    fn the_bytes_hold_the_fields_of_the_view_and_no_other(view in random::view()) {
        let bytes = view_bytes(&view);
        let kind = protos().get_message_by_name("portway.v1.View").expect("the message");
        let read = DynamicMessage::decode(kind, bytes.as_ref()).expect("a view");
        prop_assert_eq!(read.unknown_fields().count(), 0);
        let mut fields: Vec<_> = read.fields().map(|(field, _)| field).collect();
        fields.sort_by_key(prost_reflect::FieldDescriptor::number);
        let names: Vec<_> = fields.iter().map(|field| field.name().to_owned()).collect();
        prop_assert_eq!(names, filled(&view));
    }

    #[test]
    fn a_view_is_written_as_generated_code_writes_it(view in random::view()) {
        let bytes = view_bytes(&view);
        let read = pb::View::decode(bytes.clone()).expect("a view");
        prop_assert_eq!(read.encode_to_vec(), bytes);
    }

    #[test]
    fn the_bytes_read_back_as_the_view(view in random::view()) {
        let bytes = view_bytes(&view);
        let read = pb::View::decode(bytes.as_ref()).expect("a view");
        prop_assert_eq!(&read.encode_to_vec()[..], bytes.as_ref());
        let number = |code: Option<u8>| code.map_or(0, i32::from);
        prop_assert_eq!(&read.id, &view.id.to_string());
        prop_assert_eq!(&read.source, &view.source);
        prop_assert_eq!(&read.agreement, view.agreement.as_str());
        prop_assert_eq!(read.purpose, i32::from(view.purpose.number()));
        prop_assert_eq!(read.r#type, number(view.kind.map(AlertType::number)));
        prop_assert_eq!(read.subject.len(), view.subject.len());
        for (read, token) in read.subject.iter().zip(&view.subject) {
            prop_assert_eq!((read.kind, read.epoch), (i32::from(token.kind.number()), token.epoch));
            prop_assert_eq!(read.value.as_ref(), token.value);
        }
        let numbers = |codes: &mut dyn Iterator<Item = u8>| codes.map(i32::from).collect::<Vec<_>>();
        let categories = numbers(&mut view.categories.iter().map(|it| it.number()));
        prop_assert_eq!(read.subject_categories, categories);
        prop_assert_eq!(read.indicators, numbers(&mut view.indicators.iter().map(|it| it.number())));
        prop_assert_eq!(read.certainty, number(view.certainty.map(Certainty::number)));
        prop_assert_eq!(read.assertion, number(view.assertion.map(Assertion::number)));
        prop_assert_eq!(read.urgency, number(view.urgency.map(Urgency::number)));
        prop_assert_eq!(read.route, view.route.map(|it| it.number().into()));
        prop_assert_eq!(read.requested_action, view.action.map(|it| it.number().into()));
        let grading = view.grading.map(|it| {
            (it.source.number().into(), it.assessment.number().into(), it.handling.number().into())
        });
        prop_assert_eq!(read.grading.map(|it| (it.source, it.assessment, it.handling)), grading);
        prop_assert_eq!(read.area, view.area.as_ref().map_or("", |it| it.as_str()));
        prop_assert_eq!(read.time, view.time.map(timestamp_to_pb));
        prop_assert_eq!(read.as_of, view.as_of.map(timestamp_to_pb));
        prop_assert_eq!(read.expires_at, Some(timestamp_to_pb(view.expires_at)));
        prop_assert_eq!(read.delete_after, Some(timestamp_to_pb(view.delete_after)));
        let contact = view.contact.as_ref().map(|it| (it.role().to_owned(), it.number().to_owned()));
        prop_assert_eq!(read.contact.map(|it| (it.role, it.number)), contact);
        let handling = numbers(&mut view.handling.iter().map(|it| it.number()));
        prop_assert_eq!(read.handling_conditions, handling);
        prop_assert_eq!(read.regime_change, view.regime_change);
        let reference = view.case_reference.as_ref().map_or("", |it| it.as_str());
        prop_assert_eq!(read.case_reference, reference);
    }

    #[test]
    fn a_commitment_is_to_every_byte_of_the_view(
        view in random::view(),
        key in any::<[u8; 32]>(),
        place in any::<Index>(),
        flip in 1..=255_u8,
    ) {
        let bytes = view_bytes(&view).to_vec();
        let committed = commitment::view(&key, &bytes);
        let mut changed = bytes.clone();
        changed[place.index(bytes.len())] ^= flip;
        prop_assert_ne!(commitment::view(&key, &changed), committed, "a byte changed");
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert_ne!(commitment::view(&key, &longer), committed, "a byte more");
        prop_assert_ne!(commitment::view(&key, &bytes[..bytes.len() - 1]), committed, "one less");
        let mut other = key;
        other[place.index(32)] ^= flip;
        prop_assert_ne!(commitment::view(&other, &bytes), committed, "another key");
    }
}
