//! An officer's what-if: what an agreement of the own agency would permit, asked of the rules that decide here.

use std::sync::Arc;

use super::govern::officer;
use super::state::{State, Version};
use crate::domain::{AgencyId, Agreement, AgreementId, Caller, Reason, Refusal, Timestamp};
use crate::policy::{Explanation, WhatIf};

/// What an officer asks.
#[derive(Clone, Debug)]
pub struct Inquiry {
    /// The agreement.
    pub agreement: AgreementId,
    /// A version of it, as though it were approved; none = the one in force.
    pub version: Option<String>,
    /// When; none = now.
    pub at: Option<Timestamp>,
    /// The alert that might be.
    pub what_if: WhatIf,
}

/// What it would come to.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The version that was asked; none where none is in force.
    pub version: Option<Arc<str>>,
    /// When.
    pub at: Timestamp,
    /// The hash of the rules.
    pub rules: [u8; 32],
    /// What they say.
    pub explanation: Explanation,
}

/// What a version says, and what it is known by.
type Text = (Arc<Agreement>, Arc<str>);

impl State {
    /// Explains what an agreement would permit.
    ///
    /// # Errors
    ///
    /// `WRONG_ROLE` unless the caller is an officer, `AGREEMENT_UNKNOWN` unless of a party, `VERSION_UNKNOWN`.
    pub fn explain(
        &self,
        by: &Caller,
        inquiry: &Inquiry,
        now: Timestamp,
    ) -> Result<Explained, Refusal> {
        let agency = officer(by)?;
        let at = inquiry.at.unwrap_or(now);
        let Some((agreement, version)) = self.asked_about(inquiry, agency, (now, at))? else {
            let refusal = Refusal::at(Reason::AgreementNotInForce, "agreement");
            let explanation = Explanation { answer: Err(refusal), grounds: Vec::new() };
            return Ok(Explained { version: None, at, rules: self.decider.hash(), explanation });
        };
        let explanation = self.decider.explain(&agreement, &inquiry.what_if, at)?;
        Ok(Explained { version: Some(version), at, rules: self.decider.hash(), explanation })
    }

    /// Finds the version that is asked about; none where none is in force then.
    fn asked_about(
        &self,
        inquiry: &Inquiry,
        agency: &AgencyId,
        (now, at): (Timestamp, Timestamp),
    ) -> Result<Option<Text>, Refusal> {
        let id = &inquiry.agreement;
        self.versions_for(id, agency, now)?;
        if let Some(version) = &inquiry.version {
            let standing = self.version_for((id, version), agency, now)?;
            return Ok(Some((standing.agreement, standing.version)));
        }
        let in_force = self.in_force(id, at);
        let own = in_force.filter(|it: &&Version| it.agreement.party(agency).is_some());
        Ok(own.map(|it| (Arc::clone(&it.agreement), Arc::clone(&it.hash))))
    }
}
