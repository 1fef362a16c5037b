//! A view's bytes: exactly what leaves, and what the disclosure's record commits to.

use bytes::Bytes;
use prost::Message;

use super::content::{contact_to_pb, grading_to_pb, timestamp_to_pb, token_to_pb};
use crate::domain::{AlertType, Assertion, Certainty, Urgency, View};
use crate::pb::v1 as pb;

/// Encodes a view as a `portway.v1.View`.
pub fn view_bytes(view: &View) -> Bytes {
    let number = |number: Option<u8>| number.map_or(0, i32::from);
    pb::View {
        id: view.id.to_string(),
        source: view.source.clone(),
        agreement: view.agreement.to_string(),
        purpose: view.purpose.number().into(),
        r#type: number(view.kind.map(AlertType::number)),
        subject: view.subject.iter().map(token_to_pb).collect(),
        subject_categories: view.categories.iter().map(|it| it.number().into()).collect(),
        indicators: view.indicators.iter().map(|it| it.number().into()).collect(),
        certainty: number(view.certainty.map(Certainty::number)),
        assertion: number(view.assertion.map(Assertion::number)),
        grading: view.grading.map(grading_to_pb),
        urgency: number(view.urgency.map(Urgency::number)),
        route: view.route.map(|it| it.number().into()),
        area: view.area.as_ref().map(ToString::to_string).unwrap_or_default(),
        requested_action: view.action.map(|it| it.number().into()),
        time: view.time.map(timestamp_to_pb),
        as_of: view.as_of.map(timestamp_to_pb),
        expires_at: Some(timestamp_to_pb(view.expires_at)),
        contact: view.contact.as_ref().map(contact_to_pb),
        handling_conditions: view.handling.iter().map(|it| it.number().into()).collect(),
        delete_after: Some(timestamp_to_pb(view.delete_after)),
        regime_change: view.regime_change,
        case_reference: view.case_reference.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
    .encode_to_vec()
    .into()
}
