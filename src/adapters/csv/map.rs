//! The map of one agency's extract: which column holds what, and what its words mean in codes.
//! Written in TOML, read strictly; a map that is read can only make drafts of known codes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
};

use serde::Deserialize;

use super::{bounded::Encoding, columns::Columns};
use crate::{
    adapters::document::{DocumentError, one, optional, set, shape},
    domain::{
        AgencyId, AgreementId, AlertType, Area, Assertion, Certainty, Contact, Grading,
        HandlingCondition, Indicator, Name, Purpose, RequestedAction, Route, SubjectCategory,
        Urgency, alert::EXPIRY_DAYS_MAX,
    },
};

/// What an agency's extract means.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) agency: AgencyId,
    pub(super) source: Option<Name>,
    pub(super) encoding: Encoding,
    pub(super) delimiter: u8,
    pub(super) times: Times,
    pub(super) default_area: Area,
    pub(super) expiry_days: u64,
    pub(super) handling: BTreeSet<HandlingCondition>,
    pub(super) contact: Contact,
    pub(super) columns: Columns,
    pub(super) events: BTreeMap<String, Event>,
    pub(super) categories: BTreeMap<String, SubjectCategory>,
    pub(super) indicators: BTreeMap<String, Indicator>,
    pub(super) urgency: BTreeMap<String, Urgency>,
    pub(super) certainty: BTreeMap<String, Certainty>,
    pub(super) areas: BTreeMap<String, Area>,
    pub(super) gradings: BTreeMap<String, Grading>,
    pub(super) defaults: Defaults,
}

/// What an extract's times become.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Times {
    /// They stay: an alert is as old as its event.
    #[default]
    Recorded,
    /// An old extract plays as if it came in now: the alert is as old as the event was when it reached the
    /// case system.
    Replayed,
}

/// What a blank cell stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Defaults {
    pub(super) subject_category: Option<SubjectCategory>,
    pub(super) certainty: Option<Certainty>,
    pub(super) urgency: Option<Urgency>,
}

/// What one kind of event becomes.
#[derive(Clone, Debug)]
pub struct Event {
    /// The alert's type.
    pub kind: AlertType,
    /// The purpose it is shared for.
    pub purpose: Purpose,
    /// The agreement it is shared under.
    pub agreement: AgreementId,
    /// Fact or assessment.
    pub assertion: Assertion,
    /// What is asked of the recipient.
    pub action: Option<RequestedAction>,
    /// The route chosen.
    pub route: Option<Route>,
}

impl Map {
    /// Reads a map.
    ///
    /// # Errors
    ///
    /// [`DocumentError`], which names the first key or value that is wrong.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let raw: RawMap = shape(text)?;
        let expiry_days = u64::from(raw.expiry_days);
        if !(1..=EXPIRY_DAYS_MAX).contains(&expiry_days) {
            let fault = format!("not in 1 to {EXPIRY_DAYS_MAX}");
            return Err(DocumentError::value("expiry_days", &expiry_days.to_string(), fault));
        }
        let RawContact { role, number } = &raw.contact;
        let events = raw.events.iter().map(|(word, raw)| Ok((word.clone(), event(word, raw)?)));
        let map = Self {
            agency: one("agency", &raw.agency)?,
            source: optional("source", raw.source.as_deref())?,
            encoding: encoding(raw.encoding.as_deref())?,
            delimiter: delimiter(raw.delimiter.as_deref())?,
            times: times(raw.times.as_deref())?,
            default_area: one("default_area", &raw.default_area)?,
            expiry_days,
            handling: set("handling", &raw.handling)?,
            contact: Contact::new(role, number).map_err(|fault| {
                DocumentError::value("contact", &format!("{role}, {number}"), fault)
            })?,
            events: events.collect::<Result<_, DocumentError>>()?,
            categories: words("categories", &raw.categories)?,
            indicators: words("indicators", &raw.indicators)?,
            urgency: words("urgency", &raw.urgency)?,
            certainty: words("certainty", &raw.certainty)?,
            areas: words("areas", &raw.areas)?,
            gradings: words("gradings", &raw.gradings)?,
            defaults: defaults(&raw.defaults)?,
            columns: raw.columns,
        };
        map.columns.check()?;
        map.check_mandatory()?;
        Ok(map)
    }

    /// Returns the agency whose extract it maps.
    pub const fn agency(&self) -> &AgencyId {
        &self.agency
    }

    /// What every alert has to say stands in a column, or has a default.
    fn check_mandatory(&self) -> Result<(), DocumentError> {
        let Defaults { subject_category, certainty, urgency } = &self.defaults;
        let columns = &self.columns;
        let lacking = [
            ("subject_category", columns.subject_category.is_some() || subject_category.is_some()),
            ("certainty", columns.certainty.is_some() || certainty.is_some()),
            ("urgency", columns.urgency.is_some() || urgency.is_some()),
        ];
        match lacking.into_iter().find(|(_, there)| !there) {
            Some((name, _)) => {
                Err(DocumentError::value("columns", name, "neither a column nor a default"))
            }
            None => Ok(()),
        }
    }

    /// Returns the area of alerts whose person has no usable postcode.
    pub const fn default_area(&self) -> &Area {
        &self.default_area
    }

    /// Walks through the kinds of event it knows, each with the agency's own word.
    pub fn events(&self) -> impl Iterator<Item = (&str, &Event)> {
        self.events.iter().map(|(word, event)| (word.as_str(), event))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    agency: String,
    source: Option<String>,
    encoding: Option<String>,
    delimiter: Option<String>,
    times: Option<String>,
    default_area: String,
    expiry_days: u16,
    #[serde(default)]
    handling: Vec<String>,
    contact: RawContact,
    columns: Columns,
    events: BTreeMap<String, RawEvent>,
    #[serde(default)]
    categories: BTreeMap<String, String>,
    #[serde(default)]
    indicators: BTreeMap<String, String>,
    #[serde(default)]
    urgency: BTreeMap<String, String>,
    #[serde(default)]
    certainty: BTreeMap<String, String>,
    #[serde(default)]
    areas: BTreeMap<String, String>,
    #[serde(default)]
    gradings: BTreeMap<String, String>,
    #[serde(default)]
    defaults: RawDefaults,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDefaults {
    subject_category: Option<String>,
    certainty: Option<String>,
    urgency: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContact {
    role: String,
    number: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent {
    r#type: String,
    purpose: String,
    agreement: String,
    assertion: String,
    requested_action: Option<String>,
    route: Option<String>,
}

fn event(word: &str, raw: &RawEvent) -> Result<Event, DocumentError> {
    let key = |name: &str| format!("events.{word}.{name}");
    Ok(Event {
        kind: one(&key("type"), &raw.r#type)?,
        purpose: one(&key("purpose"), &raw.purpose)?,
        agreement: one(&key("agreement"), &raw.agreement)?,
        assertion: one(&key("assertion"), &raw.assertion)?,
        action: optional(&key("requested_action"), raw.requested_action.as_deref())?,
        route: optional(&key("route"), raw.route.as_deref())?,
    })
}

fn defaults(raw: &RawDefaults) -> Result<Defaults, DocumentError> {
    let category = raw.subject_category.as_deref();
    Ok(Defaults {
        subject_category: optional("defaults.subject_category", category)?,
        certainty: optional("defaults.certainty", raw.certainty.as_deref())?,
        urgency: optional("defaults.urgency", raw.urgency.as_deref())?,
    })
}

fn encoding(raw: Option<&str>) -> Result<Encoding, DocumentError> {
    match raw {
        None | Some("UTF-8") => Ok(Encoding::Utf8),
        Some("WINDOWS-1252") => Ok(Encoding::Windows1252),
        Some(other) => Err(DocumentError::value("encoding", other, "UTF-8 or WINDOWS-1252")),
    }
}

fn delimiter(raw: Option<&str>) -> Result<u8, DocumentError> {
    match raw.map(str::as_bytes) {
        None => Ok(b','),
        Some([delimiter @ (b',' | b';' | b'|' | b'\t')]) => Ok(*delimiter),
        Some(_) => {
            let other = raw.unwrap_or_default();
            Err(DocumentError::value("delimiter", other, "a comma, semicolon, bar or tab"))
        }
    }
}

fn times(raw: Option<&str>) -> Result<Times, DocumentError> {
    match raw {
        None | Some("RECORDED") => Ok(Times::Recorded),
        Some("REPLAYED") => Ok(Times::Replayed),
        Some(other) => Err(DocumentError::value("times", other, "RECORDED or REPLAYED")),
    }
}

/// Reads a table from an agency's word to a code.
fn words<T>(
    table: &str,
    raw: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, T>, DocumentError>
where
    T: FromStr,
    T::Err: Display,
{
    let entry = |(word, code): (&String, &String)| {
        Ok((word.clone(), one(&format!("{table}.{word}"), code)?))
    };
    raw.iter().map(entry).collect()
}
