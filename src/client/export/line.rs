//! One line of `records.jsonl`. A record has one line and no other: what is read must be what would be
//! written, so that no byte of the file goes unchecked, the view for people included.

use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;
use serde_json::Value;

use crate::{client::json, pb::v1 as pb};

/// What a line says, apart from the view, which repeats the record.
#[derive(Debug)]
pub(in crate::client) struct Line {
    pub(in crate::client) index: u64,
    pub(in crate::client) salt: Vec<u8>,
    pub(in crate::client) record: Vec<u8>,
}

/// Writes a record's line, without its end. None where the bytes are no record.
pub(in crate::client) fn write(index: u64, salt: &[u8], record: &[u8]) -> Option<String> {
    let view = json::to_text(&pb::Record::decode(record).ok()?).ok()?;
    let (salt, record) = (STANDARD.encode(salt), STANDARD.encode(record));
    Some(format!(r#"{{"index":{index},"salt":"{salt}","record":"{record}","view":{view}}}"#))
}

/// Reads a record's line. None where it is not, to the byte, the one line of that record.
pub(in crate::client) fn parse(text: &str) -> Option<Line> {
    let value: Value = serde_json::from_str(text).ok()?;
    let bytes = |key| STANDARD.decode(value.get(key)?.as_str()?).ok();
    let line = Line {
        index: value.get("index")?.as_u64()?,
        salt: bytes("salt")?,
        record: bytes("record")?,
    };
    (write(line.index, &line.salt, &line.record)? == text).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    #[test]
    fn a_record_has_one_line_and_no_other() {
        let shown = &sample::log(4).shown_to_police()[0];
        let text = write(shown.index, &shown.salt, &shown.record).unwrap();
        let line = parse(&text).expect("as written");
        assert_eq!(
            (line.index, line.salt, line.record),
            (shown.index, shown.salt.to_vec(), shown.record.to_vec())
        );

        for bad in [
            format!("{text} "),
            text.replace(r#"{"index""#, r#"{ "index""#),
            text.replace(r#""view":{"#, r#""view":{"surname":"x","#),
            text.replace(r#","view""#, r#","note":"x","view""#),
            text.replace("recorded_at_ms\":\"", "recorded_at_ms\":\"1"),
            text.replace("=\"", "\""),
        ] {
            assert_ne!(bad, text);
            assert!(parse(&bad).is_none(), "{bad}");
        }
    }
}
