//! One part of an answer: the index names the blocks that may hold what is asked for, the journal is read
//! there, and every entry is held against the question itself. Behind the index the journal is read in full.

use super::{
    answer::{Answer, Place, Shown},
    error::Damage,
    index::{Index, Stuck},
    keys::GROUP,
    matter::Matter,
    question::{Asker, Question},
    resolve::Resolver,
    term::Term,
};
use crate::ledger::{Entry, LedgerError, LinkPlace, Links, Reader, Stood};

/// How many blocks one part of an answer may read: a rare match in a long log takes several parts.
const BLOCKS_MAX: u32 = 256;
/// After how many bytes of records a part ends.
const BYTES_MAX: usize = 1 << 20;
/// How many entries are read at a time where there is no index.
const UNINDEXED: u64 = 1024;

/// A search under way.
pub(super) struct Search<'a> {
    reader: &'a Reader,
    index: Option<&'a Index>,
    by: &'a Asker,
    question: &'a Question,
    resolver: Resolver,
    /// Entries before this one are only walked through, for the links.
    from: u64,
    size: u64,
    /// The next entry to read.
    at: u64,
    /// Where the links stand before `at`, where that is known.
    links: Option<LinkPlace>,
    /// How many entries the index covers, and where the links stand behind them.
    indexed: (u64, LinkPlace),
    /// The last group asked for, and which of its blocks may hold something.
    group: Option<(u64, u64)>,
}

/// Returns how many entries are indexed, and where the asking agency's links stand behind them.
fn indexed(index: &Index, by: &Asker) -> (u64, LinkPlace) {
    by.agency().map_or_else(|| (index.size(), LinkPlace::default()), |by| index.end(by))
}

/// A stretch of entries to read, and where the links stand before it.
struct Span {
    start: u64,
    end: u64,
    links: Option<LinkPlace>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        (reader, index): (&'a Reader, Option<&'a Index>),
        by: &'a Asker,
        question: &'a Question,
        place: Place,
    ) -> Self {
        Self {
            reader,
            index,
            by,
            question,
            resolver: Resolver::new(reader.clone(), question.subject.is_some()),
            from: place.next,
            size: place.size.min(reader.size()),
            at: place.next,
            links: place.links,
            indexed: index.map(|index| indexed(index, by)).unwrap_or_default(),
            group: None,
        }
    }

    /// Finds up to `limit` entries.
    ///
    /// # Errors
    ///
    /// `Stuck` where the index is not to be believed, or the log cannot be read.
    pub(super) fn run(mut self, limit: usize) -> Result<Answer, Stuck> {
        let mut answer = Answer::default();
        self.skip_to_time()?;
        for _ in 0..BLOCKS_MAX {
            let Some(span) = self.next_span()? else { return Ok(answer) };
            if self.scan(&span, limit, &mut answer)? {
                return Ok(answer);
            }
        }
        answer.next = self.place(self.at);
        Ok(answer)
    }

    /// Entries are in order of time: the index says where to begin.
    fn skip_to_time(&mut self) -> Result<(), Damage> {
        let (Some(index), Some(from)) = (self.index, self.question.from) else { return Ok(()) };
        if self.at < self.indexed.0 {
            let blocks = self.indexed.0 / index.block();
            let start = index.first_since(from, blocks)? * index.block();
            if start > self.at {
                (self.at, self.links) = (start, None);
            }
        }
        Ok(())
    }

    /// Returns the next stretch to read; nothing at the end.
    fn next_span(&mut self) -> Result<Option<Span>, Stuck> {
        if let Some(index) = self.index
            && self.at < self.indexed.0.min(self.size)
        {
            if let Some(block) = self.candidate(index)? {
                return Ok(Some(self.span_of(index, block)?));
            }
            (self.at, self.links) = (self.indexed.0, None);
        }
        if self.at >= self.size {
            return Ok(None);
        }
        let links = self.links_unindexed()?;
        let end = self.size.min(self.at + UNINDEXED);
        Ok(Some(Span { start: self.at, end, links: Some(links) }))
    }

    /// Returns the block to read next, of those that the index covers.
    fn candidate(&mut self, index: &Index) -> Result<Option<u64>, Damage> {
        let first = self.at / index.block();
        let Some(last) = self.indexed.0.min(self.size).div_ceil(index.block()).checked_sub(1)
        else {
            return Ok(None);
        };
        for group in first / GROUP..=last / GROUP {
            let ahead = first.saturating_sub(group * GROUP);
            let blocks = self.blocks_of(index, group)? & (u64::MAX << ahead);
            if blocks != 0 {
                let block = group * GROUP + u64::from(blocks.trailing_zeros());
                return Ok((block <= last).then_some(block));
            }
        }
        Ok(None)
    }

    fn blocks_of(&mut self, index: &Index, group: u64) -> Result<u64, Damage> {
        if let Some((known, blocks)) = self.group
            && known == group
        {
            return Ok(blocks);
        }
        let mut blocks = u64::MAX;
        if let Some(by) = self.by.agency() {
            blocks = index.blocks_with(group, Term::Linked(by))?;
            if !self.question.linked {
                blocks |= index.blocks_with(group, Term::Open)?;
            }
        }
        if let Some(kinds) = self.question.kinds() {
            let mut any = 0;
            for kind in kinds {
                any |= index.blocks_with(group, Term::Kind(kind))?;
            }
            blocks &= any;
        }
        for term in self.question.terms() {
            if blocks == 0 {
                break;
            }
            blocks &= index.blocks_with(group, term)?;
        }
        self.group = Some((group, blocks));
        Ok(blocks)
    }

    /// A block is read from its start, for the links, unless it is gone on with.
    fn span_of(&self, index: &Index, block: u64) -> Result<Span, Damage> {
        let (start, end) = (block * index.block(), (block + 1) * index.block());
        let end = end.min(self.size);
        if start < self.at && self.links.is_some() {
            return Ok(Span { start: self.at, end, links: self.links });
        }
        let links = self.by.agency().map(|by| index.links_before(block, by)).transpose()?;
        Ok(Span { start, end, links: links.flatten() })
    }

    /// Where no index says how the links stand, they are counted from where it ends.
    fn links_unindexed(&self) -> Result<LinkPlace, LedgerError> {
        if let Some(links) = self.links {
            return Ok(links);
        }
        let (mut next, place) = self.indexed;
        let Some(by) = self.by.agency() else { return Ok(place) };
        let mut links = self.reader.links(by.clone(), place);
        while next < self.at {
            for stood in self.read(next, self.at)? {
                next = stood.index() + 1;
                match stood {
                    Stood::Entry(entry) => drop(links.next(&entry)),
                    Stood::Erased(it) => links.pass(&it),
                }
            }
        }
        Ok(links.place())
    }

    /// Reads a stretch; tells whether the answer's part ends in it.
    fn scan(&mut self, span: &Span, limit: usize, answer: &mut Answer) -> Result<bool, Stuck> {
        let known = self.by.agency().zip(span.links);
        let mut links = known.map(|(by, place)| self.reader.links(by.clone(), place));
        let mut bytes: usize = answer.shown.iter().map(|it| it.entry.frame.record.len()).sum();
        self.at = span.start;
        while self.at < span.end {
            for stood in self.read(self.at, span.end)? {
                self.at = stood.index() + 1;
                let entry = match stood {
                    Stood::Entry(entry) => *entry,
                    Stood::Erased(it) => {
                        if let Some(links) = links.as_mut() {
                            links.pass(&it);
                        }
                        self.links = links.as_ref().map(Links::place);
                        continue;
                    }
                };
                let link = self.link(links.as_mut(), &entry)?;
                self.links = links.as_ref().map(Links::place);
                if entry.index < self.from {
                    continue;
                }
                if self.question.to.is_some_and(|to| entry.record.at >= to) {
                    return Ok(true);
                }
                if self.fits(&entry)? {
                    bytes += entry.frame.record.len();
                    answer.shown.push(Shown { entry, link });
                }
                if answer.shown.len() >= limit || bytes >= BYTES_MAX {
                    answer.next = self.place(self.at);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Opens the agency's link of an entry, and holds it against what the record commits to.
    fn link(
        &self,
        links: Option<&mut Links>,
        entry: &Entry,
    ) -> Result<Option<crate::ledger::LinkOpening>, Stuck> {
        let Some(by) = self.by.agency() else { return Ok(None) };
        let Some(links) = links else {
            return if entry.record.event.agencies().contains(&by) {
                Err(Damage::Contradicts("a block lacks an agency that is in it").into())
            } else {
                Ok(None)
            };
        };
        let opening = links.next(entry);
        match &opening {
            Some(it) if entry.index >= self.from && !it.opens(entry, by) => {
                if self.index.is_some() {
                    Err(Damage::Contradicts("an agency's links stand elsewhere").into())
                } else {
                    let what = "a link does not follow the one before";
                    Err(LedgerError::Damaged { index: entry.index, what }.into())
                }
            }
            Some(_) | None => Ok(opening),
        }
    }

    fn fits(&mut self, entry: &Entry) -> Result<bool, LedgerError> {
        let is_linked =
            || self.by.agency().is_some_and(|by| entry.record.event.agencies().contains(&by));
        let is_shown = self.by.may_see(entry) && (!self.question.linked || is_linked());
        if !is_shown || !self.question.may_fit(entry, self.by) {
            return Ok(false);
        }
        if !self.question.asks_matter() {
            return Ok(true);
        }
        Ok(self.question.fits(&Matter::of(entry, &mut self.resolver)?, self.by))
    }

    fn place(&self, next: u64) -> Option<Place> {
        (next < self.size).then_some(Place { next, size: self.size, links: self.links })
    }

    fn read(&self, start: u64, end: u64) -> Result<Vec<Stood>, LedgerError> {
        let stood = self.reader.read(start..end)?;
        if stood.is_empty() {
            return Err(LedgerError::unreadable(start));
        }
        Ok(stood)
    }
}
