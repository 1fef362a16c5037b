//! The names of an extract's columns. One column has one meaning, and one that is left behind is named too:
//! a column that nobody thought about may hold anything.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::adapters::document::DocumentError;

/// The names of an extract's columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Id of the event, unique in the agency's system.
    pub event_id: String,
    /// When it happened, UTC: `yyyy-mm-ddThh:mm` or `dd/mm/yyyy hh:mm`, with or without seconds.
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
    /// Where it was, as an area code or a word of the map; before the district of the postcode.
    pub area: Option<String>,
    /// Kind of event, in the agency's words.
    pub event_type: String,
    /// The person's part in it; several with `;` between.
    pub subject_category: Option<String>,
    /// Indicators; none, or several with `;` between.
    pub indicators: Option<String>,
    /// Known or suspected.
    pub certainty: Option<String>,
    /// How soon somebody should look.
    pub urgency: Option<String>,
    /// Police grading of the source, such as `1/A/P`.
    pub grading: Option<String>,
    /// The member of staff on whose behalf, as the agency knows them: a number, never a name.
    pub on_behalf_of: Option<String>,
    /// Columns that stay at the agency.
    pub left_behind: Vec<String>,
}

impl Columns {
    /// Lists the columns that the extract has to have.
    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        let mandatory = [&self.event_id, &self.occurred_at, &self.recorded_at, &self.event_type];
        let optional = [
            &self.case_reference,
            &self.nhs_number,
            &self.surname,
            &self.forename,
            &self.dob,
            &self.postcode,
            &self.area,
            &self.subject_category,
            &self.indicators,
            &self.certainty,
            &self.urgency,
            &self.grading,
            &self.on_behalf_of,
        ];
        mandatory.into_iter().chain(optional.into_iter().flatten()).map(String::as_str)
    }

    /// Lists the columns that the extract may have.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.required().chain(self.left_behind.iter().map(String::as_str))
    }

    /// One column, one meaning: a column left behind must not be read under another key.
    pub(super) fn check(&self) -> Result<(), DocumentError> {
        let mut seen = BTreeSet::new();
        match self.known().find(|name| !seen.insert(*name)) {
            Some(name) => Err(DocumentError::value("columns", name, "named twice")),
            None => Ok(()),
        }
    }
}
