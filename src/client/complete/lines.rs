//! A proof of completeness as it is kept: the claim on the first line, a record on each that follows. A line has
//! one spelling, so that no byte of the file goes unchecked.

use super::Complete;
use crate::{
    client::json::{self, Document, JsonError},
    pb::v1 as pb,
};

impl Complete {
    /// Writes the lines, each with its end.
    ///
    /// # Errors
    ///
    /// [`JsonError`] where a message has no JSON form.
    pub fn to_lines(&self) -> Result<String, JsonError> {
        let mut lines = json::to_text(&self.claim)? + "\n";
        for proven in &self.records {
            lines.push_str(&json::to_text(proven)?);
            lines.push('\n');
        }
        Ok(lines)
    }

    /// Reads what [`to_lines`](Self::to_lines) wrote, and nothing else; none where the text is not that.
    pub fn from_lines(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let claim: pb::Completeness = spelled(lines.next()?)?;
        let records = lines.map(spelled).collect::<Option<_>>()?;
        Some(Self { claim, records })
    }
}

/// Reads a message in its one spelling.
pub(in crate::client) fn spelled<M: Document>(line: &str) -> Option<M> {
    let message: M = json::from_value(serde_json::from_str(line).ok()?).ok()?;
    (json::to_text(&message).ok()? == line).then_some(message)
}
