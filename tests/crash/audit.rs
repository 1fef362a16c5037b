//! The whole log, as the officers of all parties see it together, held against what the callers were told.

use std::{collections::BTreeMap, path::Path, process::Command};

use portway::{
    client::export::{self, Export},
    domain::{AlertId, QueryPurpose},
    record::{self, Disclosed, Event, Published},
};

use super::{
    house::{House, Wires},
    notes::Notes,
    scene::Subscription,
};

const PURPOSE: QueryPurpose = QueryPurpose::IntegrityAndSecurity;

/// What the log says.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) starts: u64,
    pub(crate) tails_cut: u64,
    pub(crate) snapshots: u64,
    pub(crate) redelivered: u64,
    published: BTreeMap<u64, Published>,
    disclosed: BTreeMap<u64, Disclosed>,
    /// By the record that created the subscription.
    cursors: BTreeMap<u64, Cursor>,
    /// How often each disclosure was repeated, by its index.
    repeats: BTreeMap<u64, u64>,
}

/// A subscription's numbers, as the records follow one another.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    delivered: u64,
    acknowledged: u64,
}

/// Exports everything; every entry is open to the officer of some party.
pub(crate) async fn gather(wires: &Wires) -> Export {
    let mut officers = wires.officers.values();
    let mut export = Export::gather(officers.next().unwrap(), PURPOSE).await.unwrap();
    for officer in officers {
        export.add(officer, PURPOSE).await.unwrap();
    }
    assert_eq!(export.records.len(), export.entries.len(), "no record is hidden from everybody");
    export
}

/// Writes the export, and has the binary verify it offline.
pub(crate) async fn verify(house: &House, wires: &Wires, export: &Export) {
    let dir = house.dir.join("export");
    let officer = &wires.officers["police"];
    export::write(&dir, export, async |size, manifest| {
        Ok(officer.seal_export(size, manifest, PURPOSE).await?.note)
    })
    .await
    .unwrap();
    assert_eq!(verdict(&dir, &house.vkey()), Some(0), "the export verifies");
}

fn verdict(dir: &Path, vkey: &Path) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portway"));
    command.args(["audit", "verify"]).arg(dir).arg("--vkey").arg(vkey);
    command.output().unwrap().status.code()
}

impl Audit {
    /// Reads the records in order. What each one may say after those before it is checked on the way.
    pub(crate) fn of(export: &Export) -> Self {
        let mut audit = Self::default();
        for (index, stored) in &export.records {
            audit.read(*index, record::decode(&stored.record).unwrap().event);
        }
        audit
    }

    fn read(&mut self, index: u64, event: Event) {
        match event {
            Event::BrokerStarted { .. } => self.starts += 1,
            Event::SnapshotTaken(taken) => {
                assert!(taken.size <= index, "entry {index}: a snapshot of what was not there");
                self.snapshots += 1;
            }
            Event::TailCut { .. } => self.tails_cut += 1,
            Event::SubscriptionCreated { .. } => {
                self.cursors.insert(index, Cursor::default());
            }
            Event::Published(published) => {
                self.published.insert(index, published);
            }
            Event::Disclosed(disclosed) => self.read_disclosed(index, disclosed),
            Event::Redelivered { disclosed, .. } => {
                let Disclosed { subscription, number, .. } = self.disclosed[&disclosed];
                let cursor = self.cursors[&subscription];
                assert!(number > cursor.acknowledged, "entry {index}: {number} was acknowledged");
                *self.repeats.entry(disclosed).or_default() += 1;
                self.redelivered += 1;
            }
            Event::Acknowledged { subscription, number, .. } => {
                let cursor = self.cursors.get_mut(&subscription).unwrap();
                assert!(number > cursor.acknowledged, "entry {index}: a cursor went back");
                assert!(number <= cursor.delivered, "entry {index}: {number} was not delivered");
                cursor.acknowledged = number;
            }
            Event::NumberSkipped { .. } | Event::Refused(_) | Event::SubscriptionDeleted { .. } => {
                panic!("entry {index}: nothing calls for it: {event:?}");
            }
            Event::AgreementApproved(_)
            | Event::AgreementProposed { .. }
            | Event::AgreementWithdrawn(_)
            | Event::Barred { .. }
            | Event::CertificateIssued(_)
            | Event::Consulted { .. }
            | Event::Exported { .. }
            | Event::KeyRotated { .. }
            | Event::LogRestored(_)
            | Event::LogStarted { .. }
            | Event::Reloaded(_)
            | Event::Access(_)
            | Event::Retention(_)
            | Event::Rights(_)
            | Event::StreamOpened { .. } => {}
        }
    }

    fn read_disclosed(&mut self, index: u64, disclosed: Disclosed) {
        let cursor = self.cursors.get_mut(&disclosed.subscription).unwrap();
        cursor.delivered += 1;
        assert_eq!(disclosed.number, cursor.delivered, "entry {index}: numbers have no gap");
        self.disclosed.insert(index, disclosed);
    }

    /// Returns how many alerts a subscription is due.
    pub(crate) fn due(&self, subscription: &Subscription) -> u64 {
        self.alerts_due(subscription).len() as u64
    }

    /// The indexes of the alerts that a subscription is due, in order.
    fn alerts_due(&self, subscription: &Subscription) -> Vec<u64> {
        let due = self.published.iter().filter(|(_, it)| subscription.asked.is_due(it));
        due.map(|(index, _)| *index).collect()
    }

    /// Holds the log against what the callers were told.
    pub(crate) fn check(&self, subscriptions: &[Subscription], notes: &Notes) {
        self.check_published(notes);
        for subscription in subscriptions {
            self.check_order(subscription);
            self.check_received(subscription, notes);
        }
    }

    /// P3: what was acknowledged stands there, once, under its id; and nothing that nobody sent.
    fn check_published(&self, notes: &Notes) {
        let mut standing: BTreeMap<AlertId, u64> = BTreeMap::new();
        for (index, it) in &self.published {
            let id = it.facts.id;
            assert!(standing.insert(id, *index).is_none(), "{id} was published twice");
        }
        for (id, sent) in &notes.sent {
            let id = AlertId::from_bytes(id.as_bytes()).unwrap();
            let told = sent.told.as_ref().map(|told| told.index);
            if told.is_some() {
                assert_eq!(standing.get(&id).copied(), told, "{id}");
            }
            standing.remove(&id);
        }
        assert!(standing.is_empty(), "nobody sent these: {standing:?}");
    }

    /// P3: what is disclosed to a subscription is what it is due, in the order of the alerts, from the first on.
    fn check_order(&self, subscription: &Subscription) {
        let ours = |it: &&Disclosed| it.subscription == subscription.created;
        let disclosed: Vec<u64> =
            self.disclosed.values().filter(ours).map(|it| it.published).collect();
        let due = self.alerts_due(subscription);
        assert!(due.starts_with(&disclosed), "{}", subscription.asked.agency);
    }

    /// P2: each view that came was recorded as disclosed, and again each time that it came again.
    fn check_received(&self, subscription: &Subscription, notes: &Notes) {
        let agency = subscription.asked.agency;
        let Some(received) = notes.received.get(agency) else { return };
        for (number, view) in &received.views {
            let disclosed = &self.disclosed[&view.index];
            let found = (disclosed.subscription, disclosed.number, disclosed.recipient.as_str());
            assert_eq!(found, (subscription.created, *number, agency));
            let alert = self.published[&disclosed.published].facts.id;
            assert_eq!(view.content.id, alert.to_string(), "{agency}: {number}");
            let recorded = 1 + self.repeats.get(&view.index).copied().unwrap_or_default();
            assert!(view.times <= recorded, "{agency}: {number} came more often than recorded");
        }
        let cursor = self.cursors[&subscription.created];
        assert!(cursor.acknowledged >= received.acknowledged, "{agency}: a cursor is lost");
    }

    /// P3: each subscription has received everything it was due.
    pub(crate) fn check_drained(&self, subscriptions: &[Subscription], notes: &Notes) {
        for subscription in subscriptions {
            let agency = subscription.asked.agency;
            let due = self.alerts_due(subscription);
            let views = &notes.received[agency].views;
            let came: Vec<u64> =
                views.values().map(|view| self.disclosed[&view.index].published).collect();
            assert_eq!(came, due, "{agency}");
        }
    }
}
