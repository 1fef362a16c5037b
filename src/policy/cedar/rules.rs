//! A set of rules that was loaded, and how it is asked. An answer holds every rule that decided it, the first
//! reason first; an error anywhere on the way is a refusal.

use std::{collections::HashMap, fmt, sync::Arc};

use cedar_policy::{Authorizer, Decision, Entities, PolicyId, PolicySet, Schema};

use super::words::Words;
use crate::domain::{Reason, Refusal};
use crate::policy::question::Question;

/// The rules.
pub struct Rules {
    pub(super) set: PolicySet,
    pub(super) schema: Schema,
    pub(super) texts: HashMap<PolicyId, Text>,
    pub(super) words: Words,
    pub(super) hash: [u8; 32],
    pub(super) authorizer: Authorizer,
    pub(super) nobody: Entities,
    /// Whether any rule knows an agency by its name.
    pub(super) names_agencies: bool,
}

/// What a rule says about itself.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) ground: Ground,
    /// Among the rules against something, the lowest gives the reason.
    pub(super) order: u32,
    /// What it refuses with; none in a rule that permits.
    pub(super) refusal: Option<Refusal>,
}

/// A rule that decided something, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ground {
    /// Its `@id`.
    pub id: Arc<str>,
    /// Its `@why`.
    pub why: Arc<str>,
}

/// What the rules say to one question.
#[derive(Debug)]
pub(in crate::policy) struct Verdict<'a> {
    /// The rules that decided it, in their order.
    texts: Vec<&'a Text>,
    /// Why not; none = permitted.
    refusal: Option<Refusal>,
}

impl Rules {
    /// Returns what the rule set is known by in the log: SHA-256 of its sources, and of what of the broker's
    /// own code shapes its questions.
    pub const fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Tells whether agencies that are alike but for their names may be answered otherwise.
    pub(in crate::policy) const fn names_agencies(&self) -> bool {
        self.names_agencies
    }

    /// Asks the rules.
    pub(in crate::policy) fn ask(&self, question: &Question<'_>) -> Verdict<'_> {
        self.put(question, None)
    }

    /// Asks with the question held against the schema.
    pub(super) fn put(&self, question: &Question<'_>, schema: Option<&Schema>) -> Verdict<'_> {
        let failed = |texts| Verdict { texts, refusal: Some(Reason::RulesFailed.into()) };
        let Ok(request) = self.words.request(question, schema) else {
            return failed(Vec::new());
        };
        let response = self.authorizer.is_authorized(&request, &self.set, &self.nobody);
        let diagnostics = response.diagnostics();
        let mut texts: Vec<&Text> = Vec::new();
        for id in diagnostics.reason() {
            let Some(text) = self.texts.get(id) else { return failed(texts) };
            texts.push(text);
        }
        texts.sort_by_key(|text| text.order);
        // P1: Cedar leaves out a rule that fails, and what it forbade would be permitted.
        if diagnostics.errors().next().is_some() {
            return failed(texts);
        }
        let refusal = match response.decision() {
            Decision::Allow if !texts.is_empty() => None,
            Decision::Allow => Some(Reason::RulesFailed.into()),
            Decision::Deny => {
                let first = texts.first().and_then(|text| text.refusal);
                Some(first.unwrap_or(Reason::NotPermitted.into()))
            }
        };
        Verdict { texts, refusal }
    }
}

impl Verdict<'_> {
    /// Returns nothing where the rules permit.
    ///
    /// # Errors
    ///
    /// The first reason against it.
    pub(in crate::policy) fn outcome(&self) -> Result<(), Refusal> {
        self.refusal.map_or(Ok(()), Err)
    }

    /// Returns the rules that decided, for people.
    pub(in crate::policy) fn grounds(&self) -> Vec<Ground> {
        self.texts.iter().map(|text| text.ground.clone()).collect()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules({} of {})", self.texts.len(), crate::domain::Hex(&self.hash))
    }
}
