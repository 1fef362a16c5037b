//! The map of one agency's extract: which column holds what, and what its words mean in codes.
//! Written in TOML, read strictly; a map that is read can only make drafts of known codes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
};

use serde::Deserialize;

use crate::{
    adapters::document::{DocumentError, one, optional, set, shape},
    domain::{
        AgencyId, AgreementId, AlertType, Area, Assertion, Certainty, Contact, HandlingCondition,
        Indicator, Purpose, RequestedAction, Route, SubjectCategory, Urgency,
        alert::EXPIRY_DAYS_MAX,
    },
};

/// What an agency's extract means.
#[derive(Clone, Debug)]
pub struct Map {
    pub(super) agency: AgencyId,
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
}

/// The names of an extract's columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Id of the event, unique in the agency.
    pub event_id: String,
    /// When it happened, `yyyy-mm-ddThh:mm`, UTC.
    pub occurred_at: String,
    /// When it reached the case system.
    pub recorded_at: String,
    /// The agency's own case reference.
    pub case_reference: Option<String>,
    /// NHS number.
    pub nhs_number: Option<String>,
    /// Surname.
    pub surname: Option<String>,
    /// Forename.
    pub forename: Option<String>,
    /// Date of birth.
    pub dob: Option<String>,
    /// Postcode of the person.
    pub postcode: Option<String>,
    /// Kind of event, in the agency's words.
    pub event_type: String,
    /// The person's part in it; several with `;` between.
    pub subject_category: String,
    /// Indicators; none, or several with `;` between.
    pub indicators: String,
    /// Known or suspected.
    pub certainty: String,
    /// How soon somebody should look.
    pub urgency: String,
    /// Columns that stay at the agency.
    pub left_behind: Vec<String>,
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
            columns: raw.columns,
        };
        map.columns.check()?;
        Ok(map)
    }

    /// Returns the agency whose extract it maps.
    pub const fn agency(&self) -> &AgencyId {
        &self.agency
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

impl Columns {
    /// Lists the columns that the extract has to have.
    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        let mandatory = [
            &self.event_id,
            &self.occurred_at,
            &self.recorded_at,
            &self.event_type,
            &self.subject_category,
            &self.indicators,
            &self.certainty,
            &self.urgency,
        ];
        let optional = [
            &self.case_reference,
            &self.nhs_number,
            &self.surname,
            &self.forename,
            &self.dob,
            &self.postcode,
        ];
        mandatory.into_iter().chain(optional.into_iter().flatten()).map(String::as_str)
    }

    /// Lists the columns that the extract may have.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.required().chain(self.left_behind.iter().map(String::as_str))
    }

    /// One column, one meaning: a column left behind must not be read under another key.
    fn check(&self) -> Result<(), DocumentError> {
        let mut seen = BTreeSet::new();
        match self.known().find(|name| !seen.insert(*name)) {
            Some(name) => Err(DocumentError::value("columns", name, "named twice")),
            None => Ok(()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMap {
    agency: String,
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
