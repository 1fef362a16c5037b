//! Erases what is due: blocks of the log are read beside the writer, and what it is handed are bounded batches,
//! so many alerts a second at most. What may be erased at all the ledger decides. After content, whole records
//! whose time in the log is over.

use std::{collections::BTreeMap, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{Condensed, Ledger, LedgerError, Rejection};
use crate::domain::Timestamp;
use crate::exchange::{Candidate, Due};

/// How many blocks are gone through before it is asked again what is due.
const BLOCKS_MAX: usize = 64;
/// How often it is looked which records are needed no more, of those that outlived their time in the log.
const LOOKED_AGAIN_DAYS: u64 = 31;
/// After what time it is tried again where that failed.
const TRIED_AGAIN: Duration = Duration::from_secs(3600);
const DAY_MS: u64 = 86_400_000;

/// How often, and how fast.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// The pause between two rounds.
    pub every: Duration,
    /// How many alerts a second may be erased, on average.
    pub alerts_per_second: u64,
    /// After how many days records are erased whole, where nothing needs them any more.
    pub records_days: u64,
}

/// Sweeps a ledger, one round after the other.
#[derive(Debug)]
pub struct Sweeper {
    ledger: Ledger,
    pace: Sweep,
    /// Blocks that were read and in which nothing more is due before then, whatever the ledger believes: what made
    /// them due was erased by order, or is held.
    quiet: BTreeMap<u64, Timestamp>,
    /// Up to where whole records were erased in this run, and when it is looked again what of those is needed no more.
    condensed: Option<(u64, Timestamp)>,
}

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
pub enum Unswept {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LedgerError),
    /// The ledger does not take it now.
    #[error("{0:?}")]
    Rejected(Rejection),
}

impl Sweeper {
    /// Makes one.
    pub const fn new(ledger: Ledger, pace: Sweep) -> Self {
        Self { ledger, pace, quiet: BTreeMap::new(), condensed: None }
    }

    /// Returns the ledger that it sweeps.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Sweeps until `stop` fires.
    pub async fn run(mut self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(self.pace.every)).await.is_some() {
            match stop.run_until_cancelled(self.round()).await {
                Some(Ok(0)) | None => {}
                Some(Ok(erased)) => tracing::info!(erased, "what was due is erased"),
                Some(Err(error)) => tracing::warn!(%error, "not all that is due could be erased"),
            }
            match stop.run_until_cancelled(self.records()).await {
                Some(Ok(Condensed { records: 0, .. })) | None => {}
                Some(Ok(Condensed { records, ranges })) => {
                    tracing::info!(records, ranges, "records are erased whole");
                }
                Some(Err(error)) => tracing::warn!(%error, "records could not be erased yet"),
            }
        }
    }

    /// Erases all that is due now; returns how many bodies that were.
    ///
    /// # Errors
    ///
    /// [`Unswept`]; what is left is erased by a later round.
    pub async fn round(&mut self) -> Result<u64, Unswept> {
        let mut erased = 0;
        loop {
            let (now, due) = self.ledger.due(usize::MAX).await.map_err(Unswept::Rejected)?;
            let Due { blocks, spent } = due;
            if spent {
                erased += self.pause(self.ledger.erase_spent().await).await?;
            }
            let quiet = |block: &u64| self.quiet.get(block).is_some_and(|until| now < *until);
            let left: Vec<u64> = blocks.into_iter().filter(|block| !quiet(block)).collect();
            for block in left.iter().take(BLOCKS_MAX) {
                erased += self.sweep(*block, now).await?;
            }
            if left.len() <= BLOCKS_MAX {
                return Ok(erased);
            }
        }
    }

    /// Erases the records whose time in the log is over. What was decided before a crash is done now.
    ///
    /// # Errors
    ///
    /// [`Unswept`]; what is left is erased by a later round.
    pub async fn records(&mut self) -> Result<Condensed, Unswept> {
        let (now, _) = self.ledger.due(1).await.map_err(Unswept::Rejected)?;
        let since = Timestamp::from_ms(now.ms().saturating_sub(self.pace.records_days * DAY_MS));
        let past = self.blocking(move |ledger| ledger.past_retention(since, now)).await?;
        if self.condensed.is_some_and(|(up_to, again)| past.0 <= up_to && now < again) {
            return Ok(Condensed::default());
        }
        let erasable = self.ledger.erase_records(past).await.map_err(Unswept::Rejected)?;
        let Some(erasable) = erasable else { return Ok(Condensed::default()) };
        let condensed = self.blocking(move |ledger| ledger.condense(&erasable)).await;
        // All of the log is read for it: what failed is not tried in every round.
        let again = match condensed {
            Ok(_) => now.plus_days(LOOKED_AGAIN_DAYS),
            Err(_) => now.after(TRIED_AGAIN),
        };
        self.condensed = Some((past.0, again));
        condensed
    }

    /// Does something that reads the journal on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Unswept> {
        let ledger = self.ledger.clone();
        let panicked = |_| LedgerError::Stopped("the journal could not be read".to_owned());
        Ok(tokio::task::spawn_blocking(move || work(&ledger)).await.map_err(panicked)??)
    }

    async fn sweep(&mut self, block: u64, now: Timestamp) -> Result<u64, Unswept> {
        let candidate: Candidate = self.blocking(move |ledger| ledger.due_in(block, now)).await?;
        let swept = candidate.swept;
        let erased = self.pause(self.ledger.erase_due(candidate).await).await?;
        match swept {
            // Nothing is due in it any more, or only what is held: that is told when it is released.
            Some((_, next)) if erased == 0 => {
                self.quiet.insert(block, next.unwrap_or(Timestamp::from_ms(u64::MAX)));
            }
            Some(_) => drop(self.quiet.remove(&block)),
            None => {}
        }
        Ok(erased)
    }

    /// Keeps to the pace.
    async fn pause(&self, erased: Result<usize, Rejection>) -> Result<u64, Unswept> {
        let erased = erased.map_err(Unswept::Rejected)?;
        let erased = u64::try_from(erased).unwrap_or(u64::MAX);
        let ms = erased.saturating_mul(1000) / self.pace.alerts_per_second.max(1);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(erased)
    }
}
