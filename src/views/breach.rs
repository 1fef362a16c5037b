//! What a breach touches: how many people, which recipients, what of them and when. Tokens are compared here and
//! leave in no form; who was not given an alert's tokens is told how many alerts there are, and not of whom.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    answer::{Place, Shown},
    question::{Asker, Question},
    room::Views,
};
use crate::domain::{
    AgencyId, AlertType, Field, Fields, Purpose, SubjectCategory, SubjectToken, Timestamp,
};
use crate::ledger::{Entry, LedgerError, Reader};
use crate::record::{Disclosed, Event};

/// How many entries are looked at in one part.
const PART: usize = 1000;

/// What a breach touches.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/audit.proto")]
pub struct Breach {
    pub people: u64,
    pub alerts: u64,
    pub alerts_without_people: u64,
    pub disclosures: u64,
    pub redeliveries: u64,
    pub categories: BTreeSet<SubjectCategory>,
    pub types: BTreeSet<AlertType>,
    pub purposes: BTreeSet<Purpose>,
    pub recipients: BTreeMap<AgencyId, Reached>,
    /// When the first and the last of it were recorded.
    pub times: Option<(Timestamp, Timestamp)>,
}

/// What one agency received.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/audit.proto")]
pub struct Reached {
    pub disclosures: u64,
    pub people: u64,
    pub fields: Fields,
    pub times: Option<(Timestamp, Timestamp)>,
}

impl Views {
    /// Finds what the alerts touch that fit a question, of the first `size` entries, as far as the asker may see.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub async fn assess(
        &self,
        by: Asker,
        question: Question,
        size: u64,
    ) -> Result<Breach, LedgerError> {
        self.on_a_thread(move |views| {
            let mut assessment = Assessment::new(views.reader(), &by);
            let mut place = (size > 0).then_some(Place::new(0, size));
            while let Some(at) = place {
                let part = views.ask(&by, &question, at, PART)?;
                part.shown.iter().try_for_each(|shown| assessment.take(shown))?;
                place = part.next;
            }
            Ok(assessment.done())
        })
        .await
    }
}

/// A count under way.
struct Assessment<'a> {
    reader: &'a Reader,
    by: &'a Asker,
    breach: Breach,
    people: People,
    alerts: BTreeMap<u64, Touched>,
    /// The alerts that each recipient was given.
    given: BTreeMap<AgencyId, BTreeSet<u64>>,
}

/// An alert that was counted.
struct Touched {
    /// Its person, where that is known.
    person: Option<usize>,
    /// What of it was looked at.
    known: Fields,
}

impl<'a> Assessment<'a> {
    fn new(reader: &'a Reader, by: &'a Asker) -> Self {
        Self {
            reader,
            by,
            breach: Breach::default(),
            people: People::default(),
            alerts: BTreeMap::new(),
            given: BTreeMap::new(),
        }
    }

    fn take(&mut self, shown: &Shown) -> Result<(), LedgerError> {
        let (index, record) = (shown.entry.index, &shown.entry.record);
        if let Event::Published(_) = &record.event {
            self.alert(index, Fields::all(), Some(&shown.entry))?;
        } else if let Event::Disclosed(it) = &record.event {
            self.disclosed(it, record.at)?;
        } else if let Event::Redelivered { .. } = &record.event {
            self.breach.redeliveries += 1;
        } else {
            return Ok(());
        }
        widen(&mut self.breach.times, record.at);
        Ok(())
    }

    fn disclosed(&mut self, it: &Disclosed, at: Timestamp) -> Result<(), LedgerError> {
        let is_recipient = self.by.agency() == Some(&it.recipient);
        // A recipient knows of the alert what it was given; its publisher, and an auditor's count, all of it.
        let known = if is_recipient { it.released } else { Fields::all() };
        self.alert(it.published, known, None)?;
        self.breach.disclosures += 1;
        let reached = self.breach.recipients.entry(it.recipient.clone()).or_default();
        reached.disclosures += 1;
        reached.fields = reached.fields.iter().chain(it.released.iter()).collect();
        widen(&mut reached.times, at);
        self.given.entry(it.recipient.clone()).or_default().insert(it.published);
        Ok(())
    }

    /// Counts an alert, as far as it is known. Its entry is read where it was not shown.
    fn alert(
        &mut self,
        index: u64,
        known: Fields,
        shown: Option<&Entry>,
    ) -> Result<(), LedgerError> {
        let before = self.alerts.get(&index);
        let (seen, person) = before.map_or((Fields::NONE, None), |it| (it.known, it.person));
        if before.is_some() && known.iter().all(|field| seen.contains(field)) {
            return Ok(());
        }
        let other = LedgerError::Damaged { index, what: "a record refers to it as an alert" };
        let read = match shown {
            Some(_) => None,
            None => self.reader.entry(index)?,
        };
        let Some(entry) = shown.or(read.as_ref()) else {
            // What it was is not known any more, and whom it was about neither.
            self.alerts.insert(index, Touched { person: None, known: Fields::all() });
            return Ok(());
        };
        let Event::Published(published) = &entry.record.event else { return Err(other) };
        let facts = &published.facts;
        self.breach.purposes.insert(facts.purpose);
        if known.contains(Field::SubjectCategories) {
            self.breach.categories.extend(&facts.categories);
        }
        if known.contains(Field::Type) {
            self.breach.types.insert(facts.kind);
        }
        let tokens =
            if known.contains(Field::Subject) { self.reader.tokens(entry)? } else { Vec::new() };
        let person = person.or(self.people.of(&tokens));
        let known = seen.iter().chain(known.iter()).collect();
        self.alerts.insert(index, Touched { person, known });
        Ok(())
    }

    fn done(mut self) -> Breach {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let of = |people: &mut People, alerts: &mut dyn Iterator<Item = Option<usize>>| {
            let found: BTreeSet<usize> = alerts.flatten().map(|it| people.root(it)).collect();
            count(found.len())
        };
        self.breach.alerts = count(self.alerts.len());
        self.breach.alerts_without_people =
            count(self.alerts.values().filter(|it| it.person.is_none()).count());
        self.breach.people = of(&mut self.people, &mut self.alerts.values().map(|it| it.person));
        for (agency, alerts) in &self.given {
            let mut persons = alerts.iter().map(|it| self.alerts.get(it)?.person);
            if let Some(reached) = self.breach.recipients.get_mut(agency) {
                reached.people = of(&mut self.people, &mut persons);
            }
        }
        self.breach
    }
}

fn widen(times: &mut Option<(Timestamp, Timestamp)>, at: Timestamp) {
    let (first, last) = times.unwrap_or((at, at));
    *times = Some((first.min(at), last.max(at)));
}

/// People told apart by their tokens: those that stand in one alert are one person's.
#[derive(Default)]
struct People {
    tokens: BTreeMap<SubjectToken, usize>,
    /// Whose person each one turned out to be.
    parents: Vec<usize>,
}

impl People {
    /// Returns the person of these tokens; nobody where there are none.
    fn of(&mut self, tokens: &[SubjectToken]) -> Option<usize> {
        let mut person: Option<usize> = None;
        for token in tokens {
            let next = self.parents.len();
            let known = *self.tokens.entry(*token).or_insert(next);
            if known == next {
                self.parents.push(next);
            }
            let known = self.root(known);
            match person {
                Some(person) => {
                    if let Some(parent) = self.parents.get_mut(known) {
                        *parent = person;
                    }
                }
                None => person = Some(known),
            }
        }
        person
    }

    fn root(&mut self, person: usize) -> usize {
        let mut root = person;
        while let Some(parent) = self.parents.get(root).copied().filter(|parent| *parent != root) {
            root = parent;
        }
        root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::TokenKind;

    fn token(number: u8) -> SubjectToken {
        SubjectToken { kind: TokenKind::Nhs, epoch: 1, value: [number; 32] }
    }

    #[test]
    fn tokens_of_one_alert_are_one_persons() {
        let mut people = People::default();
        let first = people.of(&[token(1)]).unwrap();
        let second = people.of(&[token(2)]).unwrap();
        assert_ne!(people.root(first), people.root(second));
        // An alert with both shows that they are the same person.
        let both = people.of(&[token(1), token(2), token(3)]).unwrap();
        let third = people.of(&[token(3)]).unwrap();
        let roots = [first, second, both, third].map(|it| people.root(it));
        assert!(roots.windows(2).all(|pair| pair[0] == pair[1]), "{roots:?}");
        assert_eq!(people.of(&[]), None);
    }
}
