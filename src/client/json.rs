//! Canonical protobuf JSON with proto field names: the one form in which messages are read and written as
//! text. Unknown keys are refused, and what a message says is written in one way only.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use serde_json::Value;

use crate::pb::{self, v1};

/// A message that has a JSON form here.
pub trait Document: Message + Default {
    /// Its name in the package.
    const NAME: &'static str;
}

macro_rules! documents {
    ($($name:ident,)+) => {
        $(impl Document for v1::$name {
            const NAME: &'static str = stringify!($name);
        })+

        #[cfg(test)]
        const NAMES: &[&str] = &[$(stringify!($name)),+];
    };
}

documents! {
    AccessStatus,
    Agreement,
    AgreementStatus,
    AlertDraft,
    AssessBreachResponse,
    CertificateStatus,
    Completeness,
    ConsistencyProof,
    Delivery,
    ExplainResponse,
    GetStatusResponse,
    LinksClosed,
    ListErasuresResponse,
    NoticeStatus,
    ObjectionStatus,
    ProvenRecord,
    PulledNotice,
    Receipt,
    Record,
    ReleaseReportResponse,
    ShowRecordResponse,
    SubjectToken,
    Subscription,
    SubscriptionStatus,
    View,
}

/// Why a text is not the JSON form of a message.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The message has no such form: a field does not fit its type.
    #[error("this is no {name}: {error}")]
    Form {
        /// The name of the message.
        name: &'static str,
        /// What the parser says.
        error: String,
    },
}

/// Writes a message as text on one line, its fields in order of number.
///
/// # Errors
///
/// [`JsonError`] where a field has no JSON form, such as a time before the year 1.
pub fn to_text<M: Document>(message: &M) -> Result<String, JsonError> {
    let message = dynamic::<M>(&message.encode_to_vec())?;
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut text);
    message.serialize_with_options(&mut serializer, &options()).map_err(form::<M>)?;
    String::from_utf8(text).map_err(form::<M>)
}

/// Writes a message as a JSON value.
///
/// # Errors
///
/// As [`to_text`].
pub fn to_value<M: Document>(message: &M) -> Result<Value, JsonError> {
    let message = dynamic::<M>(&message.encode_to_vec())?;
    message.serialize_with_options(serde_json::value::Serializer, &options()).map_err(form::<M>)
}

/// Reads a message.
///
/// # Errors
///
/// [`JsonError`] where a key is unknown, or a value is not of its field's type.
pub fn from_value<M: Document>(value: Value) -> Result<M, JsonError> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(descriptor::<M>()?, value, &options)
        .map_err(form::<M>)?
        .transcode_to()
        .map_err(form::<M>)
}

/// Reads all documents of a text: one, or several behind each other, as on lines of their own.
///
/// # Errors
///
/// [`JsonError`] with the first that is not one.
pub fn documents<M: Document>(text: &str) -> Result<Vec<M>, JsonError> {
    serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .map(|value| from_value(value.map_err(form::<M>)?))
        .collect()
}

fn dynamic<M: Document>(bytes: &[u8]) -> Result<DynamicMessage, JsonError> {
    DynamicMessage::decode(descriptor::<M>()?, bytes).map_err(form::<M>)
}

fn descriptor<M: Document>() -> Result<MessageDescriptor, JsonError> {
    static POOL: LazyLock<Option<DescriptorPool>> =
        LazyLock::new(|| DescriptorPool::decode(pb::DESCRIPTORS).ok());
    POOL.as_ref()
        .and_then(|pool| pool.get_message_by_name(&format!("portway.v1.{}", M::NAME)))
        .ok_or_else(|| form::<M>("its description is missing"))
}

fn options() -> SerializeOptions {
    SerializeOptions::new().use_proto_field_name(true)
}

fn form<M: Document>(error: impl std::fmt::Display) -> JsonError {
    JsonError::Form { name: M::NAME, error: without_value(&error.to_string()) }
}

/// Leaves the value out of what serde says of one that does not fit: `invalid type: string "...", expected`.
/// A value may be a name or a token.
fn without_value(said: &str) -> String {
    let is_of_value = said.starts_with("invalid type: ") || said.starts_with("invalid value: ");
    let kept = said.find(['"', '`']).zip(said.rfind(", expected"));
    match kept.and_then(|(from, to)| said.get(..from).zip(said.get(to..))) {
        Some((before, after)) if is_of_value => format!("{}{after}", before.trim_end()),
        _ => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    #[test]
    fn every_document_has_its_description() {
        let pool = DescriptorPool::decode(pb::DESCRIPTORS).unwrap();
        for name in NAMES {
            assert!(pool.get_message_by_name(&format!("portway.v1.{name}")).is_some(), "{name}");
        }
    }

    #[test]
    fn a_draft_is_read_as_it_was_written() {
        let draft = sample::draft();
        let text = to_text(&draft).unwrap();
        assert!(text.contains(r#""type":"ALERT_TYPE_ANTISOCIAL_BEHAVIOUR""#), "{text}");
        assert!(text.contains(r#""subject_categories":["#), "{text}");
        assert_eq!(
            documents::<v1::AlertDraft>(&format!("{text}\n{text}\n")).unwrap(),
            [draft.clone(), draft]
        );
    }

    #[test]
    fn what_is_not_in_the_message_is_refused() {
        for bad in [
            r#"{"surname":"Smith"}"#,
            r#"{"type":"ALERT_TYPE_GOSSIP"}"#,
            r#"{"restricted":"maybe"}"#,
            "[]",
            "{",
        ] {
            documents::<v1::AlertDraft>(bad).expect_err(bad);
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (bad, said) in [
            (r#""Smith, expected later""#, "this is no AlertDraft: invalid type: string, expected"),
            (r#"{"contact":"Smith"}"#, "this is no AlertDraft: invalid type: string, expected"),
            (r#"{"restricted":"Smith"}"#, "this is no AlertDraft: invalid type: string, expected"),
            (r#"{"area":77}"#, "this is no AlertDraft: invalid type: integer, expected"),
            (r#"{"time":"Smith"}"#, "this is no AlertDraft: "),
            (r#"{"subject":[{"value":"Smith!"}]}"#, "this is no AlertDraft: "),
            (r#"{"surname":1}"#, "this is no AlertDraft: unrecognized field name 'surname'"),
        ] {
            let error = documents::<v1::AlertDraft>(bad).expect_err(bad).to_string();
            assert!(error.starts_with(said), "{error}");
            assert!(!error.contains("Smith") && !error.contains("77"), "{error}");
        }
    }
}
