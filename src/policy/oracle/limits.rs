//! The statutory limits of one flow from one sender to one recipient. Straight down, one limit a step;
//! asked when an agreement is defined and again at every use, because documents lapse.

use crate::domain::{
    AgencyKind, Agreement, AlertType, DataClass, Field, Flow, Party, Purpose, Reason, Refusal,
    Regime, Timestamp,
    law::{Gateway, LawfulBasis, OffenceCondition, ScheduleParagraph},
};

/// Who tells whom under which flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passage<'a> {
    pub(super) agreement: &'a Agreement,
    pub(super) flow: &'a Flow,
    pub(super) sender: &'a Party,
    pub(super) recipient: &'a Party,
}

/// What of the law's classes would pass: all that the flow grants, or what one alert would release.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) health: bool,
    pub(super) offence: bool,
}

impl Load {
    /// The most that the flow could release.
    pub(super) fn of_flow(flow: &Flow) -> Self {
        let has = |field, class| {
            flow.fields.contains(field)
                || (flow.fields.contains(Field::Type)
                    && flow.alert_types.iter().any(|kind| kind.data_class() == class))
        };
        Self {
            health: has(Field::HealthIndicators, DataClass::Health),
            offence: has(Field::OffenceIndicators, DataClass::Offence),
        }
    }

    /// What these fields of an alert of this type would release.
    pub(super) fn of_alert(released: crate::domain::Fields, kind: AlertType) -> Self {
        let has = |field, class| {
            released.contains(field)
                || (released.contains(Field::Type) && kind.data_class() == class)
        };
        Self {
            health: has(Field::HealthIndicators, DataClass::Health),
            offence: has(Field::OffenceIndicators, DataClass::Offence),
        }
    }
}

impl Passage<'_> {
    /// Checks every limit that does not depend on a single alert.
    ///
    /// # Errors
    ///
    /// The first limit that is not met.
    pub(super) fn check(&self, load: Load, now: Timestamp) -> Result<(), Refusal> {
        self.check_basis()?;
        self.check_gateway(load)?;
        self.check_special(load, now)?;
        self.check_offence(load, now)?;
        let owes_confidence = self.is_or_acts_for(self.sender, AgencyKind::is_health_or_care);
        if owes_confidence && self.flow.confidentiality_basis.is_none() {
            return Err(Refusal::at(Reason::ConfidentialityBasisMissing, "confidentiality_basis"));
        }
        if self.changes_regime() && self.flow.authorised_by.is_none() {
            // DPA 2018 s.36(4): only where a law authorises it.
            return Err(Refusal::at(Reason::RegimeChangeUnauthorised, "authorised_by"));
        }
        let to_school = self.is_or_acts_for(self.recipient, |kind| kind == AgencyKind::School);
        if to_school && self.flow.purpose != Purpose::SafeguardingChild {
            return Err(Refusal::at(Reason::SchoolPurpose, "purpose"));
        }
        Ok(())
    }

    /// Tells whether the sender processes under Part 3 and the recipient does not.
    pub(super) fn changes_regime(&self) -> bool {
        self.sender.regime == Regime::DpaPart3 && self.recipient.regime != Regime::DpaPart3
    }

    /// Tells whether at least one end is under the UK GDPR, where offence data needs its condition.
    pub(super) fn is_under_uk_gdpr(&self) -> bool {
        self.sender.regime == Regime::UkGdpr || self.recipient.regime == Regime::UkGdpr
    }

    fn check_basis(&self) -> Result<(), Refusal> {
        let basis = self.flow.lawful_basis;
        if basis.is_part3() != (self.sender.regime == Regime::DpaPart3) {
            return Err(Refusal::at(Reason::BasisOfOtherRegime, "lawful_basis"));
        }
        let closed = matches!(
            basis,
            LawfulBasis::LegitimateInterests | LawfulBasis::RecognisedLegitimateInterests
        );
        // UK GDPR Art 6(1), second subparagraph: in its own tasks or in those it carries out for one.
        if closed && self.is_or_acts_for(self.sender, AgencyKind::is_public_authority) {
            return Err(Refusal::at(Reason::BasisClosedToPublicAuthority, "lawful_basis"));
        }
        Ok(())
    }

    fn check_gateway(&self, load: Load) -> Result<(), Refusal> {
        let of_crime_and_disorder = matches!(
            self.flow.gateway,
            Gateway::CrimeAndDisorderAct115 | Gateway::CrimeAndDisorderAct17A
        );
        if self.flow.purpose == Purpose::CrimeAndDisorder && !of_crime_and_disorder {
            // Another gateway would go round the list of s.115(2).
            return Err(Refusal::at(Reason::GatewayOfOtherPurpose, "gateway"));
        }
        match self.flow.gateway {
            Gateway::CrimeAndDisorderAct115 => {
                // s.115(1): to a relevant authority, or a person acting on behalf of one.
                let listed = self.is_or_acts_for(self.recipient, AgencyKind::is_relevant_authority);
                listed.then_some(()).ok_or(Refusal::at(Reason::NotARelevantAuthority, "gateway"))
            }
            Gateway::CrimeAndDisorderAct17A => {
                // s.17A(2), Sch 9A: depersonalised information.
                let personal = self.flow.fields.contains(Field::Subject)
                    || self.flow.fields.contains(Field::CaseReference);
                (!personal).then_some(()).ok_or(Refusal::at(Reason::DepersonalisedOnly, "fields"))
            }
            Gateway::PoliceCrimeSentencingCourtsAct16 => {
                // s.16(4)-(5): no patient information, nothing personal from health or social care.
                let barred =
                    load.health || self.is_or_acts_for(self.sender, AgencyKind::is_health_or_care);
                (!barred).then_some(()).ok_or(Refusal::at(Reason::PatientDataBarred, "gateway"))
            }
            Gateway::CriminalJusticeAct325 => {
                let listed = self.sender.kind.is_listed_for_public_protection()
                    && self.recipient.kind.is_listed_for_public_protection();
                listed
                    .then_some(())
                    .ok_or(Refusal::at(Reason::NotListedForPublicProtection, "gateway"))
            }
            Gateway::CareAct45
            | Gateway::ChildrenAct10
            | Gateway::ChildrenAct11
            | Gateway::HousingAct213B
            | Gateway::HealthAndSocialCareAct251B
            | Gateway::FireAndRescueAct6
            | Gateway::OffenderManagementAct14
            | Gateway::EducationAct175
            | Gateway::CommonLawPolicing => Ok(()),
        }
    }

    fn check_special(&self, load: Load, now: Timestamp) -> Result<(), Refusal> {
        let Some(condition) = self.flow.special_condition else {
            return if load.health {
                Err(Refusal::at(Reason::SpecialCategoryWithoutCondition, "special_condition"))
            } else if self.flow.schedule_paragraph.is_some() {
                Err(Refusal::at(Reason::ConditionWithoutParagraph, "schedule_paragraph"))
            } else {
                Ok(())
            };
        };
        if condition.is_part3() != (self.sender.regime == Regime::DpaPart3) {
            return Err(Refusal::at(Reason::BasisOfOtherRegime, "special_condition"));
        }
        if !condition.admits(self.flow.schedule_paragraph) {
            return Err(Refusal::at(Reason::ConditionWithoutParagraph, "schedule_paragraph"));
        }
        let paragraph = self.flow.schedule_paragraph;
        let needs_document =
            condition.is_part3() || paragraph.is_some_and(ScheduleParagraph::needs_policy_document);
        if needs_document {
            self.check_policy_document(now)?;
        }
        if paragraph == Some(ScheduleParagraph::HealthOrSocialCare)
            && !(self.sender.professional_secrecy && self.recipient.professional_secrecy)
        {
            return Err(Refusal::at(Reason::ProfessionalSecrecyMissing, "professional_secrecy"));
        }
        if paragraph == Some(ScheduleParagraph::Safeguarding)
            && self.flow.no_consent_reason.is_none()
        {
            return Err(Refusal::at(Reason::NoConsentReasonMissing, "no_consent_reason"));
        }
        Ok(())
    }

    fn check_offence(&self, load: Load, now: Timestamp) -> Result<(), Refusal> {
        if !(load.offence && self.is_under_uk_gdpr()) {
            return Ok(());
        }
        let Some(condition) = self.flow.offence_condition else {
            return Err(Refusal::at(Reason::OffenceDataWithoutCondition, "offence_condition"));
        };
        if condition == OffenceCondition::Safeguarding && self.flow.no_consent_reason.is_none() {
            return Err(Refusal::at(Reason::NoConsentReasonMissing, "no_consent_reason"));
        }
        if condition.needs_policy_document() { self.check_policy_document(now) } else { Ok(()) }
    }

    fn check_policy_document(&self, now: Timestamp) -> Result<(), Refusal> {
        let current = self.sender.policy_document.as_ref().is_some_and(|doc| now < doc.until);
        current
            .then_some(())
            .ok_or(Refusal::at(Reason::PolicyDocumentNotCurrent, "policy_document"))
    }

    /// Tells whether it holds of the party itself, or of the one whose tasks it carries out.
    fn is_or_acts_for(&self, party: &Party, holds: fn(AgencyKind) -> bool) -> bool {
        let principal = party.acting_for.as_ref().and_then(|agency| self.agreement.party(agency));
        holds(party.kind) || principal.is_some_and(|principal| holds(principal.kind))
    }
}
