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
    let rectifies = published.rectifies.as_ref();
    let is_own = rectifies.is_none_or(|it| it.publisher == *asked.agency && it.published < index);
    if rectifies.map(|it| it.id) != asked.draft.rectifies || !is_own {
        return other("it takes the place of another alert");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample::{self, Log};

    /// A receipt in a log of several records, what it was asked with, and the log.
    fn published() -> (Log, pb::Receipt) {
        let mut log = sample::log(7);
        let receipt = log.publish(&sample::draft(), sample::request_id(50));
        (log, receipt)
    }

    fn verify(log: &Log, receipt: &pb::Receipt, draft: &pb::AlertDraft) -> Result<(), Fault> {
        let (draft, agency) = (sample::read(draft), sample::police());
        let asked = Asked { request_id: sample::request_id(50), draft: &draft, agency: &agency };
        verify_receipt(receipt, &asked, &log.checkpoint(log.size()))
    }

    fn with(change: impl FnOnce(&mut pb::Receipt)) -> Fault {
        let (log, mut receipt) = published();
        change(&mut receipt);
        verify(&log, &receipt, &sample::draft()).expect_err("a changed receipt")
    }

    /// Flips one bit of a value.
    fn flipped(bytes: &bytes::Bytes) -> bytes::Bytes {
        let mut bytes = bytes.to_vec();
        bytes[7] ^= 1;
        bytes.into()
    }

    #[test]
    fn an_honest_receipt_passes() {
        let (log, receipt) = published();
        assert_eq!(verify(&log, &receipt, &sample::draft()), Ok(()));
    }

    #[test]
    fn every_changed_part_is_caught() {
        assert_eq!(with(|it| it.record = flipped(&it.record)), Fault::Leaf { index: 7 });
        assert_eq!(with(|it| it.salt = flipped(&it.salt)), Fault::Leaf { index: 7 });
        assert_eq!(with(|it| it.leaf = flipped(&it.leaf)), Fault::Leaf { index: 7 });
        assert_eq!(with(|it| it.content_key = flipped(&it.content_key)), Fault::Content);
        assert!(matches!(with(|it| it.index = 6), Fault::Inclusion { index: 6, .. }));
        assert!(matches!(with(|it| it.index = 8), Fault::Inclusion { index: 8, .. }));
        let inclusion = with(|it| it.inclusion[0] = flipped(&it.inclusion[0]));
        assert!(matches!(inclusion, Fault::Inclusion { .. }));
        assert!(matches!(with(|it| drop(it.inclusion.pop())), Fault::Inclusion { .. }));
        assert_eq!(with(|it| it.salt.truncate(31)), Fault::Length);
        assert_eq!(with(|it| it.content_key.truncate(31)), Fault::Length);
        assert_eq!(with(|it| it.inclusion[0].truncate(31)), Fault::Length);
        let alert = sample::request_id(51).to_string();
        assert!(matches!(with(|it| it.alert = alert), Fault::Record { index: 7, .. }));
    }

    #[test]
    fn a_receipt_of_other_content_is_caught() {
        let (log, receipt) = published();
        let of = |change: fn(&mut pb::AlertDraft)| {
            let mut draft = sample::draft();
            change(&mut draft);
            verify(&log, &receipt, &draft).expect_err("another draft")
        };
        // What stands in the record in clear.
        let record = |what| Fault::Record { index: 7, what };
        let facts = record("its facts are not those published");
        assert_eq!(of(|it| it.agreement = "other-asb".to_owned()), facts);
        assert_eq!(of(|it| it.purpose = pb::Purpose::FirePrevention.into()), facts);
        assert_eq!(of(|it| it.r#type = pb::AlertType::Violence.into()), facts);
        assert_eq!(of(|it| it.certainty = pb::Certainty::Suspected.into()), facts);
        assert_eq!(of(|it| it.restricted = true), facts);
        // What it only commits to.
        assert_eq!(of(|it| it.area = "N2".to_owned()), Fault::Content);
        assert_eq!(of(|it| it.case_reference = "A-18".to_owned()), Fault::Content);
    }

    #[test]
    fn the_receipt_of_another_alert_or_agency_is_caught() {
        let (mut log, _) = published();
        let other = log.publish(&sample::draft(), sample::request_id(51));
        let fault = verify(&log, &other, &sample::draft()).expect_err("of another alert");
        assert!(matches!(fault, Fault::Record { index: 8, .. }));
        let mut renamed = other;
        renamed.alert = sample::request_id(50).to_string();
        let fault = verify(&log, &renamed, &sample::draft()).expect_err("of another alert");
        assert_eq!(fault, Fault::Record { index: 8, what: "it is of another alert" });

        let (log, receipt) = published();
        let (draft, agency) = (sample::read(&sample::draft()), sample::council());
        let asked = Asked { request_id: sample::request_id(50), draft: &draft, agency: &agency };
        let fault = verify_receipt(&receipt, &asked, &log.checkpoint(8)).expect_err("not ours");
        assert!(matches!(fault, Fault::Record { index: 7, .. }));
    }

    #[test]
    fn a_record_of_something_else_is_no_receipt() {
        let (log, mut receipt) = published();
        let other = log.shown_at(0);
        (receipt.index, receipt.record, receipt.salt) = (0, other.record, other.salt);
        (receipt.leaf, receipt.inclusion) = (other.leaf, log.inclusion(0, log.size()));
        let fault = verify(&log, &receipt, &sample::draft()).expect_err("no publication");
        assert_eq!(fault, Fault::Record { index: 0, what: "it is no publication" });
    }
}
