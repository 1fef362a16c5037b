//! What the callers were told, kept across all crashes, and held against what they are told next.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use portway::{client::Delivered, pb::v1 as pb};
use uuid::Uuid;

use super::{chance::Chance, scene};

/// An alert that somebody set out to publish.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) agency: &'static str,
    pub(crate) draft: pb::AlertDraft,
    /// What was acknowledged, if it was.
    pub(crate) told: Option<Told>,
}

/// Where a publish stands, by its receipt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Told {
    pub(crate) index: u64,
    pub(crate) leaf: Bytes,
}

/// A view as it was received first.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) index: u64,
    pub(crate) content: pb::View,
    pub(crate) position: Bytes,
    /// How often it came in all.
    pub(crate) times: u64,
}

/// What one subscription received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    /// By number.
    pub(crate) views: BTreeMap<u64, View>,
    /// The highest number that the broker said is acknowledged.
    pub(crate) acknowledged: u64,
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) sent: BTreeMap<Uuid, Sent>,
    /// By the agency that subscribed.
    pub(crate) received: BTreeMap<&'static str, Received>,
}

/// The notes that all tasks share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Notes>>);

impl Shared {
    pub(crate) fn open(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    /// Makes a new alert under an id of its own, before it is sent.
    pub(crate) fn send(&mut self, agency: &'static str) -> (Uuid, pb::AlertDraft) {
        let draft = scene::draft(agency, self.sent.len() as u64);
        let id = Uuid::now_v7();
        let sent = Sent { agency, draft: draft.clone(), told: None };
        assert!(self.sent.insert(id, sent).is_none(), "ids are unique");
        (id, draft)
    }

    /// Notes a receipt. The same request gets the same index and leaf for ever, and is told that it is one.
    pub(crate) fn acknowledged(&mut self, id: Uuid, receipt: &pb::Receipt) {
        let told = Told { index: receipt.index, leaf: receipt.leaf.clone() };
        let sent = self.sent.get_mut(&id).unwrap();
        if let Some(before) = &sent.told {
            assert_eq!(*before, told, "{id} stands where it stood");
            assert!(receipt.repeated_request, "{id} was published before");
        }
        sent.told = Some(told);
    }

    /// Returns what was sent and never answered, and `count` of those that were, by chance.
    pub(crate) fn to_retry(&self, count: usize, chance: &mut Chance) -> Vec<(Uuid, Sent)> {
        let (told, open): (Vec<_>, Vec<_>) =
            self.sent.iter().partition(|(_, sent)| sent.told.is_some());
        let some = (0..count.min(told.len())).map(|_| {
            let place = usize::try_from(chance.below(told.len() as u64)).unwrap();
            told[place]
        });
        let all = open.into_iter().chain(some);
        all.map(|(id, sent)| (*id, sent.clone())).collect()
    }

    /// Notes where the broker says that a cursor stands. It never goes back.
    pub(crate) fn cursor(&mut self, agency: &'static str, acknowledged: u64) {
        let received = self.received.entry(agency).or_default();
        let before = received.acknowledged;
        assert!(acknowledged >= before, "{agency}: acknowledged {before}, then {acknowledged}");
        let known = received.views.last_key_value().map_or(0, |(number, _)| *number);
        assert!(acknowledged <= known, "{agency}: nobody acknowledged {acknowledged}");
        received.acknowledged = acknowledged;
    }

    /// Notes a delivery.
    pub(crate) fn take(&mut self, agency: &'static str, it: &Delivered) {
        let received = self.received.entry(agency).or_default();
        let number = it.number;
        assert!(number > received.acknowledged, "{agency}: {number} was acknowledged for good");
        if let Some(before) = received.views.get_mut(&number) {
            assert!(it.redelivery, "{agency}: {number} came before, and says it did not");
            assert_eq!((before.index, &before.content), (it.index, &it.view), "{agency}: {number}");
            before.times += 1;
            return;
        }
        let last = received.views.last_key_value().map_or(0, |(number, _)| *number);
        assert_eq!(number, last + 1, "{agency}: a number is left out and was never explained");
        let (content, position) = (it.view.clone(), it.position.clone());
        received.views.insert(number, View { index: it.index, content, position, times: 1 });
    }

    /// Returns the position of the last view that came.
    pub(crate) fn last_position(&self, agency: &str) -> Bytes {
        let views = self.received.get(agency).and_then(|it| it.views.last_key_value());
        views.map(|(_, view)| view.position.clone()).unwrap_or_default()
    }

    /// Returns how many publishes were never answered.
    pub(crate) fn unanswered(&self) -> usize {
        self.sent.len() - self.told()
    }

    /// Returns how many publishes were acknowledged.
    pub(crate) fn told(&self) -> usize {
        self.sent.values().filter(|sent| sent.told.is_some()).count()
    }
}
