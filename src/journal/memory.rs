//! A journal in memory, for the simulation and for tests, with faults on demand.
//!
//! Outlives its users, not the process. Cloning shares the same journal.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::contract::{Batch, CommitError, Condense, Frame, Head, Journal, JournalError, Turn};

/// What goes wrong at the next commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Another writer came first: nothing is kept, the answer is `Conflict`.
    Conflict,
    /// No space: nothing is kept, the answer is `Full`.
    Full,
    /// Nothing is kept, and the answer is `Unknown`.
    Lose,
    /// The batch is kept, but the answer is `Unknown`.
    Survive,
}

/// The engine in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held for the length of a turn; apart from `kept`, so that a turn's holder may read.
    turn: Mutex<()>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    frames: Vec<Frame>,
    /// The head after each batch.
    heads: Vec<Head>,
    /// The first entry of each range but the first.
    firsts: Vec<u64>,
    /// Whether the next batch begins another range.
    closes: bool,
    fault: Option<Fault>,
    /// How many ranges can still be condensed before that fails; nothing where it does not.
    condensable: Option<u64>,
}

impl Memory {
    /// Makes an empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next commit go wrong, and only that one.
    pub fn on_next_commit(&self, fault: Fault) {
        self.kept().fault = Some(fault);
    }

    /// Lets so many ranges be condensed, and no more; any number where nothing is said.
    pub fn condense_at_most(&self, ranges: Option<u64>) {
        self.kept().condensable = ranges;
    }

    /// Tells whether a fault has yet to strike.
    pub fn awaits_fault(&self) -> bool {
        self.kept().fault.is_some()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for Memory {
    fn turn(&self, seen: u64) -> Result<Box<dyn Turn + '_>, JournalError> {
        let guard = self.shared.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let size = self.head().size;
        if seen > size {
            return Err(JournalError::Ahead { seen, size });
        }
        Ok(Box::new(MemoryTurn { journal: self, seen, _guard: guard }))
    }

    fn read(&self, range: Range<u64>, bytes_max: usize) -> Result<Vec<Frame>, JournalError> {
        let kept = self.kept();
        let (skip, end) = (position(range.start), position(range.end));
        let mut bytes = 0_usize;
        let within = kept.frames.iter().take(end).skip(skip).take_while(|frame| {
            let fits = bytes == 0 || bytes < bytes_max;
            bytes = bytes.saturating_add(64 + frame.record.len() + frame.body.len());
            fits
        });
        Ok(within.cloned().collect())
    }

    fn head(&self) -> Head {
        self.kept().heads.last().cloned().unwrap_or_default()
    }

    /// A fault strikes once: there is room again.
    fn has_room(&self, _bytes: u64) -> bool {
        true
    }

    fn checkpoint_covering(&self, index: u64) -> Result<Head, JournalError> {
        let kept = self.kept();
        let batch = kept.heads.partition_point(|head| head.size <= index);
        let size = kept.heads.last().map_or(0, |head| head.size);
        kept.heads.get(batch).cloned().ok_or(JournalError::Beyond { index, size })
    }

    /// Nothing is read when it is opened again.
    fn bearings(&self, size: u64) -> Result<Vec<u8>, JournalError> {
        let index = size.checked_sub(1).ok_or(JournalError::Beyond { index: 0, size: 0 })?;
        self.checkpoint_covering(index).map(|_| Vec::new())
    }

    fn closed(&self) -> Vec<Range<u64>> {
        let kept = self.kept();
        let starts = std::iter::once(&0).chain(&kept.firsts);
        starts.zip(&kept.firsts).map(|(start, end)| *start..*end).collect()
    }

    fn close(&self) {
        self.kept().closes = true;
    }

    fn condense(&self, first: u64, condense: &mut Condense<'_>) -> Result<(), JournalError> {
        let closed = self.closed().into_iter().find(|range| range.start == first);
        let range = closed.ok_or(JournalError::Beyond { index: first, size: 0 })?;
        let mut kept = self.kept();
        match &mut kept.condensable {
            Some(0) => return Err(JournalError::Io(io::Error::other("no more of them").into())),
            Some(left) => *left -= 1,
            None => {}
        }
        let mut frames = Vec::new();
        for index in range.clone() {
            let Some(frame) = kept.frames.get(position(index)) else { continue };
            let stub = condense(index, frame)?;
            frames.push(stub.map_or_else(|| frame.clone(), |it| Frame::erased(frame.leaf, it)));
        }
        kept.frames.splice(position(range.start)..position(range.end), frames);
        Ok(())
    }
}

fn position(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

struct MemoryTurn<'a> {
    journal: &'a Memory,
    seen: u64,
    _guard: MutexGuard<'a, ()>,
}

impl Turn for MemoryTurn<'_> {
    fn news(&self) -> Range<u64> {
        self.seen..self.head().size
    }

    fn head(&self) -> Head {
        self.journal.head()
    }

    fn commit(self: Box<Self>, batch: Batch) -> Result<Head, CommitError> {
        if batch.frames.is_empty() {
            return Err(CommitError::Unfit("it is empty"));
        }
        let mut kept = self.journal.kept();
        let fault = kept.fault.take();
        match fault {
            Some(Fault::Conflict) => return Err(CommitError::Conflict),
            Some(Fault::Full) => return Err(CommitError::Full),
            Some(Fault::Lose) => return Err(CommitError::Unknown),
            Some(Fault::Survive) | None => {}
        }
        if std::mem::take(&mut kept.closes) && !kept.frames.is_empty() {
            let first = kept.frames.len() as u64;
            kept.firsts.push(first);
        }
        kept.frames.extend(batch.frames);
        let head = Head { size: kept.frames.len() as u64, checkpoint: batch.checkpoint };
        kept.heads.push(head.clone());
        if fault.is_some() { Err(CommitError::Unknown) } else { Ok(head) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::conformance::{self, Fresh};

    impl Fresh for Memory {
        fn fresh() -> Self {
            Self::new()
        }

        fn reopen(&self) -> Arc<dyn Journal> {
            Arc::new(self.clone())
        }
    }

    conformance::suite!(Memory);

    fn commit(journal: &Memory, fault: Fault) -> (Result<Head, CommitError>, u64) {
        journal.on_next_commit(fault);
        let answer = journal.turn(0).unwrap().commit(conformance::batch(1, 0));
        (answer, journal.head().size)
    }

    #[test]
    fn each_fault_strikes_once_and_keeps_what_it_says() {
        let journal = Memory::new();
        assert!(matches!(commit(&journal, Fault::Conflict), (Err(CommitError::Conflict), 0)));
        assert!(matches!(commit(&journal, Fault::Full), (Err(CommitError::Full), 0)));
        assert!(matches!(commit(&journal, Fault::Lose), (Err(CommitError::Unknown), 0)));
        assert!(matches!(commit(&journal, Fault::Survive), (Err(CommitError::Unknown), 1)));
        assert!(journal.turn(1).unwrap().commit(conformance::batch(1, 1)).is_ok());
    }
}
