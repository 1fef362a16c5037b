//! The way out: alerts go to the broker in order, and each has an outcome of its own.

use tokio_stream::iter;

use crate::{
    cli::output::Failure,
    client::{Connection, Error, Submission},
    pb::v1 as pb,
};

/// How many alerts go over one stream: what a run notes before they leave, and what is held in memory.
pub(super) const BLOCK: usize = 1000;

/// What became of an alert that the broker answered.
pub(super) enum Outcome {
    /// It is published: its receipt, verified.
    Published(Box<pb::Receipt>),
    /// It was refused; the next may pass.
    Refused {
        /// Why.
        failure: Failure,
        /// The field that it concerns; empty = the whole alert.
        at: String,
    },
}

/// Publishes alerts and hands on the outcome of each, by its place, in order.
///
/// # Errors
///
/// Whatever is no refusal ends the work: what has no outcome by then was not answered.
pub(super) async fn send(
    connection: &Connection,
    alerts: Vec<Submission>,
    mut each: impl FnMut(usize, Outcome) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut publishing = connection.publish_many(iter(alerts))?;
    let mut place = 0;
    while let Some(outcome) = publishing.next().await? {
        let outcome = match outcome.result {
            Ok(receipt) => Outcome::Published(Box::new(receipt)),
            Err(error) => refused(error)?,
        };
        each(place, outcome)?;
        place += 1;
    }
    Ok(())
}

fn refused(error: Error) -> Result<Outcome, Failure> {
    let at = match &error {
        Error::Refused { at, .. } => at.clone(),
        Error::Configuration(_)
        | Error::Failed { .. }
        | Error::Unreachable { .. }
        | Error::Verification { .. } => return Err(error.into()),
    };
    Ok(Outcome::Refused { failure: error.into(), at })
}
