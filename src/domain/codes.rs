//! The closed lists of an alert and of an agreement. Numbers are those of `proto/portway/v1`, and a
//! test in `record` holds the two together. What a code means in law stands in `law`.

use super::code::codes;

codes! {
    /// What happened.
    AlertType, "alert type", {
        AntisocialBehaviour = 1 "ANTISOCIAL_BEHAVIOUR",
        Violence = 2 "VIOLENCE",
        DomesticAbuse = 3 "DOMESTIC_ABUSE",
        AdultSafeguarding = 4 "ADULT_SAFEGUARDING",
        ChildSafeguarding = 5 "CHILD_SAFEGUARDING",
        Arrest = 6 "ARREST",
        TenancyAtRisk = 7 "TENANCY_AT_RISK",
        Homelessness = 8 "HOMELESSNESS",
        Exploitation = 9 "EXPLOITATION",
        Referral = 10 "REFERRAL",
        ReferralDeclined = 11 "REFERRAL_DECLINED",
        MentalHealthCrisis = 12 "MENTAL_HEALTH_CRISIS",
        FailureToEngage = 13 "FAILURE_TO_ENGAGE",
        Treatment = 14 "TREATMENT",
        Overdose = 15 "OVERDOSE",
        EmergencyAttendance = 16 "EMERGENCY_ATTENDANCE",
        AssaultInjury = 17 "ASSAULT_INJURY",
        SentenceChange = 18 "SENTENCE_CHANGE",
        Breach = 19 "BREACH",
        FireRisk = 20 "FIRE_RISK",
        DeliberateFire = 21 "DELIBERATE_FIRE",
        MissedEducation = 22 "MISSED_EDUCATION",
        Engaged = 23 "ENGAGED",
    }
}

codes! {
    /// Why an alert may be shared.
    Purpose, "purpose", {
        SafeguardingAdult = 1 "SAFEGUARDING_ADULT",
        SafeguardingChild = 2 "SAFEGUARDING_CHILD",
        CrimeAndDisorder = 3 "CRIME_AND_DISORDER",
        DomesticAbuseProtection = 4 "DOMESTIC_ABUSE_PROTECTION",
        ReoffendingReduction = 5 "REOFFENDING_REDUCTION",
        PublicProtection = 6 "PUBLIC_PROTECTION",
        HomelessnessPrevention = 7 "HOMELESSNESS_PREVENTION",
        HealthAndCare = 8 "HEALTH_AND_CARE",
        TenancySustainment = 9 "TENANCY_SUSTAINMENT",
        FirePrevention = 10 "FIRE_PREVENTION",
        SeriousViolence = 11 "SERIOUS_VIOLENCE",
    }
}

codes! {
    /// The part a person has in an alert.
    SubjectCategory, "subject category", {
        Suspect = 1 "SUSPECT",
        Convicted = 2 "CONVICTED",
        Victim = 3 "VICTIM",
        Witness = 4 "WITNESS",
        AtRiskAdult = 5 "AT_RISK_ADULT",
        Child = 6 "CHILD",
        Other = 7 "OTHER",
    }
}

codes! {
    /// A coded fact about the person.
    Indicator, "indicator", {
        Alcohol = 1 "ALCOHOL",
        Drugs = 2 "DRUGS",
        DrugsClassA = 3 "DRUGS_CLASS_A",
        MentalHealth = 4 "MENTAL_HEALTH",
        Offending = 5 "OFFENDING",
        HistoryOfViolence = 6 "HISTORY_OF_VIOLENCE",
        Threats = 7 "THREATS",
        DomesticAbuse = 8 "DOMESTIC_ABUSE",
        Homelessness = 9 "HOMELESSNESS",
        UnstableAccommodation = 10 "UNSTABLE_ACCOMMODATION",
        Exploitation = 11 "EXPLOITATION",
        AdultAtRisk = 12 "ADULT_AT_RISK",
        ChildProtection = 13 "CHILD_PROTECTION",
        LearningDifficulty = 14 "LEARNING_DIFFICULTY",
        PhysicalDisability = 15 "PHYSICAL_DISABILITY",
        FinancialDifficulty = 16 "FINANCIAL_DIFFICULTY",
        FrequentAttender = 17 "FREQUENT_ATTENDER",
        FailureToEngage = 18 "FAILURE_TO_ENGAGE",
    }
}

codes! {
    /// Known or suspected.
    Certainty, "certainty", { Known = 1 "KNOWN", Suspected = 2 "SUSPECTED", }
}

codes! {
    /// Fact or personal assessment (DPA 2018 s.38(2)).
    Assertion, "assertion", { Fact = 1 "FACT", Assessment = 2 "ASSESSMENT", }
}

codes! {
    /// How soon a recipient should look.
    Urgency, "urgency", { Routine = 1 "ROUTINE", Priority = 2 "PRIORITY", Urgent = 3 "URGENT", }
}

codes! {
    /// The route an early risk assessment chose.
    Route, "route", {
        MediationOrReferral = 1 "MEDIATION_OR_REFERRAL",
        AssertiveOutreach = 2 "ASSERTIVE_OUTREACH",
        MultiAgency = 3 "MULTI_AGENCY",
    }
}

codes! {
    /// What the publisher asks of the recipient.
    RequestedAction, "requested action", {
        Note = 1 "NOTE",
        CallContact = 2 "CALL_CONTACT",
        Assess = 3 "ASSESS",
        Visit = 4 "VISIT",
        Meet = 5 "MEET",
    }
}

codes! {
    /// A condition that binds the recipient.
    HandlingCondition, "handling condition", {
        NoOnwardSharing = 1 "NO_ONWARD_SHARING",
        ContactFirst = 2 "CONTACT_FIRST",
        NotToSubject = 3 "NOT_TO_SUBJECT",
    }
}

codes! {
    /// Source evaluation of the 3x5x2 grading.
    SourceEvaluation, "source evaluation", {
        Reliable = 1 "RELIABLE",
        Untested = 2 "UNTESTED",
        NotReliable = 3 "NOT_RELIABLE",
    }
}

codes! {
    /// Intelligence assessment of the 3x5x2 grading.
    IntelligenceAssessment, "intelligence assessment", {
        A = 1 "A",
        B = 2 "B",
        C = 3 "C",
        D = 4 "D",
        E = 5 "E",
    }
}

codes! {
    /// Handling code of the 3x5x2 grading.
    HandlingCode, "handling code", { P = 1 "P", C = 2 "C", }
}

codes! {
    /// How a subject token was derived.
    TokenKind, "token kind", { Nhs = 1 "NHS", Nfd = 2 "NFD", Ndp = 3 "NDP", Nfp = 4 "NFP", }
}

codes! {
    /// What kind of organisation an agency is.
    AgencyKind, "agency kind", {
        Police = 1 "POLICE",
        LocalAuthority = 2 "LOCAL_AUTHORITY",
        HousingProvider = 3 "HOUSING_PROVIDER",
        HealthBody = 4 "HEALTH_BODY",
        SocialCare = 5 "SOCIAL_CARE",
        Probation = 6 "PROBATION",
        Fire = 7 "FIRE",
        School = 8 "SCHOOL",
        Voluntary = 9 "VOLUNTARY",
    }
}

codes! {
    /// The data-protection regime an agency processes under.
    Regime, "regime", { UkGdpr = 1 "UK_GDPR", DpaPart3 = 2 "DPA_PART3", }
}

codes! {
    /// What has to be before a view leaves.
    DeliveryCondition, "delivery condition", { Recorded = 1 "RECORDED", Witnessed = 2 "WITNESSED", }
}

codes! {
    /// How long a disclosed alert may be kept, at most.
    RetentionClass, "retention class", { Short = 1 "SHORT", Standard = 2 "STANDARD", Long = 3 "LONG", }
}

codes! {
    /// Why an erasure is ordered.
    ErasureReason, "erasure reason", {
        Article17 = 1 "ARTICLE_17",
        S47 = 2 "S47",
        CourtOrder = 3 "COURT_ORDER",
        Recalled = 4 "RECALLED",
        PublishedInError = 5 "PUBLISHED_IN_ERROR",
    }
}

codes! {
    /// Why an alert is held as evidence.
    HoldReason, "hold reason", {
        LegalClaim = 1 "LEGAL_CLAIM",
        CriminalProceedings = 2 "CRIMINAL_PROCEEDINGS",
        Inquiry = 3 "INQUIRY",
        SubjectRequest = 4 "SUBJECT_REQUEST",
    }
}

codes! {
    /// Why the log is read (after DPA 2018 s.62(4)).
    QueryPurpose, "query purpose", {
        Lawfulness = 1 "LAWFULNESS",
        SelfMonitoring = 2 "SELF_MONITORING",
        IntegrityAndSecurity = 3 "INTEGRITY_AND_SECURITY",
        CriminalProceedings = 4 "CRIMINAL_PROCEEDINGS",
        Analytics = 5 "ANALYTICS",
    }
}

codes! {
    /// Which way an alert went, as the agency that asks sees it.
    Direction, "direction", { Sent = 1 "SENT", Received = 2 "RECEIVED", }
}

codes! {
    /// What became of an alert on its way.
    Outcome, "outcome", {
        Delivered = 1 "DELIVERED",
        Acknowledged = 2 "ACKNOWLEDGED",
        Refused = 3 "REFUSED",
        Skipped = 4 "SKIPPED",
    }
}

impl Direction {
    /// Returns the kinds of record that can say so.
    pub const fn kinds(self) -> &'static [RecordKind] {
        match self {
            Self::Sent => &[RecordKind::Published, RecordKind::Disclosed, RecordKind::Refused],
            Self::Received => &[
                RecordKind::Disclosed,
                RecordKind::Redelivered,
                RecordKind::Acknowledged,
                RecordKind::NumberSkipped,
            ],
        }
    }
}

impl Outcome {
    /// Returns the kinds of record that say so.
    pub const fn kinds(self) -> &'static [RecordKind] {
        match self {
            Self::Delivered => &[RecordKind::Disclosed, RecordKind::Redelivered],
            Self::Acknowledged => &[RecordKind::Acknowledged],
            Self::Refused => &[RecordKind::Refused],
            Self::Skipped => &[RecordKind::NumberSkipped],
        }
    }
}

codes! {
    /// What kind of record it is. Numbers are those of the events in `record.proto`.
    RecordKind, "kind of record", {
        LogStarted = 10 "LOG_STARTED",
        BrokerStarted = 11 "BROKER_STARTED",
        TailCut = 12 "TAIL_CUT",
        SnapshotTaken = 13 "SNAPSHOT_TAKEN",
        AgreementProposed = 20 "AGREEMENT_PROPOSED",
        AgreementApproved = 21 "AGREEMENT_APPROVED",
        AgreementWithdrawn = 22 "AGREEMENT_WITHDRAWN",
        SubscriptionCreated = 30 "SUBSCRIPTION_CREATED",
        SubscriptionDeleted = 31 "SUBSCRIPTION_DELETED",
        StreamOpened = 32 "STREAM_OPENED",
        Acknowledged = 33 "ACKNOWLEDGED",
        Published = 40 "PUBLISHED",
        Disclosed = 41 "DISCLOSED",
        Redelivered = 42 "REDELIVERED",
        NumberSkipped = 43 "NUMBER_SKIPPED",
        Refused = 50 "REFUSED",
        Consulted = 60 "CONSULTED",
        Exported = 61 "EXPORTED",
        KeyRotated = 70 "KEY_ROTATED",
        CertificateIssued = 71 "CERTIFICATE_ISSUED",
        Reloaded = 80 "RELOADED",
        CertificateRevoked = 81 "CERTIFICATE_REVOKED",
        AuthorityRevoked = 82 "AUTHORITY_REVOKED",
        AgencyRevoked = 83 "AGENCY_REVOKED",
        AgencySuspended = 84 "AGENCY_SUSPENDED",
        AgencyReinstated = 85 "AGENCY_REINSTATED",
        AlertRestricted = 90 "ALERT_RESTRICTED",
        RestrictionLifted = 91 "RESTRICTION_LIFTED",
        AlertRecalled = 92 "ALERT_RECALLED",
        NoticesDue = 93 "NOTICES_DUE",
        NoticesPulled = 94 "NOTICES_PULLED",
        NoticeSent = 95 "NOTICE_SENT",
        NoticeAcknowledged = 96 "NOTICE_ACKNOWLEDGED",
        ObjectionRecorded = 97 "OBJECTION_RECORDED",
        ObjectionAnswered = 98 "OBJECTION_ANSWERED",
        ErasureOrdered = 100 "ERASURE_ORDERED",
        ErasureApproved = 101 "ERASURE_APPROVED",
        ErasureWithdrawn = 102 "ERASURE_WITHDRAWN",
        Erased = 103 "ERASED",
        EvidenceHeld = 104 "EVIDENCE_HELD",
        HoldReleased = 105 "HOLD_RELEASED",
        SweepHalted = 106 "SWEEP_HALTED",
        SweepConfirmed = 107 "SWEEP_CONFIRMED",
        RecordsErased = 108 "RECORDS_ERASED",
        SubjectRequestOpened = 110 "SUBJECT_REQUEST_OPENED",
        ReportReleased = 111 "REPORT_RELEASED",
        LogRestored = 130 "LOG_RESTORED",
    }
}

codes! {
    /// Why certificates, CAs, CRLs, agency table and rules were read anew.
    ReloadCause, "cause of a reload", {
        Request = 1 "REQUEST",
        Signal = 2 "SIGNAL",
        Files = 3 "FILES",
    }
}

codes! {
    /// A rule that permitted a disclosure, as its record names it.
    Rule, "rule", {
        AgreementCovers = 1 "AGREEMENT_COVERS",
        LimitsMet = 2 "LIMITS_MET",
        SpecialCondition = 3 "SPECIAL_CONDITION",
        OffenceCondition = 4 "OFFENCE_CONDITION",
        ChildProtected = 5 "CHILD_PROTECTED",
        RegimeChange = 6 "REGIME_CHANGE",
    }
}

/// What the law makes of a type or an indicator.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DataClass {
    /// Personal data without more.
    Plain,
    /// Data concerning health (UK GDPR Art 9).
    Health,
    /// Criminal-offence data (UK GDPR Art 10, DPA 2018 s.11(2)).
    Offence,
    /// A safeguarding concern; granted apart, because it is the most telling of the plain ones.
    Safeguarding,
}

impl AlertType {
    /// Returns what the law makes of the type itself.
    pub const fn data_class(self) -> DataClass {
        match self {
            Self::Referral
            | Self::ReferralDeclined
            | Self::MentalHealthCrisis
            | Self::Treatment
            | Self::Overdose
            | Self::EmergencyAttendance
            | Self::AssaultInjury => DataClass::Health,
            Self::Violence
            | Self::DomesticAbuse
            | Self::Arrest
            | Self::SentenceChange
            | Self::Breach
            | Self::DeliberateFire => DataClass::Offence,
            Self::AdultSafeguarding | Self::ChildSafeguarding | Self::Exploitation => {
                DataClass::Safeguarding
            }
            Self::AntisocialBehaviour
            | Self::TenancyAtRisk
            | Self::Homelessness
            | Self::FailureToEngage
            | Self::FireRisk
            | Self::MissedEducation
            | Self::Engaged => DataClass::Plain,
        }
    }

    /// Returns how many hours old the source's word may be when it is published. Acute types lose
    /// their meaning in days; the others describe a state.
    pub const fn stale_after_hours(self) -> u64 {
        match self {
            Self::Violence
            | Self::DomesticAbuse
            | Self::AdultSafeguarding
            | Self::ChildSafeguarding
            | Self::Exploitation
            | Self::MentalHealthCrisis
            | Self::Overdose
            | Self::AssaultInjury
            | Self::DeliberateFire => 60,
            Self::AntisocialBehaviour
            | Self::Arrest
            | Self::TenancyAtRisk
            | Self::Homelessness
            | Self::Referral
            | Self::ReferralDeclined
            | Self::FailureToEngage
            | Self::Treatment
            | Self::EmergencyAttendance
            | Self::SentenceChange
            | Self::Breach
            | Self::FireRisk
            | Self::MissedEducation
            | Self::Engaged => 30 * 24,
        }
    }
}

impl Indicator {
    /// Returns what the law makes of the indicator, and so which field of an agreement grants it.
    pub const fn data_class(self) -> DataClass {
        match self {
            Self::Alcohol
            | Self::Drugs
            | Self::DrugsClassA
            | Self::MentalHealth
            | Self::LearningDifficulty
            | Self::PhysicalDisability => DataClass::Health,
            Self::Offending | Self::HistoryOfViolence | Self::Threats | Self::DomesticAbuse => {
                DataClass::Offence
            }
            Self::Exploitation | Self::AdultAtRisk | Self::ChildProtection => {
                DataClass::Safeguarding
            }
            Self::Homelessness
            | Self::UnstableAccommodation
            | Self::FinancialDifficulty
            | Self::FrequentAttender
            | Self::FailureToEngage => DataClass::Plain,
        }
    }
}

impl RetentionClass {
    /// Returns the bound of the class in days.
    pub const fn days_max(self) -> u16 {
        match self {
            Self::Short => 31,
            Self::Standard => 366,
            Self::Long => 2192,
        }
    }
}
