//! Reads the log as an auditor would, entry by entry, and knows from it alone what was agreed, who asked
//! for what and what was disclosed. It shares no state with the writer and none of its decisions.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    evaluate::Version,
    kept::Kept,
    rights::{Told, name_of_rights},
    sample,
};
use crate::domain::{AgencyId, AgreementId, AlertId, Barring, Draft, Subscription, Timestamp};
use crate::journal::{Frame, Journal, Memory};
use crate::ledger::{Entry, LinkPlace, Links, contents::unsealed, secrets::Secrets};
use crate::merkle::{MemoryTree, Verifier, leaf_hash};
use crate::record::{self, Disclosed, Event, Published, Retention, commitment};

/// What the log says.
pub(super) struct Audit {
    pub(super) size: u64,
    pub(super) at: Timestamp,
    pub(super) leaves: Vec<[u8; 32]>,
    pub(super) tree: MemoryTree,
    pub(super) agreements: BTreeMap<AgreementId, Vec<Version>>,
    pub(super) subscriptions: BTreeMap<u64, Asked>,
    pub(super) alerts: BTreeMap<u64, Alert>,
    pub(super) requests: BTreeMap<(AgencyId, AlertId), u64>,
    /// Disclosures by their record's index, with the version that permitted them.
    pub(super) disclosures: BTreeMap<u64, (Disclosed, u64)>,
    /// Redeliveries by their record's index: what they repeat, and the version that permitted it.
    pub(super) redeliveries: BTreeMap<u64, (u64, u64)>,
    pub(super) opened: BTreeMap<u64, u64>,
    pub(super) suspended: BTreeSet<AgencyId>,
    pub(super) kept: Kept,
    pub(super) told: Told,
    pub(super) counts: BTreeMap<&'static str, u64>,
    /// The keys of the log, and the size of the first tree that each signed.
    pub(super) keys: Vec<(Verifier, u64)>,
    links: Vec<(AgencyId, Links, u64, u64)>,
}

/// A subscription.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) agency: AgencyId,
    pub(super) subscription: Subscription,
    pub(super) deleted: bool,
    pub(super) acknowledged: u64,
    /// Alerts that matched and have no disclosure and no refusal yet, in order.
    pub(super) owed: VecDeque<u64>,
    /// Alerts that were refused because they are restricted.
    pub(super) held: BTreeSet<u64>,
    /// The running numbers, from 1.
    pub(super) numbers: Vec<Number>,
}

/// A running number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub(super) published: u64,
    /// Index of the newest disclosure under it.
    pub(super) disclosed: u64,
    pub(super) skipped: bool,
}

/// An alert, with its content unsealed.
#[derive(Debug)]
pub(super) struct Alert {
    pub(super) published: Published,
    pub(super) draft: Draft,
}

impl Asked {
    pub(super) fn is_live(&self, at: Timestamp) -> bool {
        !self.deleted && at < self.subscription.expires_at
    }

    pub(super) const fn delivered(&self) -> u64 {
        self.numbers.len() as u64
    }

    pub(super) fn number(&mut self, number: u64) -> &mut Number {
        assert!(self.acknowledged < number, "an acknowledged number comes again");
        let place = usize::try_from(number - 1).unwrap();
        self.numbers.get_mut(place).expect("a number that was never given")
    }
}

impl Audit {
    pub(super) fn new(secrets: &Arc<Secrets>) -> Self {
        let links = |agency: AgencyId| {
            (agency.clone(), Links::new(agency, Arc::clone(secrets), LinkPlace::default()), 0, 0)
        };
        Self {
            size: 0,
            at: Timestamp::EPOCH,
            leaves: Vec::new(),
            tree: MemoryTree::new(),
            agreements: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            alerts: BTreeMap::new(),
            requests: BTreeMap::new(),
            disclosures: BTreeMap::new(),
            redeliveries: BTreeMap::new(),
            opened: BTreeMap::new(),
            keys: Vec::new(),
            suspended: BTreeSet::new(),
            kept: Kept::default(),
            told: Told::default(),
            counts: BTreeMap::new(),
            links: sample::agencies().map(links).collect(),
        }
    }

    /// Reads what was committed since the last time.
    pub(super) fn read(&mut self, journal: &Memory, secrets: &Secrets) {
        for frame in journal.read(self.size..journal.head().size, usize::MAX).unwrap() {
            let record = record::decode(&frame.record).unwrap();
            let entry = Entry { index: self.size, frame, record };
            self.take(&entry, secrets);
        }
    }

    fn take(&mut self, entry: &Entry, secrets: &Secrets) {
        let Entry { index, frame, record } = entry;
        assert_eq!(commitment::record(&frame.salt, &frame.record), frame.leaf);
        assert!(self.at <= record.at, "the log's time runs backwards");
        self.at = record.at;
        self.links_are_whole(entry);
        self.size += 1;
        self.leaves.push(frame.leaf);
        self.tree.append(leaf_hash(&frame.leaf));
        self.follow(*index, &record.event, (frame, secrets));
    }

    /// Links: each agency's running numbers are 1, 2, 3, and each names the record before.
    fn links_are_whole(&mut self, entry: &Entry) {
        let agencies = entry.record.event.agencies();
        assert_eq!(agencies.len(), entry.record.links.len());
        for (agency, links, number, last) in &mut self.links {
            let place = agencies.iter().position(|it| *it == agency);
            let opening = links.next(entry);
            assert_eq!(place.is_some(), opening.is_some());
            let Some((place, opening)) = place.zip(opening) else { continue };
            assert_eq!(
                (opening.number, opening.previous),
                (*number + 1, *last),
                "links of {agency}"
            );
            let expected =
                commitment::link(&opening.nonce, agency.as_str(), opening.number, opening.previous);
            assert_eq!(entry.record.links[place], expected, "a link of {agency}");
            *number += 1;
            *last = entry.index + 1;
        }
    }

    fn follow(&mut self, index: u64, event: &Event, sealed: (&Frame, &Secrets)) {
        self.count(name_of(event));
        assert_eq!(index == 0, matches!(event, Event::LogStarted { .. }), "a log starts once");
        match event {
            Event::Acknowledged { subscription, number, agency } => {
                self.acknowledged(*subscription, *number, agency);
            }
            Event::AgreementApproved(act) => self.approved(act),
            Event::AgreementProposed { proposed, .. } => self.proposed(index, proposed),
            Event::AgreementWithdrawn(act) => self.withdrawn(act),
            Event::Disclosed(disclosed) => self.disclosed(index, disclosed),
            Event::NumberSkipped { subscription, number, reason, .. } => {
                self.skipped(*subscription, *number, *reason);
            }
            Event::Published(published) => {
                let bytes = opened(index, published.slot, sealed);
                self.published(index, published, &bytes);
            }
            Event::Redelivered { disclosed, opened, .. } => {
                self.redelivered((index, *disclosed), *opened);
            }
            Event::Refused(refused) => self.refused(refused),
            Event::StreamOpened { by, subscription, .. } => {
                self.takes_part(by.seat.agency().unwrap());
                let asked = &self.subscriptions[subscription];
                assert!(asked.is_live(self.at) && by.seat.agency() == Some(&asked.agency));
                self.opened.insert(index, *subscription);
            }
            Event::SubscriptionCreated { by, subscription } => {
                let tokens = subscription.sealed.map(|it| opened(index, it.slot, sealed));
                self.created(index, by.seat.agency().unwrap(), (subscription, tokens));
            }
            Event::SubscriptionDeleted { by, subscription } => {
                let asked = self.subscriptions.get_mut(subscription).unwrap();
                assert!(asked.is_live(self.at) && by.seat.agency() == Some(&asked.agency));
                asked.deleted = true;
            }
            Event::LogStarted { vkey, .. } => self.keys.push((vkey.parse().unwrap(), 0)),
            Event::KeyRotated { old, new, .. } => {
                let (newest, _): &(Verifier, u64) = self.keys.last().unwrap();
                assert_eq!(newest.to_string(), *old, "a key hands over that was not the newest");
                self.keys.push((new.parse().unwrap(), index + 1));
            }
            Event::Barred { act, .. } => self.barred(act),
            Event::Rights(event) => self.follow_rights(index, event),
            Event::LogRestored(_) => panic!("nobody restores it here"),
            Event::Retention(event) => self.retention(index, event),
            Event::BrokerStarted { .. }
            | Event::CertificateIssued(_)
            | Event::Consulted { .. }
            | Event::Exported { .. }
            | Event::Reloaded(_)
            | Event::Access(_)
            | Event::SnapshotTaken(_)
            | Event::TailCut { .. } => {}
        }
    }

    fn barred(&mut self, act: &Barring) {
        match act {
            Barring::AgencyReinstated(agency) => {
                assert!(self.suspended.remove(agency), "reinstated though not suspended");
            }
            Barring::AgencySuspended(agency) => {
                assert!(self.suspended.insert(agency.clone()), "suspended twice");
            }
            Barring::AgencyRevoked(_)
            | Barring::AuthorityRevoked(_)
            | Barring::CertificateRevoked(_) => panic!("nobody asks for it here"),
        }
    }

    /// P4: nothing goes to a suspended agency after that record, and nothing is taken from it.
    pub(super) fn takes_part(&self, agency: &AgencyId) {
        assert!(!self.suspended.contains(agency), "P4: {agency} is suspended");
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }
}

fn opened(index: u64, slot: u64, (frame, secrets): (&Frame, &Secrets)) -> Vec<u8> {
    let (bytes, _) = unsealed(frame, slot, secrets, index).unwrap().expect("a key was lost");
    bytes
}

const fn name_of_retention(event: &Retention) -> &'static str {
    match event {
        Retention::Ordered { .. } => "ErasureOrdered",
        Retention::Approved { .. } => "ErasureApproved",
        Retention::Withdrawn { .. } => "ErasureWithdrawn",
        Retention::Erased(_) => "Erased",
        Retention::Held(_) => "EvidenceHeld",
        Retention::Released { .. } => "HoldReleased",
        Retention::Halted { .. } => "SweepHalted",
        Retention::Confirmed { .. } => "SweepConfirmed",
        Retention::RecordsErased { .. } => "RecordsErased",
    }
}

const fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Acknowledged { .. } => "Acknowledged",
        Event::AgreementApproved(_) => "AgreementApproved",
        Event::AgreementProposed { .. } => "AgreementProposed",
        Event::AgreementWithdrawn(_) => "AgreementWithdrawn",
        Event::Barred { act: Barring::AgencyReinstated(_), .. } => "AgencyReinstated",
        Event::Barred { act: Barring::AgencyRevoked(_), .. } => "AgencyRevoked",
        Event::Barred { act: Barring::AgencySuspended(_), .. } => "AgencySuspended",
        Event::Barred { act: Barring::AuthorityRevoked(_), .. } => "AuthorityRevoked",
        Event::Barred { act: Barring::CertificateRevoked(_), .. } => "CertificateRevoked",
        Event::BrokerStarted { .. } => "BrokerStarted",
        Event::CertificateIssued(_) => "CertificateIssued",
        Event::Consulted { .. } => "Consulted",
        Event::Disclosed(_) => "Disclosed",
        Event::Exported { .. } => "Exported",
        Event::KeyRotated { .. } => "KeyRotated",
        Event::LogRestored(_) => "LogRestored",
        Event::LogStarted { .. } => "LogStarted",
        Event::NumberSkipped { .. } => "NumberSkipped",
        Event::Published(_) => "Published",
        Event::Redelivered { .. } => "Redelivered",
        Event::Refused(_) => "Refused",
        Event::Reloaded(_) => "Reloaded",
        Event::Access(_) => "Access",
        Event::Retention(it) => name_of_retention(it),
        Event::Rights(it) => name_of_rights(it),
        Event::SnapshotTaken(_) => "SnapshotTaken",
        Event::StreamOpened { .. } => "StreamOpened",
        Event::SubscriptionCreated { .. } => "SubscriptionCreated",
        Event::SubscriptionDeleted { .. } => "SubscriptionDeleted",
        Event::TailCut { .. } => "TailCut",
    }
}
