//! The sharing agreement as data: who may tell whom what, for which purpose, on which basis, until
//! when. Whether it is lawful, and whether it permits something now, is for `policy` to say.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AgencyId, AgencyKind, AgreementId, AlertType, DeliveryCondition, Fields, Purpose, Regime,
    RetentionClass, SubjectCategory, Timestamp,
    law::{
        ConfidentialityBasis, Gateway, LawfulBasis, NoConsentReason, OffenceCondition,
        ScheduleParagraph, SpecialCondition,
    },
};

/// A sharing agreement; each field is described in `proto/portway/v1/agreements.proto`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/agreements.proto")]
pub struct Agreement {
    pub id: AgreementId,
    pub title: String,
    pub parties: Vec<Party>,
    pub flows: Vec<Flow>,
    pub starts: Timestamp,
    pub ends: Timestamp,
    pub review: Timestamp,
    pub dpia: String,
    pub retention: RetentionClass,
    pub delete_after_days: u16,
    pub delivery: DeliveryCondition,
    pub type_retention: BTreeMap<AlertType, TypeRetention>,
}

/// How long alerts of one type are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TypeRetention {
    /// Retention class.
    pub retention: RetentionClass,
    /// Days after the publish when every recipient deletes.
    pub delete_after_days: u16,
}

/// One agency of an agreement.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/agreements.proto")]
pub struct Party {
    pub agency: AgencyId,
    pub kind: AgencyKind,
    pub regime: Regime,
    pub faces_suspects: bool,
    pub professional_secrecy: bool,
    pub names_staff: bool,
    pub acting_for: Option<AgencyId>,
    pub policy_document: Option<PolicyDocument>,
}

/// An appropriate policy document (DPA 2018 Sch 1 Part 4; s.42 under Part 3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyDocument {
    /// Its reference.
    pub reference: String,
    /// Until when it is current.
    pub until: Timestamp,
}

/// What one party may tell others for one purpose.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/agreements.proto")]
pub struct Flow {
    pub from: AgencyId,
    pub to: BTreeSet<AgencyId>,
    pub purpose: Purpose,
    pub alert_types: BTreeSet<AlertType>,
    pub subject_categories: BTreeSet<SubjectCategory>,
    pub fields: Fields,
    pub gateway: Gateway,
    pub lawful_basis: LawfulBasis,
    pub special_condition: Option<SpecialCondition>,
    pub schedule_paragraph: Option<ScheduleParagraph>,
    pub no_consent_reason: Option<NoConsentReason>,
    pub offence_condition: Option<OffenceCondition>,
    pub confidentiality_basis: Option<ConfidentialityBasis>,
    pub authorised_by: Option<String>,
}

/// The longest term, in days.
pub const TERM_DAYS_MAX: u64 = 1827;
/// The most parties.
pub const PARTIES_MAX: usize = 64;
/// The most flows.
pub const FLOWS_MAX: usize = 256;
/// The most versions of agreements that an agency may have proposed and that may still count.
pub const VERSIONS_PER_AGENCY_MAX: usize = 128;
/// How many of the versions that an agency has proposed are kept to be shown once they have ended.
pub const ENDED_VERSIONS_KEPT: usize = 64;

impl Agreement {
    /// Finds a party by name.
    pub fn party(&self, agency: &AgencyId) -> Option<&Party> {
        self.parties.iter().find(|party| party.agency == *agency)
    }

    /// Returns after how many days an alert of a type is deleted.
    pub fn days_kept(&self, kind: AlertType) -> u16 {
        self.type_retention.get(&kind).map_or(self.delete_after_days, |it| it.delete_after_days)
    }

    /// Tells whether `now` lies in the term: from `starts`, before `ends`.
    pub fn covers(&self, now: Timestamp) -> bool {
        self.starts <= now && now < self.ends
    }
}
