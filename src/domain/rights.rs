//! A person's rights over an alert, and what recipients are told of it: closed lists, and no text of anybody's.

use super::{AgencyId, AlertId, Timestamp, code::codes};

codes! {
    /// Why an alert is restricted.
    RestrictionReason, "restriction reason", {
        AccuracyContested = 1 "ACCURACY_CONTESTED",
        Unlawful = 2 "UNLAWFUL",
        LegalClaim = 3 "LEGAL_CLAIM",
        ObjectionPending = 4 "OBJECTION_PENDING",
        Evidence = 5 "EVIDENCE",
    }
}

codes! {
    /// Why an alert is recalled.
    RecallReason, "recall reason", {
        Wrong = 1 "WRONG",
        WrongPerson = 2 "WRONG_PERSON",
        Unlawful = 3 "UNLAWFUL",
        WrongRecipient = 4 "WRONG_RECIPIENT",
        ObjectionUpheld = 5 "OBJECTION_UPHELD",
    }
}

codes! {
    /// What a recipient is told of an alert.
    AlertNoticeKind, "kind of notice", {
        Recalled = 1 "RECALLED",
        Rectified = 2 "RECTIFIED",
        Restricted = 3 "RESTRICTED",
        RestrictionLifted = 4 "RESTRICTION_LIFTED",
        Delete = 5 "DELETE",
    }
}

codes! {
    /// What the person who objects asks for.
    ObjectionKind, "kind of objection", {
        Processing = 1 "PROCESSING",
        Accuracy = 2 "ACCURACY",
        Erasure = 3 "ERASURE",
        Restriction = 4 "RESTRICTION",
    }
}

codes! {
    /// What came of an objection.
    ObjectionOutcome, "outcome of an objection", {
        Upheld = 1 "UPHELD",
        PartlyUpheld = 2 "PARTLY_UPHELD",
        Declined = 3 "DECLINED",
    }
}

codes! {
    /// Why an objection came to its outcome.
    ObjectionGround, "ground of an answer", {
        Inaccurate = 1 "INACCURATE",
        Accurate = 2 "ACCURATE",
        Unlawful = 3 "UNLAWFUL",
        PersonsSituation = 4 "PERSONS_SITUATION",
        OverridingGrounds = 5 "OVERRIDING_GROUNDS",
        LegalObligation = 6 "LEGAL_OBLIGATION",
        LegalClaim = 7 "LEGAL_CLAIM",
        Prejudice = 8 "PREJUDICE",
        NotThePerson = 9 "NOT_THE_PERSON",
    }
}

/// An alert as others speak of it: enough to act on it when it is long gone from memory.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AlertRef {
    /// Index of the record that published it.
    pub published: u64,
    /// Its id.
    pub id: AlertId,
    /// Its publisher.
    pub publisher: AgencyId,
    /// When it is deleted.
    pub delete_after: Timestamp,
}

/// What a recipient is told of an alert.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AlertNotice {
    /// Delete it, and acknowledge that: it was erased by order.
    Delete,
    /// Delete it, and acknowledge that: its publisher recalled it.
    Recalled(RecallReason),
    /// Another alert has taken its place.
    Rectified(AlertId),
    /// Keep it, and do nothing else with it.
    Restricted(RestrictionReason),
    /// That is over.
    RestrictionLifted,
}

impl AlertNotice {
    /// Returns what kind of notice it is.
    pub const fn kind(self) -> AlertNoticeKind {
        match self {
            Self::Delete => AlertNoticeKind::Delete,
            Self::Recalled(_) => AlertNoticeKind::Recalled,
            Self::Rectified(_) => AlertNoticeKind::Rectified,
            Self::Restricted(_) => AlertNoticeKind::Restricted,
            Self::RestrictionLifted => AlertNoticeKind::RestrictionLifted,
        }
    }
}
