//! What a proof of completeness has to hold, from the record that closes it to the first.

use crate::{
    client::{audit::entry, export::opened, fault::Fault, gaps::Gaps},
    domain::{AgencyId, Caller, Seat, Timestamp},
    merkle::Checkpoint,
    pb::v1 as pb,
    record::{self, Event, Record},
};

/// A range of which every record linked to an agency was shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Range {
    /// The agency.
    pub agency: AgencyId,
    /// First index.
    pub start: u64,
    /// One past the last index.
    pub end: u64,
    /// How many records in the range are linked to the agency.
    pub records: u64,
    /// Number of the last record linked before the range's end, and its index plus 1; both 0 where there is none.
    pub last: (u64, u64),
    /// Records below this index may have been erased at the end of the log's retention; 0 = none was.
    pub erased_below: u64,
    /// Who asked.
    pub by: Caller,
    /// The checkpoint that covers it all.
    pub checkpoint: Checkpoint,
}

/// Verifies a claim and the records shown for it.
///
/// # Errors
///
/// The first [`Fault`].
pub(super) fn check(
    claim: &pb::Completeness,
    records: &[pb::ProvenRecord],
    checkpoint: &Checkpoint,
) -> Result<Range, Fault> {
    let agency: AgencyId = claim.agency.parse().map_err(|_| Fault::Claim("no agency"))?;
    let (start, end) = (claim.start, claim.end);
    let mut walk = Walk {
        agency,
        checkpoint,
        start,
        end,
        last: (0, 0),
        before_end: (0, 0),
        count: 0,
        gaps: Gaps::default(),
    };
    let (closing, by) = walk.closing(claim)?;
    if let Some(erased) = &claim.erased {
        let (shown, record) = walk.open(erased)?;
        walk.gaps.hear(shown.index, &record);
    }
    let mut times = Times::default();
    for proven in records {
        let (index, at) = walk.next(proven)?;
        if index < start {
            times.before = Some(at);
        } else if index >= end {
            times.behind = Some(at);
        }
    }
    // The first record behind the range is there: the closing one, if no other.
    let behind = walk.last.1.checked_sub(1).filter(|behind| *behind >= end);
    if behind.is_none_or(|behind| behind > closing) {
        return Err(Fault::Gap { number: walk.last.0.saturating_add(1) });
    }
    walk.gaps.check()?;
    times.check(claim)?;
    let Walk { agency, before_end, count, gaps, .. } = walk;
    let checkpoint = checkpoint.clone();
    let erased_below = gaps.up_to();
    Ok(Range { agency, start, end, records: count, last: before_end, erased_below, by, checkpoint })
}

/// The agency's links, record by record.
struct Walk<'a> {
    agency: AgencyId,
    checkpoint: &'a Checkpoint,
    start: u64,
    end: u64,
    /// Number of the last record, and its index plus 1; both 0 at the start.
    last: (u64, u64),
    /// The same of the last record before the range's end.
    before_end: (u64, u64),
    /// How many stand in the range.
    count: u64,
    /// What is missing because it was erased.
    gaps: Gaps,
}

impl Walk<'_> {
    /// Verifies the record of the question; returns its index and who asked.
    fn closing(&self, claim: &pb::Completeness) -> Result<(u64, Caller), Fault> {
        let proven = claim.closing.as_ref().ok_or(Fault::Claim("nothing closes it"))?;
        let (shown, record) = self.open(proven)?;
        opened(Some(&self.agency), shown, &record)?.ok_or(Fault::Link { index: shown.index })?;
        let Event::Consulted { by, start, end, about, .. } = record.event else {
            return Err(Fault::Claim("what closes it is no question"));
        };
        let is_auditor = matches!(by.seat, Seat::Auditor { .. });
        let asked_about = if is_auditor { about.as_ref() } else { by.officer().ok() };
        let is_of_it = (start, end) == (self.start, self.end) && asked_about == Some(&self.agency);
        if !is_of_it || shown.index < end || start > end {
            return Err(Fault::Claim("what closes it is another question"));
        }
        Ok((shown.index, by))
    }

    /// Verifies one record and that it follows the one before; returns its index and time.
    fn next(&mut self, proven: &pb::ProvenRecord) -> Result<(u64, Timestamp), Fault> {
        let (shown, record) = self.open(proven)?;
        let index = shown.index;
        let is_first = self.last == (0, 0);
        // One record before the range and one behind it are enough, and more would not be of the range.
        let is_needed = is_first || index >= self.start && self.last.1 <= self.end;
        if !is_needed || index < self.last.1 {
            return Err(Fault::RecordOrder { index });
        }
        let link = opened(Some(&self.agency), shown, &record)?.ok_or(Fault::Link { index })?;
        // The first of all records has no other before it; every other range begins behind a record that is shown.
        let begins = is_first && index < self.start;
        let opens = (link.number, link.previous);
        if !begins && !self.gaps.leads(self.last, opens) {
            return Err(Fault::Gap { number: self.last.0.saturating_add(1) });
        }
        self.last = (link.number, index + 1);
        if index < self.end {
            self.before_end = self.last;
        } else if self.before_end.0.saturating_add(1) < link.number && link.previous <= self.end {
            // The one before it was erased.
            self.before_end = (link.number - 1, link.previous);
        }
        self.count += u64::from((self.start..self.end).contains(&index));
        Ok((index, record.at))
    }

    fn open<'p>(&self, proven: &'p pb::ProvenRecord) -> Result<(&'p pb::LogRecord, Record), Fault> {
        let shown = proven.record.as_ref().ok_or(Fault::Protocol("the record"))?;
        let record = entry(shown, &proven.inclusion).open(self.checkpoint)?;
        Ok((shown, record))
    }
}

/// When the records just outside the range were recorded: time never goes back, so that they bound what is in it.
#[derive(Default)]
struct Times {
    before: Option<Timestamp>,
    behind: Option<Timestamp>,
}

impl Times {
    fn check(&self, claim: &pb::Completeness) -> Result<(), Fault> {
        let time = |time: Option<prost_types::Timestamp>| {
            let read = time.map(|time| record::timestamp_from_pb(Some(time), "")).transpose();
            read.map_err(|_| Fault::Claim("a time that is none"))
        };
        let (from, to) = (time(claim.from)?, time(claim.to)?);
        let begins = from.is_none_or(|from| self.before.is_none_or(|before| before < from));
        let ends = to.is_none_or(|to| self.behind.is_some_and(|behind| behind >= to));
        let is_empty = from.zip(to).is_some_and(|(from, to)| from >= to);
        if begins && ends && !is_empty { Ok(()) } else { Err(Fault::Claim("other times")) }
    }
}
