//! Random drafts and views.

use std::collections::BTreeSet;

use proptest::{collection::btree_set, option, prelude::*};

use super::{agency, moment, named, one, some};
use crate::domain::{
    AlertId, AlertType, Area, Assertion, CaseReference, Certainty, Contact, Draft, Grading,
    HandlingCode, HandlingCondition, Indicator, IntelligenceAssessment, Purpose, RequestedAction,
    Route, SourceEvaluation, StaffReference, SubjectCategory, SubjectToken, TokenKind, Urgency,
    View,
};

pub(crate) fn token() -> impl Strategy<Value = SubjectToken> {
    (one(TokenKind::ALL), 1..=u32::MAX, any::<[u8; 32]>())
        .prop_map(|(kind, epoch, value)| SubjectToken { kind, epoch, value })
}

fn subject() -> impl Strategy<Value = Vec<SubjectToken>> {
    btree_set(token(), 0..=8).prop_map(|set| set.into_iter().collect())
}

fn grading() -> impl Strategy<Value = Grading> {
    let codes =
        (one(SourceEvaluation::ALL), one(IntelligenceAssessment::ALL), one(HandlingCode::ALL));
    codes.prop_map(|(source, assessment, handling)| Grading { source, assessment, handling })
}

fn contact() -> impl Strategy<Value = Contact> {
    ("[A-Za-z0-9 /&()-]{1,48}", "[0-9 +]{3,20}")
        .prop_map(|(role, number)| Contact::new(&role, &number).expect("within the rule"))
}

pub(crate) fn area() -> impl Strategy<Value = Area> {
    named("[A-Z0-9-]{2,12}")
}

fn case_reference() -> impl Strategy<Value = CaseReference> {
    named("[!-~]{1,40}")
}

pub(crate) fn staff() -> impl Strategy<Value = StaffReference> {
    named("[A-Za-z0-9._/-]{2,31}[0-9]")
}

pub(crate) fn alert_id() -> impl Strategy<Value = AlertId> {
    any::<[u8; 16]>().prop_map(|mut bytes| {
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        AlertId::from_bytes(&bytes).expect("a UUIDv7")
    })
}

type Codes = (
    AlertType,
    BTreeSet<SubjectCategory>,
    BTreeSet<Indicator>,
    Certainty,
    Assertion,
    Option<Grading>,
    Urgency,
    Option<Route>,
    Option<RequestedAction>,
    BTreeSet<HandlingCondition>,
);

fn codes() -> impl Strategy<Value = Codes> {
    (
        one(AlertType::ALL),
        some(SubjectCategory::ALL, 1),
        some(Indicator::ALL, 0),
        one(Certainty::ALL),
        one(Assertion::ALL),
        option::of(grading()),
        one(Urgency::ALL),
        option::of(one(Route::ALL)),
        option::of(one(RequestedAction::ALL)),
        some(HandlingCondition::ALL, 0),
    )
}

/// Any draft whose parts are valid; its times need not agree.
pub(crate) fn draft() -> impl Strategy<Value = Draft> {
    let about = (named("[a-z][a-z0-9-]{2,63}"), one(Purpose::ALL), subject(), any::<bool>());
    let times = (moment(), moment(), moment());
    let texts = (option::of(area()), option::of(contact()), option::of(case_reference()));
    let texts = (texts, (option::of(staff()), option::of(alert_id())));
    (about, codes(), times, texts).prop_map(|(about, codes, times, texts)| {
        let (agreement, purpose, subject, restricted) = about;
        let (kind, categories, indicators, certainty, assertion, ..) = codes;
        let (.., grading, urgency, route, action, handling) = codes;
        let (time, as_of, expires_at) = times;
        let ((area, contact, case_reference), (on_behalf_of, rectifies)) = texts;
        Draft {
            agreement,
            purpose,
            kind,
            subject,
            categories,
            indicators,
            certainty,
            assertion,
            grading,
            urgency,
            route,
            area,
            action,
            time,
            as_of,
            expires_at,
            contact,
            handling,
            restricted,
            case_reference,
            on_behalf_of,
            rectifies,
        }
    })
}

fn kept<T: Default>(there: bool, value: T) -> T {
    if there { value } else { T::default() }
}

/// Any view: the fields of a draft, each there or withheld.
pub(crate) fn view() -> impl Strategy<Value = View> {
    let header = (alert_id(), agency(), any::<bool>(), moment());
    (draft(), header, any::<[bool; 16]>()).prop_map(|(draft, header, there)| {
        let (id, publisher, regime_change, delete_after) = header;
        View {
            id,
            source: format!("//example.org/agency/{publisher}"),
            agreement: draft.agreement,
            purpose: draft.purpose,
            kind: there[0].then_some(draft.kind),
            subject: kept(there[1], draft.subject),
            categories: kept(there[2], draft.categories),
            indicators: kept(there[3], draft.indicators),
            certainty: there[4].then_some(draft.certainty),
            assertion: there[5].then_some(draft.assertion),
            grading: draft.grading.filter(|_| there[6]),
            urgency: there[7].then_some(draft.urgency),
            route: draft.route.filter(|_| there[8]),
            area: draft.area.filter(|_| there[9]),
            action: draft.action.filter(|_| there[10]),
            time: there[11].then_some(draft.time),
            as_of: there[12].then_some(draft.as_of),
            expires_at: draft.expires_at,
            contact: draft.contact.filter(|_| there[13]),
            handling: kept(there[14], draft.handling),
            delete_after,
            regime_change,
            case_reference: draft.case_reference.filter(|_| there[15]),
        }
    })
}
