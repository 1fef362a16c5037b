//! The rules with a memory. An answer is kept under every input but time, for as long as no moment that it
//! looked at has come; the alert's own moments stand in the key as what they mean now. A memory changes no
//! answer: it is dropped whole when it is full.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::admit::{Admitted, Arrival};
use super::cedar::Rules;
use super::explain::{Explanation, WhatIf};
use super::permit::{Ask, Permit, has_ended};
use super::question::Word;
use super::window::Window;
use crate::domain::{
    AgencyId, Agreement, Draft, Facts, Reason, Refusal, SubjectCategory, Timestamp,
};

/// Decides by the rules, and remembers.
#[derive(Debug)]
pub struct Decider {
    /// None where not even the built-in rules could be loaded: everything is refused then.
    rules: Option<Arc<Rules>>,
    memory: Mutex<Memory>,
}

/// The approved version of an agreement: the index of the record that proposed it, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// Index of its record.
    pub index: u64,
    /// What it says.
    pub agreement: &'a Arc<Agreement>,
}

/// Answers that are remembered, of each kind. An answer takes about 100 bytes.
const ANSWERS_MAX: usize = 1 << 16;
/// Agreements whose names are remembered.
const AGREEMENTS_MAX: usize = 1 << 10;
/// Stands for an agency that an agreement does not name: to the rules all of these are alike.
const UNNAMED: u16 = u16::MAX;

#[derive(Debug, Default)]
struct Memory {
    agreements: HashMap<u64, Names>,
    admissions: HashMap<Key, Kept<Arc<[u32]>>>,
    permits: HashMap<Key, Kept<Permit>>,
}

/// The numbers of the agencies that one agreement names, its own copy held so that no other can take its place.
#[derive(Debug)]
struct Names {
    agreement: Arc<Agreement>,
    numbers: HashMap<AgencyId, u16>,
}

/// Every input of a decision but time and the rules.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Key {
    agreement: u64,
    fields: u32,
    sender: u16,
    /// Who would receive; of no use at the door.
    recipient: u16,
    kind: u8,
    categories: u8,
    /// The purpose of the alert, and the one that is asked for.
    purposes: [u8; 2],
    /// Of another agreement, ended, restricted; at the door its times, and whether it is on anybody's behalf.
    flags: u8,
}

/// An answer and when it stands.
#[derive(Debug)]
struct Kept<T> {
    window: Window,
    answer: Result<T, Refusal>,
}

impl Decider {
    /// Starts to decide by `rules`, with nothing remembered.
    pub fn new(rules: Arc<Rules>) -> Self {
        Self { rules: Some(rules), memory: Mutex::default() }
    }

    /// Returns the rules that it decides by.
    pub fn rules_in_use(&self) -> Option<Arc<Rules>> {
        self.rules.clone()
    }

    /// Decides as [`Rules::define`] does.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn define(&self, agreement: &Agreement, now: Timestamp) -> Result<(), Refusal> {
        self.rules()?.define(agreement, now)
    }

    /// Decides as [`Rules::admit`] does.
    ///
    /// # Errors
    ///
    /// The first reason against it.
    pub fn admit(
        &self,
        version: Version<'_>,
        publisher: &AgencyId,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<Admitted, Refusal> {
        let (rules, agreement) = (self.rules()?, version.agreement);
        let arrival = Arrival::of(draft, now);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let key = memory.names(version).at_the_door(version, publisher, &arrival);
        let flows = remembered(&mut memory.admissions, key, now, || {
            let window = Window::around(agreement, publisher, now);
            (window, rules.flows(agreement, publisher, &arrival, now))
        })?;
        Ok(Admitted::by(flows, agreement, draft, now))
    }

    /// Decides as [`Rules::permit`] does.
    ///
    /// # Errors
    ///
    /// The first reason against it.
    pub fn permit(
        &self,
        version: Version<'_>,
        ask: &Ask<'_>,
        now: Timestamp,
    ) -> Result<Permit, Refusal> {
        let (rules, agreement) = (self.rules()?, version.agreement);
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let key = memory.names(version).on_the_way(version, ask, now);
        let permit = remembered(&mut memory.permits, key, now, || {
            let window = Window::around(agreement, &ask.alert.publisher, now);
            (window, rules.permit_within(agreement, ask, (now, window)))
        })?;
        Ok(permit.ending_with(ask.alert))
    }

    /// Returns the hash of the rules; zeros where there are none.
    pub fn hash(&self) -> [u8; 32] {
        self.rules.as_ref().map_or([0; 32], |rules| rules.hash())
    }

    /// Explains as [`Rules::explain`] does.
    ///
    /// # Errors
    ///
    /// `RULES_FAILED` where there are none.
    pub fn explain(
        &self,
        agreement: &Agreement,
        what_if: &WhatIf,
        at: Timestamp,
    ) -> Result<Explanation, Refusal> {
        Ok(self.rules()?.explain(agreement, what_if, at))
    }

    fn rules(&self) -> Result<&Arc<Rules>, Refusal> {
        self.rules.as_ref().ok_or(Reason::RulesFailed.into())
    }
}

impl Default for Decider {
    /// Decides by the built-in rules.
    fn default() -> Self {
        Self { rules: Rules::built_in().ok(), memory: Mutex::default() }
    }
}

/// Finds an answer that stands at `now`, or works it out and keeps it.
fn remembered<T: Clone>(
    kept: &mut HashMap<Key, Kept<T>>,
    key: Key,
    now: Timestamp,
    decide: impl FnOnce() -> (Window, Result<T, Refusal>),
) -> Result<T, Refusal> {
    if let Some(known) = kept.get(&key).filter(|known| known.window.contains(now)) {
        return known.answer.clone();
    }
    let (window, answer) = decide();
    if kept.len() >= ANSWERS_MAX {
        kept.clear();
    }
    kept.insert(key, Kept { window, answer: answer.clone() });
    answer
}

impl Memory {
    /// Finds the names of a version, or numbers them.
    fn names(&mut self, version: Version<'_>) -> &Names {
        let Version { index, agreement } = version;
        let known = self.agreements.get(&index);
        if known.is_some_and(|known| !Arc::ptr_eq(&known.agreement, agreement)) {
            // Another agreement under an index that was used: nothing that was kept is about it.
            *self = Self::default();
        }
        if self.agreements.len() >= AGREEMENTS_MAX && !self.agreements.contains_key(&index) {
            *self = Self::default();
        }
        self.agreements.entry(index).or_insert_with(|| Names::of(agreement))
    }
}

impl Names {
    fn of(agreement: &Arc<Agreement>) -> Self {
        let parties = agreement.parties.iter().map(|party| &party.agency);
        let flows = agreement.flows.iter().flat_map(|flow| flow.to.iter().chain([&flow.from]));
        let mut numbers = HashMap::new();
        for agency in parties.chain(flows) {
            let next = u16::try_from(numbers.len()).unwrap_or(UNNAMED);
            numbers.entry(agency.clone()).or_insert(next);
        }
        Self { agreement: Arc::clone(agreement), numbers }
    }

    fn number(&self, agency: &AgencyId) -> u16 {
        self.numbers.get(agency).copied().unwrap_or(UNNAMED)
    }

    fn at_the_door(&self, version: Version<'_>, by: &AgencyId, it: &Arrival<'_>) -> Key {
        let times = it.times;
        Key {
            agreement: version.index,
            fields: it.content.fields.bits(),
            sender: self.number(by),
            recipient: UNNAMED,
            kind: it.content.kind.number(),
            categories: bits(it.content.categories),
            purposes: [it.purpose.number(); 2],
            flags: flags([
                *it.agreement != version.agreement.id,
                it.ended,
                times.word == Word::Ahead,
                times.word == Word::Stale,
                times.time_after_as_of,
                times.ends_too_late,
                it.on_behalf,
            ]),
        }
    }

    fn on_the_way(&self, version: Version<'_>, ask: &Ask<'_>, now: Timestamp) -> Key {
        let Facts { agreement, publisher, purpose, kind, categories, .. } = ask.alert;
        let ended = has_ended(ask.alert, now);
        let is_other = *agreement != version.agreement.id;
        Key {
            agreement: version.index,
            fields: ask.alert.fields.bits(),
            sender: self.number(publisher),
            recipient: self.number(ask.recipient),
            kind: kind.number(),
            categories: bits(categories),
            purposes: [purpose.number(), ask.purpose.number()],
            flags: flags([is_other, ended, ask.alert.restricted]),
        }
    }
}

/// A set of categories; bit n stands for number n, of which there are seven.
fn bits(categories: &std::collections::BTreeSet<SubjectCategory>) -> u8 {
    categories.iter().fold(0, |bits, category| bits | 1 << category.number())
}

fn flags<const COUNT: usize>(flags: [bool; COUNT]) -> u8 {
    flags.into_iter().fold(0, |bits, flag| bits << 1 | u8::from(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fields: u32) -> Key {
        Key {
            agreement: 1,
            fields,
            sender: 0,
            recipient: 1,
            kind: 1,
            categories: 2,
            purposes: [1, 1],
            flags: 0,
        }
    }

    #[test]
    fn a_memory_has_a_bound_and_goes_on_after_it() {
        let (mut kept, now) = (HashMap::new(), Timestamp::from_ms(5));
        let window = Window { from: now, until: now.plus_days(1) };
        for fields in 0..200_000 {
            let answer = remembered(&mut kept, key(fields), now, || (window, Ok(fields)));
            assert_eq!(answer, Ok(fields));
            assert!(kept.len() <= ANSWERS_MAX);
        }
        let again = remembered(&mut kept, key(199_999), now, || (window, Ok(0)));
        assert_eq!(again, Ok(199_999), "it was remembered");
    }

    #[test]
    fn an_answer_is_worked_out_anew_outside_its_window() {
        let (mut kept, from) = (HashMap::new(), Timestamp::from_ms(10));
        let window = Window { from, until: Timestamp::from_ms(20) };
        let mut ask = |ms, answer| {
            remembered(&mut kept, key(1), Timestamp::from_ms(ms), || (window, Ok(answer)))
        };
        assert_eq!((ask(10, 1), ask(19, 2)), (Ok(1), Ok(1)));
        assert_eq!((ask(20, 3), ask(9, 4), ask(10, 5)), (Ok(3), Ok(4), Ok(4)));
    }

    #[test]
    fn the_agreements_that_are_remembered_have_a_bound() {
        use crate::domain::random;
        use proptest::{
            strategy::{Strategy, ValueTree},
            test_runner::TestRunner,
        };
        let tree = random::agreement().new_tree(&mut TestRunner::deterministic());
        let agreement = Arc::new(tree.expect("an agreement").current());
        let mut memory = Memory::default();
        for index in 0..3000 {
            memory.names(Version { index, agreement: &agreement });
            assert!(memory.agreements.len() <= AGREEMENTS_MAX);
        }
    }
}
