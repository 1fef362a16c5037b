//! What a subscriber asks for: one purpose, a filter, and a mandatory end.

use std::collections::BTreeSet;

use super::{AlertType, Area, Draft, Name, Purpose, SubjectToken, Timestamp};

/// Which alerts a subscription asks for. An empty filter matches nothing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// The alert types; the alert's has to be one of them.
    pub types: BTreeSet<AlertType>,
    /// The areas; the alert's is one of them, or
    pub areas: BTreeSet<Area>,
    /// one of its tokens is one of these.
    pub tokens: BTreeSet<SubjectToken>,
}

/// The most areas a filter may name.
pub const AREAS_MAX: usize = 256;
/// The most tokens a filter may name.
pub const TOKENS_MAX: usize = 10_000;
/// The most subscriptions that an agency may have at once.
pub const PER_AGENCY_MAX: usize = 1000;
/// The most tokens that an agency's subscriptions may name together.
pub const TOKENS_PER_AGENCY_MAX: usize = 1_000_000;
/// The furthest a subscription's end may lie ahead, in days.
pub const TERM_DAYS_MAX: u64 = 400;

impl Filter {
    /// Tells whether it matches the alert. Nothing matches unless something names it.
    pub fn matches(&self, draft: &Draft) -> bool {
        let area_named = draft.area.as_ref().is_some_and(|area| self.areas.contains(area));
        let subject_named = draft.subject.iter().any(|token| self.tokens.contains(token));
        self.types.contains(&draft.kind) && (area_named || subject_named)
    }

    /// Tells whether it can match anything at all.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty() || (self.areas.is_empty() && self.tokens.is_empty())
    }
}

/// A durable request for alerts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscription {
    /// Its name, unique in the agency.
    pub name: Name,
    /// The one purpose.
    pub purpose: Purpose,
    /// Which alerts.
    pub filter: Filter,
    /// When it ends.
    pub expires_at: Timestamp,
}
