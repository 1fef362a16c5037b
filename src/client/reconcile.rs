//! An agency's own files against the log, both ways: what it was given for its publishes and deliveries has to stand in
//! the log, and what the log says of it, it should have been given. Everything is asked of files and of a verified export.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{
    entry::{Entry, hashes, key},
    export::Export,
    fault::Fault,
    gaps::Gaps,
    receipt,
};
use crate::{
    domain::{AgencyId, Timestamp},
    pb::v1 as pb,
    record::{self, Disclosed, Event, Published, Record, commitment},
};

/// Something that an agency kept, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept<T> {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
    /// What stands there.
    pub paper: T,
}

/// What an agency kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Papers {
    /// Receipts of its publishes.
    pub receipts: Vec<Kept<pb::Receipt>>,
    /// Deliveries that it took.
    pub deliveries: Vec<Kept<pb::Delivery>>,
}

/// From when to when the log's records are expected in the files; what the files hold is compared whenever it is from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Window {
    /// Recorded at this time or later.
    pub from: Option<Timestamp>,
    /// Recorded before this time.
    pub to: Option<Timestamp>,
}

impl Window {
    fn covers(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Something that one side has and the other has not, or has otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Difference {
    /// A paper that the log signed, and that this log does not hold: it shows another history.
    Forked(Place),
    /// A paper that neither stands in the log nor carries its signature.
    NotInLog(Place),
    /// The record stands in the log, and is not of what the paper says.
    Contradicts(Place, &'static str),
    /// The log says of a number of a subscription neither that it was disclosed nor that it was skipped.
    NumberMissing {
        /// Index of the record that created the subscription.
        subscription: u64,
        /// The number.
        number: u64,
        /// The last of those that follow it and are missing too; itself where it is the only one.
        last: u64,
    },
    /// A publish of the agency's that is in the log, and of which no receipt was kept.
    ReceiptMissing {
        /// Index of its record.
        index: u64,
        /// The alert.
        alert: String,
    },
    /// A disclosure to the agency that is in the log, and of which no delivery was kept.
    DeliveryMissing {
        /// Index of its record.
        index: u64,
        /// Index of the record that created the subscription.
        subscription: u64,
        /// The number.
        number: u64,
        /// Whether the agency's system has acknowledged that number.
        acknowledged: bool,
    },
}

/// Where a paper stands, and which entry it speaks of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: u64,
    /// The index that it names.
    pub index: u64,
}

impl Difference {
    /// Returns its name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Forked(_) => "FORKED",
            Self::NotInLog(_) => "NOT_IN_LOG",
            Self::Contradicts(..) => "CONTRADICTS",
            Self::NumberMissing { .. } => "NUMBER_MISSING",
            Self::ReceiptMissing { .. } => "RECEIPT_MISSING",
            Self::DeliveryMissing { .. } => "DELIVERY_MISSING",
        }
    }

    /// Tells whether it speaks against the log; else the agency merely lacks a file.
    pub const fn is_against_the_log(&self) -> bool {
        match self {
            Self::Forked(_)
            | Self::NotInLog(_)
            | Self::Contradicts(..)
            | Self::NumberMissing { .. } => true,
            Self::ReceiptMissing { .. } | Self::DeliveryMissing { .. } => false,
        }
    }
}

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Reconciled {
    /// The differences: those against the log first.
    pub differences: Vec<Difference>,
    /// Publishes of the agency's in the log, within the window.
    pub published: u64,
    /// Disclosures to the agency in the log, within the window.
    pub disclosed: u64,
}

/// Compares what an agency kept with a verified export of the log, which holds all of the agency's records.
///
/// # Errors
///
/// [`Fault`] where a record of the export cannot be read.
pub fn reconcile(
    export: &Export,
    agency: &AgencyId,
    papers: &Papers,
    window: Window,
) -> Result<Reconciled, Fault> {
    let mut log = Log::read(export, agency)?;
    let mut differences = Vec::new();
    let mut kept = BTreeSet::new();
    for receipt in &papers.receipts {
        let found = Log::holds(export, &receipt.paper.checkpoint, &receipt::entry(&receipt.paper));
        let found = found.and_then(|()| log.recall(receipt.paper.index, &receipt.paper.record));
        match found.and_then(|()| log.receipt(&receipt.paper)) {
            Ok(()) => drop(kept.insert(receipt.paper.index)),
            Err(what) => differences.push(what.at(receipt, receipt.paper.index)),
        }
    }
    for delivery in &papers.deliveries {
        let paper = &delivery.paper;
        let entry = Entry {
            index: paper.index,
            record: &paper.record,
            salt: &paper.salt,
            leaf: None,
            inclusion: &paper.inclusion,
        };
        let found = Log::holds(export, &paper.checkpoint, &entry);
        let found = found.and_then(|()| log.recall(paper.index, &paper.record));
        match found.and_then(|()| log.delivery(paper)) {
            Ok(()) => drop(kept.insert(paper.index)),
            Err(what) => differences.push(what.at(delivery, paper.index)),
        }
    }
    differences.extend(log.numbers_missing());
    let (published, disclosed) = log.expected(window, &kept, &mut differences);
    Ok(Reconciled { differences, published, disclosed })
}

/// What is wrong with a paper.
enum Wrong {
    Forked,
    NotInLog,
    Contradicts(&'static str),
}

impl Wrong {
    fn at<T>(self, kept: &Kept<T>, index: u64) -> Difference {
        let place = Place { file: kept.file.clone(), line: kept.line, index };
        match self {
            Self::Forked => Difference::Forked(place),
            Self::NotInLog => Difference::NotInLog(place),
            Self::Contradicts(what) => Difference::Contradicts(place, what),
        }
    }
}

/// What the log says of one agency.
struct Log {
    agency: AgencyId,
    published: BTreeMap<u64, (Timestamp, Published)>,
    disclosed: BTreeMap<u64, (Timestamp, Disclosed)>,
    /// The numbers that the log tells of, by subscription.
    numbers: BTreeMap<u64, BTreeSet<u64>>,
    /// Up to which number was acknowledged, by subscription.
    acknowledged: BTreeMap<u64, u64>,
    /// Records below this index may have been erased at the end of the log's retention.
    erased_below: u64,
    /// The first number that a record tells of that cannot have been, by subscription.
    whole_from: BTreeMap<u64, u64>,
}

impl Log {
    fn read(export: &Export, agency: &AgencyId) -> Result<Self, Fault> {
        let mut log = Self {
            agency: agency.clone(),
            published: BTreeMap::new(),
            disclosed: BTreeMap::new(),
            numbers: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            erased_below: 0,
            whole_from: BTreeMap::new(),
        };
        let mut gaps = Gaps::default();
        for (index, shown) in &export.records {
            let unread = Fault::Record { index: *index, what: "it cannot be read" };
            let record = record::decode(&shown.record).map_err(|_| unread)?;
            gaps.hear(*index, &record);
            log.add(*index, record);
        }
        log.erased_below = gaps.up_to();
        for (index, (_, it)) in log.disclosed.iter().rev() {
            if *index >= log.erased_below {
                log.whole_from.insert(it.subscription, it.number);
            }
        }
        Ok(log)
    }

    /// A record that the log has erased is known from the paper that was kept of it: the entry is still there.
    fn recall(&mut self, index: u64, record: &[u8]) -> Result<(), Wrong> {
        let is_known = self.published.contains_key(&index) || self.disclosed.contains_key(&index);
        if index < self.erased_below && !is_known {
            let record = record::decode(record).map_err(|_| Wrong::NotInLog)?;
            self.add(index, record);
        }
        Ok(())
    }

    fn add(&mut self, index: u64, Record { at, event, .. }: Record) {
        // Each event by name is for `Event`'s own readers: here only these four count.
        if let Event::Published(it) = event {
            if it.by.seat.agency() == Some(&self.agency) {
                self.published.insert(index, (at, it));
            }
        } else if let Event::Disclosed(it) = event {
            if it.recipient == self.agency {
                self.numbers.entry(it.subscription).or_default().insert(it.number);
                self.disclosed.insert(index, (at, it));
            }
        } else if let Event::NumberSkipped { subscription, number, recipient, .. } = event {
            if recipient == self.agency {
                self.numbers.entry(subscription).or_default().insert(number);
            }
        } else if let Event::Acknowledged { subscription, number, agency } = event
            && agency == self.agency
        {
            let up_to = self.acknowledged.entry(subscription).or_default();
            *up_to = (*up_to).max(number);
        }
    }

    /// The entry that a paper speaks of is that of the log.
    fn holds(export: &Export, checkpoint: &str, entry: &Entry<'_>) -> Result<(), Wrong> {
        let commitment = key(&Bytes::copy_from_slice(entry.salt))
            .map(|salt| commitment::record(&salt, entry.record))
            .map_err(|_| Wrong::NotInLog)?;
        let own = usize::try_from(entry.index).ok().and_then(|index| export.entries.get(index));
        if own == Some(&commitment) {
            return Ok(());
        }
        // Not in this log. Did this log's key sign for it?
        let signed = export.log.open(checkpoint).ok();
        let is_proven = signed.is_some_and(|checkpoint| {
            hashes(entry.inclusion).is_ok_and(|proof| {
                Entry::verify_leaf(&commitment, entry.index, &proof, &checkpoint).is_ok()
            })
        });
        Err(if is_proven { Wrong::Forked } else { Wrong::NotInLog })
    }

    fn receipt(&self, receipt: &pb::Receipt) -> Result<(), Wrong> {
        let other = |what| Err(Wrong::Contradicts(what));
        let Some((_, published)) = self.published.get(&receipt.index) else {
            return other("the record is no publish of this agency");
        };
        if published.facts.id.to_string() == receipt.alert {
            Ok(())
        } else {
            other("the record is of another alert")
        }
    }

    fn delivery(&self, delivery: &pb::Delivery) -> Result<(), Wrong> {
        let other = |what| Err(Wrong::Contradicts(what));
        let Some((_, disclosed)) = self.disclosed.get(&delivery.index) else {
            return other("the record is no disclosure to this agency");
        };
        if disclosed.number != delivery.number {
            return other("the record is of another number");
        }
        let view = key(&delivery.view_key).map(|key| commitment::view(&key, &delivery.view));
        if view == Ok(disclosed.view) { Ok(()) } else { other("the record is of another view") }
    }

    /// Numbers run from 1 without gaps, up to the last that the log tells of. A gap is told as a whole: a log that lies
    /// may have one of any size.
    fn numbers_missing(&self) -> Vec<Difference> {
        let mut missing = Vec::new();
        for (subscription, numbers) in &self.numbers {
            // What stood before may have been erased.
            let is_whole = *subscription >= self.erased_below;
            let whole_from = self.whole_from.get(subscription).or(numbers.last()).copied();
            let mut next = if is_whole { 1 } else { whole_from.unwrap_or(1) };
            for number in numbers.range(next..) {
                if let Some(last) = number.checked_sub(1).filter(|last| next <= *last) {
                    let (subscription, number) = (*subscription, next);
                    missing.push(Difference::NumberMissing { subscription, number, last });
                }
                next = number.saturating_add(1);
            }
        }
        missing
    }

    /// Lists what the log has within the window, and the agency has not; returns how much that is in all.
    fn expected(
        &self,
        window: Window,
        kept: &BTreeSet<u64>,
        differences: &mut Vec<Difference>,
    ) -> (u64, u64) {
        let (mut published, mut disclosed) = (0, 0);
        for (index, (_, it)) in self.published.iter().filter(|(_, (at, _))| window.covers(*at)) {
            published += 1;
            if !kept.contains(index) {
                let alert = it.facts.id.to_string();
                differences.push(Difference::ReceiptMissing { index: *index, alert });
            }
        }
        for (index, (_, it)) in self.disclosed.iter().filter(|(_, (at, _))| window.covers(*at)) {
            disclosed += 1;
            if !kept.contains(index) {
                let up_to = self.acknowledged.get(&it.subscription).copied().unwrap_or(0);
                differences.push(Difference::DeliveryMissing {
                    index: *index,
                    subscription: it.subscription,
                    number: it.number,
                    acknowledged: it.number <= up_to,
                });
            }
        }
        (published, disclosed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    fn export_of(log: &sample::Log, is_left: impl Fn(u64) -> bool) -> Export {
        let mut export = Export {
            seen: log.seen(log.size()),
            links: BTreeMap::new(),
            log: log.chain().into(),
            rotations: log.rotations(),
            entries: log.entries(),
            records: BTreeMap::new(),
        };
        let left = (0..log.size()).filter(|index| is_left(*index));
        left.for_each(|index| export.insert(log.shown_at(index)).unwrap());
        export
    }

    fn kept<T>(papers: Vec<T>) -> Vec<Kept<T>> {
        let kept = |(line, paper)| Kept { file: "kept".to_owned(), line, paper };
        (1..).zip(papers).map(kept).collect()
    }

    /// What the log has erased is known from the agency's own papers, which are of its entries; a paper of another
    /// entry stays what it is, and above the erasure the log has to have the record itself.
    #[test]
    fn papers_of_erased_records_are_held_against_the_entries() {
        let mut log = sample::Log::new();
        let receipt = |log: &mut sample::Log| {
            let id = sample::request_id(log.size());
            log.publish(&sample::draft(), id)
        };
        let receipts: Vec<_> = (0..6).map(|_| receipt(&mut log)).collect();
        log.erase_records(4, 31);
        let export = export_of(&log, |index| !(1..4).contains(&index));
        let police = sample::police();
        let papers = Papers { receipts: kept(receipts.clone()), deliveries: Vec::new() };
        let found = reconcile(&export, &police, &papers, Window::default()).unwrap();
        assert_eq!((found.differences, found.published), (Vec::new(), 6));

        // Without papers nothing is expected of what is gone, and all of what is left.
        let found = reconcile(&export, &police, &Papers::default(), Window::default()).unwrap();
        let missing: Vec<_> = found.differences.iter().map(Difference::code).collect();
        assert_eq!((missing, found.published), (vec!["RECEIPT_MISSING"; 3], 3));

        let mut forged = receipts[1].clone();
        forged.record = receipts[2].record.clone();
        let mut of_another = receipts[1].clone();
        of_another.index = receipts[2].index;
        for paper in [forged, of_another] {
            let papers = Papers { receipts: kept(vec![paper]), deliveries: Vec::new() };
            let found = reconcile(&export, &police, &papers, Window::default()).unwrap();
            assert_eq!(found.differences[0].code(), "NOT_IN_LOG");
        }
        let above = export_of(&log, |index| !(1..6).contains(&index));
        let papers = Papers { receipts: kept(receipts), deliveries: Vec::new() };
        let found = reconcile(&above, &police, &papers, Window::default()).unwrap();
        let codes: Vec<_> = found.differences.iter().map(Difference::code).collect();
        assert_eq!(codes, ["CONTRADICTS"; 2], "what stood at 4 and 5 is not excused");
    }

    #[test]
    fn numbers_that_are_missing_are_told_gap_by_gap_however_large() {
        let numbers = |numbers: &[u64]| Log {
            agency: sample::council(),
            published: BTreeMap::new(),
            disclosed: BTreeMap::new(),
            numbers: BTreeMap::from([(7, numbers.iter().copied().collect())]),
            acknowledged: BTreeMap::new(),
            erased_below: 0,
            whole_from: BTreeMap::new(),
        };
        let gap = |number, last| Difference::NumberMissing { subscription: 7, number, last };
        assert_eq!(numbers(&[1, 2, 3]).numbers_missing(), []);
        assert_eq!(numbers(&[2, 3, 7]).numbers_missing(), [gap(1, 1), gap(4, 6)]);
        assert_eq!(numbers(&[0, 1, u64::MAX]).numbers_missing(), [gap(2, u64::MAX - 1)]);
    }
}
