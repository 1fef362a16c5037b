//! A view's bytes: exactly what leaves, and what the disclosure's record commits to.

use bytes::Bytes;

use super::wire::Wire;
use crate::domain::{AlertType, Assertion, Certainty, RequestedAction, Route, Urgency, View};

/// What a view takes, about.
const BYTES: usize = 512;

/// Encodes a view as a `portway.v1.View`.
pub fn view_bytes(view: &View) -> Bytes {
    let number = |number: Option<u8>| number.unwrap_or(0);
    let mut wire = Wire::of(BYTES);
    wire.text(1, &view.id.to_string());
    wire.text(2, &view.source);
    wire.text(3, view.agreement.as_str());
    wire.number(4, view.purpose.number());
    wire.number(5, number(view.kind.map(AlertType::number)));
    view.subject.iter().for_each(|token| wire.token(6, token));
    wire.numbers(7, view.categories.iter().map(|it| it.number()));
    wire.numbers(8, view.indicators.iter().map(|it| it.number()));
    wire.number(9, number(view.certainty.map(Certainty::number)));
    wire.number(10, number(view.assertion.map(Assertion::number)));
    view.grading.into_iter().for_each(|grading| wire.grading(11, grading));
    wire.number(12, number(view.urgency.map(Urgency::number)));
    wire.number(13, number(view.route.map(Route::number)));
    wire.text(14, view.area.as_ref().map_or("", |it| it.as_str()));
    wire.number(15, number(view.action.map(RequestedAction::number)));
    view.time.into_iter().for_each(|at| wire.moment(16, at));
    view.as_of.into_iter().for_each(|at| wire.moment(17, at));
    wire.moment(18, view.expires_at);
    view.contact.iter().for_each(|contact| wire.contact(19, contact));
    wire.numbers(20, view.handling.iter().map(|it| it.number()));
    wire.moment(21, view.delete_after);
    wire.number(22, view.regime_change);
    wire.text(23, view.case_reference.as_ref().map_or("", |it| it.as_str()));
    wire.end()
}
