//! Why something is refused: facts with a stable code and number, and what a caller can make of them.
//! A refusal never repeats what was sent.

use super::code::codes;

codes! {
    /// The fact that led to a refusal. Code = `ErrorInfo.reason`, number = as in a `Refused` record.
    Reason, "refusal reason", {
        UnknownCode = 1 "UNKNOWN_CODE",
        MissingField = 2 "MISSING_FIELD",
        OutOfBounds = 3 "OUT_OF_BOUNDS",
        Malformed = 4 "MALFORMED",
        WrongRole = 10 "WRONG_ROLE",
        AgreementUnknown = 11 "AGREEMENT_UNKNOWN",
        AgreementNotInForce = 12 "AGREEMENT_NOT_IN_FORCE",
        VersionUnknown = 13 "VERSION_UNKNOWN",
        NotAParty = 14 "NOT_A_PARTY",
        NotRecipient = 15 "NOT_RECIPIENT",
        PurposeNotAgreed = 16 "PURPOSE_NOT_AGREED",
        TypeNotAgreed = 17 "TYPE_NOT_AGREED",
        CategoryNotAgreed = 18 "CATEGORY_NOT_AGREED",
        NothingReleased = 19 "NOTHING_RELEASED",
        Stale = 20 "STALE",
        AheadOfTime = 21 "AHEAD_OF_TIME",
        Expired = 22 "EXPIRED",
        ExpiryTooLate = 23 "EXPIRY_TOO_LATE",
        RequestIdTooOld = 24 "REQUEST_ID_TOO_OLD",
        RequestIdReused = 25 "REQUEST_ID_REUSED",
        Restricted = 26 "RESTRICTED",
        StaffReferenceMissing = 27 "STAFF_REFERENCE_MISSING",
        VictimFacingSuspect = 30 "VICTIM_FACING_SUSPECT",
        SpecialCategoryWithoutCondition = 31 "SPECIAL_CATEGORY_WITHOUT_CONDITION",
        ConditionWithoutParagraph = 32 "CONDITION_WITHOUT_PARAGRAPH",
        PolicyDocumentNotCurrent = 33 "POLICY_DOCUMENT_NOT_CURRENT",
        ProfessionalSecrecyMissing = 34 "PROFESSIONAL_SECRECY_MISSING",
        SafeguardingConditionUnmet = 35 "SAFEGUARDING_CONDITION_UNMET",
        NoConsentReasonMissing = 36 "NO_CONSENT_REASON_MISSING",
        OffenceDataWithoutCondition = 37 "OFFENCE_DATA_WITHOUT_CONDITION",
        ConfidentialityBasisMissing = 38 "CONFIDENTIALITY_BASIS_MISSING",
        DepersonalisedOnly = 39 "DEPERSONALISED_ONLY",
        NotARelevantAuthority = 40 "NOT_A_RELEVANT_AUTHORITY",
        PatientDataBarred = 41 "PATIENT_DATA_BARRED",
        NotListedForPublicProtection = 42 "NOT_LISTED_FOR_PUBLIC_PROTECTION",
        BasisClosedToPublicAuthority = 43 "BASIS_CLOSED_TO_PUBLIC_AUTHORITY",
        BasisOfOtherRegime = 44 "BASIS_OF_OTHER_REGIME",
        RegimeChangeUnauthorised = 45 "REGIME_CHANGE_UNAUTHORISED",
        SchoolPurpose = 46 "SCHOOL_PURPOSE",
        PersonMissing = 47 "PERSON_MISSING",
        GatewayOfOtherPurpose = 48 "GATEWAY_OF_OTHER_PURPOSE",
        RulesFailed = 49 "RULES_FAILED",
        NotPermitted = 50 "NOT_PERMITTED",
        TooManyProposals = 51 "TOO_MANY_PROPOSALS",
        SubscriptionUnknown = 60 "SUBSCRIPTION_UNKNOWN",
        SubscriptionExists = 61 "SUBSCRIPTION_EXISTS",
        SubscriptionExpired = 62 "SUBSCRIPTION_EXPIRED",
        SubscriptionDeleted = 63 "SUBSCRIPTION_DELETED",
        PositionForged = 64 "POSITION_FORGED",
        AcknowledgedBeyondDelivered = 65 "ACKNOWLEDGED_BEYOND_DELIVERED",
        CreditOutOfBounds = 66 "CREDIT_OUT_OF_BOUNDS",
        OutOfOrder = 67 "OUT_OF_ORDER",
        Fenced = 68 "FENCED",
        RecordUnknown = 80 "RECORD_UNKNOWN",
        BeyondTheLog = 81 "BEYOND_THE_LOG",
        CheckpointInvalid = 82 "CHECKPOINT_INVALID",
        PageTokenForged = 83 "PAGE_TOKEN_FORGED",
        CertificateRevoked = 90 "CERTIFICATE_REVOKED",
        AuthorityRevoked = 91 "AUTHORITY_REVOKED",
        AgencyRevoked = 92 "AGENCY_REVOKED",
        AgencySuspended = 93 "AGENCY_SUSPENDED",
        AgencyUnknown = 94 "AGENCY_UNKNOWN",
        AgencyNotSuspended = 95 "AGENCY_NOT_SUSPENDED",
        GenerationRefused = 96 "GENERATION_REFUSED",
        KeyRotated = 100 "KEY_ROTATED",
        OtherIdentity = 101 "OTHER_IDENTITY",
        NoIssuer = 102 "NO_ISSUER",
        TooManyCertificates = 103 "TOO_MANY_CERTIFICATES",
        AlertUnknown = 110 "ALERT_UNKNOWN",
        Recalled = 111 "RECALLED",
        Rectified = 112 "RECTIFIED",
        NotRestricted = 113 "NOT_RESTRICTED",
        ObjectionUnknown = 114 "OBJECTION_UNKNOWN",
        ObjectionAnswered = 115 "OBJECTION_ANSWERED",
        Erased = 120 "ERASED",
        EvidenceHeld = 121 "EVIDENCE_HELD",
        ErasureUnknown = 122 "ERASURE_UNKNOWN",
        SameOfficer = 123 "SAME_OFFICER",
        HoldUnknown = 124 "HOLD_UNKNOWN",
        SweepNotHalted = 125 "SWEEP_NOT_HALTED",
        NotPublished = 126 "NOT_PUBLISHED",
        RecordErased = 127 "RECORD_ERASED",
        AnalyticsNotAPurpose = 130 "ANALYTICS_NOT_A_PURPOSE",
        RequestUnknown = 131 "REQUEST_UNKNOWN",
        ThirdPartyUnchecked = 132 "THIRD_PARTY_UNCHECKED",
        ReportReleased = 133 "REPORT_RELEASED",
        TooManyRotations = 150 "TOO_MANY_ROTATIONS",
    }
}

/// What a caller can make of a refusal; `grpc::status` turns it into a status code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// Sent it wrong: mend the request.
    Invalid,
    /// Not allowed: ask the officers.
    Denied,
    /// Not now, as things stand.
    Precondition,
    /// Not there, or not for the caller to know.
    NotFound,
    /// There already, with other content.
    Exists,
    /// Somebody else took over.
    Aborted,
}

impl Reason {
    /// Returns what a caller can make of it.
    #[expect(clippy::too_many_lines, reason = "a table, not a procedure")]
    pub const fn class(self) -> Class {
        match self {
            Self::UnknownCode
            | Self::MissingField
            | Self::OutOfBounds
            | Self::Malformed
            | Self::RequestIdTooOld
            | Self::CreditOutOfBounds
            | Self::OutOfOrder
            | Self::PositionForged
            | Self::AcknowledgedBeyondDelivered
            | Self::CheckpointInvalid
            | Self::PageTokenForged
            | Self::ExpiryTooLate
            | Self::StaffReferenceMissing
            | Self::AheadOfTime => Class::Invalid,
            Self::AgreementUnknown
            | Self::NotAParty
            | Self::SubscriptionUnknown
            | Self::VersionUnknown
            | Self::RecordUnknown
            | Self::RecordErased
            | Self::BeyondTheLog
            | Self::AlertUnknown
            | Self::ObjectionUnknown
            | Self::ErasureUnknown
            | Self::HoldUnknown
            | Self::NotPublished
            | Self::RequestUnknown
            | Self::AgencyUnknown => Class::NotFound,
            Self::RequestIdReused | Self::SubscriptionExists | Self::ObjectionAnswered => {
                Class::Exists
            }
            Self::AgreementNotInForce
            | Self::ThirdPartyUnchecked
            | Self::ReportReleased
            | Self::Stale
            | Self::Expired
            | Self::SubscriptionExpired
            | Self::SubscriptionDeleted
            | Self::PolicyDocumentNotCurrent
            | Self::KeyRotated
            | Self::NoIssuer
            | Self::TooManyCertificates
            | Self::TooManyRotations
            | Self::Restricted
            | Self::Recalled
            | Self::Rectified
            | Self::NotRestricted
            | Self::TooManyProposals
            | Self::AgencyNotSuspended
            | Self::Erased
            | Self::EvidenceHeld
            | Self::SweepNotHalted
            | Self::GenerationRefused => Class::Precondition,
            Self::Fenced => Class::Aborted,
            Self::WrongRole
            | Self::AnalyticsNotAPurpose
            | Self::OtherIdentity
            | Self::NotRecipient
            | Self::PurposeNotAgreed
            | Self::TypeNotAgreed
            | Self::CategoryNotAgreed
            | Self::NothingReleased
            | Self::VictimFacingSuspect
            | Self::SpecialCategoryWithoutCondition
            | Self::ConditionWithoutParagraph
            | Self::ProfessionalSecrecyMissing
            | Self::SafeguardingConditionUnmet
            | Self::NoConsentReasonMissing
            | Self::OffenceDataWithoutCondition
            | Self::ConfidentialityBasisMissing
            | Self::DepersonalisedOnly
            | Self::NotARelevantAuthority
            | Self::PatientDataBarred
            | Self::NotListedForPublicProtection
            | Self::BasisClosedToPublicAuthority
            | Self::BasisOfOtherRegime
            | Self::RegimeChangeUnauthorised
            | Self::SchoolPurpose
            | Self::PersonMissing
            | Self::GatewayOfOtherPurpose
            | Self::RulesFailed
            | Self::NotPermitted
            | Self::CertificateRevoked
            | Self::AuthorityRevoked
            | Self::AgencyRevoked
            | Self::AgencySuspended
            | Self::SameOfficer => Class::Denied,
        }
    }
}

codes! {
    /// What was asked, as a `Refused` record names it.
    Act, "act", {
        Publish = 1 "PUBLISH",
        Disclose = 2 "DISCLOSE",
        ProposeAgreement = 3 "PROPOSE_AGREEMENT",
        ApproveAgreement = 4 "APPROVE_AGREEMENT",
        WithdrawAgreement = 5 "WITHDRAW_AGREEMENT",
        CreateSubscription = 6 "CREATE_SUBSCRIPTION",
        DeleteSubscription = 7 "DELETE_SUBSCRIPTION",
        OpenStream = 8 "OPEN_STREAM",
        ReadLog = 9 "READ_LOG",
        ReadGovernance = 10 "READ_GOVERNANCE",
        FollowStream = 11 "FOLLOW_STREAM",
        Administer = 20 "ADMINISTER",
        RotateKey = 40 "ROTATE_KEY",
        RenewCertificate = 41 "RENEW_CERTIFICATE",
        ReadCertificates = 42 "READ_CERTIFICATES",
        RestrictAlert = 50 "RESTRICT_ALERT",
        LiftRestriction = 51 "LIFT_RESTRICTION",
        RecallAlert = 52 "RECALL_ALERT",
        RecordObjection = 53 "RECORD_OBJECTION",
        AnswerObjection = 54 "ANSWER_OBJECTION",
        ReadRights = 55 "READ_RIGHTS",
        PullNotices = 56 "PULL_NOTICES",
        OrderErasure = 60 "ORDER_ERASURE",
        ApproveErasure = 61 "APPROVE_ERASURE",
        WithdrawErasure = 62 "WITHDRAW_ERASURE",
        HoldEvidence = 63 "HOLD_EVIDENCE",
        ReleaseHold = 64 "RELEASE_HOLD",
        ReadRetention = 65 "READ_RETENTION",
        OpenAccess = 70 "OPEN_ACCESS",
        ReleaseReport = 71 "RELEASE_REPORT",
    }
}

/// A refusal: the fact, and where in the request it lies, as a name of ours, never as a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The fact.
    pub reason: Reason,
    /// The field or party kind it concerns; empty = the whole request.
    pub at: &'static str,
}

impl Refusal {
    /// Makes a refusal that concerns one field.
    pub const fn at(reason: Reason, at: &'static str) -> Self {
        Self { reason, at }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, at: "" }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason.code())?;
        if self.at.is_empty() { Ok(()) } else { write!(f, " at {}", self.at) }
    }
}

impl std::error::Error for Refusal {}
