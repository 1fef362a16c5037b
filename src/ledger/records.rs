//! Whole records at the end of the log's retention. The record that they are erased is durable first; then closed
//! ranges of the journal are written anew beside the writer, each at once and whole: the leaf of every entry stays,
//! and so does every record that the state needs, that governs the log, or that a record which stays refers to.

use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
    sync::Arc,
};

use super::{
    Ledger, LedgerError,
    command::Answer,
    read::{Entry, Stood},
    reader::Reader,
    replay::{checked, stub_of},
    retention::RetentionCommand,
    secrets::Secrets,
    writer::Writer,
};
use crate::domain::{Caller, Timestamp};
use crate::exchange::Needed;
use crate::journal::{Frame, Journal, JournalError};

/// After how many days a range of the journal that grows is closed: its records go together, the last in time.
const CLOSED_AFTER_DAYS: u64 = 31;

/// Records that may be erased.
#[derive(Debug)]
pub struct Erasable {
    /// Records below this index.
    up_to: u64,
    /// But not those that the state needs.
    needed: Needed,
}

/// What a round has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Condensed {
    /// How many records were erased.
    pub records: u64,
    /// How many parts of the journal were written anew.
    pub ranges: u64,
}

impl Writer {
    /// Records that records are erased, where that is new, and says which are needed; nothing where none may be.
    pub(super) fn erase_records(
        &mut self,
        (up_to, before): (u64, Timestamp),
        answer: Answer<Option<Erasable>>,
    ) -> Result<(), LedgerError> {
        if let Some(event) = self.state.erase_records(up_to, before) {
            let index = self.record(event)?;
            tracing::info!(index, up_to, "records are erased at the end of the log's retention");
        }
        let up_to = self.state.records_from();
        let may = up_to > 0 && self.state.halted().is_none();
        let erasable = may.then(|| Erasable { up_to, needed: self.state.needed() });
        self.work.answer(answer, move |_| erasable);
        Ok(())
    }
}

impl Ledger {
    /// Finds the end of the closed ranges of which every record was recorded before `since`, and a time before which
    /// all of them were. Has the range that grows end once its first record is a month old. Reads the journal:
    /// not for a thread that must not block.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub fn past_retention(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(u64, Timestamp), LedgerError> {
        let (journal, reader) = (&self.shared.journal, self.reader());
        let closed = journal.closed();
        let growing = closed.last().map_or(0, |range| range.end);
        let is_old = |at: Timestamp| at.plus_days(CLOSED_AFTER_DAYS) <= now;
        if growing < reader.size() && reader.entry(growing)?.is_some_and(|it| is_old(it.record.at))
        {
            journal.close();
        }
        let mut past = (0, Timestamp::EPOCH);
        for Range { end, .. } in closed {
            if end >= reader.size() {
                break;
            }
            // What follows was recorded later, or in the same millisecond.
            match reader.entry(end)?.map(|it| it.record.at) {
                Some(at) if at < since => past = (end, Timestamp::from_ms(at.ms() + 1)),
                Some(_) => break,
                None => {}
            }
        }
        Ok(past)
    }

    /// Records that records below an index are erased, where that is new; all were recorded before `before`. Returns
    /// what may be erased by [`condense`](Self::condense), also of what was decided before; nothing where the
    /// clock has to be looked at first.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub async fn erase_records(
        &self,
        past: (u64, Timestamp),
    ) -> super::handle::Done<Option<Erasable>> {
        self.retain(&Caller::local(), |answer| RetentionCommand::EraseRecords { past, answer })
            .await
    }

    /// Erases records. What is there already as it has to be is only read. Reads and writes the journal: not for
    /// a thread that must not block.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the journal cannot be read or written; what is left is done by a later call.
    pub fn condense(&self, erasable: &Erasable) -> Result<Condensed, LedgerError> {
        let condensed = condense((&self.shared.journal, &self.shared.secrets), erasable);
        // Where it has failed, some may be erased all the same.
        if !matches!(condensed, Ok(Condensed { ranges: 0, .. })) {
            // They tell of alerts whose records are gone, and no start would go on from them: segments are shorter.
            self.shared.snapshots.keep(&[])?;
        }
        condensed
    }
}

/// Erases the records of a journal that may be.
///
/// # Errors
///
/// As [`Ledger::condense`].
pub(super) fn condense(
    (journal, secrets): (&Arc<dyn Journal>, &Arc<Secrets>),
    erasable: &Erasable,
) -> Result<Condensed, LedgerError> {
    let reader = Reader::new(Arc::clone(journal), Arc::clone(secrets));
    Condensing::new((journal, secrets), reader, erasable)?.run()
}

/// A pass over the journal, from its end to its beginning: records refer to those before them.
struct Condensing<'a> {
    journal: &'a Arc<dyn Journal>,
    secrets: &'a Secrets,
    reader: Reader,
    erasable: &'a Erasable,
    /// What records that stay refer to.
    referred: BTreeSet<u64>,
}

impl<'a> Condensing<'a> {
    fn new(
        (journal, secrets): (&'a Arc<dyn Journal>, &'a Secrets),
        reader: Reader,
        erasable: &'a Erasable,
    ) -> Result<Self, LedgerError> {
        let mut referred = BTreeSet::new();
        let (mut next, size) = (erasable.up_to, reader.size());
        while next < size {
            let stood = reader.read(next..size)?;
            let last = stood.last().ok_or(LedgerError::unreadable(next))?.index();
            for entry in stood.into_iter().filter_map(Stood::entry) {
                let references = entry.record.event.references();
                referred.extend(references.into_iter().filter(|it| *it < erasable.up_to));
            }
            next = last + 1;
        }
        Ok(Self { journal, secrets, reader, erasable, referred })
    }

    fn run(mut self) -> Result<Condensed, LedgerError> {
        let mut condensed = Condensed::default();
        let closed = self.journal.closed();
        for range in closed.into_iter().rev().filter(|range| range.end <= self.erasable.up_to) {
            let erased = self.erased_of(range.clone())?;
            if erased.is_empty() {
                continue;
            }
            let mut condense = |index: u64, frame: &Frame| {
                let is_erased = erased.contains(&index);
                is_erased.then(|| left_of(index, frame, self.secrets)).transpose()
            };
            self.journal.condense(range.start, &mut condense)?;
            condensed.records += erased.len() as u64;
            condensed.ranges += 1;
        }
        Ok(condensed)
    }

    /// Returns the records of a range that are to be erased.
    fn erased_of(&mut self, range: Range<u64>) -> Result<HashSet<u64>, LedgerError> {
        let mut kept: Vec<(u64, bool, crate::record::References)> = Vec::new();
        let mut next = range.start;
        while next < range.end {
            let stood = self.reader.read(next..range.end)?;
            next = stood.last().ok_or(LedgerError::unreadable(next))?.index() + 1;
            let entries = stood.into_iter().filter_map(Stood::entry);
            kept.extend(entries.map(|Entry { index, record, .. }| {
                (index, self.erasable.needed.has(index, &record), record.event.references())
            }));
        }
        let mut erased = HashSet::new();
        for (index, is_needed, references) in kept.into_iter().rev() {
            if is_needed || self.referred.remove(&index) {
                self.referred.extend(references);
            } else {
                erased.insert(index);
            }
        }
        Ok(erased)
    }
}

fn left_of(index: u64, frame: &Frame, secrets: &Secrets) -> Result<bytes::Bytes, JournalError> {
    let what = "its record is not what its leaf commits to";
    let record = checked(frame, index).map_err(|_| JournalError::Damaged { index, what })?;
    Ok(stub_of(&record, (index, &frame.leaf), secrets))
}
