//! TOML that people write, read strictly: an unknown key, code or name is an error that says which.
//! Maps, agreements and subscriptions hold no personal data, so these errors may name the value.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use serde::de::DeserializeOwned;

use crate::domain::Timestamp;

/// What is wrong with a TOML text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// It is not TOML, a key is unknown or missing, or a value is of the wrong kind.
    #[error("line {line}: {message}")]
    Shape {
        /// Counted from 1.
        line: usize,
        /// What the parser says; it names the key.
        message: String,
    },
    /// A value is not one that its key can have.
    #[error("{key} = \"{value}\": {fault}")]
    Value {
        /// Path of the key, such as `flow[2].purpose`.
        key: String,
        /// The value.
        value: String,
        /// Which rule it breaks.
        fault: String,
    },
}

impl DocumentError {
    /// Makes the error about the value of one key.
    pub(super) fn value(key: &str, value: &str, fault: impl Display) -> Self {
        Self::Value { key: key.to_owned(), value: value.to_owned(), fault: fault.to_string() }
    }
}

/// Reads the text into its raw shape.
pub(super) fn shape<T: DeserializeOwned>(text: &str) -> Result<T, DocumentError> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        DocumentError::Shape {
            line: before.matches('\n').count() + 1,
            message: error.message().to_owned(),
        }
    })
}

/// Reads one code, name or id.
pub(super) fn one<T>(key: &str, text: &str) -> Result<T, DocumentError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse().map_err(|fault| DocumentError::value(key, text, fault))
}

/// Reads one code, name or id, where there is one.
pub(super) fn optional<T>(key: &str, text: Option<&str>) -> Result<Option<T>, DocumentError>
where
    T: FromStr,
    T::Err: Display,
{
    text.map(|text| one(key, text)).transpose()
}

/// Reads a list in which nothing stands twice.
pub(super) fn set<T>(key: &str, list: &[String]) -> Result<BTreeSet<T>, DocumentError>
where
    T: FromStr + Ord,
    T::Err: Display,
{
    let mut set = BTreeSet::new();
    for (index, text) in list.iter().enumerate() {
        let key = format!("{key}[{index}]");
        if !set.insert(one(&key, text)?) {
            return Err(DocumentError::value(&key, text, "repeated"));
        }
    }
    Ok(set)
}

/// Reads a moment: an RFC 3339 text, a TOML date-time with its offset, or a date (its midnight UTC).
pub(super) fn moment(key: &str, value: &toml::Value) -> Result<Timestamp, DocumentError> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(moment) => moment.to_string(),
        toml::Value::Array(_)
        | toml::Value::Boolean(_)
        | toml::Value::Float(_)
        | toml::Value::Integer(_)
        | toml::Value::Table(_) => value.to_string(),
    };
    let full = if text.len() == "2026-01-01".len() { format!("{text}T00:00:00Z") } else { text };
    Timestamp::parse(&full)
        .ok_or_else(|| DocumentError::value(key, &full, "not an RFC 3339 date and time"))
}
