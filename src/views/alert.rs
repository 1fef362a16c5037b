//! The broker's own look-ups of an alert: its record, and every agency that it was disclosed to, long after it has
//! left the memory of the exchange. They ask for nobody and show nothing: whoever calls decides what may be told.

use std::collections::BTreeSet;

use super::{
    index::{Index, Stuck},
    keys::GROUP,
    room::Views,
    term::Term,
};
use crate::domain::{AgencyId, AlertId, AlertRef, RecordKind};
use crate::ledger::{Entry, LedgerError, Reader};
use crate::record::{Event, Published};

/// How many entries are read at a time where no index says which.
const UNINDEXED: u64 = 1024;

impl Views {
    /// Finds the alert of that id which the agency published, with its record's index. An id alone names no
    /// alert: two publishers may use the same.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read.
    pub async fn published(
        &self,
        publisher: AgencyId,
        id: AlertId,
    ) -> Result<Option<(u64, Published)>, LedgerError> {
        self.on_a_thread(move |views| {
            views.with_index(|reader, index| {
                let terms = [Term::Alert(id), Term::Kind(RecordKind::Published)];
                let mut found = None;
                Walk { reader, index, terms: &terms }.run(0, &mut |entry| {
                    if let Event::Published(it) = entry.record.event
                        && (it.facts.id, &it.facts.publisher) == (id, &publisher)
                    {
                        found = Some((entry.index, it));
                    }
                    found.is_none()
                })?;
                Ok(found)
            })
        })
        .await
    }

    /// Finds the alert that the record at `published` published, and every agency that it was disclosed to, by what
    /// is durable when this is called.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the log cannot be read, or another record stands there.
    pub async fn recipients(
        &self,
        published: u64,
    ) -> Result<(AlertRef, BTreeSet<AgencyId>), LedgerError> {
        self.on_a_thread(move |views| {
            views.with_index(|reader, index| {
                let alert = reader.entry(published)?;
                let what = "a record refers to it as an alert";
                let other = LedgerError::Damaged { index: published, what };
                let event = alert.map(|it| it.record.event);
                let Some(Event::Published(alert)) = event else { return Err(other.into()) };
                let terms = [Term::Alert(alert.facts.id), Term::Kind(RecordKind::Disclosed)];
                let mut recipients = BTreeSet::new();
                Walk { reader, index, terms: &terms }.run(published, &mut |entry| {
                    if let Event::Disclosed(it) = entry.record.event
                        && it.published == published
                    {
                        recipients.insert(it.recipient);
                    }
                    true
                })?;
                let facts = &alert.facts;
                let alert = AlertRef {
                    published,
                    id: facts.id,
                    publisher: facts.publisher.clone(),
                    delete_after: facts.delete_after,
                };
                Ok((alert, recipients))
            })
        })
        .await
    }
}

/// A walk over the entries that may be about something: those of blocks that have all of the terms, and all that
/// no index has.
struct Walk<'a> {
    reader: &'a Reader,
    index: Option<&'a Index>,
    terms: &'a [Term<'a>],
}

impl Walk<'_> {
    /// Shows the entries from `start` on, in order, until `goes_on` says no.
    fn run(&self, start: u64, goes_on: &mut dyn FnMut(Entry) -> bool) -> Result<(), Stuck> {
        let size = self.reader.size();
        let mut next = start;
        if let Some(index) = self.index {
            let indexed = index.size().min(size);
            while next < indexed {
                let Some(block) = self.candidate(index, next / index.block(), indexed)? else {
                    break;
                };
                let end = indexed.min((block + 1) * index.block());
                next = next.max(block * index.block());
                if !self.read(next, end, goes_on)? {
                    return Ok(());
                }
                next = end;
            }
            next = next.max(indexed);
        }
        while next < size {
            let end = size.min(next + UNINDEXED);
            if !self.read(next, end, goes_on)? {
                return Ok(());
            }
            next = end;
        }
        Ok(())
    }

    /// Returns the first block, from `first` on, that has all of the terms.
    fn candidate(&self, index: &Index, first: u64, indexed: u64) -> Result<Option<u64>, Stuck> {
        let blocks = indexed.div_ceil(index.block());
        for group in first / GROUP..blocks.div_ceil(GROUP) {
            let mut found = u64::MAX << first.saturating_sub(group * GROUP);
            for term in self.terms {
                found &= index.blocks_with(group, *term)?;
            }
            if found != 0 {
                let block = group * GROUP + u64::from(found.trailing_zeros());
                return Ok((block < blocks).then_some(block));
            }
        }
        Ok(None)
    }

    fn read(
        &self,
        mut next: u64,
        end: u64,
        goes_on: &mut dyn FnMut(Entry) -> bool,
    ) -> Result<bool, LedgerError> {
        while next < end {
            let stood = self.reader.read(next..end)?;
            if stood.is_empty() {
                return Err(LedgerError::unreadable(next));
            }
            for stood in stood {
                next = stood.index() + 1;
                if stood.entry().is_some_and(|entry| !goes_on(entry)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
