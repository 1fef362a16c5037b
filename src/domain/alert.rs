//! The alert: the draft that a publisher hands in and the view that one recipient may see of it.
//! Coded facts only; what would identify a person in clear cannot be expressed.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{
    AgreementId, AlertId, AlertType, Area, Assertion, CaseReference, Certainty, DataClass, Field,
    Fields, HandlingCode, HandlingCondition, Indicator, IntelligenceAssessment, InvalidId, Purpose,
    RequestedAction, Route, SourceEvaluation, StaffReference, SubjectCategory, Timestamp,
    TokenKind, Urgency,
};

/// An opaque pseudonym that stands for a person.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SubjectToken {
    /// How it was derived.
    pub kind: TokenKind,
    /// Key epoch it was derived under, from 1.
    pub epoch: u32,
    /// The pseudonym.
    pub value: [u8; 32],
}

/// A token is a subject identifier: it stands in no log line and no error.
impl fmt::Debug for SubjectToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectToken({}, withheld)", self.kind)
    }
}

/// Police grading of a source, 3x5x2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grading {
    /// Source evaluation.
    pub source: SourceEvaluation,
    /// Intelligence assessment.
    pub assessment: IntelligenceAssessment,
    /// Handling code.
    pub handling: HandlingCode,
}

/// A single point of contact at the publisher: a role and its number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contact {
    role: String,
    number: String,
}

impl Contact {
    /// Makes a contact.
    ///
    /// # Errors
    ///
    /// `InvalidId` where the role is not 1 to 48 bytes of letters, digits, spaces and `-/&()`, or
    /// the number not 3 to 20 bytes of digits, spaces and `+`.
    pub fn new(role: &str, number: &str) -> Result<Self, InvalidId> {
        let role_fits = (1..=48).contains(&role.len())
            && role.bytes().all(|b| b.is_ascii_alphanumeric() || b" -/&()".contains(&b));
        let number_fits = (3..=20).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit() || b" +".contains(&b));
        if role_fits && number_fits {
            Ok(Self { role: role.to_owned(), number: number.to_owned() })
        } else {
            Err(InvalidId {
                what: "contact",
                rule: "role: 1 to 48 of letters, digits, spaces and -/&(); number: 3 to 20 of digits, spaces and +",
            })
        }
    }

    /// Returns the role.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// Returns the number.
    pub fn number(&self) -> &str {
        &self.number
    }
}

/// What a publisher hands in. Its parts are valid; whether it may be shared is for `policy` to say.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/alert.proto")]
pub struct Draft {
    pub agreement: AgreementId,
    pub purpose: Purpose,
    pub kind: AlertType,
    pub subject: Vec<SubjectToken>,
    pub categories: BTreeSet<SubjectCategory>,
    pub indicators: BTreeSet<Indicator>,
    pub certainty: Certainty,
    pub assertion: Assertion,
    pub grading: Option<Grading>,
    pub urgency: Urgency,
    pub route: Option<Route>,
    pub area: Option<Area>,
    pub action: Option<RequestedAction>,
    pub time: Timestamp,
    pub as_of: Timestamp,
    pub expires_at: Timestamp,
    pub contact: Option<Contact>,
    pub handling: BTreeSet<HandlingCondition>,
    pub restricted: bool,
    pub case_reference: Option<CaseReference>,
    pub on_behalf_of: Option<StaffReference>,
    pub rectifies: Option<AlertId>,
}

/// The most tokens an alert may carry.
pub const SUBJECT_TOKENS_MAX: usize = 8;
/// The furthest an alert's end may lie ahead, in days.
pub const EXPIRY_DAYS_MAX: u64 = 90;

impl Draft {
    /// Returns the fields that the alert fills.
    pub fn fields(&self) -> Fields {
        let has = |class| self.indicators.iter().any(|indicator| indicator.data_class() == class);
        let optional = [
            (Field::Subject, !self.subject.is_empty()),
            (Field::Indicators, has(DataClass::Plain)),
            (Field::HealthIndicators, has(DataClass::Health)),
            (Field::OffenceIndicators, has(DataClass::Offence)),
            (Field::SafeguardingIndicators, has(DataClass::Safeguarding)),
            (Field::Grading, self.grading.is_some()),
            (Field::Route, self.route.is_some()),
            (Field::Area, self.area.is_some()),
            (Field::RequestedAction, self.action.is_some()),
            (Field::Contact, self.contact.is_some()),
            (Field::CaseReference, self.case_reference.is_some()),
        ];
        let always = [
            Field::Type,
            Field::SubjectCategories,
            Field::Certainty,
            Field::Assertion,
            Field::Urgency,
            Field::Time,
            Field::AsOf,
        ];
        let present = optional.into_iter().filter_map(|(field, there)| there.then_some(field));
        always.into_iter().chain(present).collect()
    }
}

/// What one recipient may see: withheld fields are `None` or empty.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each field is described in proto/portway/v1/alert.proto")]
pub struct View {
    pub id: AlertId,
    pub source: String,
    pub agreement: AgreementId,
    pub purpose: Purpose,
    pub kind: Option<AlertType>,
    pub subject: Vec<SubjectToken>,
    pub categories: BTreeSet<SubjectCategory>,
    pub indicators: BTreeSet<Indicator>,
    pub certainty: Option<Certainty>,
    pub assertion: Option<Assertion>,
    pub grading: Option<Grading>,
    pub urgency: Option<Urgency>,
    pub route: Option<Route>,
    pub area: Option<Area>,
    pub action: Option<RequestedAction>,
    pub time: Option<Timestamp>,
    pub as_of: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub contact: Option<Contact>,
    pub handling: BTreeSet<HandlingCondition>,
    pub delete_after: Timestamp,
    pub regime_change: bool,
    pub case_reference: Option<CaseReference>,
}

impl FromStr for Grading {
    type Err = super::UnknownCode;

    /// Reads the written form, such as `1/A/P` for reliable, known directly, sharing permitted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = super::UnknownCode { what: "grading" };
        let mut parts = text.split('/');
        let mut part = || parts.next().ok_or(unknown);
        let source = part()?.parse::<i32>().map_err(|_| unknown)?;
        let grading = Self {
            source: SourceEvaluation::from_number(source)?,
            assessment: part()?.parse()?,
            handling: part()?.parse()?,
        };
        if parts.next().is_none() { Ok(grading) } else { Err(unknown) }
    }
}
