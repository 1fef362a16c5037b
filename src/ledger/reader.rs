//! Reads the durable log without its writer: entries, links, the tokens in sealed bodies. It never
//! changes anything, and hands out no content but tokens, to be matched.

use std::{ops::Range, sync::Arc};

use super::{
    Entry, ErasedEntry, LedgerError, Links, Stood,
    contents::unsealed,
    open::{Settings, secrets_of},
    read::LinkPlace,
    replay::stub,
    secrets::Secrets,
};
use crate::domain::{AgencyId, SubjectToken, Timestamp};
use crate::journal::{self, Journal, Segments};
use crate::record::{self, Event, commitment};

/// How much of the journal one read takes.
const READ_BYTES: usize = 256 << 10;

/// The durable log, to be read. Clones share it.
#[derive(Clone, Debug)]
pub struct Reader {
    journal: Arc<dyn Journal>,
    secrets: Arc<Secrets>,
}

impl Reader {
    pub(super) fn new(journal: Arc<dyn Journal>, secrets: Arc<Secrets>) -> Self {
        Self { journal, secrets }
    }

    /// Opens a log that no broker runs on. Nothing is written: a log that a start would have to
    /// mend, and to record that it did, is left for a start.
    ///
    /// # Errors
    ///
    /// `LedgerError` where it is not there, in use, damaged or torn, or its keys do not fit.
    pub fn open(settings: &Settings) -> Result<Self, LedgerError> {
        let id = Segments::journal_id_of(&settings.journal_dir)?;
        let secrets = secrets_of(settings, id)?;
        let stored = journal::Settings { journal_id: id, segment_bytes: settings.segment_bytes };
        let segments = Segments::open_as_is(&settings.journal_dir, &stored)?;
        Ok(Self::new(Arc::new(segments), Arc::new(secrets)))
    }

    /// Returns the number of durable entries.
    pub fn size(&self) -> u64 {
        self.journal.head().size
    }

    /// Returns the leaf of an entry, which no entry of any other log has; none beyond the log.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the journal cannot be read.
    pub fn leaf(&self, index: u64) -> Result<Option<[u8; 32]>, LedgerError> {
        let frames = self.journal.read(index..index.saturating_add(1), 1)?;
        Ok(frames.first().map(|frame| frame.leaf))
    }

    /// Reads some entries, in order, from `range.start`; at least one where there is one.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the journal cannot be read or an entry is damaged.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<Stood>, LedgerError> {
        let frames = self.journal.read(range.clone(), READ_BYTES)?;
        // Frames first: where there are none the counter, which may stand at the last number, is not moved.
        frames
            .into_iter()
            .zip(range.start..)
            .map(|(frame, index)| {
                if frame.is_erased() {
                    let (leaf, stub) = (frame.leaf, stub(&frame, index, Some(&self.secrets))?);
                    return Ok(Stood::Erased(ErasedEntry { index, leaf, stub }.into()));
                }
                let record = record::decode(&frame.record)
                    .map_err(|_| LedgerError::Damaged { index, what: "its record is not known" })?;
                Ok(Stood::Entry(Entry { index, frame, record }.into()))
            })
            .collect()
    }

    /// Reads one entry; nothing where its record was erased.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); `LedgerError` also where there is no such entry.
    pub fn entry(&self, index: u64) -> Result<Option<Entry>, LedgerError> {
        let stood = self.read(index..index.saturating_add(1))?.into_iter().next();
        Ok(stood.ok_or(LedgerError::unreadable(index))?.entry())
    }

    /// Returns the index of the first entry that was recorded at a time or later; the size of the log where there is
    /// none. Recorded time never goes back, so that a few entries tell. Entries whose records were erased count as
    /// recorded with the next that is whole.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the journal cannot be read or an entry is damaged.
    pub fn first_since(&self, time: Timestamp) -> Result<u64, LedgerError> {
        let (mut start, mut end) = (0, self.size());
        while start < end {
            let middle = start + (end - start) / 2;
            match self.first_whole(middle, end)? {
                Some(entry) if entry.record.at < time => start = entry.index + 1,
                Some(_) | None => end = middle,
            }
        }
        Ok(start)
    }

    /// Finds the first entry from `next` on, before `end`, whose record was not erased.
    fn first_whole(&self, mut next: u64, end: u64) -> Result<Option<Entry>, LedgerError> {
        // Where nothing is erased, one entry is all that is asked for.
        let mut stop = next + 1;
        while next < end {
            let stood = self.read(next..stop.min(end))?;
            next = stood.last().ok_or(LedgerError::unreadable(next))?.index() + 1;
            if let Some(entry) = stood.into_iter().find_map(Stood::entry) {
                return Ok(Some(entry));
            }
            stop = end;
        }
        Ok(None)
    }

    /// Follows an agency's links from the entry on that comes after `place`.
    pub fn links(&self, agency: AgencyId, place: LinkPlace) -> Links {
        Links::new(agency, Arc::clone(&self.secrets), place)
    }

    /// Opens an entry's body for the tokens in it; none where there is no body or its key was erased.
    ///
    /// # Errors
    ///
    /// `LedgerError` where the keys cannot be read, or the body is not what was sealed.
    pub fn tokens(&self, entry: &Entry) -> Result<Vec<SubjectToken>, LedgerError> {
        let Some(slot) = entry.record.event.slot() else { return Ok(Vec::new()) };
        let opened = unsealed(&entry.frame, slot, &self.secrets, entry.index)?;
        let Some((bytes, _)) = opened else { return Ok(Vec::new()) };
        let unknown =
            |_| LedgerError::Damaged { index: entry.index, what: "its content is not known" };
        if matches!(entry.record.event, Event::Published(_)) {
            return Ok(record::draft_from_bytes(&bytes).map_err(unknown)?.subject);
        }
        let filter = record::filter_from_bytes(&bytes).map_err(unknown)?;
        Ok(filter.tokens.into_iter().collect())
    }

    /// Authenticates a place in the answer to a question.
    pub fn page_tag(&self, place: &[u8], question: &[u8]) -> [u8; 32] {
        commitment::page(self.secrets.pages(), place, question)
    }

    /// Tells whether a place in the answer to a question was authenticated here.
    pub fn is_page(&self, place: &[u8], question: &[u8], tag: &[u8]) -> bool {
        commitment::is_page(self.secrets.pages(), place, question, tag)
    }
}
