//! What if? Asks the rules about an alert that nobody published, and says which of them decided and why. It
//! makes no record and remembers nothing.

use std::collections::BTreeSet;

use super::cedar::{Ground, Rules};
use super::passage::Content;
use super::permit::{Permit, find_flow};
use super::question::{Act, Alert, Question, Way};
use super::window::Window;
use crate::domain::{
    AgencyId, Agreement, AlertType, Fields, Purpose, Refusal, SubjectCategory, Timestamp,
};

/// An alert that might be published, and who might see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WhatIf {
    /// Who would publish it.
    pub from: AgencyId,
    /// Who would receive it.
    pub to: AgencyId,
    /// For what.
    pub purpose: Purpose,
    /// Its type.
    pub kind: AlertType,
    /// The part that the person has in it.
    pub categories: BTreeSet<SubjectCategory>,
    /// The fields that it fills.
    pub fields: Fields,
}

/// What the rules say, and which of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explanation {
    /// The permit, or the first reason against it.
    pub answer: Result<Permit, Refusal>,
    /// The rules that decided it: the one that permits, or all that refuse, the first reason first.
    pub grounds: Vec<Ground>,
}

impl Rules {
    /// Explains what would become of an alert at `at`, were it current and unrestricted, and `agreement` approved.
    pub fn explain(&self, agreement: &Agreement, what_if: &WhatIf, at: Timestamp) -> Explanation {
        let WhatIf { from, to, purpose, kind, categories, fields } = what_if;
        let content = Content { kind: *kind, categories, fields: *fields };
        let alert = Alert {
            agreement: &agreement.id,
            purpose: *purpose,
            content,
            restricted: false,
            ended: false,
        };
        let found = find_flow(agreement, (from, to), *purpose);
        let under = |(_, flow)| Way::under(agreement, flow, Some(to), &content);
        let way = found.map_or_else(Way::default, under);
        let act = Act::Disclose { recipient: to, purpose: *purpose, alert, way };
        let verdict = self.ask(&Question { agreement, sender: from, act, now: at });
        let until = Window::around(agreement, from, at).until;
        let permit = |()| Permit::by(found, &way, &content, until);
        Explanation { answer: verdict.outcome().and_then(permit), grounds: verdict.grounds() }
    }
}
