//! May this be shared? Agreements and rules in, a permit or a refusal out. Pure: no I/O, no clock. The rules are
//! Cedar's, in `config/policy`; this room shapes the questions and turns an answer into a value. P1: a [`Permit`]
//! and an [`Admitted`] are made here and nowhere else; unknown, missing or in error is a refusal. An
//! engineering checklist of the law, not legal advice.

mod admit;
mod cedar;
mod compare;
mod decider;
mod define;
mod explain;
mod minimise;
#[cfg(test)]
mod oracle;
mod passage;
mod permit;
mod question;
mod shape;
#[cfg(test)]
mod tests;
mod window;

pub use admit::Admitted;
pub use cedar::{Ground, RULES_BYTES_MAX, Rules, RulesError, Source};
pub use compare::{Change, Comparison, Grants, PartyChange, PassageChange};
pub use decider::{Decider, Version};
pub use explain::{Explanation, WhatIf};
pub use minimise::minimise;
pub use permit::{Ask, Permit};
