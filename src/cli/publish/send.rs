//! The way out: alerts go to the broker in order, and each has an outcome of its own.

use uuid::Uuid;

use crate::{
    cli::output::{Exit, Failure},
    client::Connection,
    pb::v1 as pb,
};

/// How many alerts are on their way together.
pub(super) const BLOCK: usize = 256;

/// What became of an alert that the broker answered.
pub(super) enum Outcome {
    /// It is published: its receipt, verified.
    Published(Box<pb::Receipt>),
    /// It was refused; the next may pass.
    Refused(Failure),
}

/// Publishes alerts and hands on the outcome of each, by its place, in order.
///
/// # Errors
///
/// Whatever is no refusal ends the work: what has no outcome by then was not answered.
pub(super) async fn send(
    connection: &Connection,
    alerts: Vec<(Uuid, pb::AlertDraft)>,
    mut each: impl FnMut(usize, Outcome) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for (place, (id, draft)) in alerts.into_iter().enumerate() {
        let outcome = match connection.publish(draft, Some(id)).await.map_err(Failure::from) {
            Ok(receipt) => Outcome::Published(Box::new(receipt)),
            Err(failure) if failure.exit == Exit::Refused => Outcome::Refused(failure),
            Err(failure) => return Err(failure),
        };
        each(place, outcome)?;
    }
    Ok(())
}
