//! The codes of law that an agreement names, and what each of them asks for. The limits themselves
//! are decided in `policy`. An engineering checklist, not legal advice.

use super::{AgencyKind, code::codes};

codes! {
    /// The statutory power or duty used.
    Gateway, "gateway", {
        CrimeAndDisorderAct115 = 1 "CDA1998-S115",
        CrimeAndDisorderAct17A = 2 "CDA1998-S17A",
        CareAct45 = 3 "CA2014-S45",
        ChildrenAct10 = 4 "CHA2004-S10",
        ChildrenAct11 = 5 "CHA2004-S11",
        HousingAct213B = 6 "HA1996-S213B",
        HealthAndSocialCareAct251B = 7 "HSCA2012-S251B",
        CriminalJusticeAct325 = 8 "CJA2003-S325",
        PoliceCrimeSentencingCourtsAct16 = 9 "PCSCA2022-S16",
        FireAndRescueAct6 = 10 "FRSA2004-S6",
        OffenderManagementAct14 = 11 "OMA2007-S14",
        EducationAct175 = 12 "EA2002-S175",
        CommonLawPolicing = 13 "COMMON-LAW-POLICING",
    }
}

codes! {
    /// The UK GDPR Art 6(1) point or DPA 2018 s.35(2) limb.
    LawfulBasis, "lawful basis", {
        Consent = 1 "A6-1-a",
        LegalObligation = 2 "A6-1-c",
        VitalInterests = 3 "A6-1-d",
        PublicTask = 4 "A6-1-e",
        RecognisedLegitimateInterests = 5 "A6-1-ea",
        LegitimateInterests = 6 "A6-1-f",
        Part3Consent = 7 "DPA2018-S35-2-a",
        Part3Necessary = 8 "DPA2018-S35-2-b",
    }
}

codes! {
    /// The UK GDPR Art 9(2) point, or the DPA 2018 Sch 8 paragraph under Part 3.
    SpecialCondition, "special-category condition", {
        Art9A = 1 "A9-2-a",
        Art9B = 2 "A9-2-b",
        Art9C = 3 "A9-2-c",
        Art9F = 4 "A9-2-f",
        Art9G = 5 "A9-2-g",
        Art9H = 6 "A9-2-h",
        Art9I = 7 "A9-2-i",
        Art9J = 8 "A9-2-j",
        Sch8Para1 = 9 "DPA2018-Sch8-1",
        Sch8Para2 = 10 "DPA2018-Sch8-2",
        Sch8Para3 = 11 "DPA2018-Sch8-3",
        Sch8Para4 = 12 "DPA2018-Sch8-4",
        Sch8Para5 = 13 "DPA2018-Sch8-5",
        Sch8Para6 = 14 "DPA2018-Sch8-6",
        Sch8Para7 = 15 "DPA2018-Sch8-7",
        Sch8Para8 = 16 "DPA2018-Sch8-8",
        Sch8Para9 = 17 "DPA2018-Sch8-9",
    }
}

codes! {
    /// A paragraph of DPA 2018 Sch 1 that an Art 9(2) point leans on.
    ScheduleParagraph, "Schedule 1 paragraph", {
        Employment = 1 "DPA2018-Sch1-1",
        HealthOrSocialCare = 2 "DPA2018-Sch1-2",
        PublicHealth = 3 "DPA2018-Sch1-3",
        Research = 4 "DPA2018-Sch1-4",
        StatutoryPurposes = 5 "DPA2018-Sch1-6",
        EqualityOfTreatment = 6 "DPA2018-Sch1-8",
        UnlawfulActs = 7 "DPA2018-Sch1-10",
        Counselling = 8 "DPA2018-Sch1-17",
        Safeguarding = 9 "DPA2018-Sch1-18",
        EconomicWellBeing = 10 "DPA2018-Sch1-19",
    }
}

codes! {
    /// Why consent is not asked (DPA 2018 Sch 1 para 18(1)(d), 18(2)).
    NoConsentReason, "no-consent reason", {
        CannotGive = 1 "CANNOT_GIVE",
        CannotReasonablyObtain = 2 "CANNOT_REASONABLY_OBTAIN",
        WouldPrejudice = 3 "WOULD_PREJUDICE",
    }
}

codes! {
    /// The condition for criminal-offence data (UK GDPR Art 10, DPA 2018 s.10(5), Sch 1).
    OffenceCondition, "offence condition", {
        OfficialAuthority = 1 "A10-OFFICIAL-AUTHORITY",
        StatutoryPurposes = 2 "DPA2018-Sch1-6",
        UnlawfulActs = 3 "DPA2018-Sch1-10",
        Safeguarding = 4 "DPA2018-Sch1-18",
        VitalInterests = 5 "DPA2018-Sch1-30",
        LegalClaims = 6 "DPA2018-Sch1-33",
    }
}

codes! {
    /// The basis in confidentiality of a health or care sender.
    ConfidentialityBasis, "confidentiality basis", {
        Consent = 1 "CONSENT",
        ImpliedConsentDirectCare = 2 "IMPLIED_CONSENT_DIRECT_CARE",
        LegalDuty = 3 "LEGAL_DUTY",
        OverridingPublicInterest = 4 "OVERRIDING_PUBLIC_INTEREST",
    }
}

impl LawfulBasis {
    /// Tells whether the basis belongs to Part 3 and not to the UK GDPR.
    pub const fn is_part3(self) -> bool {
        matches!(self, Self::Part3Consent | Self::Part3Necessary)
    }
}

impl SpecialCondition {
    /// Tells whether it is a Sch 8 paragraph, which only a Part 3 sender can use.
    pub const fn is_part3(self) -> bool {
        self.number() >= Self::Sch8Para1.number()
    }

    /// Tells whether this point leans on `paragraph` (DPA 2018 s.10(2)-(3): points b, h, i and j on
    /// Part 1 of Sch 1, point g on Part 2).
    pub const fn admits(self, paragraph: Option<ScheduleParagraph>) -> bool {
        use ScheduleParagraph as P;
        match self {
            Self::Art9B => matches!(paragraph, Some(P::Employment)),
            Self::Art9G => matches!(
                paragraph,
                Some(
                    P::StatutoryPurposes
                        | P::EqualityOfTreatment
                        | P::UnlawfulActs
                        | P::Counselling
                        | P::Safeguarding
                        | P::EconomicWellBeing
                )
            ),
            Self::Art9H => matches!(paragraph, Some(P::HealthOrSocialCare)),
            Self::Art9I => matches!(paragraph, Some(P::PublicHealth)),
            Self::Art9J => matches!(paragraph, Some(P::Research)),
            Self::Art9A
            | Self::Art9C
            | Self::Art9F
            | Self::Sch8Para1
            | Self::Sch8Para2
            | Self::Sch8Para3
            | Self::Sch8Para4
            | Self::Sch8Para5
            | Self::Sch8Para6
            | Self::Sch8Para7
            | Self::Sch8Para8
            | Self::Sch8Para9 => paragraph.is_none(),
        }
    }
}

impl ScheduleParagraph {
    /// Tells whether the paragraph demands an appropriate policy document (Sch 1 para 1(1)(b), para 5).
    pub const fn needs_policy_document(self) -> bool {
        !matches!(self, Self::HealthOrSocialCare | Self::PublicHealth | Self::Research)
    }
}

impl OffenceCondition {
    /// Tells whether the condition demands an appropriate policy document (Sch 1 para 5).
    pub const fn needs_policy_document(self) -> bool {
        matches!(self, Self::StatutoryPurposes | Self::UnlawfulActs | Self::Safeguarding)
    }
}

impl AgencyKind {
    /// Tells whether it is a relevant authority of the Crime and Disorder Act 1998 s.115(2).
    pub const fn is_relevant_authority(self) -> bool {
        matches!(
            self,
            Self::Police
                | Self::LocalAuthority
                | Self::HousingProvider
                | Self::HealthBody
                | Self::Probation
                | Self::Fire
        )
    }

    /// Tells whether the MAPPA duty names it (Criminal Justice Act 2003 s.325(1), (6)).
    pub const fn is_listed_for_public_protection(self) -> bool {
        matches!(
            self,
            Self::Police
                | Self::Probation
                | Self::LocalAuthority
                | Self::HealthBody
                | Self::HousingProvider
        )
    }

    /// Tells whether it is a public authority acting in its tasks (UK GDPR Art 6(1), second part).
    pub const fn is_public_authority(self) -> bool {
        !matches!(self, Self::HousingProvider | Self::Voluntary | Self::SocialCare)
    }

    /// Tells whether it owes a duty of confidence as a provider of health or social care.
    pub const fn is_health_or_care(self) -> bool {
        matches!(self, Self::HealthBody | Self::SocialCare)
    }
}
