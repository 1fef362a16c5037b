//! The task of one witness: whenever the log has grown, it is shown the newest checkpoint, with a proof from what it has.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::{sync::watch, time};
use tokio_util::sync::CancellationToken;

use super::{Asking, Cosigned, Fault, kept::Kept, line::Line, raise, standing::Asked};
use crate::{
    domain::Clock,
    ledger::{Commit, Ledger},
    merkle::{WitnessKey, decimal},
    tasks::Tasks,
    witness::request::Submission,
};

/// The pause after a cosignature: a busy log has grown by much in it, and the witness writes to its disk for each.
const PAUSE: Duration = Duration::from_millis(50);
/// The pause after a fault, doubled with each.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// How often a witness may say that it has another tree than it said before: others may show it this log too.
const CORRECTIONS_MAX: u32 = 4;

/// What the task works with.
#[derive(Debug)]
pub(super) struct Work {
    key: WitnessKey,
    asked: Arc<Asked>,
    kept: Arc<Kept>,
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    line: Line,
    witnessed: watch::Sender<u64>,
    /// Size of the tree that the witness has, as far as is known.
    old: u64,
}

impl Work {
    pub(super) fn new(
        (asking, asked, kept): (Asking, Arc<Asked>, Kept),
        (ledger, clock): (Ledger, Arc<dyn Clock>),
        tasks: Tasks,
        witnessed: watch::Sender<u64>,
    ) -> Self {
        let Asking { address, key } = asking;
        let (line, old) = (Line::new(address, tasks), asked.size());
        Self { key, asked, kept: Arc::new(kept), ledger, clock, line, witnessed, old }
    }

    /// Asks until `stop` fires.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut commits = self.ledger.commits();
        let mut retry = RETRY_FIRST;
        loop {
            let newest = Arc::clone(&commits.borrow_and_update());
            if newest.size <= self.asked.size() {
                match stop.run_until_cancelled(commits.changed()).await {
                    Some(Ok(())) => continue,
                    Some(Err(_)) | None => return,
                }
            }
            self.asked.falls_behind(self.clock.now());
            let Some(answer) = stop.run_until_cancelled(self.ask(newest)).await else { return };
            let pause = match answer {
                Ok(cosigned) => {
                    self.take(cosigned).await;
                    retry = RETRY_FIRST;
                    PAUSE
                }
                Err(fault) => {
                    self.asked.fails(fault);
                    let pause = retry;
                    retry = (retry * 2).min(RETRY_LAST);
                    pause
                }
            };
            if stop.run_until_cancelled(time::sleep(pause)).await.is_none() {
                return;
            }
        }
    }

    /// Shows the witness a checkpoint, until it says that it has what was taken for its own.
    async fn ask(&mut self, mut newest: Arc<Commit>) -> Result<Cosigned, Fault> {
        for _ in 0..CORRECTIONS_MAX {
            if self.old > newest.size {
                // Somebody else has shown it what we have committed since.
                newest = self.ledger.newest();
            }
            // Larger than ours: we were rolled back, or it was shown a fork.
            if self.old > newest.size {
                self.old = 0;
                return Err(Fault::Conflict);
            }
            let proof = self.ledger.consistency(self.old, newest.size);
            let proof = proof.map_err(|_| Fault::Answer)?;
            let checkpoint = newest.checkpoint.clone();
            let submission = Submission { old: self.old, proof, checkpoint };
            let answer = self.line.post(&submission.body()).await?;
            match answer.status {
                StatusCode::OK => {
                    let cosigned = self.key.cosigned(&newest.checkpoint, &answer.body);
                    let (note, seconds) = cosigned.map_err(|_| Fault::Answer)?;
                    return Ok(Cosigned { size: newest.size, seconds, note: note.to_string() });
                }
                StatusCode::CONFLICT => {
                    let size = answer.body.strip_suffix('\n').and_then(decimal);
                    let size = size.ok_or(Fault::Answer)?;
                    if size == self.old {
                        // Another root at that size.
                        return Err(Fault::Conflict);
                    }
                    self.old = size;
                }
                // Our own proof from the very tree that it has.
                StatusCode::UNPROCESSABLE_ENTITY if self.old > 0 => return Err(Fault::Conflict),
                StatusCode::FORBIDDEN => return Err(Fault::UnknownKey),
                StatusCode::NOT_FOUND => return Err(Fault::UnknownLog),
                _ => return Err(Fault::Answer),
            }
        }
        Err(Fault::Answer)
    }

    async fn take(&mut self, cosigned: Cosigned) {
        let (size, note) = (cosigned.size, cosigned.note.clone());
        self.old = size;
        let kept = Arc::clone(&self.kept);
        let written = tokio::task::spawn_blocking(move || kept.write(&note)).await;
        if written.is_err() {
            tracing::error!("the keeping of a cosigned checkpoint has panicked");
        }
        let is_more = self.ledger.newest().size > size;
        self.asked.cosigns(cosigned, is_more.then(|| self.clock.now()));
        raise(&self.witnessed, size);
    }
}
