//! The questions, and whoever asks them.

use std::fmt;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    bench::{BenchError, history::Cast, papers},
    client::{Connection, Identity, Query},
    domain::{AgencyId, QueryPurpose, Timestamp},
    pb::v1 as pb,
    record,
};

/// A month, in milliseconds.
const MONTH_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Records on a page.
const PAGE: u32 = 100;
/// People that may be asked for: as few as any history has.
const PEOPLE: u64 = 1000;

/// A kind of question.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Kind {
    /// The first page of what concerns one agency in one month.
    Month,
    /// Every record about one person that the agency may see.
    Person,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Month, Self::Person];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Month => "month_page",
            Self::Person => "person",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Month => "a page of one agency's month",
            Self::Person => "all about one person",
        })
    }
}

/// What an answer took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) nanoseconds: u64,
    pub(super) records: u64,
}

/// Asks, each time as another officer and about something else.
pub(super) struct Asker {
    officers: Vec<(AgencyId, Identity)>,
    begins: Timestamp,
    ends: Timestamp,
    asked: u64,
}

impl Asker {
    pub(super) fn new(cast: &Cast, begins: Timestamp, ends: Timestamp) -> Result<Self, BenchError> {
        let load = |agency: &AgencyId| Ok((agency.clone(), Identity::load(&cast.officer(agency))?));
        let officers = cast.agencies.iter().map(load).collect::<Result<_, BenchError>>()?;
        Ok(Self { officers, begins, ends, asked: 0 })
    }

    /// Connects as every officer.
    pub(super) async fn connect(&self, address: &str) -> Result<Vec<Connection>, BenchError> {
        let mut connections = Vec::with_capacity(self.officers.len());
        for (_, identity) in &self.officers {
            connections.push(Connection::connect(address, identity.clone()).await?);
        }
        Ok(connections)
    }

    /// Asks the next question of a kind, and verifies the answer.
    pub(super) async fn ask(
        &mut self,
        connections: &[Connection],
        kind: Kind,
    ) -> Result<Told, BenchError> {
        self.asked += 1;
        // Steps that share no divisor with what they go through meet all of it.
        let step = self.asked.wrapping_mul(7919);
        let place = usize::try_from(step % self.officers.len() as u64).unwrap_or_default();
        let (Some(connection), Some((agency, _))) =
            (connections.get(place), self.officers.get(place))
        else {
            return Err(BenchError::Wrong("there is no officer"));
        };
        let (filter, is_whole) = match kind {
            Kind::Month => (self.month(agency, step), false),
            Kind::Person => (of_person(step % PEOPLE), true),
        };
        let mut query = Query::new(QueryPurpose::Lawfulness, filter, PAGE, Bytes::new());
        let (begun, mut records) = (Instant::now(), 0);
        loop {
            let page = query.next(connection).await?;
            records += page.records.len() as u64;
            if !is_whole || page.next_page_token.is_empty() {
                break;
            }
        }
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(Told { nanoseconds, records })
    }

    fn month(&self, agency: &AgencyId, step: u64) -> pb::RecordFilter {
        let last = self.ends.ms().saturating_sub(MONTH_MS).max(self.begins.ms());
        let from =
            self.begins.ms() + step.wrapping_mul(104_729_000) % (last - self.begins.ms() + 1);
        let at = |ms| Some(record::timestamp_to_pb(Timestamp::from_ms(ms)));
        pb::RecordFilter {
            from: at(from),
            to: at(from + MONTH_MS),
            agency: agency.to_string(),
            ..pb::RecordFilter::default()
        }
    }
}

fn of_person(person: u64) -> pb::RecordFilter {
    let subject = papers::person(person).into_iter().next();
    pb::RecordFilter { subject, ..pb::RecordFilter::default() }
}
