//! The rules as officers read them, in Cedar: loaded whole or not at all, asked one question at a time. What
//! no rule permits is refused, and so is whatever a rule fails on: Cedar itself would skip that rule.

mod error;
mod example;
mod load;
mod reach;
mod request;
mod rules;
mod words;

pub use error::RulesError;
#[cfg(test)]
pub(super) use load::built_in_sources;
pub use load::{RULES_BYTES_MAX, Source};
pub use rules::{Ground, Rules};
