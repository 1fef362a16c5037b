//! An officer's what-if as messages.

use crate::domain::{
    AlertType, Field, Hex, Purpose, Reason, Refusal, SubjectCategory, UnknownCode,
};
use crate::exchange::{Explained, Inquiry};
use crate::pb::v1 as pb;
use crate::policy::WhatIf;
use crate::record;

use super::convert::parsed;

/// Reads what an officer asks.
///
/// # Errors
///
/// `MISSING_FIELD`, `MALFORMED` or `UNKNOWN_CODE`, with the name of the field.
pub fn inquiry(request: &pb::ExplainRequest) -> Result<Inquiry, Refusal> {
    let version = Some(request.version.clone()).filter(|version| !version.is_empty());
    let at = request.time.map(|time| record::timestamp_from_pb(Some(time), "time")).transpose()?;
    let what_if = WhatIf {
        from: parsed(&request.from, "from")?,
        to: parsed(&request.to, "to")?,
        purpose: record::code(request.purpose, Purpose::from_number, "purpose")?,
        kind: record::code(request.r#type, AlertType::from_number, "type")?,
        categories: some(
            &request.subject_categories,
            SubjectCategory::from_number,
            "subject_categories",
        )?,
        fields: some::<Field, Vec<_>>(&request.fields, Field::from_number, "fields")?
            .into_iter()
            .collect(),
    };
    Ok(Inquiry { agreement: parsed(&request.agreement, "agreement")?, version, at, what_if })
}

/// Writes what the rules say.
pub fn explained(explained: &Explained) -> pb::ExplainResponse {
    let Explained { version, at, rules, explanation } = explained;
    let grounds = explanation
        .grounds
        .iter()
        .map(|it| pb::Ground { rule: it.id.to_string(), why: it.why.to_string() })
        .collect();
    let said = pb::ExplainResponse {
        grounds,
        version: version.as_deref().unwrap_or_default().to_owned(),
        time: Some(record::timestamp_to_pb(*at)),
        rules: Hex(rules).to_string(),
        ..pb::ExplainResponse::default()
    };
    match &explanation.answer {
        Ok(permit) => pb::ExplainResponse {
            permitted: true,
            released: permit.released().iter().map(|it| it.number().into()).collect(),
            withheld: permit.withheld().iter().map(|it| it.number().into()).collect(),
            marks: permit.rules().iter().map(ToString::to_string).collect(),
            until: Some(record::timestamp_to_pb(permit.until())),
            ..said
        },
        Err(refusal) => pb::ExplainResponse {
            reason: refusal.reason.to_string(),
            at: refusal.at.to_owned(),
            ..said
        },
    }
}

/// Reads a list that may not be empty.
fn some<T: Ord, C: FromIterator<T>>(
    numbers: &[i32],
    from_number: fn(i32) -> Result<T, UnknownCode>,
    at: &'static str,
) -> Result<C, Refusal> {
    if numbers.is_empty() {
        return Err(Refusal::at(Reason::MissingField, at));
    }
    Ok(record::codes(numbers, from_number, at)?.into_iter().collect())
}
