//! What is known of an alert without its content: what its `Published` record holds in clear.

use std::collections::BTreeSet;

use super::{
    AgencyId, AgreementId, AlertId, AlertType, Assertion, Certainty, Draft, Fields,
    HandlingCondition, Purpose, StaffReference, SubjectCategory, Timestamp,
};

/// An alert's facts: who, whom about in which part, what kind, why, when. No subject, no content.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/record.proto")]
pub struct Facts {
    pub id: AlertId,
    pub publisher: AgencyId,
    pub agreement: AgreementId,
    pub purpose: Purpose,
    pub kind: AlertType,
    pub categories: BTreeSet<SubjectCategory>,
    pub fields: Fields,
    pub certainty: Certainty,
    pub assertion: Assertion,
    pub time: Timestamp,
    pub as_of: Timestamp,
    pub expires_at: Timestamp,
    pub delete_after: Timestamp,
    pub handling: BTreeSet<HandlingCondition>,
    pub restricted: bool,
    pub on_behalf_of: Option<StaffReference>,
}

impl Facts {
    /// Takes the facts of a draft.
    pub fn of(draft: &Draft, id: AlertId, publisher: &AgencyId, delete_after: Timestamp) -> Self {
        Self {
            id,
            publisher: publisher.clone(),
            agreement: draft.agreement.clone(),
            purpose: draft.purpose,
            kind: draft.kind,
            categories: draft.categories.clone(),
            fields: draft.fields(),
            certainty: draft.certainty,
            assertion: draft.assertion,
            time: draft.time,
            as_of: draft.as_of,
            expires_at: draft.expires_at,
            delete_after,
            handling: draft.handling.clone(),
            restricted: draft.restricted,
            on_behalf_of: draft.on_behalf_of.clone(),
        }
    }

    /// Tells whether the person is under 18 in this alert.
    pub fn is_of_child(&self) -> bool {
        self.categories.contains(&SubjectCategory::Child)
    }
}
