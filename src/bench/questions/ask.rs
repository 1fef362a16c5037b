//! The questions, and whoever asks them.

use std::fmt;

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    bench::{
        BenchError,
        history::{Cast, certificate},
        papers,
    },
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
    /// What a breach of one system's certificate touches in one month.
    Breach,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Month, Self::Person, Self::Breach];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Month => "month_page",
            Self::Person => "person",
            Self::Breach => "breach",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Month => "a page of one agency's month",
            Self::Person => "all about one person",
            Self::Breach => "what a breach of one certificate in a month touches",
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
        let (from, to) = self.month(step);
        let begun = Instant::now();
        let records = match kind {
            Kind::Month => {
                let agency = agency.to_string();
                let filter = pb::RecordFilter { from, to, agency, ..pb::RecordFilter::default() };
                read(connection, filter, false).await?
            }
            Kind::Person => read(connection, of_person(step % PEOPLE), true).await?,
            Kind::Breach => {
                let request = pb::AssessBreachRequest {
                    purpose: QueryPurpose::IntegrityAndSecurity.number().into(),
                    certificate: certificate(place).0.to_vec().into(),
                    from,
                    to,
                    ..pb::AssessBreachRequest::default()
                };
                let touched = connection.assess_breach(request).await?;
                touched.alerts + touched.disclosures
            }
        };
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Ok(Told { nanoseconds, records })
    }

    /// A month within the history.
    fn month(&self, step: u64) -> (Option<prost_types::Timestamp>, Option<prost_types::Timestamp>) {
        let last = self.ends.ms().saturating_sub(MONTH_MS).max(self.begins.ms());
        let from =
            self.begins.ms() + step.wrapping_mul(104_729_000) % (last - self.begins.ms() + 1);
        let at = |ms| Some(record::timestamp_to_pb(Timestamp::from_ms(ms)));
        (at(from), at(from + MONTH_MS))
    }
}

/// Reads one page of an answer, or all of them; returns how many records those hold.
async fn read(
    connection: &Connection,
    filter: pb::RecordFilter,
    is_whole: bool,
) -> Result<u64, BenchError> {
    let mut query = Query::new(QueryPurpose::Lawfulness, filter, PAGE, Bytes::new());
    let mut records = 0;
    loop {
        let page = query.next(connection).await?;
        records += page.records.len() as u64;
        if !is_whole || page.next_page_token.is_empty() {
            return Ok(records);
        }
    }
}

fn of_person(person: u64) -> pb::RecordFilter {
    let subject = papers::person(person).into_iter().next();
    pb::RecordFilter { subject, ..pb::RecordFilter::default() }
}
