//! From a row to a draft. An old extract's times are re-dated to a play: `as_of` is as long before the play
//! as the event was old when it reached the case system, so that it plays as if it came in now.

use std::{collections::BTreeMap, str::FromStr};

use super::{
    cells::{Cells, Fault, RowFault},
    event::EventKey,
    map::{Map, Times},
};
use crate::{
    adapters::{
        normalise::{self, Postcode},
        token::{Person, TokenKey},
    },
    domain::{AlertId, Area, CaseReference, Draft, Timestamp},
};

/// One row, understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// The line it begins on, from 1.
    pub line: u64,
    /// What names the event.
    pub event: EventKey,
    /// The request id it is published under: of this event and this play, the same each time.
    pub request_id: AlertId,
    /// What is published.
    pub draft: Draft,
}

/// Reads one row as it would come in at `play`.
pub(super) fn read(
    cells: &Cells<'_>,
    map: &Map,
    key: &TokenKey,
    play: Timestamp,
) -> Result<Row, RowFault> {
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
    let (time, as_of) = match map.times {
        Times::Recorded => (occurred, recorded),
        Times::Replayed => {
            let as_of = play.before(recorded.since(occurred));
            (as_of, as_of)
        }
    };
    let event = map
        .events
        .get(cells.filled(&columns.event_type)?)
        .ok_or_else(|| cells.fault(&columns.event_type, Fault::Word))?;
    let person = person(cells, map, recorded)?;
    let subject = person.tokens(key);
    if subject.is_empty() {
        return Err(cells.fault("", Fault::NoToken));
    }
    let mut categories = cells.codes(columns.subject_category.as_deref(), &map.categories)?;
    if categories.is_empty() {
        categories.extend(map.defaults.subject_category);
    }
    if categories.is_empty() {
        return Err(blank(cells, columns.subject_category.as_deref()));
    }
    let draft = Draft {
        agreement: event.agreement.clone(),
        purpose: event.purpose,
        kind: event.kind,
        subject,
        categories,
        indicators: cells.codes(columns.indicators.as_deref(), &map.indicators)?,
        certainty: mandatory(
            cells,
            columns.certainty.as_deref(),
            &map.certainty,
            map.defaults.certainty,
        )?,
        assertion: event.assertion,
        grading: cells.code(columns.grading.as_deref(), &map.gradings)?,
        urgency: mandatory(cells, columns.urgency.as_deref(), &map.urgency, map.defaults.urgency)?,
        route: event.route,
        area: Some(area(cells, map, &person)?),
        action: event.action,
        time,
        as_of,
        expires_at: play.plus_days(map.expiry_days),
        contact: Some(map.contact.clone()),
        handling: map.handling.clone(),
        restricted: false,
        case_reference: reference(cells, columns.case_reference.as_deref())?,
        on_behalf_of: reference(cells, columns.on_behalf_of.as_deref())?,
        rectifies: None,
    };
    let event = EventKey::of(&map.agency, map.source.as_ref(), &event_id);
    let request_id = event.at(play).map_err(|_| cells.fault(&columns.event_id, Fault::Invalid))?;
    Ok(Row { line: cells.line, event, request_id, draft })
}

/// Reads a word that every alert needs.
fn mandatory<T: Clone + FromStr>(
    cells: &Cells<'_>,
    column: Option<&str>,
    words: &BTreeMap<String, T>,
    default: Option<T>,
) -> Result<T, RowFault> {
    cells.code(column, words)?.or(default).ok_or_else(|| blank(cells, column))
}

fn blank(cells: &Cells<'_>, column: Option<&str>) -> RowFault {
    cells.fault(column.unwrap_or_default(), Fault::Blank)
}

/// Where it was: as the row says, or the district of the person's postcode, or the map's own area.
fn area(cells: &Cells<'_>, map: &Map, person: &Person) -> Result<Area, RowFault> {
    if let Some(area) = cells.code(map.columns.area.as_deref(), &map.areas)? {
        return Ok(area);
    }
    let district = person.postcode.as_ref().and_then(|postcode| postcode.outward().parse().ok());
    Ok(district.unwrap_or_else(|| map.default_area.clone()))
}

/// Reads `yyyy-mm-ddThh:mm` or `dd/mm/yyyy hh:mm`, with or without seconds, as UTC.
fn moment(cells: &Cells<'_>, column: &str) -> Result<Timestamp, RowFault> {
    let fault = || cells.fault(column, Fault::Date);
    let text = cells.filled(column)?;
    let (date, time) = text.split_once(['T', ' ']).ok_or_else(fault)?;
    let seconds = if time.len() == "00:00".len() { ":00" } else { "" };
    let written = match date.split('/').collect::<Vec<_>>().as_slice() {
        [day, month, year] => format!("{year}-{month}-{day}T{time}{seconds}Z"),
        _ => format!("{date}T{time}{seconds}Z"),
    };
    Timestamp::parse(&written).ok_or_else(fault)
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

/// Reads a reference of the agency's own; nothing where the cell is blank.
fn reference<T: FromStr>(cells: &Cells<'_>, column: Option<&str>) -> Result<Option<T>, RowFault> {
    match (column, cells.text(column)) {
        (Some(column), text) if !text.is_empty() => {
            text.parse().map(Some).map_err(|_| cells.fault(column, Fault::Invalid))
        }
        _ => Ok(None),
    }
}
