//! From a row to a draft. Times are re-dated to a play: `as_of` is as long before the play as the
//! event was old when it reached the case system, so an old extract plays as if it came in now.

use ::csv::{ReaderBuilder, StringRecord};
use ring::digest;

use super::{
    cells::{Cells, Fault, Header, RowFault},
    map::Map,
};
use crate::{
    adapters::{
        normalise::{self, Postcode},
        token::{Person, TokenKey},
    },
    domain::{AgencyId, AlertId, CaseReference, Draft, Timestamp},
};

/// One row, understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The event's id in the agency's system.
    pub event_id: CaseReference,
    /// The request id it is published under: of this event and this play, the same each time.
    pub request_id: AlertId,
    /// What is published.
    pub draft: Draft,
}

/// Reads an extract as it would come in at `play`, row by row in the order of the file.
///
/// Where the header does not fit the map, its faults are the whole answer.
pub fn read(
    extract: &[u8],
    map: &Map,
    key: &TokenKey,
    play: Timestamp,
) -> Vec<Result<Row, RowFault>> {
    let mut reader = ReaderBuilder::new().from_reader(extract);
    let header = match reader.headers() {
        Ok(first) => Header::find(first, &map.columns),
        Err(error) => Err(vec![malformed(&error)]),
    };
    let header = match header {
        Ok(header) => header,
        Err(faults) => return faults.into_iter().map(Err).collect(),
    };
    let row = |record: Result<StringRecord, ::csv::Error>| {
        let record = record.map_err(|error| malformed(&error))?;
        let line = record.position().map_or(0, ::csv::Position::line);
        row(&Cells { header: &header, record: &record, line }, map, key, play)
    };
    reader.records().map(row).collect()
}

/// The error's own words are left out: they can quote the cell.
fn malformed(error: &::csv::Error) -> RowFault {
    let line = error.position().map_or(0, ::csv::Position::line);
    RowFault { line, column: String::new(), reason: Fault::Row }
}

fn row(cells: &Cells<'_>, map: &Map, key: &TokenKey, play: Timestamp) -> Result<Row, RowFault> {
    let columns = &map.columns;
    let event_id: CaseReference = cells
        .filled(&columns.event_id)?
        .parse()
        .map_err(|_| cells.fault(&columns.event_id, Fault::Invalid))?;
    let occurred = moment(cells, &columns.occurred_at)?;
    let recorded = moment(cells, &columns.recorded_at)?;
    if recorded < occurred {
        return Err(cells.fault(&columns.recorded_at, Fault::RecordedFirst));
    }
    let as_of = play.before(recorded.since(occurred));
    let event = map
        .events
        .get(cells.filled(&columns.event_type)?)
        .ok_or_else(|| cells.fault(&columns.event_type, Fault::Word))?;
    let person = person(cells, map, recorded)?;
    let subject = person.tokens(key);
    if subject.is_empty() {
        return Err(cells.fault("", Fault::NoToken));
    }
    let categories = cells.codes(&columns.subject_category, &map.categories)?;
    if categories.is_empty() {
        return Err(cells.fault(&columns.subject_category, Fault::Blank));
    }
    let district = person.postcode.as_ref().and_then(|postcode| postcode.outward().parse().ok());
    let draft = Draft {
        agreement: event.agreement.clone(),
        purpose: event.purpose,
        kind: event.kind,
        subject,
        categories,
        indicators: cells.codes(&columns.indicators, &map.indicators)?,
        certainty: cells.code(&columns.certainty, &map.certainty)?,
        assertion: event.assertion,
        grading: None,
        urgency: cells.code(&columns.urgency, &map.urgency)?,
        route: event.route,
        area: Some(district.unwrap_or_else(|| map.default_area.clone())),
        action: event.action,
        time: as_of,
        as_of,
        expires_at: play.plus_days(map.expiry_days),
        contact: Some(map.contact.clone()),
        handling: map.handling.clone(),
        restricted: false,
        case_reference: case_reference(cells, map)?,
    };
    let request_id = request_id(&map.agency, &event_id, play)
        .ok_or_else(|| cells.fault(&columns.event_id, Fault::Invalid))?;
    Ok(Row { event_id, request_id, draft })
}

/// Reads `yyyy-mm-ddThh:mm`, with or without seconds, as UTC.
fn moment(cells: &Cells<'_>, column: &str) -> Result<Timestamp, RowFault> {
    let text = cells.filled(column)?;
    let full = if text.len() == 16 { format!("{text}:00Z") } else { format!("{text}Z") };
    Timestamp::parse(&full).ok_or_else(|| cells.fault(column, Fault::Date))
}

fn person(cells: &Cells<'_>, map: &Map, recorded: Timestamp) -> Result<Person, RowFault> {
    let columns = &map.columns;
    let born = normalise::date_of_birth(cells.text(columns.dob.as_deref()), recorded)
        .map_err(|_| cells.fault(columns.dob.as_deref().unwrap_or_default(), Fault::Date))?;
    Ok(Person {
        nhs_number: normalise::nhs_number(cells.text(columns.nhs_number.as_deref())),
        surname: normalise::name(cells.text(columns.surname.as_deref())),
        forename: normalise::name(cells.text(columns.forename.as_deref())),
        born,
        postcode: Postcode::read(cells.text(columns.postcode.as_deref())),
    })
}

fn case_reference(cells: &Cells<'_>, map: &Map) -> Result<Option<CaseReference>, RowFault> {
    let column = map.columns.case_reference.as_deref();
    match (column, cells.text(column)) {
        (Some(column), text) if !text.is_empty() => {
            text.parse().map(Some).map_err(|_| cells.fault(column, Fault::Invalid))
        }
        _ => Ok(None),
    }
}

/// Makes a UUIDv7 (RFC 9562 §5.7) whose time is the play's and whose other bits are those of a digest
/// of agency and event, so that a second attempt at the same row is the same request.
fn request_id(agency: &AgencyId, event: &CaseReference, play: Timestamp) -> Option<AlertId> {
    let line = format!("portway|request|{agency}|{event}");
    let digest = digest::digest(&digest::SHA256, line.as_bytes());
    let mut bytes = [0_u8; 16];
    let time = play.ms().to_be_bytes();
    let parts = time.iter().skip(2).chain(digest.as_ref());
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = 0x70 | (*version & 0x0f);
    *variant = 0x80 | (*variant & 0x3f);
    AlertId::from_bytes(&bytes).ok()
}
