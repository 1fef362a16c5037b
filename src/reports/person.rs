//! A person's access report (UK GDPR Art 15, DPA 2018 s.45): every recipient, purpose, basis, time, category, storage
//! period and origin that the agency's records tell. What entries of Part 3 say is read as a check of lawfulness.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    decisions::Decided,
    page::{Page, Section},
    register::basis,
};
use crate::{
    domain::{AgencyId, Agreement, Field, Regime, Timestamp},
    record::{Disclosed, Event, Published, Record},
};

/// The records that a report is made from, by index.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Those that are about the person.
    pub records: BTreeMap<u64, Record>,
    /// The agreements that they were decided by, by the index of their proposal.
    pub agreements: BTreeMap<u64, Agreement>,
}

/// A report that nobody has decided on yet: for officers, and never for the person.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Id of the request, 32 hex digits.
    pub request: String,
    /// The agency that answers.
    pub agency: String,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// Entries of the log that it covers.
    pub size: u64,
    /// What there is.
    pub entries: Vec<Entry>,
}

/// One thing that was done with data of the person.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Index of its record.
    pub index: u64,
    /// `COLLECTION` or `DISCLOSURE`.
    pub operation: String,
    /// When it was recorded, RFC 3339.
    pub recorded_at: String,
    /// Whose data it was, and the system it came from as far as the agency knows.
    pub origin: String,
    /// Who received it; none for what was collected.
    pub recipient: Option<String>,
    /// For what.
    pub purpose: String,
    /// Gateway, lawful basis and conditions.
    pub basis: Vec<String>,
    /// Type of the alert, where the agency knows it.
    pub alert_type: Option<String>,
    /// Categories of the person.
    pub subject_categories: Vec<String>,
    /// Categories of data.
    pub data: Vec<String>,
    /// Until when it may be stored, RFC 3339.
    pub stored_until: String,
    /// Whether its publisher has restricted it, where the agency knows.
    pub restricted: Option<bool>,
    /// The agreement.
    pub agreement: String,
    /// Whether the sender processes under Part 3 of the DPA 2018: shown as a check of lawfulness, subject to s.45(4).
    pub part_3: bool,
}

impl Draft {
    /// Makes a draft.
    pub fn of(
        (request, agency): (String, &AgencyId),
        sources: &Sources,
        (size, now): (u64, Timestamp),
    ) -> Self {
        let entry = |(index, record): (&u64, &Record)| sources.entry(*index, record);
        let entries = sources.records.iter().filter_map(entry).collect();
        let made_at = now.to_string();
        Self { request, agency: agency.to_string(), made_at, size, entries }
    }
}

impl Sources {
    /// Returns the indexes of the agreements that have to be known.
    pub fn agreements_due(&self) -> Vec<u64> {
        let mut due: Vec<u64> = self.records.values().filter_map(agreement_of).collect();
        due.sort_unstable();
        due.dedup();
        due
    }

    fn entry(&self, index: u64, record: &Record) -> Option<Entry> {
        if let Event::Published(it) = &record.event {
            Some(self.collected(index, record.at, it))
        } else if let Event::Disclosed(it) = &record.event {
            Some(self.disclosed(index, record.at, it))
        } else {
            None
        }
    }

    fn collected(&self, index: u64, at: Timestamp, it: &Published) -> Entry {
        let agreement = self.agreements.get(&it.agreement);
        let flows = it.flows.iter().filter_map(|place| {
            agreement.and_then(|agreement| agreement.flows.get(usize::try_from(*place).ok()?))
        });
        let mut bases: Vec<String> = flows.flat_map(basis).collect();
        bases.sort();
        bases.dedup();
        Entry {
            index,
            operation: "COLLECTION".to_owned(),
            recorded_at: at.to_string(),
            origin: it.by.seat.to_string(),
            recipient: None,
            purpose: it.facts.purpose.code().to_owned(),
            basis: bases,
            alert_type: Some(it.facts.kind.code().to_owned()),
            subject_categories: it.facts.categories.iter().map(|it| it.code().to_owned()).collect(),
            data: it.facts.fields.iter().map(|it| it.code().to_owned()).collect(),
            stored_until: it.facts.delete_after.to_string(),
            restricted: Some(it.facts.restricted),
            agreement: it.facts.agreement.to_string(),
            part_3: is_part_3(agreement, &it.facts.publisher),
        }
    }

    fn disclosed(&self, index: u64, at: Timestamp, it: &Disclosed) -> Entry {
        let agreement = self.agreements.get(&it.agreement);
        let place = usize::try_from(it.flow).ok();
        let flow = agreement.zip(place).and_then(|(agreement, place)| agreement.flows.get(place));
        // The own alert's record says more than the disclosure; of another's the agency knows what it was given.
        let published = self.records.get(&it.published).map(|record| &record.event);
        let facts = match published {
            Some(Event::Published(it)) => Some(it),
            Some(_) | None => None,
        };
        let origin = facts.map_or_else(|| it.publisher.to_string(), |it| it.by.seat.to_string());
        let known = facts.map(|it| &it.facts);
        let codes = |field, codes: Vec<&'static str>| -> Vec<String> {
            let is_known = it.released.contains(field);
            codes.into_iter().filter(|_| is_known).map(str::to_owned).collect()
        };
        let categories =
            known.map(|it| it.categories.iter().map(|it| it.code()).collect()).unwrap_or_default();
        Entry {
            index,
            operation: "DISCLOSURE".to_owned(),
            recorded_at: at.to_string(),
            origin,
            recipient: Some(it.recipient.to_string()),
            purpose: flow.map(|it| it.purpose.code().to_owned()).unwrap_or_default(),
            basis: flow.map(basis).unwrap_or_default(),
            alert_type: known.map(|it| it.kind.code().to_owned()),
            subject_categories: codes(Field::SubjectCategories, categories),
            data: it.released.iter().map(|it| it.code().to_owned()).collect(),
            stored_until: it.delete_after.to_string(),
            restricted: known.map(|it| it.restricted),
            agreement: agreement.map(|it| it.id.to_string()).unwrap_or_default(),
            part_3: is_part_3(agreement, &it.publisher),
        }
    }
}

fn agreement_of(record: &Record) -> Option<u64> {
    if let Event::Published(it) = &record.event {
        Some(it.agreement)
    } else if let Event::Disclosed(it) = &record.event {
        Some(it.agreement)
    } else {
        None
    }
}

fn is_part_3(agreement: Option<&Agreement>, sender: &AgencyId) -> bool {
    let party = agreement.and_then(|agreement| agreement.party(sender));
    party.is_some_and(|party| party.regime == Regime::DpaPart3)
}

/// What the person is given: nothing tells whether anything was left out, or how much.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Report {
    /// Id of the request, 32 hex digits.
    pub request: String,
    /// The agency that answers.
    pub agency: String,
    /// The officer who releases it: SPIFFE id without its trust domain.
    pub released_by: String,
    /// When it was made, RFC 3339.
    pub made_at: String,
    /// What the person has to know beside the entries.
    pub notes: Vec<String>,
    /// What was done.
    pub entries: Vec<Entry>,
}

const RIGHTS: &str = "You may ask for data to be put right, erased or restricted, and object to their processing. You may complain \
    to the Information Commissioner, ico.org.uk, or go to court.";
const RESTRICTED: &str =
    "Information may be left out of an answer where the law allows or demands it.";
const PART_3: &str = "Where an entry says so, the sender processes for law enforcement (DPA 2018 Part 3). The log of such processing \
    is shown so that its lawfulness can be checked.";

impl Report {
    /// Makes the report that is released.
    pub fn of(draft: &Draft, decided: &Decided, (released_by, now): (String, Timestamp)) -> Self {
        let agency = &draft.agency;
        let entries: Vec<Entry> = if decided.neither {
            Vec::new()
        } else {
            let is_shown = |entry: &&Entry| !decided.withheld.contains_key(&entry.index);
            draft.entries.iter().filter(is_shown).cloned().collect()
        };
        let mut notes = Vec::new();
        if decided.neither {
            notes.push(format!(
                "{agency} neither confirms nor denies that it holds or has shared data about you on this exchange."
            ));
        } else if entries.is_empty() {
            notes.push(format!("There is nothing that {agency} can tell you of this exchange."));
        }
        if entries.iter().any(|entry| entry.part_3) {
            notes.push(PART_3.to_owned());
        }
        notes.extend([RESTRICTED.to_owned(), RIGHTS.to_owned()]);
        Self {
            request: draft.request.clone(),
            agency: agency.clone(),
            released_by,
            made_at: now.to_string(),
            notes,
            entries,
        }
    }

    /// Lays it out as a page.
    pub fn page(&self) -> Page {
        let entries = (1_u64..).zip(&self.entries);
        Page {
            title: "Your data on the exchange".to_owned(),
            facts: vec![
                ("Answered by", self.agency.clone()),
                ("Request", self.request.clone()),
                ("Released by", self.released_by.clone()),
                ("Made", self.made_at.clone()),
            ],
            notes: self.notes.clone(),
            sections: entries.map(|(number, entry)| entry.section(number)).collect(),
        }
    }
}

impl Entry {
    fn section(&self, number: u64) -> Section {
        let yes_or_no = |it: bool| if it { "yes" } else { "no" }.to_owned();
        let unknown = || "not known to the agency".to_owned();
        let list =
            |codes: &[String]| codes.iter().map(|it| words(it)).collect::<Vec<_>>().join(", ");
        let what = match &self.recipient {
            Some(recipient) => format!("{number}. Shared with {recipient}"),
            None => format!("{number}. Recorded for sharing"),
        };
        Section {
            heading: what,
            rows: vec![
                ("Record", self.index.to_string()),
                ("When", self.recorded_at.clone()),
                ("Came from", self.origin.clone()),
                ("Went to", self.recipient.clone().unwrap_or_else(|| "nobody yet".to_owned())),
                ("Purpose", words(&self.purpose)),
                ("Legal basis", self.basis.join(", ")),
                ("Kind of alert", self.alert_type.as_deref().map_or_else(unknown, words)),
                ("Your part in it", list(&self.subject_categories)),
                ("What was in it", list(&self.data)),
                ("Stored until", self.stored_until.clone()),
                ("Restricted", self.restricted.map_or_else(unknown, yes_or_no)),
                ("Agreement", self.agreement.clone()),
                ("For law enforcement (DPA 2018 Part 3)", yes_or_no(self.part_3)),
            ],
        }
    }
}

/// Writes a code in words.
fn words(code: &str) -> String {
    code.to_lowercase().replace('_', " ")
}
