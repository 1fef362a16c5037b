//! `links.jsonl`: for each agency that exports, the openings of its links, and how they end. So nobody can leave a
//! record out, not at the end either. A line has one spelling, as those of records have.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    client::{
        complete::spelled,
        fault::Fault,
        json::{self, JsonError},
    },
    domain::AgencyId,
    pb::v1 as pb,
};

/// One agency's links up to the size of an export.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chained {
    /// The openings, by the index of their records.
    pub openings: BTreeMap<u64, pb::LinkOpening>,
    /// What shows that none follows before the size of the export.
    pub closed: pb::LinksClosed,
}

impl Chained {
    /// The file.
    pub(in crate::client) const PATH: &str = "links.jsonl";

    /// Takes the openings that were shown together with what ends them. A broker that left out the newest records has
    /// shown fewer than there are.
    ///
    /// # Errors
    ///
    /// [`Fault::Gap`] names the first that is missing.
    pub(in crate::client) fn ended(
        openings: BTreeMap<u64, pb::LinkOpening>,
        (closed, last): (pb::LinksClosed, (u64, u64)),
    ) -> Result<Self, Fault> {
        let shown = openings.last_key_value();
        let shown = shown.map_or((0, 0), |(index, it)| (it.number, index.saturating_add(1)));
        if shown == last {
            Ok(Self { openings, closed })
        } else {
            Err(Fault::Gap { number: shown.0.saturating_add(1) })
        }
    }

    /// Writes the agency's lines, each with its end.
    ///
    /// # Errors
    ///
    /// [`JsonError`] where the proof has no JSON form.
    pub(in crate::client) fn to_lines(&self, agency: &AgencyId) -> Result<String, JsonError> {
        let opened = |(index, opening): (&u64, &pb::LinkOpening)| opened(agency, *index, opening);
        let mut lines: String = self.openings.iter().map(opened).collect();
        lines.push_str(&json::to_text(&self.closed)?);
        lines.push('\n');
        Ok(lines)
    }
}

fn opened(agency: &AgencyId, index: u64, opening: &pb::LinkOpening) -> String {
    let pb::LinkOpening { number, previous, nonce } = opening;
    let nonce = STANDARD.encode(nonce);
    format!(
        r#"{{"agency":"{agency}","index":{index},"number":{number},"previous":{previous},"nonce":"{nonce}"}}"#
    ) + "\n"
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::client) enum ChainedLine {
    /// The opening of the agency's link in the record at an index.
    Opened(AgencyId, u64, pb::LinkOpening),
    /// How its links end.
    Closed(Box<pb::LinksClosed>),
}

impl ChainedLine {
    /// Reads a line, without its end. None where it is not, to the byte, a line that would be written.
    pub(in crate::client) fn parse(line: &str) -> Option<Self> {
        if let Some(closed) = spelled(line) {
            return Some(Self::Closed(Box::new(closed)));
        }
        let value: Value = serde_json::from_str(line).ok()?;
        let number = |key| value.get(key).and_then(Value::as_u64);
        let agency: AgencyId = value.get("agency")?.as_str()?.parse().ok()?;
        let index = number("index")?;
        let opening = pb::LinkOpening {
            number: number("number")?,
            previous: number("previous")?,
            nonce: STANDARD.decode(value.get("nonce")?.as_str()?).ok()?.into(),
        };
        let is_so_spelled = opened(&agency, index, &opening).strip_suffix('\n') == Some(line);
        is_so_spelled.then_some(Self::Opened(agency, index, opening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{complete::Complete, sample};

    #[test]
    fn a_line_of_links_has_one_spelling() {
        let opening = sample::log(6).shown_at(1).link.expect("of the police");
        let text = opened(&sample::police(), 1, &opening);
        let line = text.strip_suffix('\n').unwrap();
        let read = ChainedLine::Opened(sample::police(), 1, opening);
        assert_eq!(ChainedLine::parse(line), Some(read));
        for bad in [
            format!("{line} "),
            line.replace(":1,", ":01,"),
            line.replace(r#"{"agency""#, r#"{ "agency""#),
            line.replace("=\"}", "\"}"),
            line.replace(r#","nonce""#, r#","note":"x","nonce""#),
            line.replace("police", "Police"),
        ] {
            assert_ne!(bad, line);
            assert_eq!(ChainedLine::parse(&bad), None, "{bad}");
        }
    }

    /// What is shown is followed from the first on; that the last ones are missing only the proof of their end tells.
    #[test]
    fn records_that_are_left_out_at_the_end_are_missed_before_anybody_uses_the_others() {
        for agency in [sample::police(), sample::council(), "nobody".parse().unwrap()] {
            let mut log = sample::log(20);
            let Chained { openings, closed } = log.chained(&agency, 20);
            let claim = closed.completeness.clone().unwrap();
            let proof = Complete { claim, records: closed.records.clone() };
            let last = proof.verify(&log.chain()).unwrap().last;
            let ended = |openings: &BTreeMap<u64, pb::LinkOpening>| {
                Chained::ended(openings.clone(), (closed.clone(), last)).map(drop)
            };
            assert_eq!(ended(&openings), Ok(()));
            let mut some = openings;
            while let Some((_, left_out)) = some.pop_last() {
                assert_eq!(ended(&some), Err(Fault::Gap { number: left_out.number }));
            }
        }
    }
}
