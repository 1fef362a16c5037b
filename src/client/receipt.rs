//! Whether a receipt proves that this alert, and nothing else, was published.

use uuid::Uuid;

use super::{
    entry::{Entry, key},
    fault::Fault,
};
use crate::{
    domain::{AgencyId, Draft, Facts},
    merkle::Checkpoint,
    pb::v1 as pb,
    record::{self, Event, commitment},
};

/// What was asked for, and by whom.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The id of the request, and so of the alert.
    pub request_id: Uuid,
    /// The alert.
    pub draft: &'a Draft,
    /// The agency that published it.
    pub agency: &'a AgencyId,
}

/// Verifies a receipt against its own checkpoint, which was opened and settled before: the record stands
/// in the log, says what was published by whom, and commits to its content.
///
/// # Errors
///
/// The first [`Fault`] found.
pub fn verify_receipt(
    receipt: &pb::Receipt,
    asked: &Asked<'_>,
    checkpoint: &Checkpoint,
) -> Result<(), Fault> {
    let index = receipt.index;
    let record = entry(receipt).open(checkpoint)?;
    let other = |what| Err(Fault::Record { index, what });
    let Event::Published(published) = record.event else {
        return other("it is no publication");
    };
    if receipt.alert != asked.request_id.to_string() {
        return other("the receipt names another alert");
    }
    let id = published.facts.id;
    if id.as_bytes() != asked.request_id.as_bytes() {
        return other("it is of another alert");
    }
    if Facts::of(asked.draft, id, asked.agency, published.facts.delete_after) != published.facts {
        return other("its facts are not those published");
    }
    let content = record::draft_bytes(asked.draft);
    if commitment::content(&key(&receipt.content_key)?, &content) != published.content {
        return Err(Fault::Content);
    }
    Ok(())
}

/// Returns the entry that a receipt speaks of.
pub(super) fn entry(receipt: &pb::Receipt) -> Entry<'_> {
    Entry {
        index: receipt.index,
        record: &receipt.record,
        salt: &receipt.salt,
        leaf: Some(&receipt.leaf),
        inclusion: &receipt.inclusion,
    }
}
