//! What an officer decides on each entry of a draft: whether others are in it, and whether it is withheld, why, and
//! when somebody looks at that again. Nothing is released while an entry waits for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::person::Draft;
use crate::domain::Timestamp;

/// What was decided on a draft, as it is written.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// One for each entry.
    pub decisions: Vec<Decision>,
}

/// What was decided on one entry.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Index of the entry's record.
    pub index: u64,
    /// Whether it is about others as well.
    pub third_party: ThirdParty,
    /// Why it is withheld; none where it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withhold: Option<Withhold>,
}

/// The check whether an entry is about others as well (DPA 2018 Sch 2 para 16).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ThirdParty {
    /// Who looked.
    pub checked_by: String,
    /// What was found.
    pub finding: Finding,
}

/// What the check found.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Finding {
    /// It is about nobody else.
    Nobody,
    /// It is, and they consent.
    Consented,
    /// It is, and it is reasonable to show it without their consent.
    Reasonable,
    /// It is, and it cannot be shown: it has to be withheld.
    Others,
}

/// Why an entry is withheld.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Withhold {
    /// The reason.
    pub reason: Reason,
    /// When somebody looks at it again, RFC 3339.
    pub review: String,
}

/// The reasons that the law has.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Prevention or detection of crime: DPA 2018 Sch 2 para 2.
    Crime,
    /// Rights of others: DPA 2018 Sch 2 para 16.
    Others,
    /// Serious harm, health, social work or education: DPA 2018 Sch 3.
    SeriousHarm,
    /// Legal professional privilege: DPA 2018 Sch 2 para 19.
    Privilege,
    /// Law enforcement processing: DPA 2018 s.45(4).
    Section45,
}

/// A draft on which everything is decided.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decided {
    /// How many entries the draft has.
    pub entries: u32,
    /// What is withheld, by the index of its record.
    pub withheld: BTreeMap<u64, Withhold>,
    /// Whether the answer neither confirms nor denies that there is anything.
    pub neither: bool,
}

/// Why a draft cannot be released.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Undecided {
    /// Nobody has looked whether the entry is about others.
    #[error("entry {0}: the third-party check is not made")]
    Unchecked(u64),
    /// A decision names an entry twice, or one that is not in the draft.
    #[error("entry {0}: decided twice, or not in the draft")]
    Stray(u64),
    /// It is about others and is not withheld.
    #[error("entry {0}: about others who have not consented, and not withheld")]
    Others(u64),
    /// The reason is not one for this entry.
    #[error("entry {0}: entries of Part 3 are withheld under s.45(4), and no other entry is")]
    Reason(u64),
    /// The review is no time, or not in the future.
    #[error("entry {0}: the review is not a time in the future, RFC 3339")]
    Review(u64),
    /// Who looked is not said.
    #[error("entry {0}: it is not said who made the third-party check")]
    Nameless(u64),
}

impl Decisions {
    /// Holds the decisions against a draft, as of `now`.
    ///
    /// # Errors
    ///
    /// [`Undecided`] names the first entry that is not decided as it has to be.
    pub fn on(&self, draft: &Draft, neither: bool, now: Timestamp) -> Result<Decided, Undecided> {
        let mut decisions: BTreeMap<u64, &Decision> = BTreeMap::new();
        for decision in &self.decisions {
            if decisions.insert(decision.index, decision).is_some() {
                return Err(Undecided::Stray(decision.index));
            }
        }
        let mut withheld = BTreeMap::new();
        for entry in &draft.entries {
            let index = entry.index;
            let decision = decisions.remove(&index).ok_or(Undecided::Unchecked(index))?;
            if decision.third_party.checked_by.trim().is_empty() {
                return Err(Undecided::Nameless(index));
            }
            if let Some(withhold) = &decision.withhold {
                if (withhold.reason == Reason::Section45) != entry.part_3 {
                    return Err(Undecided::Reason(index));
                }
                let review = Timestamp::parse(&withhold.review).filter(|it| *it > now);
                review.ok_or(Undecided::Review(index))?;
                withheld.insert(index, withhold.clone());
            } else if decision.third_party.finding == Finding::Others {
                return Err(Undecided::Others(index));
            }
        }
        if let Some((index, _)) = decisions.first_key_value() {
            return Err(Undecided::Stray(*index));
        }
        let entries = u32::try_from(draft.entries.len()).unwrap_or(u32::MAX);
        Ok(Decided { entries, withheld, neither })
    }
}
