//! `portway publish --file`: alerts as JSON.

use std::path::Path;

use uuid::Uuid;

use super::{
    PublishArgs,
    documents::Documents,
    kept::Kept,
    send::{self, BLOCK, Outcome},
};
use crate::{
    cli::{
        Global,
        output::{Exit, Failure, Output},
    },
    client::{Connection, Submission, json},
    pb::v1 as pb,
};

/// Publishes the alerts of a file.
pub(super) async fn run(
    file: &Path,
    args: &PublishArgs,
    (global, out): (&Global, Output),
) -> Result<(), Failure> {
    let mut documents = Documents::open(file)?;
    let mut total = 0;
    for draft in documents.read()? {
        draft?;
        total += 1;
    }
    if total == 0 {
        return Err(Failure::usage(format_args!("{}: holds no alert", file.display())));
    }
    let kept = args.receipts.as_deref().map(Kept::open).transpose()?;
    let connection = global.connect().await?;
    let staff = args.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut work = Work { kept, tally: Tally { total, ..Tally::default() }, staff, out };
    let sent = work.publish(&connection, documents).await;
    let Work { kept, tally, .. } = work;
    kept.map_or(Ok(()), Kept::close)?;
    tally.finish(sent)
}

struct Work<'a> {
    kept: Option<Kept<'a>>,
    tally: Tally,
    /// On whose behalf, where an alert names nobody.
    staff: String,
    out: Output,
}

impl Work<'_> {
    async fn publish(
        &mut self,
        connection: &Connection,
        mut documents: Documents,
    ) -> Result<(), Failure> {
        let mut drafts = documents.read()?;
        loop {
            let named = drafts.by_ref().take(BLOCK).map(|it| it.map(|it| self.named(it)));
            let block: Vec<Submission> = named.collect::<Result<_, Failure>>()?;
            if block.is_empty() {
                return Ok(());
            }
            send::send(connection, block, |_, outcome| self.take(outcome)).await?;
        }
    }

    fn named(&self, mut alert: pb::AlertDraft) -> Submission {
        if alert.on_behalf_of.is_empty() {
            alert.on_behalf_of.clone_from(&self.staff);
        }
        Submission { request_id: Uuid::now_v7(), alert }
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), Failure> {
        match outcome {
            Outcome::Published(receipt) => {
                let receipt = json::to_value(receipt.as_ref())?;
                self.tally.published += 1;
                self.out.document(&receipt);
                self.kept.as_mut().map_or(Ok(()), |kept| kept.add(&receipt))
            }
            Outcome::Refused { failure, .. } => {
                self.tally.refused += 1;
                // Of a single alert the command's own failure tells.
                if self.tally.total > 1 {
                    self.out.fail(&failure);
                }
                self.tally.last = Some(failure);
                Ok(())
            }
        }
    }
}

/// How many alerts went which way.
#[derive(Default)]
struct Tally {
    total: usize,
    published: u64,
    refused: u64,
    last: Option<Failure>,
}

impl Tally {
    /// Makes the command's end of how the work ended.
    fn finish(self, sent: Result<(), Failure>) -> Result<(), Failure> {
        let Self { total, published, refused, last } = self;
        match (sent, last) {
            (Err(failure), _) if published > 0 && failure.exit == Exit::Unreachable => {
                let message = format!("{published} published, then: {}", failure.message);
                Err(Failure { exit: Exit::Partly, message, ..failure })
            }
            (Err(failure), _) => Err(failure),
            (Ok(()), None) => Ok(()),
            (Ok(()), Some(only)) if total == 1 => Err(only),
            (Ok(()), Some(_)) if published > 0 => Err(Failure::new(
                Exit::Partly,
                format_args!("{published} published, {refused} refused"),
            )),
            (Ok(()), Some(_)) => {
                Err(Failure::new(Exit::Refused, format_args!("all {refused} refused")))
            }
        }
    }
}
