//! A person's access report (UK GDPR Art 15, DPA 2018 s.45): every recipient, purpose, basis, time, category, storage
//! period and origin that the agency's records tell. What entries of Part 3 say is read as a check of lawfulness.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use serde::{Deserialize, Serialize};

use super::{
    acts::{self, Act},
    decisions::Decided,
    page::{Page, Section},
    register::basis,
};
use crate::{
    domain::{AgencyId, Agreement, AlertType, Field, Regime, SubjectCategory, Timestamp},
    pb::v1 as pb,
    record::{Disclosed, Event, Published, Record, commitment},
};

/// The records that a report is made from, by index.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Those that are about the person.
    pub records: BTreeMap<u64, Record>,
    /// The agreements that they were decided by, by the index of their proposal.
    pub agreements: BTreeMap<u64, Agreement>,
    /// Views that the agency kept, by the index of their disclosure: what it was given, where the log does not say it.
    pub views: BTreeMap<u64, pb::View>,
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
    /// Type of the alert, where the agency's records or a view that it kept say it.
    pub alert_type: Option<String>,
    /// Categories of the person.
    pub subject_categories: Vec<String>,
    /// Categories of data.
    pub data: Vec<String>,
    /// Until when it may be stored, RFC 3339.
    pub stored_until: String,
    /// When the same was sent to the recipient again, RFC 3339; on record for the recipient alone.
    pub sent_again: Vec<String>,
    /// Whether its publisher restricts it, as of the draft, where the agency knows.
    pub restricted: Option<bool>,
    /// What its publisher has done about the alert since, as far as the agency was told.
    pub acts: Vec<Act>,
    /// The agreement.
    pub agreement: String,
    /// Whether the agency that answers processes it under Part 3 of the DPA 2018: shown as a check of lawfulness, subject
    /// to s.45(4). What a sender under Part 3 told others they hold under their own regime.
    pub part_3: bool,
}

impl Draft {
    /// Makes a draft.
    pub fn of(
        (request, agency): (String, &AgencyId),
        sources: &Sources,
        (size, now): (u64, Timestamp),
    ) -> Self {
        let entry = |(index, record): (&u64, &Record)| sources.entry(agency, *index, record);
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

    /// Returns the alerts, by the index of their records, that others published and the agency was given.
    pub fn received(&self, agency: &AgencyId) -> BTreeSet<u64> {
        let given = self.records.values().filter_map(|record| {
            let Event::Disclosed(it) = &record.event else { return None };
            (it.recipient == *agency).then_some(it.published)
        });
        given.collect()
    }

    /// Takes a view that the agency kept, where it is the one that the record of a disclosure commits to; tells whether
    /// it is.
    pub fn take_view(&mut self, delivery: &pb::Delivery) -> bool {
        let record = self.records.get(&delivery.index).map(|record| &record.event);
        let Some(Event::Disclosed(disclosed)) = record else { return false };
        let Ok(key) = delivery.view_key.as_ref().try_into() else { return false };
        let view = pb::View::decode(delivery.view.clone()).ok();
        let is_it = |_: &pb::View| commitment::view(&key, &delivery.view) == disclosed.view;
        match view.filter(is_it) {
            Some(view) => {
                self.views.insert(delivery.index, view);
                true
            }
            None => false,
        }
    }

    fn entry(&self, agency: &AgencyId, index: u64, record: &Record) -> Option<Entry> {
        if let Event::Published(it) = &record.event {
            Some(self.collected(index, record.at, it))
        } else if let Event::Disclosed(it) = &record.event {
            Some(self.disclosed(agency, (index, record.at), it))
        } else {
            None
        }
    }

    fn collected(&self, index: u64, at: Timestamp, it: &Published) -> Entry {
        let acts = self.acts(index, &it.facts.publisher);
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
            sent_again: Vec::new(),
            restricted: Some(it.facts.restricted || acts::are_restricting(&acts)),
            acts,
            agreement: it.facts.agreement.to_string(),
            part_3: is_part_3(agreement, &it.facts.publisher),
        }
    }

    fn disclosed(&self, agency: &AgencyId, (index, at): (u64, Timestamp), it: &Disclosed) -> Entry {
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
        let (kept_type, kept_categories) = self.kept(index);
        let categories = known.map(|it| it.categories.iter().map(|it| it.code()).collect());
        let acts = self.acts(it.published, agency);
        let was_told = known.is_some() || !acts.is_empty();
        let is_restricted = known.is_some_and(|it| it.restricted) || acts::are_restricting(&acts);
        Entry {
            index,
            operation: "DISCLOSURE".to_owned(),
            recorded_at: at.to_string(),
            origin,
            recipient: Some(it.recipient.to_string()),
            purpose: flow.map(|it| it.purpose.code().to_owned()).unwrap_or_default(),
            basis: flow.map(basis).unwrap_or_default(),
            alert_type: known.map(|it| it.kind.code()).or(kept_type).map(str::to_owned),
            subject_categories: codes(
                Field::SubjectCategories,
                categories.unwrap_or(kept_categories),
            ),
            data: it.released.iter().map(|it| it.code().to_owned()).collect(),
            stored_until: it.delete_after.to_string(),
            sent_again: self.sent_again(index),
            restricted: was_told.then_some(is_restricted),
            acts: acts.into_iter().filter(|act| act.index > index).collect(),
            agreement: agreement.map(|it| it.id.to_string()).unwrap_or_default(),
            part_3: is_part_3(agreement, agency),
        }
    }

    /// Returns type and categories, as a view says them that the agency kept.
    fn kept(&self, index: u64) -> (Option<&'static str>, Vec<&'static str>) {
        let Some(view) = self.views.get(&index) else { return (None, Vec::new()) };
        let categories = view.subject_categories.iter();
        let categories = categories.filter_map(|it| SubjectCategory::from_number(*it).ok());
        let kind = AlertType::from_number(view.r#type).ok();
        (kind.map(AlertType::code), categories.map(SubjectCategory::code).collect())
    }

    fn sent_again(&self, index: u64) -> Vec<String> {
        let again = self.records.values().filter(
            |record| matches!(&record.event, Event::Redelivered { disclosed, .. } if *disclosed == index),
        );
        again.map(|record| record.at.to_string()).collect()
    }

    /// Returns what was done about an alert, in order: its publisher did it, and others were told.
    fn acts(&self, published: u64, agency: &AgencyId) -> Vec<Act> {
        let acts = self.records.iter();
        acts.filter_map(|(index, record)| Act::of((*index, record), (published, agency))).collect()
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
const PART_3: &str = "Where an entry says so, it is processed for law enforcement (DPA 2018 Part 3). The log of such processing is shown \
    so that its lawfulness can be checked.";
/// Said of what was collected: whether something was shared, and with whom, is told by itself or not at all.
const COLLECTED: &str =
    "recorded to be shared: what was shared, and can be told of, is an entry of its own";
const UNKNOWN: &str = "not in the records that the agency may read";

impl Report {
    /// Makes the report that is released. `replaced` is when the answer was released that it takes the place of.
    pub fn of(
        draft: &Draft,
        decided: &Decided,
        (released_by, now): (String, Timestamp),
        replaced: Option<Timestamp>,
    ) -> Self {
        let agency = &draft.agency;
        let entries: Vec<Entry> = if decided.neither {
            Vec::new()
        } else {
            let is_shown = |entry: &&Entry| !decided.withheld.contains_key(&entry.index);
            draft.entries.iter().filter(is_shown).cloned().collect()
        };
        let mut notes = Vec::new();
        if let Some(at) = replaced {
            notes.push(format!("This takes the place of the answer that was released on {at}."));
        }
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
        let unknown = || UNKNOWN.to_owned();
        let is_unknown = self.subject_categories.is_empty()
            && self.data.iter().any(|it| it == Field::SubjectCategories.code());
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
                ("Went to", self.recipient.clone().unwrap_or_else(|| COLLECTED.to_owned())),
                ("Purpose", words(&self.purpose)),
                ("Legal basis", self.basis.join(", ")),
                ("Kind of alert", self.alert_type.as_deref().map_or_else(unknown, words)),
                (
                    "Your part in it",
                    if is_unknown { unknown() } else { list(&self.subject_categories) },
                ),
                ("What was in it", list(&self.data)),
                ("Stored until", self.stored_until.clone()),
                ("Sent again", self.sent_again.join(", ")),
                ("Restricted", self.restricted.map_or_else(unknown, yes_or_no)),
                ("Since then", self.acts.iter().map(Act::said).collect::<Vec<_>>().join(", ")),
                ("Agreement", self.agreement.clone()),
                ("For law enforcement (DPA 2018 Part 3)", yes_or_no(self.part_3)),
            ],
        }
    }
}

/// Writes a code in words.
pub(super) fn words(code: &str) -> String {
    code.to_lowercase().replace('_', " ")
}
